"""What a corpus will cost, before anything is sent: tokens estimated by length, price from the models list."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs
from openrouter_generated.api.embeddings import Embeddings as GeneratedEmbeddings

from ..caller import Caller
from ..embed import price_usd
from .sources import Format, open_source

# Bytes of UTF-8 in a token: English prose has 4 to 5, code and tables 3, digits as few as 1.
_MOST_BYTES, _USUAL_BYTES, _FEWEST_BYTES = 6, 4, 1.5


@attrs.frozen
class Estimate:
    """What texts will cost. Tokens depend on the model's tokenizer, which is not known here: hence a range.

    Attributes:
        texts: how many, those that are no text left out.
        tokens, cost_usd: what is likely for English.
        min_tokens, max_tokens, min_cost_usd, max_cost_usd: the range for most texts.
        price_usd: the price of a token in the models list.
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
        """As JSON data, costs included."""
        costs = {name: getattr(self, name) for name in ("cost_usd", "min_cost_usd", "max_cost_usd")}
        return {**attrs.asdict(self), **costs}


def estimate(caller: Caller, texts: str | Iterable[str], model: str) -> Estimate:
    """See `Embeddings.estimate`."""
    price = model_price_usd(caller, model)
    count = size = 0
    for text in [texts] if isinstance(texts, str) else texts:
        count += 1
        size += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    tokens, fewest, most = (max(count, round(size / each)) for each in (_USUAL_BYTES, _MOST_BYTES, _FEWEST_BYTES))
    return Estimate(count, tokens, fewest, most, price)


def model_price_usd(caller: Caller, model: str) -> float:
    """The price of a token, from the models list.

    Raises:
        ConfigurationError: the list has no price of this model.
    """
    return price_usd(GeneratedEmbeddings(caller).list_models(), model)


def texts_of(
    path: Path, *, format: Format | None = None, text_field: str = "text", id_field: str | None = None
) -> Iterable[str]:
    """The texts of a corpus that can be embedded, in order."""
    source = open_source(path, format, text_field=text_field, id_field=id_field)
    return (text for _, text, _ in source.rows() if text is not None)
