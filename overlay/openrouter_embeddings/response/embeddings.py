"""Is this an answer to what was asked? Count, order, one length, finite numbers: judged, and never repaired.

Sources: OpenRouter documentation, embeddings guide (order by `index`, which some providers leave out).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import pairwise
from types import GenericAlias
from typing import TYPE_CHECKING, Any, cast

import attrs
import msgspec

from ..errors import ResponseValidationError, printable
from ..messages import Response
from ..request import PreparedCall
from .envelope import checked, document_of, judge_envelope, judge_utf8, refuse_unreadable, utf8
from .stream_decoder import PLACEHOLDER, Carved, StreamDecoder

if TYPE_CHECKING:
    from .vectors import Matrix

_log = logging.getLogger("openrouter")

_BLANK = 1 << 10  # bytes of an answer that may be nothing but blanks

_any = msgspec.json.Decoder()
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_rows = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_floats = msgspec.json.Decoder(list[float])
_base64 = msgspec.json.Decoder(bytes)


class EmptyAnswerError(ResponseValidationError):
    """No embeddings at all, or empty ones: how some models answer when base64 is asked for."""


def judge(reply: Response, call: PreparedCall) -> Any:
    """The typed answer of any operation.

    Raises:
        APIStatusError: the API refused, by a status or by an `error` in a 200.
        ResponseValidationError: the answer is none to what was asked.
    """
    checked(reply, call)
    special = _JUDGES.get(call.operation.id)
    document = special(reply, call) if special else document_of(reply, call)
    try:
        return call.operation.read(document)
    except ValueError as error:
        raise ResponseValidationError(f"the answer does not fit the API's description: {error}", reply) from None


@attrs.frozen
class Embeddings:
    """An embeddings answer that was judged: `rows` and `vectors` are in the order of the input."""

    envelope: Mapping[str, Any]  # all but `data`
    rows: Sequence[Any]
    vectors: Matrix | Sequence[Any]  # per row: numbers, or base64 as str (bytes where asked decoded)


def inputs_asked(fields: Mapping[str, Any]) -> int:
    """How many vectors a request asks for: one for a text or one list of token ids, else one for each item."""
    texts = fields.get("input")
    if not isinstance(texts, list | tuple) or not texts:
        return 1
    return 1 if isinstance(texts[0], int) else len(texts)


def embeddings(reply: Response, call: PreparedCall, base64_as: type = bytes) -> Embeddings:
    """Judge an embeddings answer: count, order, one length, the asked `dimensions`, finite numbers.

    Raises:
        APIStatusError, ResponseValidationError: as `judge`.
    """
    checked(reply, call)
    envelope, rows, indexes, vectors = _read(reply, call, base64_as)
    wanted = inputs_asked(call.fields)
    if not len(vectors):
        raise EmptyAnswerError(f"no embeddings came for {wanted} inputs", reply)
    if len(vectors) != wanted:
        raise ResponseValidationError(f"{len(vectors)} embeddings came for {wanted} inputs", reply)
    order = _order(indexes, reply)
    if order is not None:
        rows = [rows[i] for i in order]
        vectors = [vectors[i] for i in order] if isinstance(vectors, list) else vectors[order]
    _judge_lengths(vectors, call.fields.get("dimensions"), reply)
    return Embeddings(envelope, rows, vectors)


def _read(reply: Response, call: PreparedCall, base64_as: type) -> tuple[dict[str, Any], Any, Any, Any]:
    """Read an answer the fastest way that understands it: its envelope, rows, and their indexes and vectors."""
    if base64_as is bytes and isinstance(reply.body, StreamDecoder):
        with suppress(ValueError, RecursionError):
            return _read_carved(reply.body.carved())
    content = reply.content
    # The first row that is not in base64 ends the first attempt.
    for vector in (bytes, msgspec.Raw) if base64_as is bytes else (str | list[float],):
        with suppress(ValueError, RecursionError):
            return _read_typed(content, vector)
    return _read_any(reply, call, base64_as)


@cache
def _typed_decoder(vector: Any) -> tuple[Any, tuple[str, ...], tuple[str, ...]]:
    """A decoder of answers that hold what the spec names: it checks numbers while it parses.

    ResultMatrix that hold more are refused where they must be kept, which is where base64 stays text.
    """
    from openrouter_generated.models import CreateEmbeddingsData, CreateEmbeddingsResponse

    def known(model: type, types: Mapping[str, Any], closed: bool) -> tuple[Any, tuple[str, ...]]:
        names = tuple(a.name for a in attrs.fields(model) if a.name not in _OURS)
        shape: Any = [(n, types.get(n, Any), msgspec.UNSET) for n in names]
        return msgspec.defstruct(model.__name__, shape, forbid_unknown_fields=closed, gc=False), names

    row, row_names = known(CreateEmbeddingsData, {"embedding": vector, "index": int}, vector == str | list[float])
    top, top_names = known(CreateEmbeddingsResponse, {"data": GenericAlias(list, (row,))}, True)
    return msgspec.json.Decoder(top), row_names, tuple(n for n in top_names if n != "data")


_OURS = ("additional_properties", "http_meta")


def _read_carved(carved: Carved) -> tuple[dict[str, Any], Any, Any, Any]:
    """Read an ordinary answer that was taken apart: what is left as `_read_typed` does; `ValueError` otherwise."""
    top, names = _typed(carved.rest, str)
    if [row.embedding for row in top.data] != [PLACEHOLDER] * carved.cuts:
        raise ValueError("vectors that are not one for each row")
    return _present(top, names), top.data, [row.index for row in top.data], carved.vectors()


def _read_typed(content: bytes | bytearray, vector: Any) -> tuple[dict[str, Any], Any, Any, Any]:
    """Read an answer that holds what the spec names in one pass; `ValueError` where it holds anything else."""
    top, names = _typed(content, vector)
    vectors = [row.embedding for row in top.data]
    if msgspec.UNSET in vectors:
        raise ValueError("a row without embedding")
    if vector is msgspec.Raw:
        vectors = list(map(_reader(), vectors))
    return _present(top, names), top.data, [row.index for row in top.data], vectors


def _typed(content: bytes | bytearray, vector: Any) -> tuple[Any, tuple[str, ...]]:
    decoder, _, names = _typed_decoder(vector)
    if not content.isascii():
        judge_utf8(content)
    top = decoder.decode(content)
    if top.data is msgspec.UNSET:
        raise ValueError("no data")
    return top, names


def _present(struct: Any, names: Sequence[str]) -> dict[str, Any]:
    return {n: value for n in names if (value := getattr(struct, n)) is not msgspec.UNSET}


def _read_any(reply: Response, call: PreparedCall, base64_as: type) -> tuple[dict[str, Any], Any, Any, Any]:
    """Read an answer that is not the ordinary one: name what is wrong, or keep what is new."""
    try:
        members = _members.decode(utf8(reply.content))
        envelope = {name: _any.decode(raw) for name, raw in members.items() if name != "data"}
        raws = _rows.decode(members["data"]) if "data" in members and bytes(members["data"]) != b"null" else None
    except msgspec.ValidationError:
        document = document_of(reply, call)
        raise ResponseValidationError(_wrong_rows(document), reply) from None
    except (ValueError, RecursionError) as error:
        with _empty_if(not bytes(reply.content[:_BLANK]).strip() and len(reply.content) < _BLANK, call):
            refuse_unreadable(reply, error)
    with _empty_if(raws is None and not envelope.get("error"), call):
        judge_envelope({**envelope, "data": raws}, reply, call)
    documented = base64_as is str
    read = _documented if documented else _reader()
    rows, vectors = [], []
    for i, raw in enumerate(raws or ()):
        try:
            row = {name: _any.decode(raw[name]) for name in _kept(raw, documented)}
        except (ValueError, RecursionError) as error:
            refuse_unreadable(reply, error)
        row["embedding"] = _vector(raw.get("embedding"), i, read, reply)
        rows.append(row)
        vectors.append(row["embedding"])
    return envelope, rows, [row.get("index", msgspec.UNSET) for row in rows], vectors


def _kept(row: Mapping[str, Any], documented: bool) -> list[str]:
    """The members of a row that are read beside its vector, in their order: for a matrix its place alone."""
    return [name for name in row if name == "index" or (documented and name != "embedding")]


@contextmanager
def _empty_if(nothing: bool, call: PreparedCall) -> Iterator[None]:
    """An answer of nothing where base64 was asked for is that of a model that cannot give it."""
    try:
        yield
    except ResponseValidationError as error:
        if not nothing or call.fields.get("encoding_format") != "base64":
            raise
        raise EmptyAnswerError(error.message, error.raw_response, retryable=error.retryable) from None


def _wrong_rows(document: Any) -> str:
    data = document.get("data") if isinstance(document, dict) else document
    if not isinstance(data, list):
        return f"data: expected an array, got {type(data).__name__}"
    wrong = next((i for i, row in enumerate(data) if not isinstance(row, dict)), 0)
    return f"data[{wrong}]: expected an object, got {type(data[wrong]).__name__ if data else 'nothing'}"


def _reader() -> Callable[[msgspec.Raw], bytes]:
    """What makes little-endian float32 of a vector in either form; `ValueError` where it is in none."""
    from .vectors import Arrays

    arrays = Arrays()
    return lambda raw: _base64.decode(raw) if _begin(raw) == b'"' else arrays.packed(raw)


def _documented(raw: msgspec.Raw) -> list[float] | str:
    """A vector as the API's description has it; `ValueError` where it is in neither form."""
    if _begin(raw) != b'"':
        return _floats.decode(raw)
    _base64.decode(raw)
    return cast("str", _any.decode(raw))


