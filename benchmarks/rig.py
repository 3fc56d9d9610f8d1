"""The server and the workers as processes: start, pin, collect."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from environments import HERE, Peer, clean_environment

Report = dict[str, Any]
_WORKER = HERE / "peers" / "worker.py"
_PATIENCE_SECONDS = 900


class WorkerError(RuntimeError):
    """A worker ended without a result."""


@dataclass
class Server:
    """The running server: where it listens, and what it has cost so far."""

    process: subprocess.Popen[str]
    ports: dict[str, int]

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}/api/v1"

    def cpu_seconds(self) -> float:
        """Processor time of the server; 0 where the kernel does not tell."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """A server for the length of a run. It ends when its standard input closes, whatever becomes of this process."""
    command = [sys.executable, str(HERE / "server.py")]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=clean_environment(), **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise WorkerError("the server did not start")
        try:
            yield Server(process, json.loads(line))
        finally:
            process.stdin.close()
            process.terminate()


def work(peer: Peer, job: str, options: dict[str, Any], copies: int = 1) -> list[Report]:
    """Let `copies` workers make ready, start them together, and collect what they report. Several have a core each.

    Raises:
        WorkerError: one of them failed; with what it wrote.
    """
    command = [
        str(peer.python),
        str(_WORKER),
        peer.module,
        job,
        *(f"{name}={value}" for name, value in options.items()),
    ]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with contextlib.ExitStack() as stack:
        workers = [
            stack.enter_context(subprocess.Popen(command, env=clean_environment(), text=True, **pipes))
            for _ in range(copies)
        ]
        if copies > 1 and hasattr(os, "sched_setaffinity"):
            for worker, core in zip(workers, itertools.cycle(cores())):
                os.sched_setaffinity(worker.pid, {core})
        watchdog = threading.Timer(_PATIENCE_SECONDS, _kill, [workers])
        watchdog.start()
        try:
            first = [_line(worker, peer, job) for worker in workers]
            missing = [json.loads(line) for line in first if line.startswith("{")]
            if missing:
                return missing
            for worker in workers:
                assert worker.stdin is not None
                worker.stdin.write("go\n")
                worker.stdin.flush()
            return [json.loads(_line(worker, peer, job)) for worker in workers]
        finally:
            watchdog.cancel()
            for worker in workers:
                _end(worker)


def _kill(workers: list[subprocess.Popen[str]]) -> None:
    for worker in workers:
        worker.kill()


def _line(worker: subprocess.Popen[str], peer: Peer, job: str) -> str:
    assert worker.stdout is not None
    assert worker.stderr is not None
    line = worker.stdout.readline()
    if not line:
        raise WorkerError(f"{peer.name}, {job}:\n{worker.stderr.read()[-4000:]}")
    return line


def _end(worker: subprocess.Popen[str]) -> None:
    """Close its input, and insist if it does not end."""
    assert worker.stdin is not None
    with contextlib.suppress(OSError):
        worker.stdin.close()
    try:
        worker.wait(timeout=10)
    except subprocess.TimeoutExpired:
        worker.kill()


def cores() -> list[int]:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


@contextlib.contextmanager
def on_cores(count: int) -> Iterator[None]:
    """Hold this process, and what it starts, to so many processors; where the system has no such thing, nothing."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = cores()
    os.sched_setaffinity(0, before[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def settle() -> None:
    """A breath between two workers, so that the end of one is not in the figures of the next."""
    time.sleep(0.05)
