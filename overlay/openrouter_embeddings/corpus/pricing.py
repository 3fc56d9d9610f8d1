"""Estimates the cost of texts before anything is sent: tokens from the length, the price from the models list."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs
from openrouter_generated.api.embeddings import Embeddings as GeneratedEmbeddings

from ..caller import Caller
from ..embed import EncodedInput, as_input, iterable_of, price_usd
from ..errors import InvalidInputError
from .sources import FORMATS, Format, open_source

# Bytes of UTF-8 per token: 4 to 5 for English prose, 3 for code and tables, down to 1 for digits.
_MOST_BYTES, _USUAL_BYTES, _FEWEST_BYTES = 6, 4, 1.5


@attrs.frozen
class Estimate:
    """The estimated cost of texts, as a range, because the model's tokenizer is unknown.

    Attributes:
        texts: the number of texts; other rows are not counted.
        tokens, cost_usd: the estimate for English.
        min_tokens, max_tokens, min_cost_usd, max_cost_usd: the range for most texts.
        price_usd: the price per token in the models list.
    """

    texts: int
    tokens: int
    min_tokens: int
    max_tokens: int
    price_usd: float

    @property
    def cost_usd(self) -> float:
        return self.tokens * self.price_usd

    @property
    def min_cost_usd(self) -> float:
        return self.min_tokens * self.price_usd

    @property
    def max_cost_usd(self) -> float:
        return self.max_tokens * self.price_usd

    def to_dict(self) -> dict[str, Any]:
        """Return all attributes, including the costs, as JSON data."""
        costs = {name: getattr(self, name) for name in ("cost_usd", "min_cost_usd", "max_cost_usd")}
        return {**attrs.asdict(self), **costs}


def estimate(caller: Caller, texts: str | Iterable[Any] | os.PathLike[str], model: str) -> Estimate:
    """See `Embeddings.estimate`."""
    if isinstance(texts, str) and Path(texts).suffix.lower() in FORMATS and os.path.isfile(texts):
        raise InvalidInputError(f"texts: {texts!r} is a file; pass Path({texts!r}) to estimate its texts", "texts")
    if isinstance(texts, os.PathLike):
        texts = texts_of(Path(texts))
    price = model_price_usd(caller, model)
    count = size = ids = 0
    for position, item in enumerate(iterable_of(texts)):
        text = as_input(item, f"texts[{position}]", "")
        count += 1
        if isinstance(text, EncodedInput):
            ids += text.tokens
        else:
            size += len(text) if text.isascii() else len(text.encode())
    tokens, fewest, most = (max(count, ids + round(size / each)) for each in (_USUAL_BYTES, _MOST_BYTES, _FEWEST_BYTES))
    return Estimate(count, tokens, fewest, most, price)


def model_price_usd(caller: Caller, model: str) -> float:
    """Return a model's price per token, from the models list.

    Raises:
        ConfigurationError: the list has no price for this model.
    """
    return price_usd(GeneratedEmbeddings(caller).list_models(), model)


def texts_of(
    path: Path, *, format: Format | None = None, text_field: str = "text", id_field: str | None = None
) -> Iterable[str]:
    """Yield the valid texts of a corpus, in order."""
    source = open_source(path, format, text_field=text_field, id_field=id_field)
    return (text for _, text, _ in source.rows() if text is not None)
