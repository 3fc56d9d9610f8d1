"""Validates an embeddings response against its request, and converts it to the typed result or to a matrix.

Checks: number of vectors, order by `index`, equal lengths, requested `dimensions`, finite numbers.
Source: OpenRouter documentation, embeddings guide (order by `index`, which some providers omit).
"""

from __future__ import annotations

import functools
import logging
import math
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

import attrs
import msgspec

from ..contract import CREATE_EMBEDDINGS, LIST_MODELS, USAGE_AMOUNTS
from ..defaults import MAX_DIMENSIONS, MAX_NUMBER_BYTES
from ..errors import ResponseValidationError, format_size, printable
from ..messages import Response
from ..request import PreparedCall, count_inputs
from .envelope import (
    EmptyEmbeddingsError,
    check_envelope,
    check_status,
    check_values,
    decode,
    decode_document,
    read_plain,
)
from .stream_decoder import PLACEHOLDER, StreamDecoder, cut_arrays, decode_numbers

if TYPE_CHECKING:
    from openrouter_generated.types import HttpMeta

    from .vectors import Matrix

_log = logging.getLogger("openrouter")
_numpy = functools.cache(lambda: import_module(".vectors", __package__))  # deferred, because importing numpy is slow


@attrs.define
class EmbeddingBatch:
    """The vectors of one response: float32 `(n, dimensions)`, in input order."""

    vectors: Matrix
    model: str | None
    usage: Any  # as in the response, not validated
    as_numbers: bool = False  # the response had arrays of numbers, not base64
    rejected_usages: list[Any] = attrs.field(factory=list, init=False)  # `usage` of earlier attempts; set by the call
    http_meta: HttpMeta = attrs.field(init=False)  # set by the call


def read_result(response: Response, call: PreparedCall) -> Any:
    """Validate a response and convert it to the typed result of its operation.

    Raises:
        APIStatusError: the API reported an error, by its status or by an `error` in a 200.
        ResponseValidationError: the response does not match the request.
    """
    check_status(response, call)
    kind = call.operation.kinds.get(response.status_code)
    if kind is not None:
        return read_plain(response, call, kind)
    if call.operation.id == CREATE_EMBEDDINGS:
        return _read_embeddings_result(response, call)
    result = _to_model(decode_document(response, call), response, call)
    for i, model in enumerate(getattr(result, "data", ()) if call.operation.id == LIST_MODELS else ()):
        if model is None or not isinstance(model.id, str) or not isinstance(model.name, str | None):
            raise ResponseValidationError(f"data[{i}]: expected a model whose id and name are strings", response)
    return result


def _read_embeddings_result(response: Response, call: PreparedCall) -> Any:
    """Return the decoded document; with vectors as numbers if they were requested, else unchanged."""
    document, values, positions = _read_rows(response, call)
    usage: Any = document.get("usage")
    for name in USAGE_AMOUNTS if isinstance(usage, dict) else ():
        if isinstance(text := usage.get(name), str):  # some servers send a cost as a string
            with suppress(ValueError):
                if math.isfinite(amount := float(text)):
                    usage[name] = int(amount) if amount.is_integer() else amount
    result, rows, zeros = _to_model(document, response, call), document["data"], 0
    vectors, as_lists = _decode_rows(values, positions, response, call), call.fields.get("encoding_format") == "float"
    for number, (row, value, vector) in enumerate(zip(result.data, values, vectors, strict=True)):
        # Garbage collection starts when many more objects are created than freed, and would visit every number in the
        # new lists, which takes a sixth of the time. So the lists are created last, and each one frees a dict.
        rows.pop()
        if isinstance(vector, list):
            row.embedding, zeros = vector, zeros + (not any(vector))
        else:
            zeros += _count_zeros(vector[None], response, number)
            row.embedding = vector.tolist() if as_lists else value
    _warn_of_zeros(zeros, len(result.data))
    return result


