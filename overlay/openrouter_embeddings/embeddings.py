"""Defines `client.embeddings`: the generated operations, and `embed`, `corpus`, `search` and their async versions."""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
from collections.abc import Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Unpack

from openrouter_generated.api.embeddings import Embeddings as GeneratedEmbeddings

import openrouter_embeddings.embed as jobs

from .embed import DEFAULTS, EmbedOptions, EmbedResult, EmbedStream, EmbedStreamAsync

if TYPE_CHECKING:
    from .caller import Caller
    from .corpus import CorpusOptions, CorpusResult, Drift, Estimate, Match
    from .embed import EmbedInput

_Method = TypeVar("_Method", bound=Callable[..., Any])
_P = ParamSpec("_P")
_R = TypeVar("_R")


def _show_options(hints: Mapping[str, str], *, replace: bool) -> Callable[[_Method], _Method]:
    """Show options in a method's signature, for `help`, editors and messages, before `**options` or in its place."""

    def show(method: _Method) -> _Method:
        signature = inspect.signature(method)
        *shown, rest = signature.parameters.values()
        for name, hint in hints.items():
            default = DEFAULTS.get(name, inspect.Parameter.empty)
            shown.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=hint, default=default))
        method.__signature__ = signature.replace(parameters=shown if replace else [*shown, rest])  # type: ignore[attr-defined]
        return method

    return show


_HINTS = {name: hint.__forward_arg__ for name, hint in EmbedOptions.__annotations__.items()} | {"model": "str"}
_show_all = _show_options(_HINTS, replace=True)
_show_required = _show_options({"output": "str", "model": "str"}, replace=False)


def _in_thread(method: Callable[_P, _R]) -> Callable[_P, Coroutine[Any, Any, _R]]:
    """Return the async version of a method, which runs it in a thread."""

    @functools.wraps(method)
    async def run(*arguments: _P.args, **options: _P.kwargs) -> _R:
        return await asyncio.to_thread(method, *arguments, **options)

    run.__name__, run.__qualname__ = f"{method.__name__}_async", f"{method.__qualname__}_async"
    run.__doc__ = f"Async version of `{method.__name__}`, run in a thread (asyncio only)."
    return run


def _opened_cache(caller: Caller, options: EmbedOptions) -> Any:
    if not isinstance(path := options.get("cache"), str | os.PathLike):  # `embed` rejects other values
        return None
    from .corpus import Cache

    return Cache(path, options, caller.config.url(options.get("server_url")))


