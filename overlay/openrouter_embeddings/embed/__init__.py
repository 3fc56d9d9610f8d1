"""Any number of texts -> one matrix or a stream of blocks: batches, limits, rate, senders, progress.

How a job flows:

    texts -> Session -> Job  --batch-->  _Threads or _Tasks  --Session.flow--> network
                        Job <--outcome-- (a response or an error)
                        Job  --block-->  ResultMatrix, or whoever iterates the stream

1. `session.Session` checks the options and the texts (`options`, `inputs`), and makes a `job.Job`.
2. `streams.Stream` asks the job for the next step, again and again: `Job.step` returns a batch to send, a block to hand
   out, the seconds to wait for an outcome, or None at the end. The job does no I/O and never waits.
3. The job takes a batch from the `packing.Packer`, when the `limiter.AdaptiveLimiter` and the `budget.Budget` allow it.
4. A sender (threads or tasks) sends the batch as one call, and appends its outcome to `Job.outcomes`.
5. The next step settles it. A response becomes a block, and the `packing.ModelLimits` learn from it. An error decides
   what is sent instead (`Job._retried`): the same after a pause of all requests, the same as numbers, parts of it
   (`packing.Search`), or nothing: then the error is recorded, or ends the job.

Equal texts (`packing.EqualTexts`) and long texts (`long_texts.LongTexts`) are changed on their way into the packer, and
back in `Job._finish`. How a job ends is written down in `job`.
"""

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
from .streams import EmbedStream, EmbedStreamAsync

if TYPE_CHECKING:
    from .inputs import EmbedInput as EmbedInput

__all__ = ["DEFAULTS", "BatchItems", "EmbedOptions", "EmbedResult", "EmbedStream", "EmbedStreamAsync", "EncodedInput"]
__all__ += ["Observer", "OnLong", "Progress", "Shortened", "TextError", "Usage", "VectorCache"]
__all__ += ["counted", "dollars", "embed", "embed_async", "embed_iter", "embed_iter_async", "encoded"]
__all__ += ["most_tokens", "price_usd"]


def embed(
    caller: Caller, texts: str | Iterable[EmbedInput], options: Mapping[str, Any], cache: VectorCache | None = None
) -> EmbedResult:
    """See `Embeddings.embed`."""
    session = Session(caller, options, "embed").feed_all(texts, cache)
    return complete(EmbedStream(session).collect())


async def embed_async(
    caller: Caller, texts: str | Iterable[EmbedInput], options: Mapping[str, Any], cache: VectorCache | None = None
) -> EmbedResult:
    """See `Embeddings.embed_async`."""
    session = Session(caller, options, "embed_async").feed_all(texts, cache)
    return await EmbedStreamAsync(session).collect()


def embed_iter(
    caller: Caller,
    texts: Iterable[EmbedInput],
    options: Mapping[str, Any],
    observer: Observer | None = None,
    cache: VectorCache | None = None,
) -> EmbedStream:
    """See `Embeddings.embed_iter`. The cache gets what comes; texts that it knows are sent, but not pieces of texts."""
    return EmbedStream(Session(caller, options, "embed_iter").feed_lazily(texts, cache, observer))


def embed_iter_async(caller: Caller, texts: Iterable[EmbedInput], options: Mapping[str, Any]) -> EmbedStreamAsync:
    """See `Embeddings.embed_iter_async`."""
    return EmbedStreamAsync(Session(caller, options, "embed_iter_async").feed_lazily(texts))
