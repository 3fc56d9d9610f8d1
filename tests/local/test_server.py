"""Start and stop of the embedded server: address, port, threads, errors and imports."""

from __future__ import annotations

import subprocess
import sys
import threading

import httpx
import pytest
from openrouter_embeddings.local import serve

KEY = {"Authorization": "Bearer any"}


def status(url: str) -> int:
    """Return the status of the models list, or 0 if nothing listens."""
    try:
        return httpx.get(f"{url}/embeddings/models", headers=KEY, timeout=60).status_code
    except httpx.ConnectError:
        return 0


def port_of(url: str) -> int:
    return httpx.URL(url).port or 0


def test_server_listens_only_inside_its_block_and_frees_its_port() -> None:
    threads = set(threading.enumerate())
    server = serve()
    with httpx.Client(headers=KEY, timeout=60) as http:
        with server:
            url = server.url
            http.get(f"{url}/embeddings/models")  # leaves a connection open at the end of the block
        assert status(url) == 0
    assert set(threading.enumerate()) - threads == set()
    with server:
        assert status(server.url) == 200
    with serve(port=port_of(url)) as other:
        assert (url, 200) == (other.url, status(url))


def test_invalid_use_raises() -> None:
    with pytest.raises(ValueError, match="positive"):
        serve(models={"a/b": 0})
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
def test_url_is_reachable(host: str, begins: str) -> None:
    try:
        with serve(host=host) as server:
            assert (begins, 200) == (server.url[: len(begins)], status(server.url))
    except OSError as error:
        pytest.skip(f"{host} does not exist here: {error}")


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


def test_client_of_the_server_ignores_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "of another service")
    with serve(api_key="right") as server, server.client() as client:
        assert client.embeddings.list_models().total_count == 6
        assert server.environment == {"OPENROUTER_API_KEY": "right", "OPENROUTER_BASE_URL": server.url}


LOCAL = "openrouter_embeddings.local"
HEAVY = "jsonschema safetensors starlette tokenizers uvicorn wordllama numpy"
PROGRAMS = {
    "server without a stop": f"from {LOCAL} import serve; serve().start(); print([])",
    "import": f"import {LOCAL}, sys; print([n for n in '{HEAVY}'.split() if n in sys.modules])",
    "model": f"import sys, {LOCAL}.model as m; m.load_model(); print([*{{'wordllama'}} & {{*sys.modules}}])",
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_program_exits_and_imports_no_heavy_modules(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
