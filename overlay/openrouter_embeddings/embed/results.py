"""What a job returns and reports: usage, errors, progress and, in the end, one matrix."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, Protocol

import attrs

from ..errors import OpenRouterError
from ..response import Matrix, Positions

Block = tuple[Sequence[int], Matrix]


@functools.cache
def arrays() -> Any:
    """The module `matrix`, imported at first use: importing numpy takes longer than the rest of the package."""
    return import_module(".matrix", __package__)


def _to_matrix(vectors: Any) -> Matrix:
    return arrays().to_matrix(vectors)  # type: ignore[no-any-return]


def _all_positions(result: EmbedResult) -> Positions:
    return arrays().to_positions(range(len(result.vectors)))  # type: ignore[no-any-return]


@attrs.frozen
class Usage:
    """What a job was billed, as the API reports it. `cost`, in USD, is None where no response reported one."""

    prompt_tokens: int = 0
    total_tokens: int = 0
    cost: float | None = None

    def plus(self, reported: Any) -> Usage:
        """The sum with the `usage` of one more response; a value that is not a number counts as 0."""
        if not isinstance(reported, dict):
            return self
        prompt, total, cost = [_amount(reported.get(name)) for name in ("prompt_tokens", "total_tokens", "cost")]
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
    """A text that has no vector, and why. `position` is its index in the caller's texts."""

    position: int
    error: OpenRouterError


@attrs.frozen
class Shortened:
    """A text that was longer than the model takes, and was cut, or split into pieces whose vectors were averaged.

    Attributes:
        position: its index in the caller's texts.
        characters: its length, without the prefix.
        kept_characters: how many of them, from the first, were embedded.
        pieces: how many vectors were averaged; 1: it was cut.
    """

    position: int
    characters: int
    kept_characters: int
    pieces: int


class VectorCache(Protocol):
    """Looks up vectors by their texts, and keeps new ones."""

    def get(self, texts: Sequence[str]) -> dict[int, Any]:
        """The vectors that are known, float32, by the index of their text."""
        ...

    def put(self, texts: Sequence[str], vectors: Any) -> None:
        """Keep the vectors of texts."""


class Observer(Protocol):
    """Follows a stream request by request, in the thread that iterates it; an exception ends the job."""

    def before_send(self, positions: Sequence[int], texts: Sequence[str]) -> None:
        """A request with these texts is about to be sent, perhaps again or in parts."""

    def rejected(self, error: TextError) -> None:
        """A text has no vector; `errors` of the stream does not keep it."""

    def shortened(self, text: Shortened) -> None:
        """A text was cut or split, and its vector comes next; `shortened` of the stream does not keep it."""


@attrs.frozen
class Progress:
    """How far a job is. Rates and times are of the wall clock; `seconds_left` is None where it is unknown.

    `wait_seconds` is how long all requests wait from now on, 0 if they do not, and `wait_reason` names the error.
    `errors` is how many texts have no vector, `in_flight` how many requests have no response yet.
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
    """What a job has done: in all, or so far."""

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
    """What `embed` returns; it can also be made by hand: `EmbedResult(vectors)`.

    It is iterated, indexed and used as an array as `vectors` is.

    Attributes:
        vectors: float32 `(n, dimensions)`, one row for each text, in the order of the texts. With
            `on_error="record"` the row of a text without a vector is NaN; with "skip" it is left out.
        positions: int64 `(n,)`: for each row the index of its text; by default 0 to n - 1.
        usage: what the job was billed: prompt and total tokens, cost in USD.
        model: the model that answered first, None where no response named it.
        models: for each model that answered, the positions of its texts, int64.
        requests, retries: requests sent, and how many of them were sent again.
        possibly_billed_attempts: requests that the server may have billed although no result came of them.
        possibly_billed_texts: how many texts they held; one that was sent in several of them counts as often.
        errors: the texts that have no vector, and why, by position.
        shortened: the texts that were cut or split because they were too long, by position.
    """

    vectors: Matrix = attrs.field(converter=_to_matrix)
    positions: Positions = attrs.field(default=attrs.Factory(_all_positions, takes_self=True))
    models: dict[str, Positions] = attrs.field(factory=dict, kw_only=True)

    def __len__(self) -> int:
        return len(self.vectors)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.vectors)

    def __getitem__(self, index: Any) -> Any:
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
    """A number with its noun, in the plural if need be."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def dollars(amount: float) -> str:
    """An amount in few characters, however small, and without an exponent."""
    return "$" + (f"{amount:.10f}".rstrip("0").rstrip(".") if amount < 0.01 else f"{amount:,.4f}")