def _to_model(document: Any, response: Response, call: PreparedCall) -> Any:
    """Return the typed result. Members beside the rows that do not match the API description are dropped."""
    while True:
        try:
            return call.operation.read(document)
        except ValueError as error:
            top, _, rest = str(getattr(error, "path", "")).partition(".")
            holder, name = (document.get(top), re.split(r"[.[]", rest)[0]) if rest else (document, top)
            rows_matter = "data" in call.operation.requires and top != "data" and isinstance(holder, dict)
            if not rows_matter or holder.pop(name, None) is None:
                message = f"the response does not match the API description: {error}"
                raise ResponseValidationError(message, response) from None
            _log.warning("dropped a part of a response that does not match the API description: %s", error)


def read_embeddings(response: Response, call: PreparedCall) -> EmbeddingBatch:
    """Validate an embeddings response and convert its vectors to one matrix in input order; raises as `read_result`."""
    check_status(response, call)
    document, values, positions = _read_rows(response, call)
    vectors, matrix = _decode_rows(values, positions, response, call), values
    if isinstance(values, list):
        output = response.body.output if isinstance(response.body, StreamDecoder) else None
        matrix = _numpy().fill_matrix(vectors, len(values), len(response.content), output)
    else:
        next(vectors)  # checks the length of the first row; all rows of a matrix have the same
    _warn_of_zeros(_count_zeros(matrix, response), len(matrix))
    model = document.get("model") if isinstance(document.get("model"), str) else None
    return EmbeddingBatch(matrix, model, document.get("usage"), _are_numbers(values))


def _read_rows(response: Response, call: PreparedCall) -> tuple[dict[str, Any], Any, Sequence[int]]:
    """Return the document without vectors, the vectors as received, and the position of each input's vector.

    The vectors are a matrix if they were decoded as they arrived. Otherwise each is a memoryview of a JSON array, or a
    decoded JSON value.
    """
    document, values = _split_vectors(response, call) or _decode_whole(response, call)
    rows, count = document["data"], count_inputs(call.fields)
    if len(rows) != count:
        found = "1 embedding" if len(rows) == 1 else f"{len(rows) or 'no'} embeddings"
        kind = ResponseValidationError if rows else EmptyEmbeddingsError
        error = kind(f"{found} for {count} inputs", response)
        if len(rows) == 1:
            error._cure = "if the model combines the inputs of a request, send one per request (embed: batch_size=1)"
        raise error
    if call.number_type and not _are_numbers(values):
        path, value = call.number_type
        message = f"the response has base64, and {path}={value!r} requests another number type than float32"
        raise ResponseValidationError(message, response)
    order = _order([row.get("index") for row in rows], response)
    if order is None:
        return document, values, range(count)
    document["data"] = [rows[position] for position in order]
    return document, [values[i] for i in order] if isinstance(values, list) else values[order], order


def _split_vectors(response: Response, call: PreparedCall) -> tuple[dict[str, Any], Any] | None:
    """Decode the JSON around the vectors; return None if the vectors are not, or not safely, cut out."""
    body = response.body
    try:
        parts = body.split() if isinstance(body, StreamDecoder) else cut_arrays(response.content)
        if parts is None:
            return None
        rest, vectors = parts
        if len(rest) > call.max_rest_bytes:
            limit = format_size(call.max_rest_bytes)
            raise ResponseValidationError(f"the response exceeds {limit} besides its vectors", response)
        check_values(rest, response, call)
        document = check_envelope(decode(rest), response, call)
    except (ValueError, RecursionError):
        return None
    rows = document["data"] if isinstance(document["data"], list) else []
    found = [isinstance(row, dict) and row.get("embedding") for row in rows]
    return (document, vectors) if found == [PLACEHOLDER] * len(vectors) else None


def _decode_whole(response: Response, call: PreparedCall) -> tuple[dict[str, Any], list[Any]]:
    """Decode a response with a general JSON parser, or raise the error that names the problem."""
    document, values = decode_document(response, call), []
    rows = document["data"]
    if not isinstance(rows, list):
        raise ResponseValidationError(f"data: expected an array, got {type(rows).__name__}", response)
    for position, row in enumerate(rows[: count_inputs(call.fields) + 1]):  # `_read_rows` rejects more rows
        if not isinstance(row, dict):
            raise ResponseValidationError(f"data[{position}]: expected an object, got {type(row).__name__}", response)
        values.append(row.get("embedding"))
        row["embedding"] = PLACEHOLDER
    return document, values


