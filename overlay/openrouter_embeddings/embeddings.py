"""`client.embeddings`: the generated operations, and `embed` on top of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from openrouter_generated.api.embeddings import Embeddings as GeneratedEmbeddings

import openrouter_embeddings.embed as jobs

from .arguments import guarded_methods, refuse_attribute
from .embed import DEFAULTS, EmbedOptions, EmbedResult, EmbedStream, EmbedStreamAsync

if TYPE_CHECKING:
    from .caller import Caller

_Method = TypeVar("_Method", bound=Callable[..., Any])


def _spell_out_options(method: _Method) -> _Method:
    """Show the names and defaults of `**options` in the method's signature, for `help` and editors."""
    signature = inspect.signature(method)
    own = list(signature.parameters.values())[:-1]
    for name, hint in EmbedOptions.__annotations__.items():
        shown = hint.__forward_arg__.replace("Required[str]", "str")
        default = DEFAULTS.get(name, inspect.Parameter.empty)
        own.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=shown, default=default))
    method.__signature__ = signature.replace(parameters=own)  # type: ignore[attr-defined]
    return method


class Embeddings(GeneratedEmbeddings):
    """The embeddings operations of the API, and jobs that turn any number of texts into vectors."""

    _caller: Caller

    if not TYPE_CHECKING:  # a type checker would accept any name
        __getattr__ = refuse_attribute

    @_spell_out_options
    def embed(self, texts: str | Iterable[str], **options: Unpack[EmbedOptions]) -> EmbedResult:
        """Embed any number of texts and return one matrix, in the order of the texts.

        Texts are packed into requests, which are sent concurrently, validated and retried; equal texts are sent once.
        Vectors are requested as base64 and accepted in either form.

        Args:
            texts: one string (one row), or any iterable of strings; it is read to its end first.
            model: the model's id, such as `openai/text-embedding-3-small`.
            dimensions: length of the vectors, at least 1; None: the model's default.
            input_type: "search_query" or "search_document", for models that distinguish them.
            provider, user, session_id, trace: as in `generate`.
            batch_size: maximum number of texts in a request, at least 1. "auto" starts at 96, which nearly all
                providers accept. A smaller limit of a model is learned from its rejections and kept with the client.
            concurrency: maximum number of requests in flight, at least 1. "auto" grows from 8 to 32 while responses
                arrive. It is halved when the server answers 429.
            requests_per_minute, tokens_per_minute: upper limits of all jobs of this client with this model; tokens are
                estimated. None: no limit.
            on_error: what happens if a text is rejected, by the API or because it is empty or not a string. "raise"
                ends the job, "record" leaves a row of NaN and an entry in `errors`, "skip" leaves out the row. A
                rejected request is halved until the bad text is alone.
                A wrong key, no credits, an unknown model, or 8 rejected texts before the first success always raise.
            on_empty: what happens if a text is empty: "raise" treats it as `on_error` says, "record" leaves a row of
                NaN, "skip" leaves out the row without an entry in `errors`.
            on_model_change: what happens if another model answers than before: "warn" logs it once, and `models` of the
                result tells which model gave which rows; "raise" ends the job. Providers spell one model differently.
            progress: True shows a bar (needs the extra `progress`); a function is called with a `types.Progress` after
                each response and when all requests wait.
            retries: as in `generate`. By default the requests of a job are retried longer: all wait together, up to
                60 s at a time, and 8 waits without a response end the job. The `attempts` of a `Policy` replace the 8;
                its `total_seconds` limit the time without a response.
            server_url, timeout_ms, http_headers: as in `generate`.
            extra_body: as in `generate`; `input` and `encoding_format` are not allowed.

        Returns:
            An `EmbedResult`: float32 `vectors` of shape `(n, dimensions)`, usage, model, errors.

        Raises:
            InvalidInputError: with `on_error="raise"`, a text is empty or not a string (the message names the
                positions); or an argument is rejected (the message names its path). Nothing was sent.
            ConfigurationError: an option is not valid. Nothing was sent.
            OpenRouterError: the error that ended the job; `positions` names the texts. Its `partial`, and that of a
                KeyboardInterrupt, is an `EmbedResult` of what came until then, after the requests in flight finished:
                at most 30 s later, or 3 s after Ctrl-C. The rows of texts without a vector are NaN.

        Source: `POST /embeddings` in openapi.yaml.
        """
        return jobs.embed(self._caller, texts, options)

    @_spell_out_options
    async def embed_async(self, texts: str | Iterable[str], **options: Unpack[EmbedOptions]) -> EmbedResult:
        """`embed` on the running event loop (asyncio). When it is cancelled, requests in flight have 3 s to finish."""
        return await jobs.embed_async(self._caller, texts, options)

    @_spell_out_options
    def embed_iter(self, texts: Iterable[str], **options: Unpack[EmbedOptions]) -> EmbedStream:
        """Embed a stream of texts and yield blocks of vectors as they arrive; memory does not grow with the corpus.

        Takes the options of `embed`. Yields `(positions, vectors)`: the indexes of some texts, and a float32 array of
        shape `(len(positions), dimensions)`, in the order in which responses arrive. `texts` is read as requests are
        sent. Equal texts are sent once while the first of them is in flight. Texts that are rejected with "skip" or
        "record" are in `errors`. To leave early, take the blocks that are paid for with `drain()`; or close the stream,
        or use it in a `with` block, which cancels the requests in flight and counts them as possibly billed.
        """
        return jobs.embed_iter(self._caller, texts, options)

    @_spell_out_options
    def embed_iter_async(self, texts: Iterable[str], **options: Unpack[EmbedOptions]) -> EmbedStreamAsync:
        """`embed_iter` on the running event loop (asyncio), for `async for`."""
        return jobs.embed_iter_async(self._caller, texts, options)


guarded_methods(Embeddings)
