"""Folders that all processes of a test run share."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

MAX_SECONDS = 900


def make_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder of the test run: the first process calls `make` to fill it, the others wait for that."""
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # pytest-xdist gives each process a subfolder of the folder of the run
    folder, done = root / name, root / f"{name}.done"
    try:
        folder.mkdir()
    except FileExistsError:
        end = time.monotonic() + MAX_SECONDS
        while not done.exists():
            assert time.monotonic() < end, f"{name} was not made within {MAX_SECONDS} s"
            time.sleep(0.05)
    else:
        try:
            make(folder)
        finally:
            done.touch()
    return folder