def _order(indexes: Sequence[Any], response: Response) -> Sequence[int] | None:
    """Return the row positions in input order, or None if the rows are in order or have no `index`."""
    count = len(indexes)
    if (indexes == list(range(count)) or indexes == [None] * count) and bool not in set(map(type, indexes)):
        return None
    if indexes[0] is None:  # some servers omit an index of zero
        indexes = [0, *indexes[1:]]
    positions: dict[Any, int] = {}
    for position, index in enumerate(indexes):
        if type(index) not in (int, float) or not 0 <= index < count or index % 1:
            found = printable(repr(index), 40)
            message = f"data[{position}].index is {found}; {count} inputs have the indexes 0 to {count - 1}"
            raise ResponseValidationError(message, response)
        if index in positions:
            raise ResponseValidationError(f"two embeddings have the index {index}", response)
        positions[index] = position
    return [positions[index] for index in range(count)]


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list) and str not in set(map(type, values))


def _decode_rows(values: Any, positions: Sequence[int], response: Response, call: PreparedCall) -> Iterator[Any]:
    """Decode the vectors one by one, to lists of floats (or arrays from base64), and check their lengths."""
    width = call.fields.get("dimensions")
    reason = f"dimensions={width} was requested"
    for number, (value, position) in enumerate(zip(values, positions, strict=True)):
        most = width if isinstance(width, int) else MAX_DIMENSIONS
        vector = _decode(value, position, response, call, most) if isinstance(values, list) else value
        length = len(vector)
        if not isinstance(width, int):
            width, reason = min(length, most), f"the embedding of input 0 has {length}"
            reason = f"pass dimensions= for a model with over {most}" if length > most else reason
        if length != width or not length:
            error = ResponseValidationError if length else EmptyEmbeddingsError
            found = f"has {length} numbers; {reason}" if length else "is empty"
            raise error(f"the embedding of input {number} {found}", response)
        yield vector


def _decode(value: Any, position: int, response: Response, call: PreparedCall, most: int) -> Any:
    """Decode the vector at a position in the response, of at most `most` numbers if it is long."""
    if isinstance(value, memoryview):
        if len(value) > MAX_NUMBER_BYTES * most and (count := bytes(value).count(b",") + 1) > most:
            message = f"data[{position}].embedding: expected at most {most} numbers, got {count}"
            raise ResponseValidationError(message, response)
        with suppress(ValueError):
            return decode_numbers(value)
        value = _decode_whole(response, call)[1][position]  # the general parser names the problem
    where, message = f"data[{position}].embedding", f"expected numbers or base64, got {type(value).__name__}"
    try:
        if isinstance(value, str):
            return _numpy().decode_base64(value)
        if isinstance(value, list):
            return msgspec.convert(value, list[float])
    except ValueError:
        message = "not base64 of whole float32 numbers"
        if isinstance(value, list):
            fits = [type(n) in (float, int) and abs(n) <= sys.float_info.max for n in value]
            where, message = f"{where}[{fits.index(False)}]", "expected a number within the range of float64"
    error = EmptyEmbeddingsError if value is None else ResponseValidationError
    raise error(f"{where}: {message}", response)


def _count_zeros(vectors: Any, response: Response, first: int = 0) -> int:
    """Count the vectors of zeros. Raise an error if a number is not finite or too large for an embedding.

    `first` is the input of the first row.
    """
    place, zeros = _numpy().check_numbers(vectors)
    if place is not None:
        row, column = place
        message = f"the embedding of input {first + row} has {vectors[row, column]} at position {column}"
        if math.isfinite(vectors[row, column]):
            message += ", too large for an embedding: it may be base64 of another number type than float32"
        raise ResponseValidationError(message, response)
    return int(zeros)


def _warn_of_zeros(zeros: int, count: int) -> None:
    if zeros:
        _log.warning("%d of %d embeddings are all zeros: cosine similarity to them is undefined", zeros, count)
