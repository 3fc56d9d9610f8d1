"""Texts beyond the length limit (recorded, truncated, averaged), prefixes, and inputs other than texts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from openrouter_embeddings import OpenRouter, errors
from openrouter_embeddings.testing import serve
from openrouter_embeddings.types import Shortened
from support.limit_server import LimitServer, average_of
from support.provider_server import KEY, MODEL, matrix_of
from support.sides import Session, Side, both_sides

WORDS = " ".join(f"word{i}" for i in range(400))  # 3,089 bytes
DENSE = "".join(map(chr, range(0x4E00, 0x4E00 + 700)))  # 2,100 bytes without white space
TEXTS = ["short", WORDS, "also short", DENSE, WORDS]
LOCAL = "local/wordllama-l2-supercat-256"


def connect(side: Side, server: LimitServer, **options: Any) -> Session:
    return side(OpenRouter(KEY, server_url=server.url, **options))


def accepted_pieces(server: LimitServer, text: str, prefix: str = "") -> list[str]:
    """Return the accepted pieces of a text, in order."""
    found = {piece.removeprefix(prefix) for piece in server.accepted}
    return sorted((piece for piece in found if piece in text), key=text.index)


MESSAGES = {
    "both numbers": "This model's maximum context length is {limit} tokens, however you requested {tokens} tokens",
    "commas": "input[0]: {tokens:,} tokens, but the context length is {limit:,}",
    "limit alone": "Input must have less than or equal to {limit} tokens",
    "no number": "The input is too long for this model",
}


@pytest.mark.parametrize(
    ("how", "form"), [("listed", "both numbers"), ("given", "no number"), *(("refused", form) for form in MESSAGES)]
)
@pytest.mark.parametrize("action", ["truncate", "average"])
@both_sides
def test_long_text_is_shortened_until_it_is_accepted(side: Side, action: Any, how: str, form: str) -> None:
    limit, listed = (200, 300) if how == "listed" else (200, None)
    options = {"max_tokens_per_text": 300} if how == "given" else {}
    with (
        LimitServer(limit, MESSAGES[form], listed=listed, bytes_per_token=2) as server,
        connect(side, server) as session,
    ):
        result = session.embed(TEXTS, model=MODEL, on_long=action, **options)

    assert result.vectors[[0, 2]].tobytes() == matrix_of(["short", "also short"]).tobytes()
    assert result.errors == []
    assert server.list_requests == (how != "given")
    assert [text.position for text in result.shortened] == [1, 3, 4]
    for note, text in zip(result.shortened, (WORDS, DENSE, WORDS), strict=True):
        pieces = accepted_pieces(server, text)
        if action == "truncate":
            assert text.startswith(pieces[0])
            assert note == Shortened(note.position, len(text), len(pieces[0]), 1)
            assert len(pieces[0].encode()) > 0.45 * 2 * limit
            np.testing.assert_array_equal(result.vectors[note.position], matrix_of(pieces)[0])
        else:
            assert "".join(pieces) == text
            assert note == Shortened(note.position, len(text), len(text), len(pieces))
            np.testing.assert_allclose(result.vectors[note.position], average_of(pieces), atol=1e-6)


def test_pieces_end_at_white_space_and_are_batched() -> None:
    with LimitServer(100, listed=100, max_inputs=3) as server, OpenRouter(KEY, server_url=server.url) as client:
        result = client.embeddings.embed([WORDS] * 2 + ["short"], model=MODEL, on_long="average", batch_size=5)
    pieces = accepted_pieces(server, WORDS)
    assert all(piece.endswith(" ") for piece in pieces[:-1])
    np.testing.assert_allclose(result.vectors[:2], np.stack([average_of(pieces)] * 2), atol=1e-6)
    assert result.vectors[2].tobytes() == matrix_of(["short"]).tobytes()
    assert sorted(set(server.accepted)) == sorted({*pieces, "short"})


@both_sides
def test_pieces_of_one_text_may_be_in_flight_together(side: Side) -> None:
    texts = [" ".join(f"word{i}of{number}" for i in range(100)) for number in range(40)]
    with LimitServer(200, seconds=0.01) as server, connect(side, server) as session:
        options = {"on_long": "average", "max_tokens_per_text": 200, "batch_size": 1, "concurrency": 8}
        result = session.embed(texts, model=MODEL, **options)

    expected = np.stack([average_of(accepted_pieces(server, text)) for text in texts])
    np.testing.assert_allclose(result.vectors, expected, atol=1e-6)
    assert min(text.pieces for text in result.shortened) > 1


@pytest.mark.parametrize("options", [{"max_tokens_per_text": 100}, {}], ids=["not sent", "refused"])
@pytest.mark.parametrize("on_error", ["raise", "record", "skip"])
def test_long_text_is_recorded(options: Any, on_error: Any) -> None:
    texts = ["short", WORDS, "also short", WORDS]
    with LimitServer(100) as server, OpenRouter(KEY, server_url=server.url) as client:
        result = client.embeddings.embed(texts, model=MODEL, on_long="record", on_error=on_error, **options)
    assert [error.position for error in result.errors] == [1, 3]
    assert np.isnan(result.vectors[[1, 3]]).all()
    assert result.vectors[[0, 2]].tobytes() == matrix_of(["short", "also short"]).tobytes()
    assert result.positions.tolist() == [0, 1, 2, 3]
    assert (WORDS in [text for r in server.ledger.requests if r.method == "POST" for text in r.inputs]) == (not options)


def test_long_text_raises_by_default() -> None:
    with LimitServer(100, listed=100) as server, OpenRouter(KEY, server_url=server.url) as client:
        with pytest.raises(errors.BadRequestResponseError, match=r"texts\[1\].*on_long="):
            client.embeddings.embed(["short", WORDS], model=MODEL)
        with pytest.raises(errors.InvalidInputError, match=r"texts\[1\]"):
            client.embeddings.embed(["short", WORDS], model=MODEL, max_tokens_per_text=100)
        result = client.embeddings.embed(["short", WORDS], model=MODEL, max_tokens_per_text=100, on_error="skip")
        assert (len(result), result.errors[0].position, server.list_requests) == (1, 1, 0)


@pytest.mark.parametrize("action", ["truncate", "average"])
def test_rejection_for_another_reason_is_final(action: Any) -> None:
    with LimitServer(0, "too long, always") as server, OpenRouter(KEY, server_url=server.url) as client:
        result = client.embeddings.embed([WORDS], model=MODEL, on_long=action, on_error="record")
    assert [error.position for error in result.errors] == [0]
    assert np.isnan(result.vectors).all()
    assert result.shortened == []
    assert len(server.ledger.requests) < 60


def test_models_are_listed_once_per_client_and_streams_report(tmp_path: Path) -> None:
    with LimitServer(100, listed=100) as server, OpenRouter(KEY, server_url=server.url) as client:
        for _ in range(2):
            stream = client.embeddings.embed_iter(iter([WORDS, "short"]), model=MODEL, on_long="truncate")
            blocks = dict(pair for positions, block in stream for pair in zip(positions, block, strict=True))
            assert (sorted(blocks), [note.position for note in stream.shortened]) == ([0, 1], [0])
        assert server.list_requests == 1


@pytest.mark.parametrize("action", ["truncate", "average"])
def test_pieces_are_paid_for_once_with_a_cache(action: Any, tmp_path: Path) -> None:
    with LimitServer(100, listed=100) as server, OpenRouter(KEY, server_url=server.url) as client:
        options: Any = {"model": MODEL, "cache": tmp_path / "cache", "on_long": action}
        first = client.embeddings.embed([WORDS, "short", DENSE, WORDS], **options)
        paid = sum(server.ledger.billed)
        again = client.embeddings.embed([WORDS, "short", DENSE, WORDS], **options)
        assert sum(server.ledger.billed) == paid
    assert again.vectors.tobytes() == first.vectors.tobytes()
    assert again.shortened == first.shortened


def test_budget_includes_pieces() -> None:
    with LimitServer(100, listed=100) as server, OpenRouter(KEY, server_url=server.url) as client:
        with pytest.raises(errors.BudgetError) as info:
            client.embeddings.embed(["a", WORDS], model=MODEL, on_long="average", max_cost_usd=0.0004, batch_size=1)
        assert np.isnan(info.value.partial.vectors[:, 0]).tolist() == [False, True]
        full = client.embeddings.embed([WORDS, DENSE], model=MODEL, on_long="average", max_cost_usd=1.0, batch_size=2)
        assert (len(full.shortened), server.list_requests) == (2, 2)


@pytest.mark.parametrize("action", ["raise", "average"])
@both_sides
def test_each_text_and_piece_starts_with_the_prefix(side: Side, action: Any, tmp_path: Path) -> None:
    texts, prefix = ["short", "größer", "", WORDS], "passage: "
    with LimitServer(300, listed=300) as server, connect(side, server) as session:
        options = {"model": MODEL, "prefix": prefix, "on_error": "record", "on_long": action}
        result = session.embed(texts, **options, cache=tmp_path / "cache")
        again = session.embed(texts, **options, cache=tmp_path / "cache")
        other = session.embed(texts[:1], model=MODEL, prefix="query: ", cache=tmp_path / "cache")
    np.testing.assert_array_equal(result.vectors[:2], matrix_of([prefix + "short", prefix + "größer"]))
    np.testing.assert_array_equal(other.vectors, matrix_of(["query: short"]))
    assert result.errors[0].position == 2
    if action == "average":
        pieces = [prefix + piece for piece in accepted_pieces(server, WORDS, prefix)]
        assert "".join(piece.removeprefix(prefix) for piece in pieces) == WORDS
        np.testing.assert_allclose(result.vectors[3], average_of(pieces, prefix), atol=1e-6)
        np.testing.assert_array_equal(again.vectors, result.vectors)
    assert (again.usage.total_tokens, other.usage.total_tokens) == (0, 1)


@pytest.mark.parametrize(
    "options",
    [
        {"on_long": "cut"},
        {"max_tokens_per_text": 0},
        {"max_tokens_per_text": 1.5},
        {"prefix": 3},
        {"prefix": "\ud800"},
    ],
)
def test_invalid_options_are_rejected(options: Any) -> None:
    with OpenRouter(KEY) as client, pytest.raises(errors.ConfigurationError, match=next(iter(options))):
        client.embeddings.embed(["a"], model=MODEL, **options)


@both_sides
def test_equal_long_texts_are_each_recorded(side: Side) -> None:
    with LimitServer(200, "", bytes_per_token=2) as server, connect(side, server) as session:
        result = session.embed(["a", WORDS, "b", WORDS], model=MODEL, max_tokens_per_text=100, on_error="record")

    assert [error.position for error in result.errors] == [1, 3]
    assert np.isnan(result.vectors[:, 0]).tolist() == [False, True, False, True]


# ---- inputs other than texts ----

CAT = {"content": [{"type": "text", "text": "a cat"}, {"type": "image_url", "image_url": {"url": "https://x/cat.png"}}]}


@both_sides
def test_inputs_of_all_kinds_have_one_row_each(side: Side, tmp_path: Path) -> None:
    inputs = ["a text", "another", [1, 2, 3], np.array([4, 5]), (1, 2, 3), CAT, "last", CAT]
    sent = ["a text", "another", [1, 2, 3], [4, 5], [1, 2, 3], CAT, "last", CAT]
    with LimitServer(100) as server, connect(side, server) as session:
        result = session.embed(inputs, model=MODEL, prefix="p: ", cache=tmp_path / "cache")
        paid = sum(server.ledger.billed)
        assert session.embed(inputs, model=MODEL, prefix="p: ", cache=tmp_path / "cache").requests == 0
        rows = dict(
            pair
            for positions, block in session.stream(iter(inputs), model=MODEL, concurrency=1)
            for pair in zip(positions, block, strict=True)
        )
    expected = matrix_of(["p: " + each if isinstance(each, str) else each for each in sent])  # type: ignore[misc]
    np.testing.assert_array_equal(result.vectors, expected)
    np.testing.assert_array_equal(np.stack([rows[i] for i in range(len(sent))]), matrix_of(sent))  # type: ignore[arg-type]
    assert paid == 6  # equal inputs are sent once
    kinds = [{type(each) for each in request.inputs} for request in server.ledger.requests]
    assert all(len(kind) == 1 for kind in kinds)


@both_sides
def test_text_that_looks_like_another_input_is_not_equal_to_it(side: Side, tmp_path: Path) -> None:
    inputs: list[Any] = [[1, 2], "[1,2]", "\0[1,2]", [1, 2]]
    with LimitServer(100) as server, connect(side, server) as session:
        for _ in range(2):
            result = session.embed(inputs, model=MODEL, cache=tmp_path / "cache")
            np.testing.assert_array_equal(result.vectors, matrix_of(inputs))
    assert sum(server.ledger.billed) == 3


def test_multimodal_inputs_are_packed_by_bytes() -> None:
    def image(size: int) -> Any:
        url = f"data:image/png;base64,{'A' * size}"
        return {"content": [{"type": "image_url", "image_url": {"url": url}}]}

    sizes = [3 << 20, 3 << 20, 3 << 20, 9 << 20, 1000, 1000]
    with LimitServer(1 << 30) as server, OpenRouter(KEY, server_url=server.url) as client:
        result = client.embeddings.embed([image(size + i) for i, size in enumerate(sizes)], model=MODEL, concurrency=1)
    assert len(result) == 6
    assert [len(request.inputs) for request in server.ledger.requests] == [2, 1, 1, 2]


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ([], "texts[1]"),
        ([1, -1], "texts[1][1]"),
        ([1.5], "texts[1][0]"),
        ({"content": []}, "texts[1].content"),
        ({"text": "a"}, "texts[1].text"),
        ({"content": [{"type": "image", "url": "x"}]}, "texts[1].content[0]"),
        (["a"], "texts[1]"),
        (3, "texts[1]"),
        (b"a", "texts[1]"),
    ],
)
def test_invalid_input_is_named_with_its_path(value: Any, path: str) -> None:
    with OpenRouter(KEY) as client, pytest.raises(errors.InvalidInputError) as info:
        client.embeddings.embed(["a", value], model=MODEL)
    assert info.value.message.startswith(path)


@pytest.fixture(scope="module")
def client() -> Iterator[OpenRouter]:
    with serve() as server, server.client() as client:
        yield client


def test_averaged_vector_is_close_to_that_of_the_whole_text(client: OpenRouter) -> None:
    """The embedded model averages token vectors, so the average of pieces nearly equals the vector of the text."""
    text = "The train to Berlin leaves at noon. " * 4_000  # 32,000 tokens
    whole = client.embeddings.embed("The train to Berlin leaves at noon.", model=LOCAL).vectors[0]
    for action in ("truncate", "average"):
        for options in ({}, {"max_tokens_per_text": 1_000_000}):
            result = client.embeddings.embed([text, "Bread"], model=LOCAL, on_long=action, **options)  # type: ignore[arg-type]
            assert result.vectors[0] @ whole > 0.99
            assert result.shortened[0].kept_characters == (len(text) if action == "average" else 0) or (
                0 < result.shortened[0].kept_characters < len(text)
            )
    content = {"content": [{"type": "text", "text": "The train to Berlin leaves at noon."}]}
    rows = client.embeddings.embed([content, [1, 2, 3]], model=LOCAL).vectors
    np.testing.assert_array_equal(rows[0], whole)
    assert np.isfinite(rows).all()
