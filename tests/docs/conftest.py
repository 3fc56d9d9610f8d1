"""Fixtures: the documentation site, built once per run, and an embedded server for the examples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from openrouter_embeddings.local import serve
from support.environments import ROOT
from support.shared import make_once

from codegen.reference.site import build


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the site, built as by `make docs`."""
    folder = make_once(tmp_path_factory, "docs", lambda folder: build(ROOT, folder, ROOT / "openapi.yaml"))
    return folder / "site"


@pytest.fixture(scope="session")
def settings() -> Iterator[dict[str, str]]:
    """Yield the environment variables that make clients use an embedded server."""
    with serve(api_key="sk-or-v1-0123456789abcdef") as server:
        yield server.environment
