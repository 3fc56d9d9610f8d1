"""A request as HTTP frames it: where it goes, its fields, and how long each wait may be."""

from __future__ import annotations

from typing import NamedTuple

import httpcore
import httpx
import pytest
from openrouter_embeddings.messages import Request, Timeouts
from openrouter_embeddings.network.framing import extensions_of, fields_of, head_of, target_of
from openrouter_embeddings.redaction import Secret


class Leads(NamedTuple):
    """A URL, and where it leads: origin, Host, and what is asked for."""

    url: str
    key: tuple[bytes, bytes, int]
    host: str
    asked: bytes


LEADS = [
    Leads("https://openrouter.ai/api/v1", (b"https", b"openrouter.ai", 443), "openrouter.ai", b"/api/v1"),
    Leads("https://openrouter.ai:443/", (b"https", b"openrouter.ai", 443), "openrouter.ai", b"/"),
    Leads("http://openrouter.ai", (b"http", b"openrouter.ai", 80), "openrouter.ai", b"/"),
    Leads("http://127.0.0.1:8080/a?b=c%20d", (b"http", b"127.0.0.1", 8080), "127.0.0.1:8080", b"/a?b=c%20d"),
    Leads("http://[::1]:8080/", (b"http", b"::1", 8080), "[::1]:8080", b"/"),
]


@pytest.mark.parametrize("leads", LEADS, ids=lambda leads: leads.url)
def test_url_leads_somewhere(leads: Leads) -> None:
    target = target_of(leads.url)

    assert (target.key, target.host, target.url.target) == (leads.key, leads.host, leads.asked)
    assert (target.origin.scheme, target.origin.host, target.origin.port) == leads.key
    assert str(target.parsed) in (leads.url, leads.url.replace(":443", ""))


def test_url_is_looked_at_once() -> None:
    assert target_of("https://h/a") is target_of("https://h/a")


def test_url_that_leads_nowhere_is_refused() -> None:
    with pytest.raises(httpx.InvalidURL):
        target_of("http://h:port/")


SHORTER = Timeouts(connect_seconds=1.0, pool_seconds=2.0, write_seconds=3.0, read_seconds=4.0, attempt_seconds=2.5)


@pytest.mark.parametrize(
    ("timeouts", "waits"),
    [
        (Timeouts(), {"connect": 5.0, "pool": 120.0, "write": 30.0, "read": 60.0}),
        (SHORTER, {"connect": 1.0, "pool": 2.0, "write": 2.5, "read": 2.5}),
    ],
)
def test_no_wait_is_longer_than_the_attempt(timeouts: Timeouts, waits: dict[str, float]) -> None:
    assert extensions_of(timeouts) == {"timeout": waits}


class Fields(NamedTuple):
    """Method and body of a request, and the fields that frame it."""

    method: str
    body: bytes | None
    framing: list[tuple[bytes, bytes]]


FIELDS = [
    Fields("GET", None, []),
    Fields("DELETE", None, []),
    Fields("GET", b"{}", [(b"Content-Length", b"2")]),
    Fields("POST", b"{}", [(b"Content-Length", b"2")]),
    Fields("POST", b"", [(b"Content-Length", b"0")]),
    Fields("POST", None, [(b"Content-Length", b"0")]),
    Fields("PUT", None, [(b"Content-Length", b"0")]),
    Fields("PATCH", None, [(b"Content-Length", b"0")]),
]


@pytest.mark.parametrize("fields", FIELDS, ids=str)
def test_fields_that_frame_come_first_and_secrets_are_revealed(fields: Fields) -> None:
    headers = (("X-Title", "a"), ("Authorization", Secret("Bearer k")))
    request = Request(fields.method, "https://h:1/", headers, fields.body, Timeouts(), 1)

    assert fields_of(request, target_of(request.url)) == [
        (b"Host", b"h:1"),
        *fields.framing,
        (b"X-Title", b"a"),
        (b"Authorization", b"Bearer k"),
    ]


@pytest.mark.parametrize("fields", FIELDS, ids=str)
def test_head_is_its_line_and_the_same_fields(fields: Fields) -> None:
    request = Request(fields.method, "https://h:1/a?b", (("X-Title", "a"),), fields.body, Timeouts(), 1)
    target = target_of(request.url)

    lines = [b"%s: %s" % field for field in fields_of(request, target)]
    assert head_of(request, target) == b"\r\n".join(
        [fields.method.encode() + b" /a?b HTTP/1.1", *lines, b"", b""],
    )


@pytest.mark.parametrize("value", ["a\r\nY: b", "a\nY: b", "a\rb", "a\n\r"])
def test_field_that_would_be_two_is_not_sent(value: str) -> None:
    request = Request("GET", "https://h/", (("X", value),), None, Timeouts(), 1)

    with pytest.raises(httpcore.LocalProtocolError):
        head_of(request, target_of(request.url))


def test_field_that_is_not_ascii_is_not_sent() -> None:
    request = Request("GET", "https://h/", (("X", "\xe9"),), None, Timeouts(), 1)

    with pytest.raises(UnicodeError):
        fields_of(request, target_of(request.url))
