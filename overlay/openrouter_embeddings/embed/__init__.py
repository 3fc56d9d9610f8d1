"""Any number of texts -> one matrix or a stream of blocks: batches, limits, rate, workers, progress."""

from collections.abc import Iterable, Mapping
from typing import Any

from ..caller import Caller
from .batch_items import BatchItems
from .budget import most_tokens, price_usd
from .options import DEFAULTS, EmbedOptions
from .results import EmbedResult, Observer, Progress, TextError, Usage, VectorCache, dollars
from .session import Session
from .streams import EmbedStream, EmbedStreamAsync, complete, require_asyncio

__all__ = ["DEFAULTS", "BatchItems", "EmbedOptions", "EmbedResult", "EmbedStream", "EmbedStreamAsync"]
__all__ += [
    "Observer",
    "Progress",
    "TextError",
    "Usage",
    "VectorCache",
    "dollars",
    "embed",
    "embed_async",
    "embed_iter",
]
__all__ += ["embed_iter", "embed_iter_async", "most_tokens", "price_usd"]


def embed(
    caller: Caller, texts: str | Iterable[str], options: Mapping[str, Any], cache: VectorCache | None = None
) -> EmbedResult:
    """See `Embeddings.embed`."""
    session = Session(caller, options, "embed")
    matrix = session.feed_all(texts, cache)
    return complete(EmbedStream(session).collect(matrix))


async def embed_async(
    caller: Caller, texts: str | Iterable[str], options: Mapping[str, Any], cache: VectorCache | None = None
) -> EmbedResult:
    """See `Embeddings.embed_async`."""
    session = Session(caller, options, "embed_async")
    matrix = session.feed_all(texts, cache)
    require_asyncio()
    return await EmbedStreamAsync(session).collect(matrix)


def embed_iter(
    caller: Caller, texts: Iterable[str], options: Mapping[str, Any], observer: Observer | None = None
) -> EmbedStream:
    """See `Embeddings.embed_iter`."""
    session = Session(caller, options, "embed_iter").feed_lazily(texts)
    session.job.observer = observer
    return EmbedStream(session)


def embed_iter_async(caller: Caller, texts: Iterable[str], options: Mapping[str, Any]) -> EmbedStreamAsync:
    """See `Embeddings.embed_iter_async`."""
    return EmbedStreamAsync(Session(caller, options, "embed_iter_async").feed_lazily(texts))
