"""The wheel, built once; an environment that holds it alone; the embedded server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from openrouter_embeddings.local import serve
from support.environments import ROOT, Environment, run


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with our wheel and our sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-d", folder, folder=ROOT)
    return folder


@pytest.fixture(scope="session")
def wheel(dist: Path) -> Path:
    (path,) = dist.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def alone(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with our wheel and without the official SDK."""
    environment = Environment(tmp_path_factory.mktemp("alone"))
    environment.install(wheel)
    return environment


@pytest.fixture(scope="session")
def settings() -> Iterator[dict[str, str]]:
    """The environment variables that lead to an embedded server."""
    with serve(api_key="sk-or-v1-0123456789abcdef", max_inputs=50) as server:
        yield server.environment
