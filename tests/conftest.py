"""Settings of all tests: a clean environment, reproducible examples, and equal test ids in all processes."""

from __future__ import annotations

import gc
import os
import re
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
# HYPOTHESIS_PROFILE=thorough generates many new examples.
settings.register_profile(
    "same", derandomize=True, database=None, deadline=None, max_examples=40, suppress_health_check=_SLOW
)
settings.register_profile("thorough", deadline=None, max_examples=5_000, suppress_health_check=_SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

# The slowest files, from 60 to 10 seconds; files that compute alternate with files that wait.
_LONG = (
    "packaging/test_beside_official.py",
    "faults/test_faults.py",
    "packaging/test_types.py",
    "corpus/test_batch.py",
    "codegen/test_generate.py",
    "embed/test_embed.py",
    "docs/test_examples.py",
    "contract/test_prism.py",
    "corpus/test_survival.py",
    "embed/test_storms.py",
    "codegen/test_spec_diff.py",
    "corpus/test_shapes.py",
    "network/test_connections.py",
    "embed/test_endings.py",
    "release/test_check.py",
    "network/test_processes.py",
    "contract/test_embedded.py",
    "local/test_fault.py",
    "docs/test_site.py",
)
_SERVERS = {"FaultServer", "ProviderServer", "serve"}


@pytest.fixture(scope="session", autouse=True)
def no_settings_from_outside() -> Iterator[None]:
    """Remove keys, base URLs and proxies from the environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if (name.startswith("OPENROUTER_") and name != "OPENROUTER_HTTP_LIBRARY") or name.lower().endswith(
                "_proxy"
            ):
                patch.delenv(name)
        yield


@pytest.fixture(scope="module", autouse=True)
def small_heap() -> None:
    """Exclude existing objects from garbage collection, because many tests collect garbage to detect leaks."""
    gc.collect()
    gc.freeze()


def pytest_configure() -> None:
    """Restore the default SIGINT handler: background jobs of a shell ignore SIGINT, and some tests send it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Exclude the objects of the collected tests from garbage collection, because nearly all of them stay alive."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of modules that use a server, and run the slowest files first."""
    for item in items:
        module = item.getparent(pytest.Module)
        names = vars(module.obj) if module is not None else ()
        if _SERVERS.intersection(names):
            item.add_marker("server")
    ranks = {Path(__file__).parent / name: rank for rank, name in enumerate(_LONG)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Remove memory addresses from test ids, because pytest-xdist requires the same ids in each process."""
    for mark in metafunc.definition.iter_markers("parametrize"):
        arguments: Any = mark.kwargs
        ids = arguments.get("ids")
        if callable(ids) and not isinstance(ids, partial):
            arguments["ids"] = partial(_id_without_address, ids)


def _id_without_address(make_id: Callable[[Any], object], value: Any) -> str:
    return re.sub(r" at 0x[0-9a-f]*", "", str(make_id(value)))
