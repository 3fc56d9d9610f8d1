"""Values that travel through a call: headers compare without case, and a secret is seen by the wire alone."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import NamedTuple

import pytest
from openrouter_embeddings.messages import Failure, Headers, Request, Response, Sleep, Timeouts
from openrouter_embeddings.redaction import MASK, Redactor, Secret

KEY = "sk-or-v1-" + "0123456789abcdef" * 4


class Shown(NamedTuple):
    """A way in which a value may be turned into text."""

    name: str
    show: Callable[[object], str]


SHOWN = [
    Shown("repr", repr),
    Shown("str", str),
    Shown("an f-string", lambda value: f"{value}"),
    Shown("percent", lambda value: "%s %r" % (value, value)),  # noqa: UP031
    Shown("a traceback's locals", lambda value: repr({"headers": [("Authorization", value)]})),
]


@pytest.mark.parametrize("way", SHOWN, ids=lambda way: way.name)
def test_secret_shows_a_mask_in_every_way_of_printing(way: Shown) -> None:
    request = Request("POST", "https://h/", (("Authorization", Secret(KEY)),), KEY.encode(), Timeouts(), 1)

    for value in (Secret(KEY), request):
        assert KEY not in way.show(value)
        assert MASK in way.show(value)


def test_mask_says_that_something_is_hidden() -> None:
    assert (MASK, repr(Secret(KEY)), str(Secret(KEY))) == ("[masked]", "Secret('[masked]')", "[masked]")


def test_secret_is_revealed_when_asked_and_compares_by_value() -> None:
    assert Secret(KEY).reveal() == KEY
    assert Secret(KEY) == Secret(KEY)
    assert Secret(KEY) != Secret("another")
    assert Secret(KEY) != KEY
    assert len({Secret(KEY), Secret(KEY), Secret("another")}) == 2


@pytest.mark.parametrize(
    "again", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))], ids=["copy", "pickle"]
)
def test_messages_survive_being_copied_and_pickled(again: Callable[[object], object]) -> None:
    headers = Headers([("A", "1")])
    reply = Response(200, headers, b"{}")

    assert again(Secret(KEY)) == Secret(KEY)
    assert again(headers) == headers
    assert again(reply) == reply


def test_headers_compare_without_case_and_join_what_is_repeated() -> None:
    headers = Headers([("Retry-After", "5"), ("Set-Cookie", "a=1"), ("set-cookie", "b=2")])

    assert headers["retry-AFTER"] == "5"
    assert headers.get("RETRY-AFTER") == "5"
    assert "Retry-after" in headers
    assert "Retry" not in headers
    assert 5 not in headers
    assert dict(headers) == {"retry-after": "5", "set-cookie": "a=1, b=2"}
    assert len(headers) == 2
    assert headers == {"retry-after": "5", "set-cookie": "a=1, b=2"}
    assert repr(headers) == "Headers({'retry-after': '5', 'set-cookie': 'a=1, b=2'})"
    with pytest.raises(KeyError):
        headers["location"]


class Body(NamedTuple):
    """Bytes, the text they are read as, and the JSON, None where there is none."""

    content: bytes | bytearray
    text: str
    json: object


BODIES = [
    Body(b'{"a": 1}', '{"a": 1}', {"a": 1}),
    Body(bytearray(b"[1]"), "[1]", [1]),
    Body("é".encode(), "é", None),
    Body(b"\xff{", "�{", None),
    Body(b"", "", None),
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(bytes(body.content)))
def test_reply_reads_its_body_as_text_and_as_json(body: Body) -> None:
    reply = Response(200, Headers(), body.content)

    assert reply.text == body.text
    if body.json is not None:
        assert reply.json() == body.json
    else:
        with pytest.raises(ValueError):
            reply.json()


def test_reply_and_request_do_not_print_their_body() -> None:
    reply = Response(200, Headers(), b"a text or a vector")
    request = Request("POST", "https://h/", (), b"a text or a vector", Timeouts(), 1)

    assert "vector" not in repr(reply) + repr(request)


def test_failure_is_neither_stale_nor_final_unless_said() -> None:
    from openrouter_embeddings.errors import ConnectError

    failure = Failure(ConnectError("no"), sent=False)

    assert (failure.stale, failure.final) == (False, False)


def test_pause_is_this_calls_own_and_costs_a_retry_unless_said() -> None:
    assert Sleep(1.0) == Sleep(1.0, shared=False, free=False)


class Masked(NamedTuple):
    """Secrets, a text, and the text as it may be shown."""

    secrets: list[str]
    text: str
    wanted: str


MASKED = [
    Masked([KEY], f"bad key {KEY}!", f"bad key {MASK}!"),
    Masked([KEY], f"{KEY}{KEY}", f"{MASK}{MASK}"),
    Masked([f"Bearer {KEY}", KEY], f"Bearer {KEY} / {KEY}", f"{MASK} / {MASK}"),
    Masked([KEY, f"Bearer {KEY}"], f"Bearer {KEY}", MASK),  # the longest first, whatever the order
    Masked(["abc"], "abc", "abc"),  # so short a value stands in ordinary text
    Masked(["abcd"], "abcd", MASK),
    Masked([], "abcd", "abcd"),
    Masked([KEY], f"keys begin with {KEY[:9]} as yours", f"keys begin with {KEY[:9]} as yours"),
    Masked([KEY], f"keys begin with {KEY[:9]}", f"keys begin with {MASK}"),  # it may be the rest of one
    Masked([KEY], KEY[:3], KEY[:3]),
]


@pytest.mark.parametrize("case", MASKED, ids=lambda case: f"{len(case.secrets)} in {case.text[:12]}")
def test_masker_takes_every_secret_out_of_a_text(case: Masked) -> None:
    assert Redactor(case.secrets)(case.text) == case.wanted


def test_masker_shows_no_secret_itself() -> None:
    redactor = Redactor([KEY])

    assert KEY not in repr(redactor) + repr([getattr(redactor, name) for name in Redactor.__slots__])


def test_masker_masks_headers_and_body_of_a_reply() -> None:
    reply = Response(401, Headers([("X-Echo", f"Bearer {KEY}"), ("X-Id", "1")]), f'{{"key": "{KEY}"}}'.encode())

    masked = reply.redacted(Redactor([KEY]), 1_000)

    assert masked == Response(
        401, Headers([("x-echo", f"Bearer {MASK}"), ("x-id", "1")]), f'{{"key": "{MASK}"}}'.encode()
    )


def _longest_part(shown: str) -> int:
    """How many characters of the key's beginning stand in a text."""
    return max(length for length in range(len(KEY) + 1) if KEY[:length] in shown)