def _begin(raw: msgspec.Raw) -> bytes:
    return bytes(memoryview(raw)[:1])


def _vector(raw: msgspec.Raw | None, position: int, read: Callable[[msgspec.Raw], Any], reply: Response) -> Any:
    where = f"data[{position}].embedding"
    try:
        if raw is not None and _begin(raw) in (b'"', b"["):
            return read(raw)
    except ValueError as error:
        reason, _, at = str(error).partition(" - at `$")
        raise ResponseValidationError(f"{where}{at.rstrip('`')}: {reason}", reply) from None
    found = "nothing" if raw is None else printable(bytes(memoryview(raw)[:40]).decode("utf-8", "replace"), 40)
    error_class = EmptyAnswerError if raw is None or found == "null" else ResponseValidationError
    raise error_class(f"{where}: expected numbers or base64, got {found}", reply)


def _order(indexes: Sequence[Any], reply: Response) -> Sequence[int] | None:
    """Where to find the row of each input; None where they already stand in order.

    Without any `index` rows stand in order of arrival. One more form is understood, that of servers which leave
    out zeros: the first row has none, and 0 is the one that lacks.
    """
    count = len(indexes)
    if indexes == list(range(count)) and set(map(type, indexes)) == {int}:
        return None
    if all(index is msgspec.UNSET or index is None for index in indexes):
        return None
    if indexes[0] in (None, msgspec.UNSET):
        indexes = [0, *indexes[1:]]
    for position, index in enumerate(indexes):
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < count:
            shown = "is missing" if index in (None, msgspec.UNSET) else f"is {printable(repr(index), 40)}"
            raise ResponseValidationError(
                f"data[{position}].index {shown}; {count} inputs have the indexes 0 to {count - 1}", reply
            )
    order = sorted(range(count), key=indexes.__getitem__)
    twice = next((indexes[a] for a, b in pairwise(order) if indexes[a] == indexes[b]), None)
    if twice is not None:
        raise ResponseValidationError(f"two embeddings have the index {twice}", reply)
    return None if order == list(range(count)) else order


