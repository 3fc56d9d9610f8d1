"""Requests, responses and headers as values, and the redaction of secrets."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from openrouter_embeddings.messages import Headers, Request, Response, Timeouts
from openrouter_embeddings.redaction import HIDE, MASK, Redactor, Secret

KEY = "sk-or-v1-" + "0123456789abcdef" * 4
BEARER = f"Bearer {KEY}"


def request(*headers: tuple[str, str | Secret], body: bytes | None = None) -> Request:
    return Request("POST", "https://h/", headers, body, Timeouts(), 1)


@pytest.mark.parametrize("value", [Secret(KEY), Redactor([Secret(KEY)]), request(("Authorization", Secret(BEARER)))])
def test_secret_is_masked_in_every_way_of_printing(value: object) -> None:
    local_variables = {"headers": [("Authorization", value)]}
    shown = [repr(value), str(value), f"{value}", f"{value!r}", "%s %r" % (value, value), repr(local_variables)]  # noqa: UP031

    assert [text for text in shown if KEY[:20] in text] == []
    assert isinstance(value, Redactor) or all(MASK in text for text in shown)


def test_body_is_never_printed() -> None:
    assert "vector" not in repr(Response(200, Headers(), b"a vector")) + repr(request(body=b"a vector"))


def test_secret_is_revealed_on_request_and_compares_by_value() -> None:
    assert Secret(KEY).reveal() == KEY
    assert (Secret(KEY) != KEY, Secret(KEY) != Secret("another")) == (True, True)
    assert {Secret(KEY), Secret(KEY), Secret("another")} == {Secret(KEY), Secret("another")}


ARGUMENTS: list[tuple[str, Any, Any]] = [
    # the name and the value of an argument, and the value that a traceback with locals shows
    ("api_key", KEY, Secret(KEY)),
    ("api_key", Secret(KEY), Secret(KEY)),
    ("api_key", None, None),
    ("api_key", print, print),
    ("api_key", KEY.encode(), bytes),
    ("server_url", "https://h/X", "https://h/X"),
    *(("server_url", url, Secret(url)) for url in ("https://me:x@h/v1", "https://h/v1?key=x", "https://h/v1#x")),
    ("server_url", [KEY], [KEY]),
    ("http_headers", {"Cookie": KEY, "X-A": "1", "X-Key": None}, {"Cookie": Secret(KEY), "X-A": "1", "X-Key": None}),
    ("http_headers", 5, 5),
    ("client", {"api_key": KEY, "timeout_ms": 5}, {"api_key": Secret(KEY), "timeout_ms": 5}),
]


@pytest.mark.parametrize(("name", "value", "shown"), ARGUMENTS, ids=range(len(ARGUMENTS)))
def test_argument_is_hidden_if_it_may_hold_a_secret(name: str, value: Any, shown: Any) -> None:
    assert HIDE[name](value) == shown


@pytest.mark.parametrize("value", [Secret(KEY), Headers([("A", "1")]), Response(200, Headers([("A", "1")]), b"{}")])
def test_values_survive_copying_and_pickling(value: Any) -> None:
    assert copy.deepcopy(value) == pickle.loads(pickle.dumps(value)) == value


def test_headers_compare_without_case_and_join_repeated_values() -> None:
    headers = Headers([("Retry-After", "5"), ("Set-Cookie", "a=1"), ("set-cookie", "b=2")])

    assert headers["retry-AFTER"] == headers.get("RETRY-AFTER") == "5"
    assert ("Retry-after" in headers, "Retry" in headers, 5 in headers) == (True, False, False)
    assert headers == dict(headers) == {"retry-after": "5", "set-cookie": "a=1, b=2"}
    assert len(headers) == 2
    assert [*headers.values()] == ["5", "a=1, b=2"]
    assert repr(headers) == "Headers({'retry-after': '5', 'set-cookie': 'a=1, b=2'})"
    with pytest.raises(KeyError):
        headers["location"]


def test_body_of_a_response_as_text_and_as_json() -> None:
    responses = [Response(200, Headers(), content) for content in (b'{"a": 1}', bytearray(b"[1]"), b"\xff{", b"")]

    assert [response.text for response in responses] == ['{"a": 1}', "[1]", "�{", ""]
    assert [response.json() for response in responses[:2]] == [{"a": 1}, [1]]
    for response in responses[2:]:
        with pytest.raises(ValueError):
            response.json()


REDACTED = [
    # secrets, text, what is shown
    ([KEY], f"bad key {KEY}!", f"bad key {MASK}!"),
    ([KEY], f"{KEY}{KEY}", f"{MASK}{MASK}"),
    ([BEARER], f"{BEARER} / {KEY}", f"{MASK} / {MASK}"),
    ([KEY, BEARER], BEARER, MASK),
    (["abc"], "abc", "abc"),  # too short to mask: ordinary text contains it
    (["abcd"], "abcd", MASK),
    ([], "abcd", "abcd"),
    # A text may have been cut in the middle of the key, at its end or before an ellipsis.
    ([KEY], f"keys begin with {KEY[:9]} as yours", f"keys begin with {KEY[:9]} as yours"),
    ([KEY], f"bad key {KEY[:30]}…", f"bad key {MASK}…"),
    ([KEY], f"bad key {KEY[:4]}", f"bad key {MASK}"),
    ([KEY], f"bad key {KEY[:3]}", f"bad key {KEY[:3]}"),
    ([KEY], KEY[:-1], MASK),
    ([KEY], f"{KEY[:30]}…: {KEY[:20]}… and {KEY[:9]} there", f"{MASK}…: {MASK}… and {KEY[:9]} there"),
    ([KEY, BEARER], f"sent {BEARER[:16]}…", f"sent {MASK}…"),
    ([KEY], f'["{KEY[:40]}", "{KEY[:12]}", "{KEY[:11]}"]', f'["{MASK}", "{MASK}", "{KEY[:11]}"]'),
    ([BEARER], "send Bearer sk-or-v1 and the rest", "send Bearer sk-or-v1 and the rest"),
]


@pytest.mark.parametrize(("secrets", "text", "shown"), REDACTED, ids=range(len(REDACTED)))
def test_secrets_are_removed_from_text(secrets: list[str], text: str, shown: str) -> None:
    redactor = Redactor(map(Secret, secrets))

    assert redactor(text) == shown
    assert redactor.json({text: [text, 1, None]}) == {shown: [shown, 1, None]}


def test_secrets_of_a_request_are_removed_from_its_response() -> None:
    sent = request(("Authorization", Secret(BEARER)), ("X-Own", Secret("hidden")), ("X-Plain", "plain"))
    response = Response(401, Headers([("X-Echo", BEARER), ("X-Id", "1")]), f"{KEY}; hidden; plain".encode())

    redacted = response.redacted(sent.redactor(), 1_000)
    assert redacted == Response(401, Headers([("x-echo", MASK), ("x-id", "1")]), f"{MASK}; {MASK}; plain".encode())


CUT = [
    # a body, how many bytes are kept
    (f"{KEY} ".encode() * 2_000, 64 * 1024),
    (b"x" * (64 * 1024 - 40) + KEY.encode(), 64 * 1024),
    (b"\xff" * 1_000, 500),
    (b"wxyz" * 250, 500),  # the mask is longer than this secret
    ("é".encode() * 100, 51),
]


@pytest.mark.parametrize(("content", "keep_bytes"), CUT, ids=range(len(CUT)))
def test_body_is_cut_without_leaving_a_part_of_a_secret(content: bytes, keep_bytes: int) -> None:
    redacted = Response(400, Headers(), content).redacted(Redactor([Secret(KEY), Secret("wxyz")]), keep_bytes)

    assert 0 < len(redacted.content) <= keep_bytes
    assert (KEY[:4] in redacted.text, "wxyz" in redacted.text) == (False, False)
    assert redacted.text == redacted.content.decode("utf-8", "replace")
