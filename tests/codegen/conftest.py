"""A fixture: the package of wide.yaml, generated once per run."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from support.pipeline import Wide
from support.shared import make_once


@pytest.fixture(scope="session")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wide]:
    made = Wide(make_once(tmp_path_factory, "wide", lambda folder: Wide(folder).generate()))
    sys.path.insert(0, str(made.package.parent))
    yield made
    sys.path.remove(str(made.package.parent))