def _judge_lengths(vectors: Any, dimensions: Any, reply: Response) -> None:
    """Every vector as long as asked, or all of one length; base64 of whole numbers."""
    asked = dimensions if isinstance(dimensions, int) else None
    alike = not isinstance(vectors, list) or (
        len(set(map(len, vectors))) == 1 and set(map(type, vectors)) in ({bytes}, {list})
    )
    wanted = asked
    for position, vector in enumerate(vectors[:1] if alike else vectors):
        length = vector_length(vector)
        if isinstance(length, float):
            raise ResponseValidationError(
                f"the embedding of input {position} is not base64 of whole float32 numbers", reply
            )
        wanted = length if wanted is None else wanted
        if length != wanted or length == 0:
            why = f"dimensions={asked} was asked for" if asked else f"the embedding of input 0 has {wanted}"
            found = f"has {length} numbers" if length else "is empty"
            error = ResponseValidationError if length else EmptyAnswerError
            raise error(f"the embedding of input {position} {found}; {why}", reply)


def vector_length(vector: Any) -> int | float:
    """How many numbers a vector has; base64 holds four bytes for each, and a broken one no whole number of them."""
    if not isinstance(vector, str | bytes):
        return len(vector)
    size = len(vector) // 4 * 3 - vector.count("=", -2) if isinstance(vector, str) else len(vector)
    return size / 4 if size % 4 else size // 4


def _judge_documented(reply: Response, call: PreparedCall) -> dict[str, Any]:
    """The embeddings answer as plain JSON, its rows in input order: what `generate` reads."""
    answer = embeddings(reply, call, base64_as=str)
    _, names, _ = _typed_decoder(str | list[float])
    rows = [row if isinstance(row, dict) else _present(row, names) for row in answer.rows]
    if str in set(map(type, answer.vectors)):
        matrix_of(answer.vectors, reply)  # base64 that stays text is judged as the matrix it stands for
    else:
        warn_of_zeros(list(map(any, answer.vectors)).count(False), len(rows))
    return {**answer.envelope, "data": rows}


def matrix_of(vectors: Matrix | Sequence[Any], reply: Response) -> Matrix:
    """The vectors of a judged answer as float32 `(n, dimensions)`.

    Raises:
        ResponseValidationError: base64 that is none, or a number that is not finite.
    """
    from .vectors import NotFiniteError, judge_finite, matrix, packed, zero_rows

    if isinstance(vectors, list):
        raws = []
        for position, vector in enumerate(vectors):
            try:
                raws.append(vector if isinstance(vector, bytes) else packed(vector))
            except ValueError:
                raise ResponseValidationError(f"the embedding of input {position} is not base64", reply) from None
        vectors = matrix(raws)
    made = cast("Matrix", vectors)
    try:
        judge_finite(made)
    except NotFiniteError as error:
        raise ResponseValidationError(str(error), reply) from None
    warn_of_zeros(zero_rows(made), len(made))
    return made


def warn_of_zeros(zeros: int, count: int) -> None:
    """One warning for an answer of which vectors hold nothing."""
    if not zeros:
        return
    _log.warning(
        "%d of %d embeddings are all zeros: they have no direction, and similarity to them means nothing", zeros, count
    )


_JUDGES = {"createEmbeddings": _judge_documented}
