"""The embedded server starts in one line, stops with its block, and leaves nothing behind."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import threading
from typing import Any

import httpx
import pytest
from openrouter_embeddings import errors
from openrouter_embeddings.local import serve

KEY = {"Authorization": "Bearer any"}


def status(url: str, key: str = "any") -> int:
    """The status of the models list, or 0 if nobody listens."""
    try:
        return httpx.get(f"{url}/embeddings/models", headers={"Authorization": f"Bearer {key}"}).status_code
    except httpx.ConnectError:
        return 0


def port_of(url: str) -> int:
    return httpx.URL(url).port or 0


def test_starts_and_stops_with_the_block() -> None:
    threads = threading.active_count()
    with serve() as server:
        url = server.url
        assert (url.rpartition(":")[0], httpx.URL(url).path) == ("http://127.0.0.1", "/api/v1")
        assert status(url) == 200
    assert status(url) == 0
    assert threads == threading.active_count()


def test_stops_when_the_block_raises() -> None:
    urls = []

    def fail() -> None:
        with serve() as server:
            urls.append(server.url)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert status(urls[0]) == 0


def test_starts_again_and_on_the_same_port() -> None:
    server = serve()
    with server:
        port = port_of(server.url)
        assert status(server.url) == 200
    with server:
        assert status(server.url) == 200
    with serve(port=port) as again:
        assert port == port_of(again.url)
        assert status(again.url) == 200


def test_two_servers_are_independent() -> None:
    with serve(api_key="one") as one, serve(api_key="two") as two:
        assert [status(server.url, "one") for server in (one, two)] == [200, 401]


def test_port_in_use_raises() -> None:
    with serve() as server, pytest.raises(OSError, match="in use"):
        serve(port=port_of(server.url)).start()


def test_starting_twice_raises_and_stopping_twice_does_not() -> None:
    server = serve()
    server.stop()
    server.start()
    with pytest.raises(RuntimeError, match="already listening"):
        server.start()
    server.stop()
    server.stop()
    with pytest.raises(RuntimeError, match="not listening"):
        _ = server.url


def test_stops_while_a_connection_is_open() -> None:
    with httpx.Client(headers=KEY) as http:
        with serve() as server:
            url = server.url
            http.get(f"{url}/embeddings/models")
        assert status(url) == 0


@pytest.mark.parametrize(("host", "begins"), [("0.0.0.0", "http://127.0.0.1:"), ("::1", "http://[::1]:")])
def test_url_can_be_connected_to(host: str, begins: str) -> None:
    server = serve(host=host)
    try:
        server.start()
    except OSError as error:
        pytest.skip(f"{host} does not exist here: {error}")
    try:
        assert begins == server.url[: len(begins)]
        assert status(server.url) == 200
    finally:
        server.stop()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_failed_start_raises_and_frees_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise SystemExit(1)

    with serve() as server:
        port = port_of(server.url)
    with monkeypatch.context() as patched:
        patched.setattr("uvicorn.Server.startup", fail)
        with pytest.raises(RuntimeError, match="did not start"):
            serve(port=port).start()
    with serve(port=port) as server:
        assert status(server.url) == 200


def test_client_needs_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "of another service")
    monkeypatch.setenv("OPENROUTER_BASE_URL", "http://127.0.0.1:9/api/v1")
    with serve(api_key="right") as server, server.client() as client:
        answer = client.embeddings.generate(input="a", model="openai/text-embedding-3-small", dimensions=5)
        assert [len(row.embedding) for row in answer.data] == [5]
        assert {"OPENROUTER_API_KEY": "right", "OPENROUTER_BASE_URL": server.url} == server.environment
        with server.client(api_key="wrong") as other, pytest.raises(errors.UnauthorizedResponseError):
            other.embeddings.list_models()


def test_program_that_does_not_stop_the_server_ends() -> None:
    program = "from openrouter_embeddings.local import serve; serve().start(); print('end')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


def test_missing_extra_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> Any:
        return None if name in ("uvicorn", "wordllama") else find_spec(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    with pytest.raises(ImportError, match=r"uvicorn, wordllama: pip install 'openrouter-embeddings\[local\]'"):
        serve()


def test_import_loads_nothing_of_the_extra() -> None:
    heavy = "jsonschema safetensors starlette tokenizers uvicorn wordllama numpy"
    program = f"import sys, openrouter_embeddings.local; print([n for n in '{heavy}'.split() if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout == b"[]\n"
