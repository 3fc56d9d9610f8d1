"""The fuzz target: interprets bytes as a response, and reads it in every way that the package does."""

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


class Case(NamedTuple):
    """A decoded entry of the corpus, which has two bytes of options, header lines, an empty line and the body."""

    status: int
    piece_bytes: int
    headers: Headers
    body: bytes


def parse(data: bytes) -> Case:
    """Decode an entry; any bytes are valid."""
    chosen, size = (*data[:2], 0, 0)[:2]
    head, _, body = data[2:].partition(b"\n\n")
    lines = [line.partition(": ") for line in head.decode("latin-1").split("\n") if ": " in line]
    headers = Headers([(name, value) for name, _, value in lines])
    return Case(_STATUSES[chosen & 15], size + 1, headers, body)


def check(data: bytes) -> None:
    """Fail unless all ways of reading agree on a result or on an error of the package."""
    case = parse(data)
    response = Response(case.status, case.headers, case.body)
    _validates(response, _MODELS)
    for count, call in _CALLS.items():
        accepted = _validates(response, call)
        for body in (case.body, _streamed(case, count)):
            has_matrix = _reads(Response(case.status, case.headers, body), call)
            assert has_matrix is None or has_matrix is accepted, "the ways of reading differ"


def _validates(response: Response, call: Call) -> bool:
    """Read as `generate` and `list_models` do, and return whether the response is accepted."""
    try:
        result = read_result(response, call)
    except OpenRouterError as error:
        return not str(error)  # an error without a message fails the check
    return isinstance(result.to_dict(), dict)


def _reads(response: Response, call: Call) -> bool | None:
    """Read as `embed` does; return whether the response is accepted, or None if a number exceeds float32."""
    try:
        return bool(read_embeddings(response, call).vectors.size)
    except OpenRouterError as error:
        return None if "inf at position" in str(error) else False


def _streamed(case: Case, count: int) -> StreamDecoder | bytes:
    size = max(case.piece_bytes, len(case.body) // 64)
    decoder = streamed(case.body, count, size)
    assert decoder.content == case.body, "the decoder lost bytes"
    return decoder if case.status < 300 else case.body
