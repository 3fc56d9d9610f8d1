"""Fixtures: the distributions, built once per run, an environment with only our wheel, and an embedded server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from openrouter_embeddings.local import serve
from support.environments import ROOT, Environment, run
from support.shared import make_once


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with our wheel and our sdist."""
    command = (sys.executable, "-m", "hatchling", "build", "-d")
    return make_once(tmp_path_factory, "dist", lambda folder: run(*command, folder, folder=ROOT))


@pytest.fixture(scope="session")
def wheel(dist: Path) -> Path:
    (path,) = dist.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def alone(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Return an environment with our wheel and without the official SDK."""
    return Environment(make_once(tmp_path_factory, "alone", lambda folder: Environment(folder).install(wheel)))


@pytest.fixture(scope="session")
def settings() -> Iterator[dict[str, str]]:
    """Yield the environment variables that make clients use an embedded server."""
    with serve(api_key="sk-or-v1-0123456789abcdef", max_inputs=50) as server:
        yield server.environment
