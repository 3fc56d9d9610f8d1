"""Starts the server and the workers as processes of their own, and collects what they report."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from environments import HERE, Peer, clean_variables

Report = dict[str, Any]
_WORKER_TIMEOUT_SECONDS = 600
_PIPES: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}


class WorkerError(RuntimeError):
    """A worker failed, or its result is wrong."""


@dataclass
class Server:
    """The running server: its ports by name, and the certificate that its TLS ports use."""

    ports: dict[str, int]
    certificate: Path

    def url(self, port: str, tls: bool) -> str:
        scheme, name = ("https", f"{port}-tls") if tls else ("http", port)
        return f"{scheme}://127.0.0.1:{self.ports[name]}/api/v1"


def make_certificate(directory: Path) -> Path:
    """A self-signed certificate for 127.0.0.1 and its key, in one file."""
    path = directory / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", path, "-out", path], check=True, capture_output=True)
    return path


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """A server process. It ends when its standard input closes, so it does not outlive this process."""
    with tempfile.TemporaryDirectory() as directory:
        certificate = make_certificate(Path(directory))
        command = [sys.executable, HERE / "server.py", certificate]
        with subprocess.Popen(command, env=clean_variables(), **_PIPES) as process:
            try:
                yield Server(json.loads(process.stdout.readline()), certificate)
            finally:
                process.stdin.close()
                process.terminate()


def run_workers(peer: Peer, job: str, options: dict[str, Any], certificate: Path | None, copies: int) -> list[Report]:
    """Prepare `copies` workers, start them together, and return their reports. Several workers get one core each.

    Raises:
        WorkerError: a worker failed; the message holds what it wrote to standard error.
    """
    variables = clean_variables()
    if peer.http_library is not None:
        variables["OPENROUTER_HTTP_LIBRARY"] = peer.http_library
    if certificate is not None:
        variables["SSL_CERT_FILE"] = str(certificate)
    pairs = [f"{name}={value}" for name, value in options.items()]
    command = [peer.python, HERE / "peers" / "worker.py", peer.module, job, *pairs]
    with contextlib.ExitStack() as stack:
        workers = []
        for core in itertools.islice(itertools.cycle(cores()), copies):
            output = stack.enter_context(tempfile.TemporaryFile("w+"))
            worker = stack.enter_context(subprocess.Popen(command, env=variables, stderr=output, **_PIPES))
            stack.callback(worker.kill)
            workers.append((worker, output))
            if copies > 1:
                os.sched_setaffinity(worker.pid, {core})
        timer = threading.Timer(_WORKER_TIMEOUT_SECONDS, lambda: [worker.kill() for worker, _ in workers])
        stack.callback(timer.cancel)
        timer.start()
        for worker, output in workers:
            _read_line(worker, output, peer, job)
        for worker, _ in workers:
            worker.stdin.write("go\n")
            worker.stdin.flush()
        return [json.loads(_read_line(worker, output, peer, job)) for worker, output in workers]


def _read_line(worker: subprocess.Popen[str], output: Any, peer: Peer, job: str) -> str:
    """The next line of a worker's standard output."""
    line = worker.stdout.readline()
    if not line:
        worker.wait()
        output.seek(0)
        raise WorkerError(f"{peer.name}, {job}:\n{output.read()[-4000:]}")
    return line


def cores() -> list[int]:
    """The processor cores that this process may use."""
    return sorted(os.sched_getaffinity(0))


@contextlib.contextmanager
def on_cores(count: int) -> Iterator[None]:
    """Limit this process, and the processes that it starts, to `count` cores."""
    before = cores()
    os.sched_setaffinity(0, before[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
