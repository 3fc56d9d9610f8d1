"""The stream decoder: exact vectors in the given buffer, linear time, and an unchanged body on request."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import numpy as np
import pytest
from openrouter_embeddings.errors import AnswerTooLargeError, ResponseValidationError
from openrouter_embeddings.messages import Headers, Response
from openrouter_embeddings.response import StreamDecoder, read_embeddings
from openrouter_embeddings.response.stream_decoder import cut_arrays
from support.responses import call_of, streamed

KIB = 1 << 10


def vectors_of(count: int, width: int) -> Any:
    """Return random float32 vectors of both signs, below 2**64."""
    bits = np.random.default_rng(width).integers(0, 2**32, (count, width), np.uint32) & np.uint32(0xDF7FFFFF)
    return bits.view(np.float32)


def content_of(vectors: Any, **unknown: Any) -> bytes:
    texts = [base64.b64encode(vector.astype("<f4")).decode() for vector in vectors]
    rows = [{"embedding": text, "index": i, **unknown} for i, text in enumerate(texts)]
    return json.dumps({"object": "list", "data": rows, **unknown}).encode()


def read(decoder: StreamDecoder, count: int) -> Any:
    return read_embeddings(Response(200, Headers(), decoder), call_of(input=["x"] * count)).vectors


@pytest.mark.parametrize("block_bytes", [1, 5_000, 144 * KIB])
@pytest.mark.parametrize("piece_bytes", [99, 10_000, 1 << 20])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 1_536])
def test_vectors_are_bit_exact_for_any_piece_size(width: int, piece_bytes: int, block_bytes: int) -> None:
    vectors = vectors_of(60, width)
    content = content_of(vectors, provider="x")
    decoder = streamed(content, 60, piece_bytes, block_bytes)

    assert decoder.content == content
    matrix = read(decoder, 60)
    assert matrix.tobytes() == vectors.tobytes()
    assert matrix.flags.c_contiguous
    assert decoder.content == content


@pytest.mark.parametrize("text", ["AACAP@==", "AACAPwAAgD@="])
def test_content_that_is_not_canonical_base64_is_unchanged(text: str) -> None:
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/":
        vector = text.replace("@", last)
        content = f'{{"data":[{{"embedding":"{vector}"}}]}}'.encode() + b" " * 200  # so that the vector is cut out
        decoder = streamed(content, 1, 10, block_bytes=1)

        assert decoder.content == content
        assert read(decoder, 1).tobytes() == base64.b64decode(vector)


CUT: list[tuple[bytes, bytes, list[bytes]]] = [
    # content, the rest, the arrays
    (b'{"embedding":[1,2]}', b'{"embedding":"\x7f"}', [b"[1,2]"]),
    (b'[{"embedding" : [1],"a":"b"},{"embedding":[]}]', b'[{"embedding" : "\x7f","a":"b"},{"embedding":"\x7f"}]',
     [b"[1]", b"[]"]),
    (b'{"embedding":[1],"b":{"embedding":"AA=="}}', b'{"embedding":"\x7f","b":{"embedding":"AA=="}}', [b"[1]"]),
]  # fmt: skip
NOT_CUT = [
    b'{"embedding":[1',
    b'{"embedding":[1],"a":"\x7f"}',
    b'{"embedding":[1],"a":"\\u007f"}',
    b'"embedding":[1]\\u007F',
]


@pytest.mark.parametrize(("content", "rest", "arrays"), CUT, ids=range(len(CUT)))
def test_arrays_are_replaced_by_placeholders(content: bytes, rest: bytes, arrays: list[bytes]) -> None:
    assert cut_arrays(content) == (rest, arrays)


@pytest.mark.parametrize("content", NOT_CUT, ids=range(len(NOT_CUT)))
def test_arrays_are_not_cut_out_if_that_is_not_safe(content: bytes) -> None:
    assert cut_arrays(b'{"embedding":"AACAPw=="}') is None
    with pytest.raises(ValueError):
        cut_arrays(content)


@pytest.mark.parametrize("form", ["base64", "floats"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("width", [1, 2, 3])
def test_vectors_are_decoded_into_the_given_buffer(width: int, reverse: bool, form: str) -> None:
    whole, vectors = np.zeros((5, width), np.float32), np.arange(3 * width, dtype=np.float32).reshape(3, width)
    document = json.loads(content_of(vectors))
    for row, vector in zip(document["data"], vectors, strict=True):
        row["embedding"] = row["embedding"] if form == "base64" else vector.tolist()
    if reverse:
        document["data"].reverse()
    asked = []

    def output(count: int, width: int) -> Any:
        asked.append((count, width))
        return whole[1 : 1 + count]

    matrix = read(streamed(json.dumps(document).encode(), 3, 10, output=output), 3)

    assert asked == [(3, width)]
    assert matrix.tobytes() == vectors.tobytes()
    assert np.shares_memory(matrix, whole) is not (reverse and form == "base64")
    assert whole[[0, 4]].tolist() == [[0.0] * width] * 2


GAP = b" " * (250 * KIB)
VECTOR = b'"embedding":"AACAPw=="'
REPETITIVE = {
    "vector without end": b'{"embedding":"' + b"A" * (2_000 * KIB),
    "vector of 300 KiB": b'{"embedding":"' + b"A" * (300 * KIB) + b'"' + GAP * 6,
    "nothing after a vector": b"{" + VECTOR + b" " * (2_000 * KIB),
    "other vectors after a vector": b"{" + VECTOR + b',"embedding":"AAAA"' * 100_000,
    "vectors far apart": VECTOR + (GAP + VECTOR) * 8,
    "no vector": b"[" * (2_000 * KIB),
    "numbers": b'"embedding":[' + b"1," * (1_000 * KIB),
    "names": b'"embedding"' * 180_000,
    "blanks": b'"embedding": ' + b" " * (2_000 * KIB),
}


@pytest.mark.parametrize("piece_bytes", [17, 16 * KIB, 1 << 20])
@pytest.mark.parametrize("content", REPETITIVE.values(), ids=REPETITIVE)
def test_time_is_linear(content: bytes, piece_bytes: int) -> None:
    began = time.process_time()
    decoder = streamed(content, 9, piece_bytes, 144 * KIB)

    assert decoder.content == content
    with pytest.raises(ResponseValidationError):
        read(decoder, 9)
    assert time.process_time() - began < 3


@pytest.mark.parametrize("gap", [100 * KIB, 300 * KIB])
@pytest.mark.parametrize("first", [True, False])
def test_large_unknown_member_does_not_stop_the_decoder(first: bool, gap: int) -> None:
    """All vectors are decoded into the buffer by the stream decoder."""
    vectors, whole, asked = vectors_of(40, 1_536), np.zeros((40, 1_536), np.float32), []

    def output(count: int, width: int) -> Any:
        asked.append((count, width))
        return whole

    document = json.loads(content_of(vectors))
    document = {"x": " " * gap, **document} if first else {**document, "x": " " * gap}
    decoder = streamed(json.dumps(document).encode(), 40, 64 * KIB, 144 * KIB, output)

    assert np.shares_memory(read(decoder, 40), whole)
    assert asked == [(40, 1_536)], "the general reader would ask again"
    assert whole.tobytes() == vectors.tobytes()


HUGE = [REPETITIVE["vector of 300 KiB"], b'{"data":[{"embedding":[' + b"0," * 99 + b'0]},{"embedding":[0]}]}']


def test_no_memory_is_allocated_for_impossible_vectors() -> None:
    def output(count: int, width: int) -> Any:
        raise MemoryError

    for content in HUGE:
        with pytest.raises(ResponseValidationError):
            read(streamed(content, 300_000, 64 * KIB, 144 * KIB, output), 2)
    content = content_of(vectors_of(3, 2))
    assert streamed(content, 3, 10, output=output).content == content


TOO_LARGE = {
    "no vector": b'{"data":[' + b"{}," * KIB,
    "before a vector": b'{"x":"' + b"a" * 2 * KIB + b'","data":[{' + VECTOR,
    "between vectors": (b"{" + VECTOR + b'},"' + b"a" * 300 + b'":') * 8,
    "vector": b'{"data":[{"embedding":"' + b"A" * 2 * KIB,
}


def limited(content: bytes, block_bytes: int) -> StreamDecoder:
    decoder = StreamDecoder(9, max_held_bytes=KIB)
    decoder.block_bytes = block_bytes
    for start in range(0, len(content), 100):
        decoder.feed(content[start : start + 100])
    return decoder


@pytest.mark.parametrize("block_bytes", [1, 144 * KIB])
@pytest.mark.parametrize("content", TOO_LARGE.values(), ids=TOO_LARGE)
def test_bytes_besides_the_vectors_are_limited(content: bytes, block_bytes: int) -> None:
    with pytest.raises(AnswerTooLargeError):
        limited(content, block_bytes)


@pytest.mark.parametrize("block_bytes", [1, 144 * KIB])
def test_vectors_may_exceed_the_limit_of_the_rest(block_bytes: int) -> None:
    content = content_of(vectors_of(9, 64))

    assert limited(content, block_bytes).content == content


NUMBERS = {
    "0.5,-0.25": [0.5, -0.25],
    " 1\n,\t-0.0 ": [1.0, -0.0],
    "1e-45,1e-300,1E2,-0": [1e-45, 0.0, 100.0, 0.0],
    "0.1,0.123456789012345678901234567890": [0.1, 0.12345678901234568],
    "1.8446742974197924e19,1.844674352e19": [1.8446742974197924e19] * 2,
    "9007199254740993,9223372036854775808": [2.0**53, 2.0**63],
    "0," * 999 + "1": [0.0] * 999 + [1.0],
}


@pytest.mark.parametrize("text", NUMBERS, ids=lambda text: text[:20])
def test_numbers_are_rounded_to_the_nearest_float32(text: str) -> None:
    content = b'{"data":[{"embedding":[%b]},{"embedding":[%b]}]}' % (text.encode(), text.encode())
    with np.errstate(all="raise"):
        matrix = read(streamed(content, 2, 10), 2)

    with np.errstate(all="ignore"):
        assert matrix.tobytes() == np.array([NUMBERS[text]] * 2, np.float32).tobytes()
