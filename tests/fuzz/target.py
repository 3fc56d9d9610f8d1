"""What is fuzzed: bytes taken as an answer, read in every way the package reads one."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import NamedTuple
from unittest import mock

import attrs
from openrouter_embeddings.errors import OpenRouterError
from openrouter_embeddings.messages import Headers, Request, Response, Timeouts
from openrouter_embeddings.network.body import BodyReader
from openrouter_embeddings.network.scope import Attempt
from openrouter_embeddings.request.prepare import Call
from openrouter_embeddings.response.embeddings import embeddings, inputs_asked, judge, matrix_of
from openrouter_embeddings.response.stream_decoder import StreamDecoder
from openrouter_generated.api.embeddings import GENERATE, LIST_MODELS

_STATUSES = (200, 200, 200, 200, 201, 204, 302, 400, 401, 404, 429, 500, 502, 503, 524, 529)
_ENCODINGS = ("identity", "gzip", "deflate", "br")
_MOST_BYTES = 1 << 16
_SECONDS = 60.0
_EMBED = Call(GENERATE, "https://h/v1/embeddings", {}, {"input": ["a", "b"], "model": "m"}, None, Timeouts(), 1 << 20)
_SIZED = Call(
    GENERATE, "https://h/v1/embeddings", {}, {"input": "a", "model": "m", "dimensions": 2}, None, Timeouts(), 1 << 20
)
_MODELS = Call(LIST_MODELS, "https://h/v1/embeddings/models", {}, {}, None, Timeouts(), 1 << 20)
_REQUEST = Request("POST", "https://h/", (), None, Timeouts(attempt_seconds=_SECONDS), _MOST_BYTES)
_EVERY_WAY = {"WORTH_CARVING": 0, "_CUT_BYTES": 40, "_NEW_BYTES": 1}  # answers here are small


class Answer(NamedTuple):
    """One entry of the corpus: two bytes that choose, lines of headers up to an empty one, and the body."""

    status: int
    encoding: str
    piece: int  # bytes of the body that come at a time
    headers: Headers
    body: bytes


def answer_of(data: bytes) -> Answer:
    """Any bytes mean some answer."""
    chosen, size = (*data[:2], 0, 0)[:2]
    head, _, body = data[2:].partition(b"\n\n")
    lines = [line.partition(": ") for line in head.decode("latin-1").split("\n") if ": " in line]
    headers = Headers([(name, value) for name, _, value in lines])
    return Answer(_STATUSES[chosen & 15], _ENCODINGS[chosen >> 4 & 3], size + 1, headers, body)


def check(data: bytes) -> None:
    """Fails where reading ends otherwise than in a result or an error of the package."""
    answer = answer_of(data)
    reply = Response(answer.status, answer.headers, answer.body)
    with mock.patch.multiple("openrouter_embeddings.response.stream_decoder", **_EVERY_WAY):
        _taken_in(answer)
        for call in (_EMBED, _SIZED, _MODELS):
            accepted = _read(reply, call)
            if call is not _MODELS:
                assert _vectors(answer, call) or not accepted, "both ways of reading agree"


def _read(reply: Response, call: Call) -> bool:
    """Read as `generate` and `list_models` read: whether it was accepted."""
    try:
        judged = judge(reply, call)
    except OpenRouterError as error:
        return not str(error)  # an error without a word counts as a wrong result
    return isinstance(judged.to_dict(), dict)


def _vectors(answer: Answer, call: Call) -> bool:
    """Read as `embed` reads: whether it was accepted."""
    carver = StreamDecoder(inputs_asked(call.fields))
    for piece in _pieces(answer):
        carver.feed(piece)
    assert carver.content == answer.body, "nothing is lost"
    reply = Response(answer.status, answer.headers, carver if answer.status < 300 else answer.body)
    try:
        judged = embeddings(reply, call)
    except OpenRouterError:
        return False
    with suppress(OpenRouterError):  # a number that a double holds may be too large for float32
        assert matrix_of(judged.vectors, reply).shape[0] == len(judged.rows)
    return True


def _taken_in(answer: Answer) -> None:
    """Read as the network layer reads: a body, or an error that it knows to name."""
    for consumer in (None, partial(StreamDecoder, 2)):
        with suppress(OpenRouterError, zlib.error, TimeoutError):
            request = attrs.evolve(_REQUEST, consumer=consumer)
            reader = BodyReader(answer.status, answer.headers, Attempt(request), answer.encoding)
            any(reader.feed(piece) for piece in _pieces(answer))
            reply = reader.finish()
            assert len(reply.content) <= _MOST_BYTES + (256 << 10), "the limit holds"


def _pieces(answer: Answer) -> Iterator[bytes]:
    size = max(answer.piece, len(answer.body) // 64)
    return (answer.body[start : start + size] for start in range(0, len(answer.body), size))
