"""Any number of texts -> one matrix or a stream of blocks: batches, limits, rate, workers, progress."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..caller import Caller
from ..network import complete
from .batch_items import BatchItems
from .budget import most_tokens, price_usd
from .inputs import EncodedInput, encoded
from .options import DEFAULTS, EmbedOptions, OnLong
from .results import EmbedResult, Observer, Progress, Shortened, TextError, Usage, VectorCache, counted, dollars
from .session import Session
from .streams import EmbedStream, EmbedStreamAsync, require_asyncio

if TYPE_CHECKING:
    from .inputs import EmbedInput as EmbedInput

__all__ = ["DEFAULTS", "BatchItems", "EmbedOptions", "EmbedResult", "EmbedStream", "EmbedStreamAsync"]
__all__ += [
    "EncodedInput",
    "Observer",
    "OnLong",
    "Progress",
    "Shortened",
    "TextError",
    "Usage",
    "VectorCache",
    "counted",
    "dollars",
    "embed",
    "embed_async",
    "embed_iter",
    "encoded",
]
__all__ += ["embed_iter", "embed_iter_async", "most_tokens", "price_usd"]


def embed(
    caller: Caller, texts: str | Iterable[EmbedInput], options: Mapping[str, Any], cache: VectorCache | None = None
) -> EmbedResult:
    """See `Embeddings.embed`."""
    session = Session(caller, options, "embed")
    matrix = session.feed_all(texts, cache)
    return complete(EmbedStream(session).collect(matrix))


async def embed_async(
    caller: Caller, texts: str | Iterable[EmbedInput], options: Mapping[str, Any], cache: VectorCache | None = None
) -> EmbedResult:
    """See `Embeddings.embed_async`."""
    session = Session(caller, options, "embed_async")
    matrix = session.feed_all(texts, cache)
    require_asyncio()
    return await EmbedStreamAsync(session).collect(matrix)


def embed_iter(
    caller: Caller,
    texts: Iterable[EmbedInput],
    options: Mapping[str, Any],
    observer: Observer | None = None,
    cache: VectorCache | None = None,
) -> EmbedStream:
    """See `Embeddings.embed_iter`. The cache gets what comes; texts that it knows are sent, but not pieces of texts."""
    session = Session(caller, options, "embed_iter")
    session.job.observer, session.job.cache = observer, cache
    return EmbedStream(session.feed_lazily(texts))


def embed_iter_async(caller: Caller, texts: Iterable[EmbedInput], options: Mapping[str, Any]) -> EmbedStreamAsync:
    """See `Embeddings.embed_iter_async`."""
    return EmbedStreamAsync(Session(caller, options, "embed_iter_async").feed_lazily(texts))
