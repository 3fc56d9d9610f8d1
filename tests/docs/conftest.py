"""The pages of the site, built once; the embedded server that the examples use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from openrouter_embeddings.local import serve
from support.environments import ROOT

from codegen.reference.site import build


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site, as `make docs` builds it."""
    return build(ROOT, tmp_path_factory.mktemp("docs"), ROOT / "openapi.yaml")


@pytest.fixture(scope="session")
def settings() -> Iterator[dict[str, str]]:
    """The environment variables that lead to an embedded server."""
    with serve(api_key="sk-or-v1-0123456789abcdef") as server:
        yield server.environment
