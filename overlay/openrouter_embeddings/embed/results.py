"""The public types that a job returns: `EmbedResult`, `Usage`, `TextError`, `Shortened`, `Progress`, protocols."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from ..errors import OpenRouterError
from ..response import Matrix, Positions

Block = tuple[Sequence[int], Matrix]


@functools.cache
def arrays() -> Any:
    """Return the module `matrix`, imported at first use because importing numpy is slow."""
    return import_module(".matrix", __package__)


def _as_float32(vectors: Any) -> Matrix:
    return arrays().as_float32(vectors)  # type: ignore[no-any-return]


def _all_positions(result: EmbedResult) -> Positions:
    return arrays().to_positions(range(len(result.vectors)))  # type: ignore[no-any-return]


@attrs.frozen
class Usage:
    """The usage of a job as reported by the API. `cost` is in USD, or None if no response reported it."""

    prompt_tokens: int = 0
    total_tokens: int = 0
    cost: float | None = None

    def plus(self, reported: Any) -> Usage:
        """Return the sum with the `usage` of another response; a value that is not a number counts as 0."""
        if not isinstance(reported, dict):
            return self
        prompt, total, cost = map(_amount, map(reported.get, ("prompt_tokens", "total_tokens", "cost")))
        return Usage(
            self.prompt_tokens + int(prompt or 0),
            self.total_tokens + int((prompt if total is None else total) or 0),
            self.cost if cost is None else (self.cost or 0.0) + cost,
        )


def _amount(value: Any) -> float | None:
    try:
        amount = float(value) if type(value) in (int, float, str) else math.nan
    except (ValueError, OverflowError):
        return None
    return amount if 0 <= amount < math.inf else None


@attrs.frozen
class TextError:
    """A text without a vector, and its error. `position` is its index in the caller's texts."""

    position: int
    error: OpenRouterError


@attrs.frozen
class Shortened:
    """A text that was too long for the model and was cut, or split into pieces whose vectors were averaged.

    Attributes:
        position: its index in the caller's texts.
        characters: its length, without the prefix.
        kept_characters: the number of leading characters that were embedded.
        pieces: the number of vectors that were averaged; 1 if the text was cut.
    """

    position: int
    characters: int
    kept_characters: int
    pieces: int


class VectorCache(Protocol):
    """The interface of a cache of vectors, by text."""

    def get(self, texts: Sequence[str]) -> dict[int, tuple[Any, str | None]]:
        """Return the cached vectors, float32, with the model that answered, by the index of their text."""
        ...

    def put(self, texts: Sequence[str], vectors: Any, model: str | None) -> None:
        """Store the vectors of texts, answered by one model."""


class Observer(Protocol):
    """Callbacks of a stream, called in the thread that iterates it. An exception in one ends the job."""

    def before_send(self, positions: Sequence[int], texts: Sequence[str]) -> None:
        """Called before a request is sent; retries and parts of a batch call it again."""

    def answered(self, model: str | None) -> None:
        """Called before a block comes, with the model that answered its texts; None if no response named one."""

    def unpriced(self, tokens: int) -> None:
        """Called for a response that reports no cost, with its tokens or the most that it may have."""

    def rejected(self, error: TextError) -> None:
        """Called for a text without a vector, instead of adding it to `errors` of the stream."""

    def shortened(self, text: Shortened) -> None:
        """Called before the vector of a cut or split text comes, instead of adding it to `shortened`."""


@attrs.frozen
class Progress:
    """The progress of a job, in wall-clock time. `seconds_left` is None if it is unknown.

    `wait_seconds` is the rest of a pause of all requests (0: no pause), and `wait_reason` is its cause.
    `errors` is the number of texts that failed, `in_flight` the number of requests without a response.
    """

    texts_done: int
    texts_total: int | None
    texts_per_second: float
    usage: Usage
    requests: int
    retries: int
    seconds: float
    seconds_left: float | None
    wait_seconds: float = 0.0
    wait_reason: str = ""
    errors: int = 0
    in_flight: int = 0


@attrs.define(eq=False, kw_only=True, slots=False)
class Stats:
    """The totals of a job, final or so far."""

    usage: Usage = attrs.field(factory=Usage)
    model: str | None = None
    requests: int = 0
    retries: int = 0
    possibly_billed_attempts: int = 0
    possibly_billed_texts: int = 0
    errors: list[TextError] = attrs.field(factory=list)
    shortened: list[Shortened] = attrs.field(factory=list)


@attrs.define(eq=False, repr=False, slots=False)
class EmbedResult(Stats):
    """The result of `embed`. Tests can create one: `EmbedResult(vectors)`.

    Iteration, indexing and `numpy.asarray` give the same as on `vectors`.

    Attributes:
        vectors: float32 `(n, dimensions)`, one row for each text, in the order of the texts. With
            `on_error="record"` the row of a text without a vector is NaN; with "skip" it is left out.
        positions: int64 `(n,)`: the index of the text of each row; by default 0 to n - 1.
        usage: the billed usage: prompt and total tokens, cost in USD.
        model: the model of the first response, or None if no response named a model.
        models: the positions of the texts that each model answered, int64.
        requests, retries: the number of requests, and how many of them were retries.
        possibly_billed_attempts: requests without a result that the server may have billed.
        possibly_billed_texts: the texts in these requests; a text counts once for each request.
        errors: the texts without a vector and their errors, sorted by position.
        shortened: the texts that were cut or split because they were too long, sorted by position.
    """

    vectors: Matrix = attrs.field(converter=_as_float32)
    positions: Positions = attrs.field(default=attrs.Factory(_all_positions, takes_self=True))
    models: dict[str, Positions] = attrs.field(factory=dict, kw_only=True)

    if not TYPE_CHECKING:  # with a visible __getattr__, type checkers accept every name

        def __getattr__(self, name: str) -> Any:
            hint = "the vectors are in `vectors`, one row for each text"
            raise AttributeError(f"'EmbedResult' object has no attribute {name!r}; {hint}")

    def __len__(self) -> int:
        return len(self.vectors)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.vectors)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, str):
            raise TypeError(f"EmbedResult has no key {index!r}; the vectors are in `vectors`, one row for each text")
        return self.vectors[index]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        converted = self.vectors if dtype is None else self.vectors.astype(dtype, copy=False)
        return converted.copy() if copy else converted

    def __repr__(self) -> str:
        rows, width = self.vectors.shape
        cost = "" if self.usage.cost is None else f", {dollars(self.usage.cost)}"
        errors = f", {counted(len(self.errors), 'error')}" if self.errors else ""
        tokens, requests = counted(self.usage.total_tokens, "token"), counted(self.requests, "request")
        model = f"model={self.model!r}"
        if len(self.models) > 1:
            model = f"models={{{', '.join(f'{name!r}: {len(texts)}' for name, texts in self.models.items())}}}"
        return f"EmbedResult({rows} x {width} float32, {model}, {tokens}{cost}, {requests}{errors})"


def counted(number: int, thing: str) -> str:
    """Format a number with its noun, in the plural unless it is 1."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def dollars(amount: float) -> str:
    """Format an amount in USD with 3 digits, or 4 decimals from 0.01, without an exponent."""
    return "$" + (f"{float(f'{amount:.3g}'):.12f}".rstrip("0").rstrip(".") if amount < 0.01 else f"{amount:,.4f}")
