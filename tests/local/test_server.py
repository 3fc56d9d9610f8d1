"""The embedded server starts in one line, stops by itself, and leaves nothing behind."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import threading
from typing import Any

import httpx
import pytest
from openrouter_embeddings import errors
from openrouter_embeddings.local import serve
from openrouter_embeddings.local.server import _open_listener as _listen

KEY = {"Authorization": "Bearer any"}


def listens(url: str) -> bool:
    address = httpx.URL(url)
    with socket.socket() as probe:
        return probe.connect_ex((address.host, address.port or 80)) == 0


def test_starts_and_stops_with_the_block() -> None:
    threads = threading.active_count()
    with serve() as server:
        url = server.url
        assert url.startswith("http://127.0.0.1:")
        assert url.endswith("/api/v1")
        assert httpx.get(url + "/embeddings/models", headers=KEY).status_code == 200
    assert not listens(url)
    assert threading.active_count() == threads


def test_stops_when_the_block_fails() -> None:
    server = serve()
    urls = []

    def fail() -> None:
        with server:
            urls.append(server.url)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not listens(urls[0])


def test_starts_again_and_on_the_same_port() -> None:
    server = serve()
    with server:
        port = httpx.URL(server.url).port or 0
        httpx.get(server.url + "/embeddings/models", headers=KEY)
    with server:
        assert httpx.get(server.url + "/embeddings/models", headers=KEY).status_code == 200
    with serve(port=port) as again:
        assert httpx.URL(again.url).port == port
        assert httpx.get(again.url + "/embeddings/models", headers=KEY).status_code == 200


def test_two_at_once_are_apart() -> None:
    with serve(api_key="one") as one, serve(api_key="two") as two:
        assert one.url != two.url
        statuses = [
            httpx.get(server.url + "/embeddings/models", headers={"Authorization": "Bearer one"}).status_code
            for server in (one, two)
        ]
    assert statuses == [200, 401]


def test_a_taken_port_is_an_error_of_the_caller() -> None:
    with serve() as server:
        port = httpx.URL(server.url).port or 0
        with pytest.raises(OSError, match="in use"):
            serve(port=port).start()


def test_starting_twice_is_refused_and_stopping_twice_is_not() -> None:
    server = serve()
    server.stop()
    server.start()
    with pytest.raises(RuntimeError, match="already listening"):
        server.start()
    server.stop()
    server.stop()
    with pytest.raises(RuntimeError, match="not listening"):
        _ = server.url


def test_stops_while_a_connection_is_kept_open() -> None:
    with httpx.Client(headers=KEY) as http:
        with serve() as server:
            url = server.url
            http.get(url + "/embeddings/models")
        assert not listens(url)


def test_listens_to_ipv6_and_names_an_address_that_connects() -> None:
    with serve(host="0.0.0.0") as server:
        assert server.url.startswith("http://127.0.0.1:")
    try:
        with serve(host="::1") as server:
            assert server.url.startswith("http://[::1]:")
            assert httpx.get(server.url + "/embeddings/models", headers=KEY).status_code == 200
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")


def test_small_answers_are_not_held_back() -> None:
    """asyncio sets TCP_NODELAY on sockets of a named protocol only; without it an answer on a kept connection waits
    40 ms for the caller's acknowledgement."""
    with _listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_start_that_fails_is_told_and_frees_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(*_: object) -> None:
        raise SystemExit(1)

    with serve() as server:
        port = httpx.URL(server.url).port or 0
    with monkeypatch.context() as patched:
        patched.setattr("uvicorn.Server.startup", failing)
        with pytest.raises(RuntimeError, match="did not start"):
            serve(port=port).start()
    with serve(port=port) as server:
        assert listens(server.url)


def test_client_of_a_server_needs_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "of another")
    monkeypatch.setenv("OPENROUTER_BASE_URL", "http://127.0.0.1:9/api/v1")
    with serve(api_key="right") as server, server.client() as client:
        answer = client.embeddings.generate(input="a", model="openai/text-embedding-3-small", dimensions=5)
        assert [len(row.embedding) for row in answer.data] == [5]
        with server.client(api_key="wrong") as stranger, pytest.raises(errors.UnauthorizedResponseError):
            stranger.embeddings.list_models()


def test_environment_points_a_client_here() -> None:
    with serve(api_key="secret") as server:
        assert server.environment == {"OPENROUTER_API_KEY": "secret", "OPENROUTER_BASE_URL": server.url}
    with serve() as server:
        assert server.environment["OPENROUTER_API_KEY"]


def test_a_program_that_forgets_to_stop_ends_all_the_same() -> None:
    code = "from openrouter_embeddings.local import serve; serve().start(); print('end')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


def test_missing_extra_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> Any:
        return None if name in ("uvicorn", "wordllama") else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    with pytest.raises(ImportError) as caught:
        serve()
    expected = "the embedded server needs uvicorn, wordllama: pip install 'openrouter-embeddings[local]'"
    assert str(caught.value) == expected


def test_the_door_is_light() -> None:
    """`from openrouter_embeddings.local import serve` loads nothing of the extra: only using it does."""
    heavy = "jsonschema safetensors starlette tokenizers uvicorn wordllama numpy"
    code = f"import sys, openrouter.local; print([name for name in '{heavy}'.split() if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
