"""The fuzz target: bytes taken as a response and read in every way that the package reads one."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from openrouter_embeddings.errors import OpenRouterError
from openrouter_embeddings.messages import Headers, Request, Response, Timeouts
from openrouter_embeddings.network.attempt import Attempt
from openrouter_embeddings.network.body import BodyReader
from openrouter_embeddings.request.prepare import Call
from openrouter_embeddings.response import StreamDecoder, read_embeddings, validate
from openrouter_generated.api.embeddings import LIST_MODELS
from support.responses import call_of

_STATUSES = (200, 200, 200, 200, 201, 204, 302, 400, 401, 404, 429, 500, 502, 503, 524, 529)
_ENCODINGS = ("identity", "gzip", "deflate", "br")
_MAX_BYTES = 1 << 16
_CALLS = {2: call_of(input=["a", "b"], model="m"), 1: call_of(input="a", model="m", dimensions=2)}  # by inputs
_MODELS = call_of(LIST_MODELS)
_REQUEST = Request("POST", "https://h/", (), None, Timeouts(attempt_seconds=60.0), _MAX_BYTES)


class Answer(NamedTuple):
    """One entry of the corpus: two bytes of choices, header lines up to an empty one, and the body."""

    status: int
    encoding: str
    piece_bytes: int
    headers: Headers
    body: bytes


def answer_of(data: bytes) -> Answer:
    """Any bytes mean some response."""
    chosen, size = (*data[:2], 0, 0)[:2]
    head, _, body = data[2:].partition(b"\n\n")
    lines = [line.partition(": ") for line in head.decode("latin-1").split("\n") if ": " in line]
    headers = Headers([(name, value) for name, _, value in lines])
    return Answer(_STATUSES[chosen & 15], _ENCODINGS[chosen >> 4 & 3], size + 1, headers, body)


def check(data: bytes) -> None:
    """Fail if reading ends in anything but a result or an error of the package, or differs from way to way."""
    answer = answer_of(data)
    _receive(answer)
    response = Response(answer.status, answer.headers, answer.body)
    _validates(response, _MODELS)
    for count, call in _CALLS.items():
        accepted = _validates(response, call)
        for body in (answer.body, _streamed(answer, count)):
            matrix_made = _reads(Response(answer.status, answer.headers, body), call)
            assert matrix_made is None or matrix_made is accepted, "all ways agree"


def _validates(response: Response, call: Call) -> bool:
    """Read as `generate` and `list_models` do: whether the response was accepted."""
    try:
        result = validate(response, call)
    except OpenRouterError as error:
        return not str(error)  # an error without a message counts as a wrong result
    return isinstance(result.to_dict(), dict)


def _reads(response: Response, call: Call) -> bool | None:
    """Read as `embed` does: whether the response was accepted; None if a number is too large for float32."""
    try:
        return bool(read_embeddings(response, call).vectors.size)
    except OpenRouterError as error:
        return None if "inf at position" in str(error) else False


def _streamed(answer: Answer, count: int) -> StreamDecoder | bytes:
    decoder = StreamDecoder(count)
    decoder.block_bytes = 40
    for piece in _pieces(answer):
        decoder.feed(piece)
    assert decoder.content == answer.body, "nothing is lost"
    return decoder if answer.status < 300 else answer.body


def _receive(answer: Answer) -> None:
    """Receive the body as the network layer does: whole, or as an error of a known class."""
    for consumer in (None, partial(StreamDecoder, 2)):
        with suppress(OpenRouterError, zlib.error, TimeoutError):
            attempt = Attempt(_REQUEST)
            reader = BodyReader(answer.status, answer.headers, _MAX_BYTES, attempt, answer.encoding, consumer)
            any(reader.feed(piece) for piece in _pieces(answer))
            response = Response(answer.status, answer.headers, reader.finish())
            assert len(response.content) <= _MAX_BYTES + (256 << 10), "the limit holds"


def _pieces(answer: Answer) -> Iterator[bytes]:
    size = max(answer.piece_bytes, len(answer.body) // 64)
    return (answer.body[start : start + size] for start in range(0, len(answer.body), size))
