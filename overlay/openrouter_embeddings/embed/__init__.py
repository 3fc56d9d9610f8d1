"""Any number of texts -> one matrix or a stream of blocks: batches, limits, rate, workers, progress."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from ..caller import Caller
from ..defaults import JOB_INTERRUPT_SECONDS
from .options import DEFAULTS, EmbedOptions
from .results import EmbedResult, Progress, TextError, Usage
from .session import Session
from .streams import EmbedStream, EmbedStreamAsync, complete

__all__ = ["DEFAULTS", "EmbedOptions", "EmbedResult", "EmbedStream", "EmbedStreamAsync"]
__all__ += ["Progress", "TextError", "Usage", "embed", "embed_async", "embed_iter", "embed_iter_async"]


def embed(caller: Caller, texts: str | Iterable[str], options: Mapping[str, Any]) -> EmbedResult:
    """See `Embeddings.embed`."""
    return complete(_embed(Session(caller, options, "embed"), texts, EmbedStream))


async def embed_async(caller: Caller, texts: str | Iterable[str], options: Mapping[str, Any]) -> EmbedResult:
    """See `Embeddings.embed_async`."""
    return await _embed(Session(caller, options, "embed_async"), texts, EmbedStreamAsync)


async def _embed(
    session: Session, texts: str | Iterable[str], side: type[EmbedStream] | type[EmbedStreamAsync]
) -> EmbedResult:
    matrix, stream = session.feed_all(texts), side(session)
    try:
        while (block := await stream.next_block()) is not None:
            matrix.put(*block)
    except BaseException as error:
        with suppress(BaseException):  # a second interrupt ends the wait
            stream.drain(JOB_INTERRUPT_SECONDS)
            while (block := await stream.next_block()) is not None:
                matrix.put(*block)
        await stream.end()
        vars(error)["partial"] = session.result(matrix, partial=True)
        raise
    return session.result(matrix)


def embed_iter(caller: Caller, texts: Iterable[str], options: Mapping[str, Any]) -> EmbedStream:
    """See `Embeddings.embed_iter`."""
    session = Session(caller, options, "embed_iter")
    session.feed_lazily(texts)
    return EmbedStream(session)


def embed_iter_async(caller: Caller, texts: Iterable[str], options: Mapping[str, Any]) -> EmbedStreamAsync:
    """See `Embeddings.embed_iter_async`."""
    session = Session(caller, options, "embed_iter_async")
    session.feed_lazily(texts)
    return EmbedStreamAsync(session)
