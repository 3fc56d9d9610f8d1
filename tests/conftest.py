"""For all tests: nothing of this machine's environment takes part."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def no_settings_of_this_machine() -> Iterator[None]:
    """No key, base URL or proxy from outside."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if (name.startswith("OPENROUTER_") and name != "OPENROUTER_HTTP_LIBRARY") or name.lower().endswith(
                "_proxy"
            ):
                patch.delenv(name)
        yield


@pytest.fixture(scope="module", autouse=True)
def small_heap() -> None:
    """What earlier modules left is not looked at again: many tests here collect, to see what they leave themselves."""
    gc.collect()
    gc.freeze()


def pytest_configure() -> None:
    """Tests interrupt their own process: a shell starts what ends in `&` deaf to that, and they would wait for ever."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
