"""The models that the embedded server answers for, and their rows in the models list."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from .refusals import Refusal

LOCAL_MODEL = "local/wordllama-l2-supercat-256"
LOCAL_DIMENSIONS = 256

CONTEXT_TOKENS = 8192
"""Longest input. The model itself has no limit; clients need one to be tested against."""

PRICE_PER_TOKEN_USD = Decimal("0.00000002")
"""Price of openai/text-embedding-3-small in the public OpenAPI document of 2026-08-22. Every model here costs it."""

# The ids used in the API's own documentation, with the length of their vectors.
_STAND_INS = {
    "openai/text-embedding-3-small": 1536,
    "nvidia/llama-nemotron-embed-vl-1b-v2": 2048,
}

_CREATED = 1720915200  # 2024-07-14, the date of the weights


@dataclasses.dataclass(frozen=True)
class ServedModel:
    """A model id and the length of its vectors, which is also the largest `dimensions`."""

    id: str
    dimensions: int

    @property
    def stands_in(self) -> bool:
        """Whether the id is another model's."""
        return self.id != LOCAL_MODEL

    def row(self) -> dict[str, Any]:
        """Its entry in the models list."""
        about = "Static token embeddings, averaged; runs inside this process."
        if self.stands_in:
            about = f"Stands in for {self.id}: the vectors come from {LOCAL_MODEL}, continued with zeros."
        return {
            "id": self.id,
            "canonical_slug": self.id,
            "hugging_face_id": None if self.stands_in else "dleemiller/word-llama-l2-supercat",
            "name": f"Embedded server: {self.id}",
            "created": _CREATED,
            "description": f"{about} {self.dimensions} dimensions.",
            "context_length": CONTEXT_TOKENS,
            "pricing": {"prompt": f"{PRICE_PER_TOKEN_USD:f}", "completion": "0", "image": "0", "request": "0"},
            "architecture": {
                "modality": "text->embeddings",
                "input_modalities": ["text"],
                "output_modalities": ["embeddings"],
                "tokenizer": "Llama2",
                "instruct_type": None,
            },
            "top_provider": {"context_length": CONTEXT_TOKENS, "max_completion_tokens": None, "is_moderated": False},
            "per_request_limits": None,
            "supported_parameters": [],
            "default_parameters": None,
            "supported_voices": None,
            "links": {"details": f"/api/v1/models/{self.id}/endpoints"},
        }


class Catalog:
    """Every model served, by id, the local one first."""

    def __init__(self, models: Mapping[str, int]) -> None:
        for name, dimensions in models.items():
            if dimensions < 1:
                raise ValueError(f"model {name!r} needs a positive number of dimensions, not {dimensions}")
            if name == LOCAL_MODEL and dimensions != LOCAL_DIMENSIONS:
                raise ValueError(f"{LOCAL_MODEL} has {LOCAL_DIMENSIONS} dimensions, not {dimensions}")
        lengths = {LOCAL_MODEL: LOCAL_DIMENSIONS, **_STAND_INS, **models}
        self._models = {name: ServedModel(name, dimensions) for name, dimensions in lengths.items()}

    def find(self, name: str) -> ServedModel:
        """The model of this id, or a 404 that says which there are."""
        if name in self._models:
            return self._models[name]
        known = ", ".join(self._models)
        raise Refusal(
            404,
            f"No endpoints found for {name[:100]}. The embedded server answers for: {known}. "
            "More ids are given at its start, each with the length of its vectors: models= or --model.",
            "not_found",
        )

    def page(self, offset: int | None, limit: int | None) -> dict[str, Any]:
        """The answer of the models list: all of it, or one page once either bound is given."""
        rows = [model.row() for model in self._models.values()]
        total = len(rows)
        following = None
        if offset is not None or limit is not None:
            start, size = offset or 0, 500 if limit is None else limit
            rows = rows[start : start + size]
            if start + size < total:
                following = f"/api/v1/embeddings/models?offset={start + size}&limit={size}"
        return {"data": rows, "total_count": total, "links": {"next": following}}
