"""Checks that a response answers its request, and converts it to the typed result or to a matrix.

Checked: number of vectors, order by `index`, one length, requested `dimensions`, finite numbers.
Source: OpenRouter documentation, embeddings guide (order by `index`, which some providers leave out).
"""

from __future__ import annotations

import functools
import logging
import math
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from types import ModuleType
from typing import TYPE_CHECKING, Any

import attrs
import msgspec

from ..errors import ResponseValidationError, printable
from ..messages import Response
from ..request import PreparedCall, count_inputs
from .envelope import check_envelope, check_status, decode, decode_document, try_decode
from .stream_decoder import PLACEHOLDER, StreamDecoder, cut_arrays, decode_numbers

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
    if call.operation.id == "createEmbeddings":
        return _read(response, call, _to_result)
    document = decode_document(response, call)
    if call.operation.id == "listEmbeddingsModels":
        _check_models(document, response)
    return _to_model(document, response, call)


def read_embeddings(response: Response, call: PreparedCall) -> EmbeddingBatch:
    """Check an embeddings response and convert its vectors to one matrix in input order; raises as `validate`."""
    check_status(response, call)
    return _read(response, call, _to_batch)


@attrs.frozen
class _Answer:
    """A response that has a row for each input, in their order. The vectors are decoded when they are needed."""

    response: Response
    call: PreparedCall
    document: dict[str, Any]  # with placeholders for the vectors
    values: Any  # the vectors: one matrix, or a list of JSON texts of arrays, or of decoded JSON
    positions: Sequence[int]  # of the values in the response

    def vectors(self) -> Iterator[Any]:
        """Decode the vectors to lists of floats, or to arrays where they are base64, and check their lengths."""
        width = self.call.fields.get("dimensions")
        reason = f"dimensions={width} was requested"
        for number, (value, position) in enumerate(zip(self.values, self.positions, strict=True)):
            vector = _decode(value, position, self.response) if isinstance(self.values, list) else value
            length = len(vector)
            if not isinstance(width, int):
                width, reason = length, f"that of input 0 has {length}"
            if length == 0:
                raise EmptyEmbeddingsError(f"the embedding of input {number} is empty", self.response)
            if length != width:
                message = f"the embedding of input {number} has {length} numbers; {reason}"
                raise ResponseValidationError(message, self.response)
            yield vector


def _read(response: Response, call: PreparedCall, convert: Callable[[_Answer], Any]) -> Any:
    """Read a response with its vectors cut out, if they can be; else as a whole, which also names what is wrong."""
    body = response.body
    try:
        rest, values = body.split() if isinstance(body, StreamDecoder) else cut_arrays(response.content)
        document = check_envelope(decode(rest), response, call)
        rows = document["data"]
        found = [isinstance(row, dict) and row.get("embedding") for row in rows] if isinstance(rows, list) else []
        if found == [PLACEHOLDER] * len(values):
            return convert(_answer(response, call, document, values))
    except (ValueError, RecursionError):
        pass
    try:
        document = decode_document(response, call)
    except ResponseValidationError as error:
        body = try_decode(response.content)
        no_data = isinstance(body, dict) and body.get("data") is None and not body.get("error")
        if call.fields.get("encoding_format") == "base64" and (no_data or not response.content.strip()):
            raise EmptyEmbeddingsError(error.message, response, retryable=error.retryable) from None
        raise
    rows, values = document["data"], []
    if not isinstance(rows, list):
        raise ResponseValidationError(f"data: expected an array, got {type(rows).__name__}", response)
    for position, row in enumerate(rows):
        if not isinstance(row, dict):
            raise ResponseValidationError(f"data[{position}]: expected an object, got {type(row).__name__}", response)
        values.append(row.get("embedding"))
        row["embedding"] = PLACEHOLDER
    return convert(_answer(response, call, document, values))


@functools.cache
def _numpy() -> ModuleType:
    """The functions that need numpy, which takes longer to import than the rest of the package."""
    from . import vectors

    return vectors


def _answer(response: Response, call: PreparedCall, document: dict[str, Any], values: Any) -> _Answer:
    """Check the number of rows, and put them in input order."""
    rows, count = document["data"], count_inputs(call.fields)
    if len(rows) != count:
        error = ResponseValidationError if rows else EmptyEmbeddingsError
        raise error(f"{len(rows) or 'no'} embeddings for {count} inputs", response)
    if call.number_type and not _are_numbers(values):
        path, value = call.number_type
        raise ResponseValidationError(f"base64 of unknown numbers: {path}={value!r} was asked for", response)
    order = _order([row.get("index") for row in rows], response)
    if order is None:
        return _Answer(response, call, document, values, range(count))
    document["data"] = [rows[position] for position in order]
    values = [values[position] for position in order] if isinstance(values, list) else values[order]
    return _Answer(response, call, document, values, order)


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list) and str not in set(map(type, values))


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


