"""One mock server and one embedded server for all these tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from . import description, prism


@pytest.fixture(scope="session", autouse=True)
def clean_environment() -> Iterator[None]:
    """No key, base URL or proxy of the machine takes part."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("OPENROUTER_") or name.lower().endswith("_proxy"):
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def mock_url() -> Iterator[str]:
    """The mock server; installed first where it is not."""
    if reason := prism.missing():
        pytest.skip(reason)
    prism.install()
    with prism.mocking(description.PATH) as url:
        yield url
