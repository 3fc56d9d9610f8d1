"""`client.embeddings`: the generated operations, and `embed` on top of them."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from openrouter_generated.api.embeddings import Embeddings as GeneratedEmbeddings

import openrouter_embeddings.embed as jobs

from .arguments import guarded_methods, refuse_attribute
from .embed import DEFAULTS, EmbedOptions, EmbedResult, EmbedStream, EmbedStreamAsync

if TYPE_CHECKING:
    import os

    from .caller import Caller
    from .corpus import CorpusOptions, CorpusResult, Drift, Estimate, Match
    from .embed import EmbedInput

_Method = TypeVar("_Method", bound=Callable[..., Any])


class _NotCallable(ModuleType):
    """The class of the module `openrouter_embeddings.embed`, which has the name of the method."""

    def __call__(self, *_: object, **__: object) -> None:
        raise TypeError("embed is a method: write OpenRouter().embeddings.embed(texts, model=...)")


sys.modules[jobs.__name__].__class__ = _NotCallable


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


def _opened_cache(options: EmbedOptions) -> Any:
    if (path := options.get("cache")) is None:
        return None
    from .corpus import Cache

    return Cache(path, options)


class Embeddings(GeneratedEmbeddings):
    """The embeddings operations of the API, and jobs that turn any number of texts into vectors."""

    _caller: Caller

    if not TYPE_CHECKING:  # a type checker would accept any name
        __getattr__ = refuse_attribute

    @_spell_out_options
    def embed(self, texts: str | Iterable[EmbedInput], **options: Unpack[EmbedOptions]) -> EmbedResult:
        """Embed any number of texts and return one matrix, in the order of the texts.

        Texts are packed into requests, which are sent concurrently, validated and retried; equal texts are sent once.
        Vectors are requested as base64 and accepted in either form.

        Args:
            texts: one string (one row), or any iterable of strings; it is read to its end first. An item may also be
                a list of token ids, or a multimodal input as in `generate` (`media.part` makes a part of a file); each
                gives one row. A request holds items of one kind: mixed ones are grouped as they follow each other.
            model: the model's id, such as `openai/text-embedding-3-small`.
            dimensions: length of the vectors, at least 1; None: the model's default.
            input_type: "search_query" or "search_document", for models that distinguish them.
            prefix: is put before each text, for models that know no `input_type`, such as "query: " or "passage: ". An
                empty text stays empty; inputs that are no text get none.
            provider, user, session_id, trace: as in `generate`.
            batch_size: maximum number of texts in a request, at least 1. "auto" starts at 96, which nearly all
                providers accept. A smaller limit of a model is learned from its rejections and kept with the client.
            concurrency: maximum number of requests in flight, at least 1. "auto" grows from 8 to 32 while responses
                arrive. It is halved when the server answers 429.
            requests_per_minute, tokens_per_minute: upper limits of all jobs of this client with this model; tokens are
                estimated. None: no limit.
            max_cost_usd: the job stops before a request that could make it cost more than this, by the price in the
                models list. What is in flight counts with its worst case: a token a byte, billed twice.
            cache: a file in which vectors are kept, by text and by the options that change vectors, and looked up
                before anything is sent; jobs and processes on one machine may share it. Not for streams.
            on_error: what happens if a text is rejected, by the API or because it is empty or not a string. "raise"
                ends the job, "record" leaves a row of NaN and an entry in `errors`, "skip" leaves out the row. A
                rejected request is halved until the bad text is alone.
                A wrong key, no credits, an unknown model, or 8 rejected texts before the first success always raise.
            on_empty: what happens if a text is empty: "raise" treats it as `on_error` says, "record" leaves a row of
                NaN, "skip" leaves out the row without an entry in `errors`.
            on_long: what happens if a text is longer than the model's context length. "raise" leaves it to the API, and
                a rejection is treated as `on_error` says. "record" leaves a row of NaN and an entry in `errors`.
                "truncate" cuts the text. "average" splits it, and the row is the average of the pieces' vectors,
                weighted by tokens, with length 1. Both put an entry in `shortened`. Tokens are estimated, three bytes
                each, which is more than most texts have; if the API still says that a text is too long, it is made
                shorter until it is accepted, up to 12 times. Token ids and multimodal inputs are never cut.
            max_tokens_per_text: the length for `on_long`, at least 1; with "raise", a longer text is an error before it
                is sent. None: the context length in the models list, which is fetched once for a model.
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
            BudgetError: the next request could pass `max_cost_usd`.
            OpenRouterError: the error that ended the job; `positions` names the texts. Its `partial`, and that of a
                KeyboardInterrupt, is an `EmbedResult` of what came until then, after the requests in flight finished:
                at most 30 s later, or 3 s after Ctrl-C. The rows of texts without a vector are NaN.

        Source: `POST /embeddings` in openapi.yaml.
        """
        return jobs.embed(self._caller, texts, options, _opened_cache(options))

    @_spell_out_options
    async def embed_async(self, texts: str | Iterable[EmbedInput], **options: Unpack[EmbedOptions]) -> EmbedResult:
        """`embed` on the running event loop (asyncio). When it is cancelled, requests in flight have 3 s to finish."""
        return await jobs.embed_async(self._caller, texts, options, _opened_cache(options))

    @_spell_out_options
    def embed_iter(self, texts: Iterable[EmbedInput], **options: Unpack[EmbedOptions]) -> EmbedStream:
        """Embed a stream of texts and yield blocks of vectors as they arrive; memory does not grow with the corpus.

        Takes the options of `embed`. Yields `(positions, vectors)`: the indexes of some texts, and a float32 array of
        shape `(len(positions), dimensions)`, in the order in which responses arrive. `texts` is read as requests are
        sent. Equal texts are sent once while the first of them is in flight. Texts that are rejected with "skip" or
        "record" are in `errors`. To leave early, take the blocks that are paid for with `drain()`; or close the stream,
        or use it in a `with` block, which cancels the requests in flight and counts them as possibly billed.
        """
        return jobs.embed_iter(self._caller, texts, options)

    @_spell_out_options
    def embed_iter_async(self, texts: Iterable[EmbedInput], **options: Unpack[EmbedOptions]) -> EmbedStreamAsync:
        """`embed_iter` on the running event loop (asyncio), for `async for`."""
        return jobs.embed_iter_async(self._caller, texts, options)

    def estimate(self, texts: str | Iterable[str], *, model: str) -> Estimate:
        """Estimate what `embed` or `corpus` will cost. Lists the models, and sends no text.

        Args:
            texts: one string, or an iterable of strings; it is read once, in constant memory.
            model: the model's id.

        Returns:
            An `Estimate`: tokens and USD, as a range.

        Raises:
            ConfigurationError: the models list has no price of the model.

        Source: `GET /embeddings/models` in openapi.yaml.
        """
        from .corpus import estimate

        return estimate(self._caller, texts, model)

    async def estimate_async(self, texts: str | Iterable[str], *, model: str) -> Estimate:
        """`estimate` in a thread, for an event loop (asyncio); `texts` is read in that thread."""
        return await asyncio.to_thread(self.estimate, texts, model=model)

    def search(
        self,
        output: str | os.PathLike[str],
        question: str,
        *,
        count: int = 10,
        input_type: str | None = None,
        prefix: str | None = None,
    ) -> list[Match]:
        """Find the rows of an output of `corpus` that are nearest in meaning to a question.

        Args:
            output: the file that `corpus` wrote.
            question: a text; it is embedded with the options that the file was made with.
            count: how many rows at most, at least 1.
            input_type: kind of the question; None: "search_query" where the rows are "search_document".
            prefix: what is put before the question; needed, if only as "", where the rows have a prefix.

        Returns:
            `Match` objects with id, row and cosine similarity, the nearest first.

        Raises:
            CorpusError: `corpus` did not write the file.
            ConfigurationError: the rows have a prefix, and `prefix` is None.

        Source: `POST /embeddings` in openapi.yaml.
        """
        from .corpus import search

        return search(self._caller, Path(output), question, count=count, input_type=input_type, prefix=prefix)

    async def search_async(
        self,
        output: str | os.PathLike[str],
        question: str,
        *,
        count: int = 10,
        input_type: str | None = None,
        prefix: str | None = None,
    ) -> list[Match]:
        """`search` in a thread, for an event loop (asyncio)."""
        options: Any = {"count": count, "input_type": input_type, "prefix": prefix}
        return await asyncio.to_thread(self.search, output, question, **options)

    def check(self, output: str | os.PathLike[str]) -> Drift:
        """Embed three fixed texts again and compare with their vectors in an output of `corpus`.

        Args:
            output: the file that `corpus` wrote.

        Returns:
            A `Drift`: the cosine distance, and whether the model changed.

        Raises:
            CorpusError: `corpus` did not write the file.

        Source: `POST /embeddings` in openapi.yaml.
        """
        from .corpus import check

        return check(self._caller, Path(output))

    async def check_async(self, output: str | os.PathLike[str]) -> Drift:
        """`check` in a thread, for an event loop (asyncio)."""
        return await asyncio.to_thread(self.check, output)

    def corpus(self, source: str | os.PathLike[str] | Iterable[Any], **options: Unpack[CorpusOptions]) -> CorpusResult:
        """Embed a file of any size into a file; the same call resumes after a crash.

        Each request is recorded before it is sent and each vector is on the disk before the next is taken, in a folder
        beside the output (`<output>.job`). SIGINT and SIGTERM let the requests in flight finish, and keep them; a
        second one leaves at once. Takes the options of `embed` except `on_error` and `on_empty`, and:

        Args:
            source: a file of JSONL, CSV, Parquet, Arrow or lines of text, or a folder of text files; "-" for standard
                input; or an iterable of texts or of `(id, text)`. The last two are copied to the job's folder first,
                and resuming needs the same content again.
            output: the file to write: `.parquet`, `.arrow` or `.npy`. It appears when it is complete. Rows are in the
                order of the source.
            format: how to read `source`; None: by its suffix.
            text_field, id_field: names of the fields of JSONL or columns. `id_field` None: "id" if the source has it,
                else the number of the row, from 0 (of the line, from 1, in lines of text).
            fixed_size_list: False writes vectors as plain lists, for engines that refuse `fixed_size_list`.
            dtype: form of the vectors in the output: "float32", or smaller, as `vectors.quantize` makes it: "float16",
                "int8" or "binary". `search` reads all of them.
            output_dimensions: vectors are cut to so many numbers in the output and scaled to length 1, as
                `vectors.truncate_dimensions` does, for models without `dimensions`. None: as they came.
            batch: True, or a `corpus.BatchOptions`, sends the corpus through the Batch API, for about half the price
                and with results within a day; see docs/batch.md. Three fixed texts are still sent at the full price.
            progress: a function that is called with a `types.Progress` four times a second.

        Returns:
            A `CorpusResult`: output, rows, errors, usage, drift. Rows without a vector are in `<output>.errors.jsonl`,
            rows whose text was cut or split in `<output>.shortened.jsonl`.

        Raises:
            CorpusError: another process works on the job; the corpus or an option changed since it began; the disk
                is full; or a batch has no result for some rows. Nothing is lost.
            KeyboardInterrupt: SIGINT or SIGTERM came.
            ConfigurationError, OpenRouterError: as `embed`; what came until then is kept.

        Source: `POST /embeddings` in openapi.yaml.
        """
        from .corpus import corpus

        return corpus(self._caller, source, options)

    async def corpus_async(
        self, source: str | os.PathLike[str] | Iterable[Any], **options: Unpack[CorpusOptions]
    ) -> CorpusResult:
        """`corpus` in a thread, for an event loop (asyncio).

        When the task is cancelled, the requests in flight have 30 s to finish, and are kept; when it is cancelled
        again, it ends at once. `progress` is called on the event loop; an iterable is read in the thread.
        """
        from .corpus import corpus_async

        return await corpus_async(self._caller, source, options)


guarded_methods(Embeddings)
