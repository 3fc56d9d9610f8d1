"""Any number of texts -> one matrix or a stream of blocks: batches, limits, rate, workers, progress."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from ..caller import Caller
from ..defaults import JOB_INTERRUPT_SECONDS
from .budget import most_tokens, price_usd
from .options import DEFAULTS, EmbedOptions
from .results import (
    EmbedResult,
    EmbedStream,
    EmbedStreamAsync,
    Observer,
    Progress,
    TextError,
    Usage,
    VectorCache,
    dollars,
)
from .session import Session
from .workers import arun, run

__all__ = ["DEFAULTS", "EmbedOptions", "EmbedResult", "EmbedStream", "EmbedStreamAsync"]
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
__all__ += ["embed_iter_async", "most_tokens", "price_usd"]


def embed(
    caller: Caller, texts: str | Iterable[str], options: Mapping[str, Any], cache: VectorCache | None = None
) -> EmbedResult:
    """See `Embeddings.embed`."""
    session = Session(caller, options, "embed")
    matrix = session.feed_all(texts, cache)
    stream = EmbedStream(*session.watched, run(session))
    try:
        for block in stream:
            matrix.put(*block)
    except BaseException as error:
        with suppress(BaseException):  # a second interrupt ends the wait
            for block in stream.drain(JOB_INTERRUPT_SECONDS):
                matrix.put(*block)
        stream.close()
        vars(error)["partial"] = session.result(matrix, partial=True)
        raise
    return session.result(matrix)


async def embed_async(
    caller: Caller, texts: str | Iterable[str], options: Mapping[str, Any], cache: VectorCache | None = None
) -> EmbedResult:
    """See `Embeddings.embed_async`."""
    session = Session(caller, options, "embed_async")
    matrix = session.feed_all(texts, cache)
    stream = EmbedStreamAsync(*session.watched, arun(session))
    try:
        async for block in stream:
            matrix.put(*block)
    except BaseException as error:
        with suppress(BaseException):
            async for block in stream.drain(JOB_INTERRUPT_SECONDS):
                matrix.put(*block)
        await stream.aclose()
        vars(error)["partial"] = session.result(matrix, partial=True)
        raise
    return session.result(matrix)


def embed_iter(
    caller: Caller, texts: Iterable[str], options: Mapping[str, Any], observer: Observer | None = None
) -> EmbedStream:
    """See `Embeddings.embed_iter`."""
    session = Session(caller, options, "embed_iter")
    session.job.observer = observer
    session.feed_lazily(texts)
    return EmbedStream(*session.watched, run(session))


def embed_iter_async(caller: Caller, texts: Iterable[str], options: Mapping[str, Any]) -> EmbedStreamAsync:
    """See `Embeddings.embed_iter_async`."""
    session = Session(caller, options, "embed_iter_async")
    session.feed_lazily(texts)
    return EmbedStreamAsync(*session.watched, arun(session))
