"""A fixture that starts one mock server for all tests of the contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.openapi import PATH

from . import prism


@pytest.fixture(scope="session")
def mock_url() -> Iterator[str]:
    """Install the mock server if necessary, start it, and yield its URL."""
    if reason := prism.missing():
        pytest.skip(reason)
    prism.install()
    with prism.run(PATH) as url:
        yield url