def _decode(value: Any, position: int, response: Response) -> Any:
    """A vector as a list of floats, or as an array if it is base64."""
    if isinstance(value, memoryview):
        return decode_numbers(value)
    error, place = ResponseValidationError, ""
    message = f"expected numbers or base64, got {type(value).__name__}"
    try:
        if isinstance(value, str):
            return _numpy().decode_base64(value)
        if isinstance(value, list):
            return msgspec.convert(value, list[float])
    except ValueError:
        message = "not base64 of whole float32 numbers"
        if isinstance(value, list):
            fits = [type(n) in (float, int) and abs(n) <= sys.float_info.max for n in value]
            message, place = "not a number that float64 can hold", f"[{fits.index(False)}]"
    error = EmptyEmbeddingsError if value is None else ResponseValidationError
    raise error(f"data[{position}].embedding{place}: {message}", response)


def _to_batch(answer: _Answer) -> EmbeddingBatch:
    """The vectors as a matrix."""
    matrix, body, document = answer.values, answer.response.body, answer.document
    as_numbers = _are_numbers(matrix)
    if isinstance(matrix, list):
        output = body.output if isinstance(body, StreamDecoder) else None
        matrix = _numpy().to_matrix(answer.vectors(), len(matrix), len(answer.response.content), output)
    else:
        next(answer.vectors())  # checks the length, which all rows of a matrix have
    _warn_of_zeros(_count_zeros(matrix, 0, answer.response), len(matrix))
    model = document.get("model")
    return EmbeddingBatch(matrix, model if isinstance(model, str) else None, document.get("usage"), as_numbers)


def _to_result(answer: _Answer) -> Any:
    """The document as the API describes it; the vectors as numbers if these were requested, else as they came."""
    document, as_numbers = answer.document, answer.call.fields.get("encoding_format") == "float"
    usage: Any = document.get("usage")
    for name in ("prompt_tokens", "total_tokens", "cost") if isinstance(usage, dict) else ():
        with suppress(ValueError):  # some servers write a cost as text
            if isinstance(text := usage.get(name), str) and math.isfinite(amount := float(text)):
                usage[name] = int(amount) if amount.is_integer() else amount
    result, rows, zeros = _to_model(document, answer.response, answer.call), document["data"], 0
    for number, (row, value, vector) in enumerate(zip(result.data, answer.values, answer.vectors(), strict=True)):
        # Python collects garbage when enough objects were made and not freed, and then visits every number in the new
        # lists. That would take a sixth of the time. So the lists are made last, and a dict is freed for each of them.
        rows.pop()
        row.embedding = vector
        if isinstance(vector, list):
            zeros += not any(vector)
        else:
            zeros += _count_zeros(vector[None], number, answer.response)
            row.embedding = vector.tolist() if as_numbers else value
    _warn_of_zeros(zeros, len(result.data))
    return result


def _to_model(document: Any, response: Response, call: PreparedCall) -> Any:
    """The typed result. What does not match the API description is left out if it stands beside the rows."""
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
            _log.warning("a part of a response is left out: %s", error)


def _check_models(document: Any, response: Response) -> None:
    """Check that models have an id, and a name or none. Any other mismatch is named when the list is converted."""
    rows = document.get("data") if isinstance(document, dict) else None
    for i, row in enumerate(rows if isinstance(rows, list) else ()):
        if row is None:
            raise ResponseValidationError(f"data[{i}]: expected an object, got null", response)
        for name in ("id", "name") if isinstance(row, dict) else ():
            value = row.get(name)
            if not isinstance(value, str) and (name == "id" or value is not None):  # other servers leave out the name
                found = type(value).__name__
                raise ResponseValidationError(f"data[{i}].{name}: expected a string, got {found}", response)


def _count_zeros(vectors: Any, first: int, response: Response) -> int:
    """How many vectors hold only zeros. `first` is the number of the first, for the error if one is not finite."""
    place, zeros = _numpy().check_numbers(vectors)
    if place is not None:
        row, column = place
        message = f"the embedding of input {first + row} holds {vectors[row, column]} at position {column}"
        raise ResponseValidationError(message, response)
    return int(zeros)


def _warn_of_zeros(zeros: int, count: int) -> None:
    if zeros:
        _log.warning("%d of %d embeddings are all zeros: similarity to them has no meaning", zeros, count)