class Embeddings(GeneratedEmbeddings):
    """The embeddings operations of the API, and jobs that embed any number of texts."""

    _caller: Caller

    @_show_all
    def embed(self, texts: str | Iterable[EmbedInput], **options: Unpack[EmbedOptions]) -> EmbedResult:
        """Embed any number of texts and return one matrix, in the order of the texts.

        Texts are packed into requests, which are sent concurrently, validated and retried; duplicates are sent once.

        Args:
            texts: one string (one row), or any iterable of strings, which is read to its end first. An item may also
                be a list of token ids, or a multimodal input as in `generate` (`media.part` creates a part from a
                file). Each item gives one row. Consecutive items of one kind share requests.
            model: the model's id, such as `openai/text-embedding-3-small`.
            dimensions: length of the vectors, at least 1; None: the model's default.
            input_type: "search_query" or "search_document", for models that distinguish them.
            prefix: added before each non-empty text, such as "query: ", for models without `input_type`.
            provider, user, session_id, trace: as in `generate`.
            batch_size: maximum number of texts in a request, at least 1. "auto": 96, or what the model accepts.
            concurrency: maximum number of requests in flight, at least 1. "auto": 8, which grows to 32. It is halved
                when the server is overloaded or limits the rate.
            requests_per_minute, tokens_per_minute: limits for all jobs of this client with this model together; tokens
                are estimated. None: no limit.
            max_cost_usd: the job stops before a request that could raise its cost above this, at the listed price and
                in the worst case: one token per byte, billed twice. None: no limit.
            cache: a file that stores vectors by text and by the options that change vectors; a cached text is not
                sent. Jobs and processes on one machine may share it. Not for streams.
            on_error: what happens if a text is rejected, by the API or because it is empty or not a string: "raise"
                ends the job, "record" gives a row of NaN and an entry in `errors`, "skip" gives no row. A wrong key,
                no credits, an unknown model, 8 failed texts before the first success, or an outage always raise.
            on_empty: what happens if a text is empty: "raise" follows `on_error`, "record" gives a row of NaN and an
                entry in `errors`, "skip" gives no row and no entry.
            on_long: what happens if a text is longer than the model's context length: "raise" sends it, and a rejection
                follows `on_error`; "record" gives a row of NaN and an entry in `errors`; "truncate" cuts the text;
                "average" splits it, and the row is the token-weighted average of the pieces' vectors, scaled to length
                1. `shortened` lists the cut and split texts. Three bytes count as one token; a text that is still
                rejected as too long is shortened up to 12 times. Only strings are cut or split.
            max_tokens_per_text: the token limit for `on_long`, at least 1; with "raise", a longer text is an error and
                is not sent. None: the context length in the models list.
            on_model_change: what happens if responses name different models: "warn" logs it once, and `models` of the
                result lists the rows of each; "raise" ends the job. Providers may spell one model differently.
            progress: True shows a bar (needs the extra `progress`); a function is called with a `types.Progress` after
                each response and when all requests wait.
            retries: as in `generate`, but the default retries longer: all requests of the job wait together, up to
                60 s at a time, and 8 waits without a response end the job. The `attempts` of a `Policy` replace the
                8; its `total_seconds` limit the time without a response.
            server_url, timeout_ms, http_headers: as in `generate`.
            extra_body: as in `generate`; `input` and `encoding_format` are not allowed.

        Returns:
            An `EmbedResult`: float32 `vectors` of shape `(n, dimensions)`, usage, model, errors.

        Raises:
            InvalidInputError: with `on_error="raise"`, a text is empty or not a string (the message names the
                positions); or an argument is rejected (the message names its path). Nothing was sent.
            ConfigurationError: an option is invalid. Nothing was sent.
            BudgetError: the next request could exceed `max_cost_usd`.
            OpenRouterError: the error that ended the job; `positions` names the texts. Requests in flight get 30 s to
                finish (3 s after Ctrl-C). Then the `partial` of the error or KeyboardInterrupt is an `EmbedResult` in
                which the rows of texts without a vector are NaN.

        Source: `POST /embeddings` in openapi.yaml.
        """
        return jobs.embed(self._caller, texts, options, _opened_cache(self._caller, options))

    @_show_all
    async def embed_async(self, texts: str | Iterable[EmbedInput], **options: Unpack[EmbedOptions]) -> EmbedResult:
        """Async version of `embed` (asyncio only). After a cancellation, requests in flight get 3 s to finish."""
        return await jobs.embed_async(self._caller, texts, options, _opened_cache(self._caller, options))

    @_show_all
    def embed_iter(self, texts: Iterable[EmbedInput], **options: Unpack[EmbedOptions]) -> EmbedStream:
        """Embed a stream of texts in constant memory, and yield blocks of vectors as they arrive.

        Takes the options of `embed`. Yields `(positions, vectors)`: the indexes of some texts, and their vectors,
        float32 `(len(positions), dimensions)`, in the order in which responses arrive. `texts` is read as requests
        are sent. A duplicate is not sent while the first text is in flight. With "skip" or "record", rejected texts
        are in `errors`. To stop early, call `drain()` and take the blocks in flight; or close the stream or leave its
        `with` block, which cancels the requests in flight and counts them as possibly billed.
        """
        return jobs.embed_iter(self._caller, texts, options)

    @_show_all
    def embed_iter_async(self, texts: Iterable[EmbedInput], **options: Unpack[EmbedOptions]) -> EmbedStreamAsync:
        """Async version of `embed_iter` (asyncio only), for `async for`."""
        return jobs.embed_iter_async(self._caller, texts, options)

    def estimate(self, texts: str | Iterable[EmbedInput] | os.PathLike[str], *, model: str) -> Estimate:
        """Estimate the cost of `embed` or `corpus`. Fetches the models list, and sends no text.

        Args:
            texts: as in `embed`, or the path of a corpus; it is read once, in constant memory.
            model: the model's id.

        Returns:
            An `Estimate`: tokens and USD, as a range.

        Raises:
            ConfigurationError: the models list has no price for the model.
            InvalidInputError: a text is empty or not a string, or names a file.

        Source: `GET /embeddings/models` in openapi.yaml.
        """
        from .corpus import estimate

        return estimate(self._caller, texts, model)

    estimate_async = _in_thread(estimate)

    def search(
        self,
        output: str | os.PathLike[str],
        question: str,
        *,
        count: int = 10,
        input_type: str | None = None,
        prefix: str | None = None,
    ) -> list[Match]:
        """Find the rows of a `corpus` output that are most similar to a question.

        Args:
            output: the file that `corpus` wrote.
            question: a text, which is embedded with the options of the corpus.
            count: maximum number of rows, at least 1.
            input_type: `input_type` of the question; None: "search_query" if the rows are "search_document".
            prefix: text before the question, for example ""; required if the rows have a prefix.

        Returns:
            `Match` objects with id, row and cosine similarity, sorted by descending similarity.

        Raises:
            CorpusError: `corpus` did not write the file.
            ConfigurationError: the rows have a prefix, and `prefix` is None.
            InvalidInputError: `question` is not a string.

        Source: `POST /embeddings` in openapi.yaml.
        """
        from .corpus import search

        return search(self._caller, Path(output), question, count=count, input_type=input_type, prefix=prefix)

    search_async = _in_thread(search)

    def check(self, output: str | os.PathLike[str]) -> Drift:
        """Detect a changed model: embed three fixed texts again and compare with their vectors in a `corpus` output.

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

    check_async = _in_thread(check)

    @_show_required
    def corpus(self, source: str | os.PathLike[str] | Iterable[Any], **options: Unpack[CorpusOptions]) -> CorpusResult:
        """Embed a file of any size into a file; the same call resumes after a crash.

        The folder `<output>.job` beside the output records each request before it is sent, and stores each block of
        vectors before the next. After SIGINT or SIGTERM, requests in flight finish and are stored; a second signal
        exits at once. Takes the options of `embed` except `on_error` and `on_empty`, and:

        Args:
            source: a file of JSONL, CSV, Parquet, Arrow or lines of text, or a folder of text files; "-" for standard
                input; or an iterable of texts, of `(id, text)` or of records such as `{"id": 1, "text": "a"}`. Standard
                input and iterables are copied to the job's folder first, and resuming needs the same content again.
            output: the file to write: `.parquet`, `.arrow` or `.npy`. It is created when it is complete, with rows in
                the order of the source.
            format: how to read `source`; None: by its suffix.
            text_field, id_field: names of fields or columns. `id_field` None: "id" if the source has it, else the
                number of the row, from 0 (in lines of text: the number of the line, from 1).
            fixed_size_list: False writes vectors as plain lists, for engines without support for `fixed_size_list`.
            dtype: number type of the vectors in the output: "float32", or as in `vectors.quantize` "float16", "int8" or
                "binary". `search` reads all of them.
            output_dimensions: the output keeps this many numbers of each vector, scaled to length 1 as in
                `vectors.truncate_dimensions`, for models without `dimensions`. None: all.
            batch: True, or a `corpus.BatchOptions`, sends the corpus through the Batch API, at about half the price,
                with results within a day; see docs/batch.md. Three fixed texts are still sent at the full price.
            progress: a function, called with a `types.Progress` four times a second.

        Returns:
            A `CorpusResult`: output, rows, errors, usage, drift. Rows without a vector are in `<output>.errors.jsonl`,
            rows whose text was cut or split in `<output>.shortened.jsonl`.

        Raises:
            CorpusError: another process works on the job; the corpus or an option changed since it started; the disk
                is full; or a batch has no result for some rows. Stored vectors are kept.
            KeyboardInterrupt: the process received SIGINT or SIGTERM.
            ConfigurationError, OpenRouterError: as in `embed`; stored vectors are kept. `positions` are rows of the
                source, and the message names them with their ids.

        Source: `POST /embeddings` in openapi.yaml.
        """
        from .corpus import corpus

        return corpus(self._caller, source, options)

    @_show_required
    async def corpus_async(
        self, source: str | os.PathLike[str] | Iterable[Any], **options: Unpack[CorpusOptions]
    ) -> CorpusResult:
        """Async version of `corpus`, run in a thread (asyncio only).

        When the task is cancelled, the requests in flight have 30 s to finish, and their vectors are stored; a second
        cancellation ends it at once. `progress` is called on the event loop; an iterable is read in the thread.
        """
        from .corpus import corpus_async

        return await corpus_async(self._caller, source, options)
