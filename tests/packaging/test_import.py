"""`openrouter` is an alias of `openrouter_embeddings`, and both names import quickly."""

from __future__ import annotations

import importlib.util
import inspect
import pkgutil
import pydoc
from importlib import import_module, metadata, resources

import openrouter
import openrouter_embeddings
import pytest
from support.environments import Environment, run

NAMES = ("openrouter", "openrouter_embeddings")
VERSION = metadata.version("openrouter-embeddings")
MODULES = [
    found.name
    for found in pkgutil.walk_packages(openrouter.__path__, "openrouter.")
    if not found.name.startswith("openrouter.integrations.")  # tests/engines imports these
]


@pytest.mark.parametrize("module", MODULES)
def test_module_is_the_same_object_under_both_names(module: str) -> None:
    real = import_module(module.replace("openrouter", "openrouter_embeddings"))

    assert import_module(module) is real
    assert getattr(real.__spec__, "name", None) == real.__name__


def test_missing_module_is_not_found() -> None:
    assert importlib.util.find_spec("openrouter.no_such") is None
    with pytest.raises(ModuleNotFoundError, match=r"openrouter\.no_such"):
        import_module("openrouter.no_such")


def test_alias_has_sources_documentation_and_data() -> None:
    assert inspect.getsource(openrouter) == inspect.getsource(openrouter_embeddings)
    assert inspect.getsource(openrouter.OpenRouter).startswith("class OpenRouter(")
    pages = [pydoc.render_doc(f"{name}.errors").partition("\n")[2] for name in NAMES]
    assert pages[0] == pages[1]
    assert resources.files("openrouter").joinpath("py.typed").is_file()


# Programs for a new interpreter, with their output.
PROGRAMS = {
    """
from openrouter import *
print(OpenRouter.__name__, errors.__name__)
    """: "OpenRouter openrouter_embeddings.errors",
    """
import importlib, openrouter, openrouter.errors
print(importlib.reload(openrouter) is openrouter, importlib.reload(openrouter.errors) is openrouter.errors)
    """: "True True",
    """
import sys, openrouter.errors
old = openrouter.errors
[sys.modules.pop(name) for name in list(sys.modules) if name.startswith("openrouter")]
import openrouter.errors, openrouter_embeddings.errors
print(openrouter.errors is old, openrouter.errors is openrouter_embeddings.errors)
    """: "False True",
    """
import concurrent.futures, importlib
names = ["openrouter.errors", "openrouter_embeddings.errors"] * 8
print(len(set(concurrent.futures.ThreadPoolExecutor(16).map(importlib.import_module, names))))
    """: "1",
    """
try:
    from openrouter import embed
except ImportError as error:
    print(error)
    """: "openrouter_embeddings has no embed; use embeddings.embed(...) of an OpenRouter client",
    """
import openrouter, importlib.metadata as m
print(openrouter.__version__, m.packages_distributions()["openrouter"])
    """: f"{VERSION} ['openrouter-embeddings']",
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_alias_in_a_new_interpreter(program: str, alone: Environment) -> None:
    assert alone.run(program).strip() == PROGRAMS[program]


@pytest.mark.parametrize(("writer", "reader"), [NAMES, NAMES[::-1]])
def test_error_pickled_under_one_name_loads_under_the_other(writer: str, reader: str, alone: Environment) -> None:
    dump = f"import {writer} as sdk, pickle; print(pickle.dumps(sdk.errors.NoResponseError('a'), 0).decode())"
    pickled = alone.run(dump)
    # The second pickle is that of a release whose package was named `openrouter`.
    for text in (pickled, pickled.replace("openrouter_embeddings", "openrouter")):
        load = f"import {reader}, pickle; error = pickle.loads({text.encode()!r})"
        assert alone.run(f"{load}; print(type(error) is {reader}.errors.NoResponseError, error)") == "True a\n"


@pytest.mark.parametrize("name", NAMES)
def test_package_runs_as_a_command(name: str, alone: Environment) -> None:
    assert run(alone.python, "-m", name, "--version") == f"openrouter-embeddings {VERSION}\n"


UNTIL_A_CALL = ["numpy", "httpx", "httpcore", "anyio"]
LIGHT = [*UNTIL_A_CALL, "msgspec", "asyncio", "ssl"]
NOT_LOADED = {
    "import openrouter_embeddings": [*LIGHT, "json", "logging", "openrouter_generated"],
    "import openrouter": [*LIGHT, "openrouter_generated"],
    "from openrouter_embeddings import OpenRouter, components, errors, operations, types, utils": LIGHT,
    "from openrouter_embeddings import OpenRouter; OpenRouter('key').close()": [*LIGHT, "openrouter_generated.models"],
    "from openrouter_embeddings.types import EmbedResult, EmbedStream, Progress, Usage": UNTIL_A_CALL,
    "from openrouter_embeddings import OpenRouter; OpenRouter('key').embeddings": UNTIL_A_CALL,
}


@pytest.mark.parametrize("program", NOT_LOADED)
def test_import_loads_no_heavy_modules(program: str, alone: Environment) -> None:
    loaded = alone.run(f"{program}; import sys; print(*sys.modules)").split()

    assert [name for name in NOT_LOADED[program] if name in loaded] == []
