"""One mock server for all these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.openapi import PATH

from . import prism


@pytest.fixture(scope="session")
def mock_url() -> Iterator[str]:
    """Its URL; it is installed first if necessary."""
    if reason := prism.missing():
        pytest.skip(reason)
    prism.install()
    with prism.run(PATH) as url:
        yield url
