"""Defines `Stamp`, the options that vectors depend on, and `Canary`, fixed texts that reveal a changed model."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Self

import attrs
import numpy as np

from ..config import version
from ..embed import EncodedInput
from ..errors import CorpusError
from ..redaction import is_secret

CANARY_TEXTS = (
    "The quick brown fox jumps over the lazy dog.",
    "Reset a forgotten password",
    "def add(a, b): return a + b",
)
_SECRET = "secret, digest "
_SENT_OPTIONS = ("model", "dimensions", "input_type", "provider", "extra_body")
_TEXT_OPTIONS = ("prefix", "on_long", "max_tokens_per_text")  # options that change texts before they are sent
OPTIONS = _SENT_OPTIONS + _TEXT_OPTIONS


def canonical_json(value: Any) -> str:
    """Return JSON that is identical for equal values."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    """Convert an object of the generated models to JSON data."""
    return value.to_dict() if hasattr(value, "to_dict") else dict(value)


def base_model(model: str) -> str:
    """Return the id of a model without its variant, such as `:batch`."""
    return model.partition(":")[0]


def _without_secrets(options: Mapping[str, Any]) -> dict[str, Any]:
    """Replace secrets by their digests, because the options of a job are written to its files."""
    kept = dict[str, Any](options)
    for name, value in options.items():
        if isinstance(value, dict):
            kept[name] = _without_secrets(value)
        elif is_secret(name, value) and not value.startswith(_SECRET):
            kept[name] = f"{_SECRET}{_digest(value).hex()}"
    return kept


def sendable(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a stamp without the digests of secrets."""
    return {
        name: sendable(value) if isinstance(value, dict) else value
        for name, value in options.items()
        if not str(value).startswith(_SECRET)
    }


@lru_cache(16)
def _digest(*parts: str) -> bytes:
    return blake2b("\n".join(parts).encode(), digest_size=16).digest()


@attrs.frozen
class Stamp:
    """The options that the vector of a text depends on.

    Attributes:
        options: the options of `embed` that change vectors: model, dimensions, input_type, provider, extra_body,
            prefix, and on_long with max_tokens_per_text if it cuts or splits texts. Options of None are omitted, and
            secrets in extra_body, by their name, are digests.
    """

    options: Mapping[str, Any]

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Return the stamp of a call of `embed` with these options."""
        chosen = {name: options[name] for name in OPTIONS if options.get(name) not in (None, "")}
        if chosen.get("on_long") not in ("truncate", "average"):
            for name in ("on_long", "max_tokens_per_text"):
                chosen.pop(name, None)
        return cls(_without_secrets(json.loads(canonical_json(chosen))))

    @classmethod
    def of_sent(cls, options: Mapping[str, Any]) -> Self:
        """Return the stamp for texts as sent, with their prefix and in pieces: without options that change texts."""
        return cls.of({name: options[name] for name in _SENT_OPTIONS if name in options})

    def __str__(self) -> str:
        return canonical_json(self.options)

    def text_key(self, text: str, url: str) -> bytes:
        """Return the 16-byte cache key of a text that the API at `url` embeds with this stamp."""
        kind = type(text).__name__ if isinstance(text, EncodedInput) else ""
        key = _digest(str(self), url, kind)
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, key=key).digest()

    def require_same(self, stored: str, where: str) -> None:
        """Raise CorpusError if the vectors in `where` were made with other options."""
        if stored == str(self):
            return
        old = json.loads(stored)
        names = dict.fromkeys((*OPTIONS, *old))  # another version may have other options
        changed = [
            (name, old.get(name), self.options.get(name)) for name in names if old.get(name) != self.options.get(name)
        ]
        raise other_options(where, changed)


def other_options(where: str, changed: Iterable[tuple[str, Any, Any]]) -> CorpusError:
    """Return the error for changed options: name, value in the job and value now."""
    shown = (f"{name} was {_shown(old)}, and is now {_shown(new)}" for name, old, new in changed)
    return CorpusError(f"{where} was made with other options: {'; '.join(shown)}; choose another output")


def _shown(value: Any) -> str:
    return "not set" if value is None else canonical_json(value)


@attrs.frozen
class Canary:
    """The vectors of `CANARY_TEXTS`, float32 `(3, dimensions)`, and the model name in the response."""

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
        """Return the largest cosine distance of a text, 0 (same) to 2; infinite if the lengths differ."""
        if self.vectors.shape != other.vectors.shape:
            return math.inf
        a, b = np.asarray(self.vectors, np.float64), np.asarray(other.vectors, np.float64)
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        cosines = (a * b).sum(axis=1) / np.where(lengths > 0, lengths, 1)
        return max(0.0, round(float((1 - cosines).max()), 9))  # removes float32 rounding errors


def file_stamp(stamp: Stamp, canary: Canary, models: Mapping[str, int], form: Mapping[str, Any]) -> dict[str, str]:
    """Return the stamp, canary and vector `form` of an output as file metadata, with the `models` if there are several.

    One model is not listed, because its number of rows depends on the cache, and equal jobs write equal files.
    """
    facts = {"stamp": str(stamp), "model": canary.model, "dimensions": canary.vectors.shape[1], **form}
    facts |= {"models": models} if len(models) > 1 else {}
    return {
        "openrouter_embeddings": canonical_json({**facts, "sdk_version": version()}),
        "openrouter_embeddings.canary": canonical_json(canary.to_json()),
    }
