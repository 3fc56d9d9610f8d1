"""Any number of texts -> one matrix or a stream of blocks: batches, limits, rate, workers, progress."""

from collections.abc import Iterable, Mapping
from typing import Any

from ..caller import Caller
from .options import DEFAULTS, EmbedOptions
from .results import EmbedResult, Progress, TextError, Usage
from .session import Session
from .streams import EmbedStream, EmbedStreamAsync, complete, require_asyncio

__all__ = ["DEFAULTS", "EmbedOptions", "EmbedResult", "EmbedStream", "EmbedStreamAsync"]
__all__ += ["Progress", "TextError", "Usage", "embed", "embed_async", "embed_iter", "embed_iter_async"]


def embed(caller: Caller, texts: str | Iterable[str], options: Mapping[str, Any]) -> EmbedResult:
    """See `Embeddings.embed`."""
    session = Session(caller, options, "embed")
    matrix = session.feed_all(texts)
    return complete(EmbedStream(session).collect(matrix))


async def embed_async(caller: Caller, texts: str | Iterable[str], options: Mapping[str, Any]) -> EmbedResult:
    """See `Embeddings.embed_async`."""
    session = Session(caller, options, "embed_async")
    matrix = session.feed_all(texts)
    require_asyncio()
    return await EmbedStreamAsync(session).collect(matrix)


def embed_iter(caller: Caller, texts: Iterable[str], options: Mapping[str, Any]) -> EmbedStream:
    """See `Embeddings.embed_iter`."""
    return EmbedStream(Session(caller, options, "embed_iter").feed_lazily(texts))


def embed_iter_async(caller: Caller, texts: Iterable[str], options: Mapping[str, Any]) -> EmbedStreamAsync:
    """See `Embeddings.embed_iter_async`."""
    return EmbedStreamAsync(Session(caller, options, "embed_iter_async").feed_lazily(texts))
