"""Checks that a response answers its request, and converts it to the typed result or to a matrix.

Checked: number of vectors, order by `index`, one length, requested `dimensions`, finite numbers.
Source: OpenRouter documentation, embeddings guide (order by `index`, which some providers leave out).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import attrs

from ..contract import CREATE_EMBEDDINGS, LIST_MODELS, USAGE_AMOUNTS
from ..errors import ResponseValidationError, printable
from ..messages import Response
from ..request import PreparedCall, count_inputs, number_type
from .envelope import check_envelope, check_status, decode, decode_document, read_plain, try_decode
from .stream_decoder import PLACEHOLDER, StreamDecoder, decode_numbers

if TYPE_CHECKING:
    from openrouter_generated.types import HttpMeta

    from .vectors import Matrix

_log = logging.getLogger("openrouter")


class EmptyEmbeddingsError(ResponseValidationError):
    """The response has no embeddings, or empty ones. Some models answer a request for base64 so."""


@attrs.define
class EmbeddingBatch:
    """The vectors of one response: float32 `(n, dimensions)`, in input order."""

    vectors: Matrix
    model: str | None
    usage: Any  # as it came, not checked
    as_numbers: bool = False  # the vectors came as numbers, whatever was requested
    rejected_usages: list[Any] = attrs.field(factory=list, init=False)  # of earlier attempts; set by the call
    http_meta: HttpMeta = attrs.field(init=False)  # set by the call


def validate(response: Response, call: PreparedCall) -> Any:
    """Check a response and convert it to the typed result of its operation.

    Raises:
        APIStatusError: the API refused, by a status or by an `error` in a 200.
        ResponseValidationError: the response does not answer the request.
    """
    check_status(response, call)
    kind = call.operation.kinds.get(response.status_code)
    if kind is not None:
        return read_plain(response, call, kind)
    document = _READERS.get(call.operation.id, decode_document)(response, call)
    while True:
        try:
            return call.operation.read(document)
        except ValueError as error:
            if call.operation.id not in _READERS or not _drop_misfit(document, str(getattr(error, "path", ""))):
                message = f"the response does not match the API description: {error}"
                raise ResponseValidationError(message, response) from None
            _log.warning("a part of a response is left out: %s", error)


def _drop_misfit(document: dict[str, Any], path: str) -> bool:
    """Remove what does not match the API description, if it stands beside the rows: those are worth more."""
    top, _, rest = path.partition(".")
    holder, name = (document.get(top), rest.partition(".")[0].partition("[")[0]) if rest else (document, top)
    return top != "data" and isinstance(holder, dict) and holder.pop(name, None) is not None


def read_embeddings(response: Response, call: PreparedCall) -> EmbeddingBatch:
    """Check an embeddings response and convert its vectors to one matrix in input order; raises as `validate`."""
    check_status(response, call)
    document, vectors, as_numbers = _read(response, call, as_lists=False)
    model = document.get("model")
    matrix = _to_matrix(vectors, response)
    return EmbeddingBatch(matrix, model if isinstance(model, str) else None, document.get("usage"), as_numbers)


def _read_documented(response: Response, call: PreparedCall) -> dict[str, Any]:
    """Read an embeddings response as the document that the API describes, its rows in input order."""
    document, vectors, as_numbers = _read(response, call, as_lists=True)
    if as_numbers:
        _warn_of_zeros(list(map(any, vectors)).count(False), len(vectors))
    else:
        from .vectors import encode_base64

        matrix = _to_matrix(vectors, response)  # base64 is checked as the matrix that it encodes
        if call.fields.get("encoding_format") == "float":
            vectors = matrix.tolist()
        elif isinstance(vectors, list):  # of more than one form: left as they are
            vectors = [row["embedding"] for row in document["data"]]
        else:
            vectors = map(bytes.decode, encode_base64(matrix))
    for row, vector in zip(document["data"], vectors, strict=True):
        row["embedding"] = vector
    usage: Any = document.get("usage")
    for name in USAGE_AMOUNTS if isinstance(usage, dict) else ():
        with suppress(ValueError):  # some servers write a cost as text
            if isinstance(text := usage.get(name), str) and math.isfinite(amount := float(text)):
                usage[name] = int(amount) if amount.is_integer() else amount
    return document


def _read_models(response: Response, call: PreparedCall) -> Any:
    """Read a list of models: objects with an id. Any other mismatch is named when the list is converted."""
    document = decode_document(response, call)
    rows = document.get("data") if isinstance(document, dict) else None
    for i, row in enumerate(rows if isinstance(rows, list) else ()):
        if row is None:
            raise ResponseValidationError(f"data[{i}]: expected an object, got null", response)
        wrong = [name for name in ("id", "name") if isinstance(row, dict) and not _is_text(row, name)]
        if wrong:
            found = type(row.get(wrong[0])).__name__
            raise ResponseValidationError(f"data[{i}].{wrong[0]}: expected a string, got {found}", response)
    return document


def _is_text(row: Mapping[str, Any], name: str) -> bool:
    """Whether a model has a text of this name; other servers than OpenRouter leave out the name, but not the id."""
    return isinstance(row.get(name), str) or (name == "name" and row.get(name) is None)


_READERS: Mapping[str, Callable[[Response, PreparedCall], Any]] = {
    CREATE_EMBEDDINGS: _read_documented,
    LIST_MODELS: _read_models,
}
"""Operations whose responses need more checks than those of `decode_document`, by operation id."""


def _read(response: Response, call: PreparedCall, *, as_lists: bool) -> tuple[dict[str, Any], Any, bool]:
    """Read the document and its vectors in input order, check their count and length; whether all were numbers."""
    expected = count_inputs(call.fields)
    try:
        document, vectors, as_numbers = _read_uniform(response, call, expected, as_lists)
    except (ValueError, RecursionError):
        document, vectors, as_numbers = _read_any(response, call)
    if not as_numbers and (option := number_type(call.fields)):
        path, value = option
        raise ResponseValidationError(f"base64 of unknown numbers: {path}={value!r} was asked for", response)
    rows = document["data"]
    if len(rows) != expected:
        error = ResponseValidationError if rows else EmptyEmbeddingsError
        raise error(f"{len(rows) or 'no'} embeddings for {expected} inputs", response)
    order = _order([row.get("index") for row in rows], response)
    if order is not None:
        document["data"] = [rows[i] for i in order]
        vectors = [vectors[i] for i in order] if isinstance(vectors, list) else vectors[order]
    _check_lengths(vectors, call.fields.get("dimensions"), response)
    return document, vectors, as_numbers


def _read_uniform(
    response: Response, call: PreparedCall, count: int, as_lists: bool
) -> tuple[dict[str, Any], Any, bool]:
    """Read a response whose vectors all have one form; `ValueError` if it has any other shape."""
    body = response.body
    decoder = body if isinstance(body, StreamDecoder) else StreamDecoder(count, content=response.content)
    rest, vectors = decoder.split()
    document = check_envelope(decode(rest), response, call)
    rows, placeholders = document["data"], [PLACEHOLDER] * len(vectors)
    if not isinstance(rows, list) or [isinstance(row, dict) and row.get("embedding") for row in rows] != placeholders:
        raise ValueError("not one vector per row")
    if not isinstance(vectors, list):
        return document, vectors, False
    if as_lists:
        return document, list(map(decode_numbers, vectors)), True
    from .vectors import numbers_to_matrix

    return document, numbers_to_matrix(vectors, decoder.output), True


def _read_any(response: Response, call: PreparedCall) -> tuple[dict[str, Any], list[Any], bool]:
    """Read a response of any shape, or raise the error that names what is wrong and where."""
    try:
        document = decode_document(response, call)
    except ResponseValidationError as error:
        body = try_decode(response.content)
        no_data = isinstance(body, dict) and body.get("data") is None and not body.get("error")
        if call.fields.get("encoding_format") == "base64" and (no_data or not response.content.strip()):
            raise EmptyEmbeddingsError(error.message, response, retryable=error.retryable) from None
        raise
    rows, vectors = document["data"], []
    if not isinstance(rows, list):
        raise ResponseValidationError(f"data: expected an array, got {type(rows).__name__}", response)
    for i, row in enumerate(rows):
        if not isinstance(row, dict):
            raise ResponseValidationError(f"data[{i}]: expected an object, got {type(row).__name__}", response)
        vectors.append(_vector(row.get("embedding"), f"data[{i}].embedding", response))
    return document, vectors, all(isinstance(vector, list) for vector in vectors)


def _vector(value: Any, where: str, response: Response) -> Any:
    """A vector as a list of floats, or as a float32 array if it is base64."""
    if isinstance(value, str):
        from .vectors import decode_base64

        try:
            return decode_base64(value)
        except ValueError:
            raise ResponseValidationError(f"{where}: not base64 of whole float32 numbers", response) from None
    if not isinstance(value, list):
        error = EmptyEmbeddingsError if value is None else ResponseValidationError
        raise error(f"{where}: expected numbers or base64, got {type(value).__name__}", response)
    for i, number in enumerate(value):
        if type(number) is not float and (type(number) is not int or number.bit_length() > 1_000):
            raise ResponseValidationError(f"{where}[{i}]: not a number that float64 can hold", response)
    return list(map(float, value))


def _order(indexes: Sequence[Any], response: Response) -> Sequence[int] | None:
    """The positions of the rows in input order; None if they are in that order, as rows without any `index` are."""
    count = len(indexes)
    if (indexes == list(range(count)) or indexes == [None] * count) and bool not in set(map(type, indexes)):
        return None
    if indexes[0] is None:  # some servers leave out zeros
        indexes = [0, *indexes[1:]]
    for position, index in enumerate(indexes):
        if type(index) not in (int, float) or not 0 <= index < count or index % 1:
            found = printable(repr(index), 40) if isinstance(index, int | float) else type(index).__name__
            message = f"data[{position}].index is {found}; {count} inputs have the indexes 0 to {count - 1}"
            raise ResponseValidationError(message, response)
    order = sorted(range(count), key=indexes.__getitem__)
    for first, second in pairwise(order):
        if indexes[first] == indexes[second]:
            raise ResponseValidationError(f"two embeddings have the index {indexes[first]}", response)
    return order


def _check_lengths(vectors: Any, dimensions: Any, response: Response) -> None:
    """Check that all vectors have the requested `dimensions`, or the length of the first."""
    requested = dimensions if isinstance(dimensions, int) else None
    lengths = list(map(len, vectors if isinstance(vectors, list) else vectors[:1]))
    expected = requested or lengths[0]
    reason = f"dimensions={requested} was requested" if requested else f"that of input 0 has {expected}"
    for position, length in enumerate(lengths):
        if length == 0:
            raise EmptyEmbeddingsError(f"the embedding of input {position} is empty", response)
        if length != expected:
            raise ResponseValidationError(f"the embedding of input {position} has {length} numbers; {reason}", response)


def _to_matrix(vectors: Any, response: Response) -> Matrix:
    """The vectors as a matrix whose numbers are finite."""
    from .vectors import checked_matrix

    try:
        matrix, zeros = checked_matrix(vectors)
    except ValueError as error:
        raise ResponseValidationError(str(error), response) from None
    _warn_of_zeros(zeros, len(matrix))
    return matrix


def _warn_of_zeros(zeros: int, count: int) -> None:
    if zeros:
        _log.warning("%d of %d embeddings are all zeros: similarity to them has no meaning", zeros, count)
