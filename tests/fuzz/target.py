"""The fuzz target: bytes taken as a response and read in every way that the package reads one."""

from __future__ import annotations

from typing import NamedTuple

from openrouter_embeddings.errors import OpenRouterError
from openrouter_embeddings.messages import Headers, Response
from openrouter_embeddings.request import PreparedCall as Call
from openrouter_embeddings.response import StreamDecoder, read_embeddings, read_result
from openrouter_generated.api.embeddings import LIST_MODELS
from support.responses import call_of, streamed

_STATUSES = (200, 200, 200, 200, 201, 204, 302, 400, 401, 404, 429, 500, 502, 503, 524, 529)
_CALLS = {2: call_of(input=["a", "b"], model="m"), 1: call_of(input="a", model="m", dimensions=2)}  # by inputs
_MODELS = call_of(LIST_MODELS)


class Answer(NamedTuple):
    """One entry of the corpus: two bytes of choices, header lines up to an empty one, and the body."""

    status: int
    piece_bytes: int
    headers: Headers
    body: bytes


def answer_of(data: bytes) -> Answer:
    """Any bytes mean some response."""
    chosen, size = (*data[:2], 0, 0)[:2]
    head, _, body = data[2:].partition(b"\n\n")
    lines = [line.partition(": ") for line in head.decode("latin-1").split("\n") if ": " in line]
    headers = Headers([(name, value) for name, _, value in lines])
    return Answer(_STATUSES[chosen & 15], size + 1, headers, body)


def check(data: bytes) -> None:
    """Fail if reading ends in anything but a result or an error of the package, or differs from way to way."""
    answer = answer_of(data)
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
        result = read_result(response, call)
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
    size = max(answer.piece_bytes, len(answer.body) // 64)
    decoder = streamed(answer.body, count, size)
    assert decoder.content == answer.body, "nothing is lost"
    return decoder if answer.status < 300 else answer.body
