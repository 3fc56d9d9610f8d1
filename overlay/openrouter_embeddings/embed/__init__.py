"""Any number of texts -> one matrix or a stream of blocks: batches, limits, rate, senders, progress.

How a job flows:

    texts -> Session -> Job  --batch-->  _Threads or _Tasks  --Session.flow--> network
                        Job <--outcome-- (a response or an error)
                        Job  --block-->  ResultMatrix, or whoever iterates the stream

1. `session.Session` checks the options and the texts (`options`, `inputs`), and makes a `job.Job`.
2. `streams.Stream` calls `Job.step` in a loop. A step is a batch to send, a block to return to the caller, the seconds
   to wait for an outcome, or None at the end. The job does no I/O and never waits.
3. The job takes a batch from `packing.Packer` when `limiter.AdaptiveLimiter` and `budget.Budget` allow it.
4. A sender (threads or tasks) sends the batch as one call and appends its outcome to `Job.outcomes`.
5. The next step handles the outcome. A response becomes a block and updates `packing.ModelLimits`. After an error,
   `Job._retried` sends the batch again (after a pause of all requests, or asking for numbers instead of base64),
   sends parts of it (`packing.Bisection`), or records or raises the error. `suspects` tells bad texts from an overload.

Before packing, `packing.EqualTexts` drops duplicates and `long_texts.LongTexts` splits or cuts long texts;
`Job._finish` undoes both. `job` defines how a job ends; `streams` handles Ctrl-C.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..caller import Caller
from ..network import complete
from .batch_items import BatchItems
from .budget import most_tokens, price_usd, unpriced_tokens
from .inputs import EncodedInput, as_input, encoded, iterable_of, json_inputs
from .options import DEFAULTS, EmbedOptions, OnLong, OnModelChange
from .results import EmbedResult, Observer, Progress, Shortened, TextError, Usage, VectorCache, counted, dollars
from .session import Session
from .streams import EmbedStream, EmbedStreamAsync

if TYPE_CHECKING:
    from .inputs import EmbedInput as EmbedInput

__all__ = ["DEFAULTS", "BatchItems", "EmbedOptions", "EmbedResult", "EmbedStream", "EmbedStreamAsync", "EncodedInput"]
__all__ += ["Observer", "OnLong", "OnModelChange", "Progress", "Shortened", "TextError", "Usage", "VectorCache"]
__all__ += ["as_input", "counted", "dollars", "embed", "embed_async", "embed_iter", "embed_iter_async", "encoded"]
__all__ += ["iterable_of", "json_inputs", "most_tokens", "price_usd", "unpriced_tokens"]


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
    model: str | None = None,
) -> EmbedStream:
    """See `Embeddings.embed_iter`. New vectors go into `cache`, which is read only for the pieces of long texts.

    If another model than `model` answers, `on_model_change` applies.
    """
    return EmbedStream(Session(caller, options, "embed_iter").feed_lazily(texts, cache, observer, model))


def embed_iter_async(caller: Caller, texts: Iterable[EmbedInput], options: Mapping[str, Any]) -> EmbedStreamAsync:
    """See `Embeddings.embed_iter_async`."""
    return EmbedStreamAsync(Session(caller, options, "embed_iter_async").feed_lazily(texts))
