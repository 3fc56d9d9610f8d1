"""What vectors depend on: the stamp of a job, a cache or an output, and the canary that shows a model that drifts."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from functools import cached_property
from hashlib import blake2b
from typing import Any, Self

import attrs
import numpy as np

from ..config import version
from ..errors import CorpusError

CANARY_TEXTS = (
    "The quick brown fox jumps over the lazy dog.",
    "Reset a forgotten password",
    "def add(a, b): return a + b",
)
_SENT_OPTIONS = ("model", "dimensions", "input_type", "provider", "extra_body")
_TEXT_OPTIONS = ("prefix", "on_long", "max_tokens_per_text")  # they change texts before these are sent
_OPTIONS = _SENT_OPTIONS + _TEXT_OPTIONS


def canonical_json(value: Any) -> str:
    """JSON that is the same for equal values."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    """An object of the generated models as JSON data."""
    return value.to_dict() if hasattr(value, "to_dict") else dict(value)


@attrs.frozen
class Stamp:
    """What the vector of a text depends on, besides the text.

    Attributes:
        options: the options of `embed` that change vectors: model, dimensions, input_type, provider, extra_body,
            prefix, and on_long with max_tokens_per_text if it cuts or splits texts; those that are None are left out.
    """

    options: Mapping[str, Any]

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """The stamp of a call of `embed` with these options."""
        chosen = {name: options[name] for name in _OPTIONS if options.get(name) not in (None, "")}
        if chosen.get("on_long") not in ("truncate", "average"):
            for name in ("on_long", "max_tokens_per_text"):
                chosen.pop(name, None)
        return cls(json.loads(canonical_json(chosen)))

    @classmethod
    def of_sent(cls, options: Mapping[str, Any]) -> Self:
        """The stamp for texts as they are sent: with their prefix, and in pieces if they are too long."""
        return cls.of({name: options[name] for name in _SENT_OPTIONS if name in options})

    def __str__(self) -> str:
        return canonical_json(self.options)

    @cached_property
    def digest(self) -> bytes:
        """16 bytes that differ for different stamps."""
        return blake2b(str(self).encode(), digest_size=16).digest()

    def text_key(self, text: str) -> bytes:
        """16 bytes for a text with this stamp: the key of its vector in a cache."""
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, key=self.digest).digest()

    def require_same(self, stored: str, where: str) -> None:
        """Raises CorpusError: the vectors in `where` were made with other options."""
        if stored == str(self):
            return
        old, names = json.loads(stored), dict.fromkeys(_OPTIONS)
        changed = [
            f"{name} {canonical_json(old.get(name))} there, {canonical_json(self.options.get(name))} here"
            for name in names
            if old.get(name) != self.options.get(name)
        ]
        raise CorpusError(f"{where} was made with other options: {'; '.join(changed)}; write to another output")


@attrs.frozen
class Canary:
    """Vectors of `CANARY_TEXTS`, float32 `(3, dimensions)`, and the model that answered."""

    model: str | None
    vectors: Any

    def to_json(self) -> dict[str, Any]:
        data = base64.b64encode(np.ascontiguousarray(self.vectors, "<f4").tobytes()).decode("ascii")
        return {"model": self.model, "dimensions": self.vectors.shape[1], "vectors": data}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        vectors = np.frombuffer(base64.b64decode(value["vectors"]), "<f4").reshape(-1, value["dimensions"])
        return cls(value["model"], vectors)

    def distance(self, other: Canary) -> float:
        """The largest cosine distance between vectors of one text, 0 (the same) to 2; infinite: of other lengths."""
        if self.vectors.shape != other.vectors.shape:
            return math.inf
        a, b = np.asarray(self.vectors, np.float64), np.asarray(other.vectors, np.float64)
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        cosines = (a * b).sum(axis=1) / np.where(lengths > 0, lengths, 1)
        return max(0.0, round(float((1 - cosines).max()), 9))  # what is left is the rounding of float32


def file_stamp(stamp: Stamp, canary: Canary, form: Mapping[str, Any]) -> dict[str, str]:
    """What an output says about its vectors and their `form`, as metadata of a file."""
    facts = {"stamp": str(stamp), "model": canary.model, "dimensions": canary.vectors.shape[1], **form}
    return {
        "openrouter_embeddings": canonical_json({**facts, "sdk_version": version()}),
        "openrouter_embeddings.canary": canonical_json(canary.to_json()),
    }
