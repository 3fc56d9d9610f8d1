"""Fixtures for tests with frameworks, which only `make test-engines` installs."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.counting import CountingServer

HAS_FRAMEWORKS = importlib.util.find_spec("ray") is not None
collect_ignore_glob = [] if HAS_FRAMEWORKS else ["test_*.py"]


@pytest.fixture(scope="session")
def running() -> Iterator[CountingServer]:
    with CountingServer() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))  # workers import operations from these tests
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield server


@pytest.fixture(autouse=True)
def server(running: CountingServer) -> CountingServer:
    """Reset the counts of the server that the environment variables name, and return it."""
    running.reset()
    return running
