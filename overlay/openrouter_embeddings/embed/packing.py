"""Texts packed into requests, by count and by estimated tokens. Pure and lazy.

Providers differ in how many inputs one request may hold (10 to 2,048) and in their sum of tokens, and the API tells
neither: packing starts with what nearly all take and learns each model's cap from its refusals.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain, islice, takewhile
from operator import itemgetter
from typing import Final, Literal

import attrs

from ..errors import InvalidInputError
from .rejections import limits_in_message

START_INPUTS: Final = 96
"""Inputs a request holds before anything is known: what all but the smallest providers take."""
MOST_TOKENS: Final = 240_000
"""Estimated tokens a request holds: the largest documented sum is 300,000, less a margin for the estimate."""
_BYTES_PER_TOKEN: Final = 3  # English has about four; code, numbers and most other scripts fewer
_LEAST_TOKENS: Final = 500  # no model takes fewer in all: what seems to be such a cap is none
_AT_ONCE: Final = 64  # texts that are read together
_BEFORE_A_TRIAL: Final = 2  # requests that go through before a cap is doubted that rests on one refusal

_position, _text = itemgetter(0), itemgetter(1)  # of a pair

About = Literal["inputs", "tokens", "unsaid"]
"""What a refusal spoke of."""


@attrs.define(eq=False)
class SplitGroup:
    """The parts of a refused batch: when all go through, what they hold is what the model takes."""

    left: int
    size: int
    tokens: int = 0  # of the largest part
    refused: int = 0  # inputs of the batch that was refused
    refused_tokens: int = 0
    depth: int = 1  # refusals in a row that led here
    about: About = "unsaid"
    trial: bool = False


@attrs.frozen(eq=False)
class Batch:
    """What one request holds. `positions` are indexes into the caller's texts, one for each text."""

    positions: tuple[int, ...]
    texts: tuple[str, ...] = attrs.field(repr=False)
    family: SplitGroup | None = attrs.field(default=None, repr=False)
    base64: bool = True  # False: ask for floats, since base64 came back empty or was refused
    trial: bool = False  # holds more than the cap that was guessed
    part: bool = False  # of a batch that was asked for and failed

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def tokens(self) -> int:
        """Its texts' tokens, estimated."""
        return sum(map(estimate_tokens, self.texts))

    def first(self, size: int) -> tuple[Batch, Batch]:
        """Its first `size` texts, and the others; they teach nothing."""
        head, rest = slice(size), slice(size, None)
        return (
            attrs.evolve(self, positions=self.positions[head], texts=self.texts[head], family=None, trial=False),
            attrs.evolve(self, positions=self.positions[rest], texts=self.texts[rest], family=None, trial=False),
        )

    def parts(self, size: int, *, learn: bool, about: About = "unsaid") -> list[Batch]:
        """The same texts in batches of at most `size`, in order; as one family if their size is to be learned."""
        starts = range(0, len(self.texts), size)
        family = None
        if learn:
            depth = 1 + (self.family.depth if self.family else 0)
            tokens = [estimate_tokens(text) for text in self.texts]
            largest = max(sum(tokens[i : i + size]) for i in starts)
            family = SplitGroup(len(starts), size, largest, len(self), sum(tokens), depth, about, self.trial)
        return [
            attrs.evolve(
                self,
                positions=self.positions[i : i + size],
                texts=self.texts[i : i + size],
                family=family,
                trial=False,
                part=True,
            )
            for i in starts
        ]


def estimate_tokens(text: str) -> int:
    """Tokens of a text, by its UTF-8 length: no tokenizer is downloaded, and most texts have fewer."""
    return 1 + (len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))) // _BYTES_PER_TOKEN


def _tokens_at_most(texts: Sequence[str]) -> int:
    """No fewer than their estimates together, and quicker than asking each."""
    most_bytes = sum(map(len, texts)) * (1 if all(map(str.isascii, texts)) else 4)
    return len(texts) + most_bytes // _BYTES_PER_TOKEN


@attrs.define(eq=False)
class ProvisionalLimit:
    """A cap of inputs that no refusal named: it may have been the tokens, or nothing that lasts."""

    refused: int
    refused_tokens: int
    tokens: int  # what went through instead
    doubtful: bool  # it rests on one refusal
    before: int | None  # the cap until then
    since: int = 0  # requests that went through, packed to it
    trying: bool = False  # a request of more is on its way

    def may_try(self, tokens: int) -> bool:
        """Whether so many tokens, in more inputs, would tell whether the guess is right."""
        return not self.trying and (tokens <= self.tokens or (self.doubtful and self.since >= _BEFORE_A_TRIAL))


