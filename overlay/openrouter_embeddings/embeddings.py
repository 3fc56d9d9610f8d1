"""`client.embeddings`: the generated operations, and `embed` on top of them: any number of texts, one matrix."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Unpack

from openrouter_generated.api.embeddings import Embeddings as GeneratedEmbeddings

from .embed import (
    DEFAULTS,
    ClientCaller,
    EmbedOptions,
    EmbedResult,
    EmbedStream,
    EmbedStreamAsync,
    embed,
    embed_async,
    embed_iter,
    embed_iter_async,
)

if TYPE_CHECKING:
    from .client import OpenRouter


class Embeddings(GeneratedEmbeddings):
    __doc__ = GeneratedEmbeddings.__doc__

    def __init__(self, client: OpenRouter) -> None:
        super().__init__(client)
        self._client = client

    def embed(self, texts: str | Iterable[str], **options: Unpack[EmbedOptions]) -> EmbedResult:
        """Turn any number of texts into one matrix, in their order.

        Texts are packed into requests, sent side by side, checked and retried; the same text is sent once. Base64 is
        asked for, and either form understood; a model that has only numbers is asked for them from then on.

        Args:
            texts: one string (which gives one row), or any iterable of them; it is read to its end first.
            model: the model's id, `openai/text-embedding-3-small`.
            dimensions: length of the vectors, at least 1; None: the model's own.
            input_type: "search_query" or "search_document", for models that tell them apart.
            provider, user, session_id, trace: as in `generate`.
            batch_size: texts a request holds at most, at least 1. "auto": 96, which nearly all providers accept. What a
                model accepts is learned from its rejections, for the client's life.
            concurrency: requests in flight at most, at least 1. "auto": grows from 8 to 32 while answers come. Halved
                where the server says 429.
            requests_per_minute, tokens_per_minute: never faster than this; tokens are estimated. None: no limit.
            on_error: what a text that is rejected does: "raise" ends the job, "record" leaves a row of NaN and an entry
                in `errors`, "skip" leaves the row out. A rejected request is halved until the text is alone. No key,
                no credit, no such model, or 8 texts rejected alone before any succeeded always raises.
            on_empty: an empty text: "raise", or "skip": left out.
            progress: True shows a bar (needs the extra `progress`), or a callable, no coroutine function, is given a
                `types.Progress` after each answer.
            retries, server_url, timeout_ms, http_headers: as in `generate`. Left out, more than one request is retried
                longer than `generate` is: all wait together, up to 60 s each time, and 8 waits in a row without any
                answer end the job.
            extra_body: as in `generate`; it may not hold `input` or `encoding_format`.

        Returns:
            An `EmbedResult`.

        Raises:
            InvalidInputError: a text is empty or no string; the message names the positions. Or an argument is refused
                by its path. Nothing was sent.
            ConfigurationError: an option makes no sense. Nothing was sent.
            OpenRouterError: what ended the job; `positions` names the texts.

        Source: `POST /embeddings` in openapi.yaml.
        """
        return embed(ClientCaller(self._client), texts, options)

    async def embed_async(self, texts: str | Iterable[str], **options: Unpack[EmbedOptions]) -> EmbedResult:
        """`embed` on the running event loop (asyncio); cancelling it cancels its requests."""
        return await embed_async(ClientCaller(self._client), texts, options)

    def embed_iter(self, texts: Iterable[str], **options: Unpack[EmbedOptions]) -> EmbedStream:
        """Turn texts without end into blocks of vectors, as they come: memory does not grow with the corpus.

        Takes what `embed` takes. Yields `(positions, vectors)`: the indexes of some texts in `texts`, and float32
        `(len(positions), dimensions)`, in the order of answers. `texts` is read as requests are sent; where it has a
        length, `progress` tells how many there are. The same text is sent once as long as its answer is awaited. A text
        that is refused with "skip" or "record" is in `errors`. Close the stream, or use it in a `with` block, to leave
        early.
        """
        return embed_iter(ClientCaller(self._client), texts, options)

    def embed_iter_async(self, texts: Iterable[str], **options: Unpack[EmbedOptions]) -> EmbedStreamAsync:
        """`embed_iter` on the running event loop (asyncio), for `async for`."""
        return embed_iter_async(ClientCaller(self._client), texts, options)


def _signature(method: Any) -> inspect.Signature:
    """The signature of `embed` with its options spelled out: what `help` shows, and editors that read no TypedDict."""
    kinds = inspect.Parameter
    empty = kinds.empty
    options = [
        kinds(name, kinds.KEYWORD_ONLY, default=DEFAULTS.get(name, empty), annotation=_Shown(option.__forward_arg__))
        for name, option in EmbedOptions.__annotations__.items()
    ]
    own = list(inspect.signature(method).parameters.values())[:2]
    returns = inspect.signature(method).return_annotation
    return inspect.Signature([*own, *options], return_annotation=returns)


class _Shown(str):
    """An annotation as it is written, without the quotes of a string."""

    def __repr__(self) -> str:
        return self.removeprefix("Required[").removesuffix("]") if self.startswith("Required[") else str(self)


for _name in ("embed", "embed_async", "embed_iter", "embed_iter_async"):
    vars(Embeddings)[_name].__signature__ = _signature(vars(Embeddings)[_name])
