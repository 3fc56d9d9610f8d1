"""Proxies, certificates and HTTP library from environment variables, and the logs of the HTTP library."""

from __future__ import annotations

import base64
import contextlib
import logging
import os
import re
import socket
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import certifi
import pytest
from faults.fault import UNTRUSTED
from faults.server import Connection, FaultServer, Step
from faults.socks_proxy import ANSWERS, USER, socks_proxy
from faults.steps import JSON, forever, hang, once, respond, send_raw
from openrouter_embeddings import OpenRouter, errors
from support.library import IS_HTTPX2
from support.library import http as httpx
from support.provider_server import KEY, MODEL
from support.sides import AsyncSession, Side, SyncSession, both_sides


def ask(side: Side, url: str | None = None, **options: Any) -> Any:
    """Make one call with a new client."""
    with side(OpenRouter(KEY, **({"server_url": url} if url else {}), **options)) as session:
        return session.generate(input="a", model=MODEL)


# ---- proxies --------------------------------------------------------------------------------------------------


@both_sides
def test_proxy_is_used(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer(once()) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://user:secretpass@127.0.0.1:{proxy.port}")
        ask(side, "http://h.example/v1", allow_http=True)

        request = proxy.ledger.requests[0]
        assert request.path == "http://h.example/v1/embeddings"
        assert request.all("proxy-authorization") == [f"Basic {base64.b64encode(b'user:secretpass').decode()}"]
        assert request.all("authorization") == [f"Bearer {KEY}"]


@both_sides
@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
def test_hosts_in_no_proxy_are_connected_directly(variable: str, side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", look_up("127.0.0.2"))
    with FaultServer(once()) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv(variable, "h.example")
        with pytest.raises(errors.ConnectError, match=r"no connection to http://h\.example:9:"):
            ask(side, "http://h.example:9/v1", allow_http=True, retry_config=None)

        assert proxy.ledger.requests == []


@both_sides
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_requests_to_this_machine_never_go_to_a_proxy(host: str, side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with FaultServer(once()) as server:
        ask(side, server.url.replace("127.0.0.1", host))

        assert len(server.ledger.requests) == 1


@both_sides
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("host", ["LOCALHOST", "api.localhost", "127.0.0.2", "127.9.9.9", "[::1]", "[0:0:0:0:0:0:0:1]"])
def test_loopback_hosts_without_a_server_never_go_to_a_proxy(
    host: str, variable: str, side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither if the URL of the client names the host, nor if the URL of a call does."""
    with FaultServer(once()) as proxy:
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
        with side(OpenRouter(KEY, server_url=f"http://{host}:9/v1", retry_config=None)) as session:
            with pytest.raises(errors.ConnectError):
                session.generate(input="a", model=MODEL)
        with side(OpenRouter(KEY, retry_config=None)) as session, pytest.raises(errors.ConnectError):
            session.generate(input="a", model=MODEL, server_url=f"http://{host}:9/v1")

        assert proxy.ledger.requests == []


@both_sides
def test_unreachable_proxy_is_named(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secretpass@127.0.0.1:9")
    with pytest.raises(errors.ConnectError, match=r"https://h\.example through the proxy 127\.0\.0\.1:9") as caught:
        ask(side, "https://h.example/v1", retry_config=None)

    assert "secretpass" not in caught.value.message


@both_sides
@pytest.mark.parametrize("url", ["https://api.localhost.example/v1", "https://127.0.0.1.example:9/v1"])
def test_proxy_whose_host_is_part_of_the_url_is_named(url: str, side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    host = "localhost" if "localhost" in url else "127.0.0.1"
    monkeypatch.setenv("HTTPS_PROXY", f"http://{host}:9")
    with pytest.raises(errors.ConnectError, match=f"through the proxy {host}:9:"):
        ask(side, url, retry_config=None)


@both_sides
@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1", "http://LOCALHOST:9/v1", "http://[::1]:9/v1"])
def test_no_proxy_is_named_for_a_direct_connection(url: str, side: Side) -> None:
    with pytest.raises(errors.ConnectError) as caught:
        ask(side, url, retry_config=None)

    assert "proxy" not in caught.value.message


@both_sides
@pytest.mark.parametrize("phrase", ["Proxy Authentication Required", "Unknown user:secretpass"])
def test_proxy_that_rejects_is_named_without_its_password(
    phrase: str, side: Side, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def reject(connection: Connection, request: Any) -> None:
        connection.send(f"HTTP/1.1 407 {phrase}\r\nContent-Length: 0\r\n\r\n".encode())
        connection.end()

    caplog.set_level(logging.DEBUG)
    with FaultServer(forever(reject)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:secretpass@127.0.0.1:{proxy.port}")
        with pytest.raises(errors.ConnectError, match="407 Proxy Authentication Required") as caught:
            ask(side, "https://h.example/v1")

    assert isinstance(caught.value, httpx.ProxyError)
    assert caught.value.attempts == 1
    assert caught.value.possibly_billed_attempts == 0
    everything = [repr(vars(caught.value)), *(f"{r.getMessage()} {r.args}" for r in caplog.records)]
    everything = [text for text in everything if phrase not in text or phrase.startswith("Proxy")]  # httpcore's own log
    encoded = base64.b64encode(b"user:secretpass").decode()
    assert [text for text in everything if "secretpass" in text or encoded in text or KEY in text] == []


@both_sides
@pytest.mark.parametrize("step", [hang, send_raw(b""), send_raw(b"SSH-2.0\r\n")], ids=["silent", "closed", "no HTTP"])
def test_request_is_not_billed_if_the_proxy_opens_no_tunnel(
    step: Step, side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer(forever(step)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(errors.NoResponseError) as caught:
            ask(side, "https://h.example/v1", timeout_ms=200, retry_config=2)

    assert (caught.value.attempts, caught.value.possibly_billed_attempts) == (3, 0)


@both_sides
def test_tls_through_a_proxy(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connections are reused and checked like direct ones."""

    def tunnel(connection: Connection, request: Any) -> None:
        assert (request.method, server.tls is not None) == ("CONNECT", True)
        connection.raw.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        assert server.tls is not None
        connection.raw = server.tls.wrap_socket(connection.raw, server_side=True)
        for _ in range(2):
            inner = connection.request = connection.read_head()
            assert inner is not None
            inner.body = connection.read(inner.body_bytes)
            respond()(connection, inner)
        connection.end()

    monkeypatch.setenv("SSL_CERT_FILE", str(UNTRUSTED))
    with FaultServer(once(), certificate=UNTRUSTED) as server, FaultServer(once(tunnel)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        with side(OpenRouter(KEY, server_url=f"https://h.example:{server.port}/v1", retry_config=None)) as session:
            for text in "ab":
                session.generate(input=text, model=MODEL)
        assert proxy.ledger.connection_count == 1


@both_sides
@pytest.mark.parametrize("user", ["", USER], ids=["no login", "login"])
@pytest.mark.parametrize("certificate", [None, UNTRUSTED], ids=["http", "https"])
def test_connection_through_a_socks_proxy_is_reused(
    certificate: Path | None, user: str, side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(UNTRUSTED))
    with FaultServer(forever(respond()), certificate=certificate) as server:
        with socks_proxy(server.port, user=user) as proxy_url:
            monkeypatch.setenv("ALL_PROXY", proxy_url)
            url = server.url.replace("127.0.0.1", "h.example")
            with side(OpenRouter(KEY, server_url=url, allow_http=True, retry_config=None)) as session:
                for text in "ab":
                    session.generate(input=text, model=MODEL)

        assert (len(server.ledger.requests), server.ledger.connection_count) == (2, 1)


class InvalidVariable(NamedTuple):
    """An environment variable with a value that cannot be used, and what the error says about it."""

    variable: str
    value: str
    cure: str


IN_NO_PROXY = "NO_PROXY takes ::1 without brackets"
INVALID_VARIABLES = [
    InvalidVariable("HTTPS_PROXY", "gopher://user:secretpass@proxy:70", "HTTPS_PROXY, which must start with http"),
    InvalidVariable("HTTP_PROXY", "http://user:secretpass@proxy:notaport", "HTTP_PROXY, which is not a valid URL"),
    InvalidVariable("all_proxy", "user:secretpass@proxy:notaport", "ALL_PROXY, which is not a valid URL"),
    *(
        []
        if IS_HTTPX2
        else [
            InvalidVariable("NO_PROXY", "[::1]", IN_NO_PROXY),
            InvalidVariable("NO_PROXY", "fd00::/8,.secretpass.example", IN_NO_PROXY),
        ]
    ),
    InvalidVariable("SSL_CERT_FILE", "/no/such/secretpass.pem", r"\(No such file or directory\).*SSL_CERT_FILE"),
    InvalidVariable("SSL_CERT_FILE", __file__, "SSL_CERT_FILE"),
]
VALID_VARIABLES = {
    "SSL_CERT_FILE": certifi.where(),
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "127.0.0.1:9",
    "NO_PROXY": "h.example",
}


@both_sides
@pytest.mark.parametrize("case", INVALID_VARIABLES, ids=str)
def test_only_the_invalid_variable_is_named(case: InvalidVariable, side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in {**VALID_VARIABLES, case.variable: case.value}.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(errors.ConfigurationError, match=case.cure) as caught:
        ask(side)

    message = caught.value.message
    assert {name for name in VALID_VARIABLES if re.search(rf"\b{name}\b", message)} <= {case.variable}
    assert "secretpass" not in message
    assert (caught.value.attempts, caught.value.possibly_billed_attempts) == (0, 0)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


# ---- addresses ------------------------------------------------------------------------------------------------


def look_up(*addresses: str) -> Any:
    """Return a replacement for `socket.getaddrinfo`, which finds these addresses."""
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if host in ("h.example", b"h.example"):
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, int(port))) for address in addresses]
        return real(host, port, *args, **options)

    return getaddrinfo


@both_sides
def test_addresses_of_a_host_share_the_deadline(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    """No address responds, because the listener accepts no more connections."""
    monkeypatch.setattr(socket, "getaddrinfo", look_up(*(f"127.0.0.{i}" for i in range(2, 52))))
    with socket.socket() as full, contextlib.ExitStack() as waiting:
        full.bind(("0.0.0.0", 0))
        full.listen(0)
        port = full.getsockname()[1]
        for i in range(2, 9):
            waiting.enter_context(sock := socket.socket())
            sock.setblocking(False)
            sock.connect_ex((f"127.0.0.{i}", port))
        began = time.monotonic()
        with pytest.raises(errors.ConnectError):
            ask(side, f"http://h.example:{port}/v1", allow_http=True, timeout_ms=600, retry_config=None)
        assert time.monotonic() - began < 15  # one after the other, they would take 30 s


@both_sides
def test_next_address_of_a_host_is_tried(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", look_up("127.0.0.2", "127.0.0.3", "127.0.0.1"))
    with FaultServer(once()) as server:
        ask(side, f"http://h.example:{server.port}/v1", allow_http=True)

        assert len(server.ledger.requests) == 1


def test_deadline_includes_the_dns_lookup(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread cannot end the lookup early; an event loop can."""
    real = look_up("127.0.0.1")

    def slow(ends: threading.Event, seconds: float, *args: Any, **options: Any) -> Any:
        ends.wait(seconds)
        return real(*args, **options)

    with FaultServer(once()) as server:
        for side, seconds in ((SyncSession, 0.6), (AsyncSession, 40.0)):
            ends = threading.Event()
            monkeypatch.setattr(socket, "getaddrinfo", partial(slow, ends, seconds))
            with side(OpenRouter(KEY, server_url=f"http://h.example:{server.port}/v1", allow_http=True)) as session:
                began = time.monotonic()
                with pytest.raises(errors.DeadlineError) as caught:
                    session.generate(input="a", model=MODEL, timeout_ms=300, retries=None)
                assert 0.3 <= time.monotonic() - began < 20
                ends.set()
            assert caught.value.possibly_billed_attempts == 0
        assert server.ledger.requests == []


# ---- certificates ---------------------------------------------------------------------------------------------


@both_sides
def test_certificates_are_read_again_when_they_change(
    side: Side, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    named = tmp_path / "company.pem"
    named.write_bytes(Path(certifi.where()).read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(named))
    with FaultServer(forever(respond()), certificate=UNTRUSTED) as server:
        with pytest.raises(errors.ConnectError, match="certificate"):
            ask(side, server.url)
        named.write_bytes(UNTRUSTED.read_bytes())
        os.utime(named, (0, 0))
        ask(side, server.url)

        assert len(server.ledger.requests) == 1


@both_sides
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
@pytest.mark.parametrize("content", ["missing", "useless"])
def test_certificate_error_names_the_variable_that_is_set(
    content: str, variable: str, side: Side, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    useless = certifi.where() if variable == "SSL_CERT_FILE" else tmp_path
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path / "missing" if content == "missing" else useless))
    with FaultServer(once(), certificate=UNTRUSTED) as server:
        with pytest.raises((errors.ConnectError, errors.ConfigurationError), match=f"correct .*{variable}") as caught:
            ask(side, server.url)

    assert re.findall(r"SSL_CERT_\w+", caught.value.message) == [variable]


SWITCHES = {
    "PYTHONHTTPSVERIFY": "0",
    "CURL_CA_BUNDLE": "",
    "REQUESTS_CA_BUNDLE": "",
    "NODE_TLS_REJECT_UNAUTHORIZED": "0",
    "SSL_NO_VERIFY": "1",
}


@both_sides
def test_verification_cannot_be_switched_off_by_the_environment(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in SWITCHES.items():
        monkeypatch.setenv(variable, value)
    with FaultServer(once(), certificate=UNTRUSTED) as server:
        with pytest.raises(errors.ConnectError, match=r"certificate.*ssl_context=.*SSL_CERT_FILE") as caught:
            ask(side, server.url)

    assert (caught.value.attempts, server.ledger.requests) == (1, [])


# ---- logs -----------------------------------------------------------------------------------------------------


@both_sides
def test_logs_of_httpx_are_masked(side: Side, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with FaultServer(once(respond(headers=(*JSON, ("X-Echo", f"Bearer {KEY}"))))) as server:
        ask(side, server.url)

    logged = [record.getMessage() for record in caplog.records if not record.name.startswith("openrouter")]
    assert any("X-Echo" in text for text in logged)
    assert [text for text in logged if KEY in text] == []


@both_sides
def test_key_that_a_server_echoes_in_part_is_masked_in_logs(side: Side, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    part = KEY[: len(KEY) // 2]
    with FaultServer(once(respond(headers=(*JSON, ("X-Echo", f"<{part}> was sent"))))) as server:
        ask(side, server.url)

    logged = [record.getMessage() for record in caplog.records]
    assert any("X-Echo" in text for text in logged)
    assert [text for text in logged if part in text] == []


OWN_CLIENTS = """
import logging, sys, anyio
from openrouter_embeddings import OpenRouter
shown = []
class Handler(logging.Handler):
    def emit(self, record):
        shown.append(record.getMessage())
logging.getLogger().setLevel(logging.DEBUG)
logging.getLogger().addHandler(Handler())
key, url = sys.argv[1:]
with OpenRouter(key, server_url=url) as client:
    client.embeddings.generate(input="a", model="m")
import httpx, httpx2
async def call_async(library):
    async with library.AsyncClient(trust_env=False) as own:
        await OpenRouter(key, server_url=url, async_client=own).embeddings.generate_async(input="a", model="m")
for library in (httpx, httpx2):
    with library.Client(trust_env=False) as own:
        OpenRouter(key, server_url=url, client=own).embeddings.generate(input="a", model="m")
    anyio.run(call_async, library)
print(sum("X-Echo" in text for text in shown), [text for text in shown if key in text])
"""


def test_logs_of_a_library_that_is_imported_later_are_masked() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with FaultServer(forever(respond(headers=(*JSON, ("X-Echo", f"Bearer {KEY}"))))) as server:
        command = [sys.executable, "-c", OWN_CLIENTS, KEY, server.url]
        ran = subprocess.run(command, capture_output=True, text=True, env=environment)

    assert (ran.stderr, ran.stdout) == ("", "5 []\n")


@both_sides
@pytest.mark.parametrize("variable", ["ALL_PROXY", "all_proxy", "HTTPS_PROXY"])
@pytest.mark.parametrize("password", ["secretpass", "secret:p%40ss"])
def test_password_of_a_socks_proxy_is_masked_in_logs(
    password: str, variable: str, side: Side, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with socks_proxy(9, answers=ANSWERS["rejects the password"]) as proxy_url:
        monkeypatch.setenv(variable, proxy_url.replace("//", f"//user:{password}@"))
        with pytest.raises(errors.ConnectError):
            ask(side, "https://h.example/v1", retry_config=None)

    logged = [f"{record.getMessage()} {record.args}" for record in caplog.records]
    assert any("setup_socks5_connection" in text for text in logged)
    assert [text for text in logged if password in text or unquote(password) in text] == []


def test_logs_of_other_users_of_httpx_are_not_changed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with FaultServer(once()) as server, httpx.Client() as other:
        other.post(f"{server.url}/embeddings", json={"input": ["a"], "model": "m"}, headers={"X-Own": KEY})

    (record,) = [record for record in caplog.records if record.name == httpx.__name__]
    assert record.args


# ---- the library ----------------------------------------------------------------------------------------------

PROGRAM = """
import sys
from openrouter_embeddings import OpenRouter
try:
    OpenRouter("sk-or-v1-x", server_url="http://127.0.0.1:9/v1", retry_config=None).embeddings.list_models()
except Exception as error:
    print([cls.__module__.partition(".")[0] for cls in type(error).__mro__ if "http" in cls.__module__][:1], error)
print(sorted({"httpx", "httpx2"} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ("", "['httpx']"),
        ("httpx2", "['httpx2']"),
        ("requests", "[] OPENROUTER_HTTP_LIBRARY must be httpx or httpx2, got 'requests'\n[]"),
    ],
)
def test_environment_variable_selects_the_http_library(value: str, printed: str) -> None:
    environment = {**os.environ, "OPENROUTER_HTTP_LIBRARY": value, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment)

    assert (ran.stderr, ran.stdout.startswith(printed), ran.stdout.endswith(f"{printed.splitlines()[-1]}\n")) == (
        "",
        True,
        True,
    ), ran.stdout


@both_sides
def test_error_of_a_socks_proxy_names_the_missing_package(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "socksio", None)

    with pytest.raises(errors.ConfigurationError, match=r"ALL_PROXY, or install .*: pip install socksio"):
        ask(side, "https://h.example/v1")