class ModelLimits:
    """What one model was seen to take; learned from refusals, kept for the client's life."""

    def __init__(self) -> None:
        self.max_inputs: int | None = None
        self.max_tokens: int | None = None  # of a request, in our estimate
        self.base64 = True
        self.base64_works = False  # it was asked for, and vectors came
        self.known = False  # whether it has answered at all
        self.guess: ProvisionalLimit | None = None
        self._accepted = 0  # the most inputs that went through
        self._sums = 0  # refused batches that cannot have held too many inputs

    def learn(self, accepted: int) -> None:
        """A request of more inputs was refused, and its parts of `accepted` inputs went through."""
        self.max_inputs = min(accepted, self.max_inputs or accepted)
        self.guess = None

    def inputs(self, asked: int | None) -> int:
        """How many inputs the next request may hold; `asked` is the caller's `batch_size`, None for "auto"."""
        wanted = asked or START_INPUTS
        return min(wanted, self.max_inputs or wanted)

    def reach(self, asked: int | None) -> int:
        """How many inputs a request may hold that tries whether the guess is right."""
        wanted, guess = asked or START_INPUTS, self.guess
        return min(wanted, (guess.before if guess else self.max_inputs) or wanted)

    def answered(self, batch: Batch, *, as_numbers: bool = False) -> None:
        """A request went through: what that proves. `as_numbers`: its vectors did not come in base64."""
        self.known = True
        if not batch.base64 or (as_numbers and not self.base64_works):
            self.base64 = False
        elif not as_numbers:
            self.base64_works = True
        family, guess, inputs = batch.family, self.guess, len(batch.texts)
        self._accepted = max(self._accepted, inputs)
        if guess is not None and inputs >= guess.refused:
            self.guess, self.max_inputs = None, guess.before
            if not guess.doubtful and (tokens := batch.tokens) < guess.refused_tokens:
                self._learn_tokens(max(tokens, guess.tokens))
        elif guess is not None and family is None:
            guess.since += 1
        if family is not None:
            family.left -= 1
            if family.left == 0:
                self._proven(family)

    def _proven(self, family: SplitGroup) -> None:
        if family.about == "inputs":
            self.learn(family.size)
        elif family.about == "tokens" or family.refused <= self._accepted:
            self._sums += 1
            if self._sums > 1 or (family.about == "tokens" and family.depth > 1):
                self._learn_tokens(family.tokens)  # one refusal might not last
        elif family.trial:
            self.guess = None  # refused a second time: it holds
        else:
            guess = self.guess
            before, doubtful = (guess.before, False) if guess else (self.max_inputs, family.depth == 1)
            self.guess = ProvisionalLimit(family.refused, family.refused_tokens, family.tokens, doubtful, before)
            self.max_inputs = family.size

    def _learn_tokens(self, tokens: int) -> None:
        if tokens >= _LEAST_TOKENS:
            self.max_tokens = min(tokens, self.max_tokens or tokens)

    def refused(self, batch: Batch, message: str) -> list[Batch]:
        """What to send instead of a batch of several texts that was refused with these words."""
        told = limits_in_message(message)
        size = told.size_below(len(batch))
        if size is not None:
            return batch.parts(size, learn=True, about="inputs")
        if told.tokens and self._told_tokens(max(told.tokens), batch):
            return [attrs.evolve(batch, family=None, trial=False, part=True)]
        guess, most = self.guess, self.max_inputs
        if batch.trial and guess is not None and most is not None:
            guess.trying = True  # until its parts went through
            return batch.parts(most, learn=True)
        return batch.parts((len(batch) + 1) // 2, learn=True, about="tokens" if told.of_tokens else "unsaid")

    def _told_tokens(self, told: int, batch: Batch) -> bool:
        """Learn a sum of tokens that was named; not where it may be that of one text."""
        tokens = batch.tokens
        limit = told if told < tokens else tokens // 2  # the estimate may be too low, though not by very much
        if limit < max(_LEAST_TOKENS, told // 8) or 2 * max(map(estimate_tokens, batch.texts)) > told:
            return False
        self._learn_tokens(limit)
        return True

    def failed(self, batch: Batch) -> None:
        """A request did not go through, whatever the reason: a trial of which that is a part is undecided."""
        guess, family = self.guess, batch.family
        if guess is not None and (batch.trial or (family is not None and family.trial)):
            guess.trying = False


class Packer:
    """Lazily packs `(position, text)` pairs; batches put back (the parts of a refused one) come first."""

    def __init__(self, texts: Iterable[tuple[int, str]], caps: ModelLimits, batch_size: int | None) -> None:
        self._texts: Iterator[tuple[int, str]] = iter(texts)
        self._caps, self._batch_size = caps, batch_size
        self._returned: deque[Batch] = deque()
        self._held: deque[tuple[int, str]] = deque()  # taken, and not yet packed
        self._turned = False
        if (guess := caps.guess) is not None:
            guess.trying = False  # a job may have been left in the middle of it

    def requeue(self, batches: Sequence[Batch]) -> None:
        """Send these next."""
        self._returned.extendleft(reversed(batches))

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left; looks one text ahead."""
        if not self._held:
            self._held.extend(islice(self._texts, 1))
        return not self._held and not self._returned

    def turn(self) -> bool:
        """Send one text next that is far from those that were put back; False where none is left."""
        self._turned = not self.exhausted
        return self._turned

    def next(self) -> Batch | None:
        """The next batch, cut to what the model takes by now; None where there are no texts left."""
        if self._turned:
            self._turned = False
            one, rest = (self._pack() or self._returned.pop()).first(1)
            self._returned.extend([rest] if rest.texts else [])
            return attrs.evolve(one, base64=one.base64 and self._caps.base64, part=False)
        if self._returned:
            batch = self._returned.popleft()
            return self._cut(attrs.evolve(batch, base64=batch.base64 and self._caps.base64))
        packed = self._pack()
        return packed if packed is None or self._caps.guess is None else self._cut(packed)

    def _pack(self) -> Batch | None:
        caps, guess = self._caps, self._caps.guess
        limit, most_tokens = caps.inputs(self._batch_size), caps.max_tokens or MOST_TOKENS
        pairs = self._taken(limit, most_tokens)
        if guess is not None and len(pairs) == limit:
            tokens = sum(map(estimate_tokens, map(_text, pairs)))
            for pair in islice(self._source(), caps.reach(self._batch_size) - limit):
                tokens += estimate_tokens(pair[1])
                if tokens > most_tokens or not guess.may_try(tokens):
                    self._held.appendleft(pair)
                    break
                pairs.append(pair)
            if len(pairs) < guess.refused:  # too few to tell anything
                self._held.extendleft(reversed(pairs[limit:]))
                del pairs[limit:]
        if not pairs:
            return None
        return Batch(tuple(map(_position, pairs)), tuple(map(_text, pairs)), base64=caps.base64)

    def _source(self) -> Iterator[tuple[int, str]]:
        return chain(_drained(self._held), self._texts) if self._held else self._texts

    def _taken(self, count: int, most_tokens: int) -> list[tuple[int, str]]:
        """At most so many pairs, of at most so many tokens in all; but one, whatever it holds.

        Of long texts hardly more are read than that: those that come next are taken to be as long as the last.
        """
        source = self._source()
        pairs: list[tuple[int, str]] = []
        tokens = 0
        at_once = 1
        while more := list(islice(source, min(count - len(pairs), at_once))):
            pairs += more
            new = _tokens_at_most(list(map(_text, more)))
            tokens += new
            if tokens > most_tokens:
                sums = list(accumulate(map(estimate_tokens, map(_text, pairs))))
                tokens = sums[-1]
                if tokens > most_tokens:
                    size = max(1, bisect_right(sums, most_tokens))
                    self._held.extendleft(reversed(pairs[size:]))
                    return pairs[:size]
            at_once = max(1, min(_AT_ONCE, (most_tokens - tokens) * len(more) // new))
        return pairs

    def _cut(self, batch: Batch) -> Batch:
        """As much of a batch as may be sent now; what is left is put back."""
        caps, guess, most = self._caps, self._caps.guess, self._caps.max_tokens
        size = len(batch) if most is None else self._within(batch, most)
        tells = guess is not None and guess.refused <= len(batch) <= min(size, caps.reach(self._batch_size))
        if guess is not None and tells and guess.may_try(batch.tokens):
            guess.trying = True
            return attrs.evolve(batch, family=None, trial=True)
        size = min(size, caps.inputs(self._batch_size))
        if len(batch) <= size:
            return batch
        batch, rest = batch.first(size)
        self.requeue([rest])
        return batch

    @staticmethod
    def _within(batch: Batch, most: int) -> int:
        """How many of its first texts hold at most so many tokens; at least one."""
        sums = accumulate(map(estimate_tokens, batch.texts))
        return max(1, sum(1 for _ in takewhile(lambda total: total <= most, sums)))


def _drained(held: deque[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    while held:
        yield held.popleft()


def checked_text(position: int, text: object) -> str:
    """A text that may be sent.

    Raises:
        InvalidInputError: it is not a string, or holds half of a surrogate pair; the message names its position.
    """
    if not isinstance(text, str):
        raise InvalidInputError(
            f"texts[{position}]: expected a string, got {type(text).__name__}", f"texts[{position}]"
        )
    text = str.__str__(text)  # its characters, whatever its class says of itself
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidInputError(
                f"texts[{position}]: holds half of a surrogate pair, which no UTF-8 can carry", f"texts[{position}]"
            ) from None
    return text
