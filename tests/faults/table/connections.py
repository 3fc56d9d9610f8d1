"""Connections that cannot be opened, that break, and that stall."""

from __future__ import annotations

import ssl
from pathlib import Path

from openrouter_embeddings import errors

from ..fault import KEY, SLACK_SECONDS, UNTRUSTED, Fault, Outcome
from ..socks_proxy import ANSWERS, SILENT, Answers
from ..steps import (
    bad_chunk,
    disconnect,
    drip,
    forever,
    hang,
    once,
    reject_unread,
    reset_in_request,
    respond,
    send_raw,
    then_close,
)

LARGE = tuple(f"{i} " + "confidential " * 80_000 for i in range(8))
TIMEOUT = {"timeout_ms": 600}


def connects_4_times(outcome: Outcome) -> None:
    assert outcome.connection_attempts == 4


def names_the_certificate(outcome: Outcome) -> None:
    assert outcome.connection_attempts == 1
    assert "certificate" in str(outcome.error).lower()


def context_trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


def end_at_deadline(outcome: Outcome) -> None:
    """Each attempt ends at its deadline of 0.6 s; the server measures from the arrival of the request."""
    for request in outcome.ledger.requests:
        assert request.disconnected_after is not None
        assert 0.1 <= request.disconnected_after <= 0.6 + SLACK_SECONDS


def has_no_wait(outcome: Outcome) -> None:
    """Closed keep-alive connections cause no wait."""
    assert set(outcome.waits) <= {0}


BREAKS = {
    "reset": disconnect("in body", "reset"),
    "short body": disconnect("in body", "end"),
    "short chunked body": disconnect("in body", "end", chunks=True),
    "bad chunk": bad_chunk,
}
STALE = [then_close(0), then_close(0.0003), then_close(0.001), then_close(0.0003, "reset"), then_close(0.001, "reset")]


def no_tunnel(name: str, answers: Answers) -> Fault:
    """A SOCKS proxy that opens no tunnel: it is named without its password, and nothing counts as billed."""
    return Fault(
        14,
        f"SOCKS proxy {name}",
        once(),
        errors.ConnectError,
        0,
        0,
        attempts=4,
        options={"allow_http": True, "timeout_ms": 300},
        socks=answers,
        message=("through the proxy 127.0.0.1:",),
        secrets=(KEY, "secretpass"),
    )


MANY = tuple(f"confidential passage {i}" for i in range(3_000))  # the response exceeds the maximum size of a head

FAULTS = [
    Fault(
        14,
        "connection refused",
        once(),
        errors.ConnectError,
        0,
        0,
        attempts=4,
        default_policy=True,
        listening=False,
        check=connects_4_times,
    ),
    Fault(
        14,
        "TLS handshake fails",
        once(),
        errors.ConnectError,
        0,
        0,
        attempts=4,
        scheme="https",
        check=connects_4_times,
    ),
    Fault(
        14,
        "untrusted certificate",
        once(),
        errors.ConnectError,
        0,
        0,
        attempts=1,
        certificate=UNTRUSTED,
        check=names_the_certificate,
    ),
    Fault(
        14,
        "certificate that the caller trusts",
        once(),
        certificate=UNTRUSTED,
        options={"ssl_context": context_trusting(UNTRUSTED)},
    ),
    Fault(14, "SOCKS proxy", once(), options={"allow_http": True}, socks=(), secrets=(KEY, "secretpass")),
    *(no_tunnel(name, answers) for name, answers in {**ANSWERS, "says nothing": SILENT}.items()),
    Fault(15, "reset before headers", once(disconnect("before headers", "reset")), None, 2, 2),
    Fault(15, "end before headers", once(disconnect("before headers", "end")), None, 2, 2),
    Fault(15, "reset in headers", once(disconnect("in headers", "reset")), None, 2, 2),
    Fault(15, "end in headers", once(disconnect("in headers", "end")), None, 2, 2),
    Fault(15, "stale keep-alive", forever(*STALE), None, 60, 60, calls=60, check=has_no_wait),
    Fault(
        15,
        "every reused connection ends",
        forever(respond(), disconnect("before headers", "end")),
        None,
        2 * 20 - 1,
        2 * 20 - 1,
        calls=20,
        check=has_no_wait,
    ),
    Fault(15, "idle keep-alive", forever(then_close(0)), None, 3, 3, calls=3, idle_seconds=0.1),
    Fault(
        15,
        "end on a reused connection",
        once(respond(), disconnect("before headers", "end")),
        None,
        3,
        3,
        calls=2,
        check=has_no_wait,
    ),
    Fault(
        15,
        "reset on a reused connection",
        once(respond(), disconnect("before headers", "reset")),
        None,
        3,
        3,
        calls=2,
        check=has_no_wait,
    ),
    *(Fault(16, f"{name} once", once(step), None, 2, 2) for name, step in BREAKS.items()),
    *(
        Fault(16, f"{name} of a large response once", once(step), None, 2, 2, texts=MANY)
        for name, step in BREAKS.items()
    ),
    *(Fault(17, f"{name} forever", forever(step), errors.ConnectionLostError, 2, 2) for name, step in BREAKS.items()),
    Fault(
        17, "end before headers forever", forever(disconnect("before headers", "end")), errors.ConnectionLostError, 2, 2
    ),
    Fault(
        17, "not HTTP", forever(send_raw(b"SSH-2.0-OpenSSH_9.6\r\n")), errors.ConnectionLostError, 2, 0, maybe_billed=2
    ),
    Fault(
        17, "random bytes", forever(send_raw(bytes(range(256)) * 4)), errors.ConnectionLostError, 2, 0, maybe_billed=2
    ),
    Fault(
        18,
        "hang forever",
        forever(hang),
        errors.DeadlineError,
        2,
        0,
        options=TIMEOUT,
        check=end_at_deadline,
        maybe_billed=2,
    ),
    Fault(
        18,
        "hang forever, timeout of the call",
        forever(hang),
        errors.DeadlineError,
        2,
        0,
        arguments=TIMEOUT,
        check=end_at_deadline,
        maybe_billed=2,
    ),
    Fault(18, "hang once", once(hang), None, 2, 1, options=TIMEOUT, maybe_billed=1),
    Fault(
        19,
        "headers byte by byte",
        forever(drip("headers", 0.1)),
        errors.DeadlineError,
        2,
        0,
        options=TIMEOUT,
        check=end_at_deadline,
        maybe_billed=2,
    ),
    Fault(
        19,
        "body byte by byte",
        forever(drip("body", 0.1)),
        errors.DeadlineError,
        2,
        0,
        options=TIMEOUT,
        check=end_at_deadline,
        maybe_billed=2,
    ),
    Fault(
        20,
        "413 unread, closed",
        once(reject_unread(drain=False)),
        errors.PayloadTooLargeResponseError,
        1,
        0,
        texts=LARGE,
    ),
    Fault(
        20,
        "413 unread, drained",
        once(reject_unread(drain=True)),
        errors.PayloadTooLargeResponseError,
        1,
        0,
        texts=LARGE,
    ),
    Fault(
        20,
        "reset in the request",
        forever(reset_in_request),
        errors.ConnectionLostError,
        2,
        0,
        texts=LARGE,
        maybe_billed=2,
    ),
]
