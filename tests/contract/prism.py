"""Prism: a mock server that an independent tool makes from openapi.yaml. It checks requests, and makes answers up."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_HOME = Path(__file__).parent
_MAIN = _HOME / "node_modules/@stoplight/prism-cli/dist/index.js"
_LISTENING = re.compile(r"Prism is listening on (\S+)")
_START_SECONDS = 60


def missing() -> str | None:
    """Why there can be no mock server here; None if there can."""
    absent = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    return f"{' and '.join(absent)} missing: the mock server is a Node program" if absent else None


def install() -> None:
    """Into an untracked folder beside this file, as package-lock.json says; nothing where it is there already."""
    done = _HOME / "node_modules/.package-lock.json"
    if not done.exists() or done.stat().st_mtime < (_HOME / "package-lock.json").stat().st_mtime:
        subprocess.run(["npm", "ci", "--silent"], cwd=_HOME, check=True, timeout=300)
        done.touch()


@contextmanager
def mocking(document: Path) -> Iterator[str]:
    """The URL of a mock server of the document."""
    with tempfile.TemporaryFile("w+") as log:
        command = ["node", str(_MAIN), "mock", str(document), "--port", "0"]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            yield _address(process, log)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _address(process: subprocess.Popen[bytes], log: IO[str]) -> str:
    """Where it listens, once it does."""
    until = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
        log.seek(0)
        if found := _LISTENING.search(log.read()):
            return found[1]
    log.seek(0)
    raise RuntimeError(f"the mock server did not start: {log.read()}")
