"""Simulated faults of the embedded server, and its protection against large uploads."""

from __future__ import annotations

import logging
import socket
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest
from openrouter_embeddings import Policy, errors
from openrouter_embeddings.testing import EmbedResult, Fault, TextError, Usage, serve
from support.sides import Side, both_sides

CALL: dict[str, Any] = {"input": "a text", "model": "openai/text-embedding-3-small"}
QUICK = Policy(base_seconds=0, overloaded_base_seconds=0)


class Case(NamedTuple):
    """The faults of the first requests, the error without retries, and the number of attempts with retries."""

    faults: list[Fault | None]
    error: type[errors.OpenRouterError] | None
    attempts: int
    timeout_ms: int | None = None


CASES = {
    "no fault": Case([None], None, 1),
    "no credits": Case([Fault(402, message="no credits")], errors.PaymentRequiredResponseError, 1),
    "rate limit": Case([Fault(429, retry_after=0.01)], errors.TooManyRequestsResponseError, 2),
    "unavailable for three requests": Case([Fault(503)] * 3, errors.ServiceUnavailableResponseError, 4),
    "slow": Case([Fault(delay_seconds=3.0)], errors.DeadlineError, 2, 1_500),
    "torn": Case([Fault(torn=True)], errors.ConnectionLostError, 2),
    "torn error": Case([Fault(503, torn=True)], errors.ServiceUnavailableResponseError, 2),
}


@both_sides
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_call_gets_the_fault_or_retries(case: Case, side: Side) -> None:
    for retries in (None, QUICK):
        with serve(faults=case.faults) as server:
            with side(server.client(timeout_ms=case.timeout_ms, retry_config=retries)) as session:
                if case.error is not None and (retries is None or case.attempts == 1):
                    with pytest.raises(case.error):
                        session.generate(**CALL)
                else:
                    assert session.generate(**CALL).http_meta.attempts == case.attempts


def test_error_has_the_message_and_headers_of_its_fault() -> None:
    with serve(faults=[None, Fault(429, retry_after=2.5, message="slow down", headers={"X-Team": "a"})]) as server:
        got = [
            httpx.get(f"{server.url}/embeddings/models", headers={"Authorization": "Bearer k"}, timeout=60)
            for _ in "123"
        ]

    assert [response.status_code for response in got] == [200, 429, 200]
    assert got[1].json()["error"] == {
        "code": 429,
        "message": "slow down",
        "metadata": {"error_type": "simulated"},
    }
    assert (got[1].headers["retry-after"], got[1].headers["x-team"]) == ("2.5", "a")


def test_results_can_be_constructed() -> None:
    result = EmbedResult(np.zeros((1, 3), np.float32), np.array([0]), usage=Usage(3, 3), errors=[])

    assert (len(result), result.usage.total_tokens) == (1, 3)
    assert TextError(1, errors.NoResponseError()).position == 1


def post(url: str, key: str, upload: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    return httpx.post(f"{url}/embeddings", headers=headers, content=upload, timeout=30)


def test_body_is_not_read_if_the_key_is_wrong() -> None:
    sent = 0

    def endless() -> Any:
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * (1 << 20)

    with serve(api_key="right", max_body_bytes=1 << 20) as server:
        assert post(server.url, "wrong", endless()).status_code == 401
        assert post(server.url, "right", endless()).status_code == 413
        assert sent < 40
        assert post(server.url, "wrong", b"x" * (1 << 20)).status_code == 401
        address = httpx.URL(server.url)
        with socket.create_connection((address.host, address.port or 0), timeout=30) as connection:
            connection.sendall(b"POST /api/v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000000\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize(("host", "key", "warns"), [("0.0.0.0", None, 1), ("0.0.0.0", "k", 0), ("127.0.0.1", None, 0)])
def test_open_server_warns(host: str, key: str | None, warns: int, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), serve(host=host, api_key=key):
        pass

    assert [record.name for record in caplog.records if "api_key" in record.getMessage()] == ["openrouter"] * warns


@pytest.mark.parametrize(
    "attributes",
    [
        {"status": 42},
        {"status": "429"},
        {"retry_after": -1},
        {"delay_seconds": True},
        {"torn": 3},
        {"batch_status": "x"},
    ],
    ids=str,
)
def test_invalid_fault_is_rejected(attributes: dict[str, Any]) -> None:
    with pytest.raises(errors.ConfigurationError, match=f"Fault: {next(iter(attributes))}: expected"):
        Fault(**attributes)


def test_list_of_faults_must_contain_faults() -> None:
    with (
        pytest.raises(errors.ConfigurationError, match=r"faults\[1\]: .* write Fault\(429\)"),
        serve(faults=[None, 429]),
    ):  # type: ignore[list-item]
        pass
