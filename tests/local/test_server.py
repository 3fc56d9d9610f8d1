"""The embedded server starts in one line, stops with its block, and leaves nothing behind."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import threading
from typing import Any

import httpx
import pytest
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


def test_listens_inside_the_block_only_and_frees_its_port() -> None:
    threads = threading.active_count()
    server = serve()
    with httpx.Client(headers=KEY) as http:
        with server:
            url = server.url
            http.get(f"{url}/embeddings/models")  # the block ends while this connection is open
        assert status(url) == 0
    assert threads == threading.active_count()
    with server:
        assert status(server.url) == 200
    with serve(port=port_of(url)) as other:
        assert (url, 200) == (other.url, status(url))


def test_wrong_order_raises() -> None:
    server = serve()
    server.stop()
    with pytest.raises(RuntimeError, match="not listening"):
        _ = server.url
    with server:
        with pytest.raises(RuntimeError, match="already listening"):
            server.start()
        with pytest.raises(OSError, match="in use"):
            serve(port=port_of(server.url)).start()


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
    with serve(api_key="right") as server, server.client() as client:
        assert client.embeddings.list_models().total_count == 3
        assert server.environment == {"OPENROUTER_API_KEY": "right", "OPENROUTER_BASE_URL": server.url}


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
