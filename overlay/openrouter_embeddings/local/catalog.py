"""The model ids of the embedded server, with vector lengths and prices, and their entries in the models list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..defaults import LOCAL_SERVER_CONTEXT_TOKENS as CONTEXT_TOKENS
from .errors import ApiError

LOCAL_MODEL = "local/wordllama-l2-supercat-256"
LOCAL_DIMENSIONS = 256
PRICE_PER_TOKEN_USD = Decimal("0.00000002")
"""The price of openai/text-embedding-3-small in the public OpenAPI document of 2026-08-22. Every model here has it."""
BATCH_VARIANT = ":batch"
"""The end of the id under which the models list has the price of a model in a batch: half of it."""

# Model ids from the documentation of the API, with their vector lengths.
_DOCUMENTED_MODELS = {
    "openai/text-embedding-3-small": 1536,
    "nvidia/llama-nemotron-embed-vl-1b-v2": 2048,
}
_CREATED = 1720915200  # 2024-07-14, the date of the weights


@dataclass(frozen=True)
class ServedModel:
    """A model id and its vector length, which is also the largest `dimensions`."""

    id: str
    dimensions: int

    @property
    def is_simulated(self) -> bool:
        """Whether the id belongs to another model than the local one."""
        return self.id != LOCAL_MODEL

    def to_dict(self, variant: str = "") -> dict[str, Any]:
        """Return the entry of the model, or of its batch variant, in the models list."""
        price = PRICE_PER_TOKEN_USD / 2 if variant else PRICE_PER_TOKEN_USD
        description = "Static token embeddings, averaged; runs inside this process."
        if self.is_simulated:
            description = f"Simulates {self.id}: the vectors come from {LOCAL_MODEL}, followed by zeros."
        return {
            "id": self.id + variant,
            "canonical_slug": self.id,
            "hugging_face_id": None if self.is_simulated else "dleemiller/word-llama-l2-supercat",
            "name": f"Embedded server: {self.id}",
            "created": _CREATED,
            "description": f"{description} {self.dimensions} dimensions.",
            "context_length": CONTEXT_TOKENS,
            "pricing": {"prompt": f"{price:f}", "completion": "0", "image": "0", "request": "0"},
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
    """All served models by id, the local one first."""

    def __init__(self, models: Mapping[str, int]) -> None:
        for name, dimensions in models.items():
            if dimensions < 1:
                raise ValueError(f"model {name!r} needs a positive number of dimensions, not {dimensions}")
            if name == LOCAL_MODEL and dimensions != LOCAL_DIMENSIONS:
                raise ValueError(f"{LOCAL_MODEL} has {LOCAL_DIMENSIONS} dimensions, not {dimensions}")
        lengths = {LOCAL_MODEL: LOCAL_DIMENSIONS, **_DOCUMENTED_MODELS, **models}
        self._models = {name: ServedModel(name, dimensions) for name, dimensions in lengths.items()}

    def find(self, name: str) -> ServedModel:
        """Find a model by its id; otherwise raise a 404 that lists the known ids."""
        if name in self._models:
            return self._models[name]
        message = (
            f"No endpoints found for {name[:100]}. The embedded server answers for: {', '.join(self._models)}. "
            "To add a model, start the server with models={id: length} or --model ID=DIMENSIONS."
        )
        raise ApiError(message, 404, "not_found")

    def list_models(self, offset: int | None, limit: int | None) -> dict[str, Any]:
        """List all models, or one page of them if an offset or a limit is given."""
        entries = [model.to_dict(variant) for variant in ("", BATCH_VARIANT) for model in self._models.values()]
        page, next_link = entries, None
        if offset is not None or limit is not None:
            start, size = offset or 0, 500 if limit is None else limit
            page = entries[start : start + size]
            if start + size < len(entries):
                next_link = f"/api/v1/embeddings/models?offset={start + size}&limit={size}"
        return {"data": page, "total_count": len(entries), "links": {"next": next_link}}
