"""Installs and runs Prism, an independent mock server that validates requests and generates responses."""

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

_FOLDER = Path(__file__).parent
_MAIN = _FOLDER / "node_modules/@stoplight/prism-cli/dist/index.js"
_LISTENING = re.compile(r"Prism is listening on (\S+)")
_START_SECONDS = 120


def missing() -> str | None:
    """Return why the mock server cannot run here, or an empty text."""
    found = shutil.which("node") and shutil.which("npm")
    return None if found else "node or npm is missing: the mock server is a Node program"


def install() -> None:
    """Install Prism from package-lock.json into an untracked folder, unless it is up to date."""
    done = _FOLDER / "node_modules/.package-lock.json"
    if not done.exists() or done.stat().st_mtime < (_FOLDER / "package-lock.json").stat().st_mtime:
        subprocess.run(["npm", "ci", "--silent"], cwd=_FOLDER, check=True, timeout=300)
        done.touch()


@contextmanager
def run(document: Path) -> Iterator[str]:
    """Run a mock server of a document, and yield its URL."""
    with tempfile.TemporaryFile("w+") as log:
        command = ["node", str(_MAIN), "mock", str(document), "--port", "0"]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            yield _wait_for_url(process, log)
        finally:
            process.terminate()
            process.wait(timeout=60)


def _wait_for_url(process: subprocess.Popen[bytes], log: IO[str]) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
        log.seek(0)
        if found := _LISTENING.search(log.read()):
            return found[1]
    log.seek(0)
    raise RuntimeError(f"the mock server did not start: {log.read()}")
