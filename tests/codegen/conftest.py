"""The package of wide.yaml, generated once per run."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from support.pipeline import Wide


@pytest.fixture(scope="session")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wide]:
    made = Wide(tmp_path_factory.mktemp("wide"))
    assert made.codes == [0, 0], made.errors
    sys.path.insert(0, str(made.package.parent))
    yield made
    sys.path.remove(str(made.package.parent))