class Echo(NamedTuple):
    """A body that repeats the key, so that a cut may fall into the middle of it."""

    name: str
    content: str


ECHOES = [
    Echo("the key and nothing else, 2,000 times", f"{KEY} " * 2_000),
    Echo("the key across the last byte that is kept", "x" * (64 * 1024 - 40) + KEY),
    Echo("the key across the last byte that is looked at", "x" * (68 * 1024 - 40) + KEY),
    Echo("enough keys to bring a cut one within what is kept", f"{KEY} " * 65 + "x" * (68 * 1024 - 65 * 74 - 40) + KEY),
]


@pytest.mark.parametrize("echo", ECHOES, ids=lambda echo: echo.name)
def test_no_part_of_a_key_survives_where_a_body_is_cut(echo: Echo) -> None:
    reply = Response(400, Headers(), echo.content.encode())

    masked = reply.redacted(Redactor([KEY]), 64 * 1024)

    assert len(masked.content) <= 64 * 1024
    assert _longest_part(masked.text) < 4, "more than ordinary text would share with it"


@pytest.mark.parametrize("content", [b"\xff" * 1_000, b"abcd" * 250], ids=["no UTF-8", "a short secret"])
def test_masked_body_is_no_longer_than_what_is_kept(content: bytes) -> None:
    assert len(Response(400, Headers(), content).redacted(Redactor(["abcd"]), 500).content) <= 500


class Half(NamedTuple):
    """A text that a cut went through, and the text as it may be shown."""

    text: str
    wanted: str


HALVES = [
    Half(f"bad key {KEY[:30]}…", f"bad key {MASK}…"),
    Half(f"bad key {KEY[:30]}", f"bad key {MASK}"),
    Half(f"bad key {KEY[:4]}", f"bad key {MASK}"),
    Half(f"bad key {KEY[:3]}", f"bad key {KEY[:3]}"),
    Half(f"bad key {KEY[:-1]}", f"bad key {MASK}"),
    Half(KEY[:-1], MASK),
    Half(KEY[:4], MASK),
    Half(f"redirected to http://h/{KEY[:30]}…, which is refused", f"redirected to http://h/{MASK}…, which is refused"),
    Half(f"{KEY[:30]}…: {KEY[:20]}… and {KEY[:9]} there", f"{MASK}…: {MASK}… and {KEY[:9]} there"),
]


@pytest.mark.parametrize("half", HALVES, ids=lambda half: half.text)
def test_key_that_a_cut_went_through_is_masked_wherever_the_cut_is(half: Half) -> None:
    assert Redactor([KEY])(half.text) == half.wanted


def test_longer_of_two_secrets_is_masked_where_both_may_have_been_cut() -> None:
    assert Redactor([KEY, f"Bearer {KEY}"])(f"sent Bearer {KEY[:9]}…") == f"sent {MASK}…"


def test_request_masks_its_secrets_whole_and_without_their_scheme() -> None:
    headers = (("Authorization", Secret(f"Bearer {KEY}")), ("X-Other", Secret("another secret")), ("X-Plain", "plain"))
    mask = Request("POST", "https://h/", headers, None, Timeouts(), 1).redactor()

    assert mask(f"Bearer {KEY}; {KEY}; another secret; plain; Bearer") == f"{MASK}; {MASK}; {MASK}; plain; {MASK}"


def test_headers_without_a_secret_stay_as_they_are() -> None:
    headers = Headers([("a", "1"), ("b", "2")])

    assert headers.redacted(Redactor([KEY])) == headers


def test_cut_body_of_many_bytes_per_character_stays_readable() -> None:
    masked = Response(400, Headers(), "é".encode() * 100).redacted(Redactor([KEY]), 51)

    assert masked.text == "é" * 25 + "�"
