"""What users import: all of it is named, resolves, is documented, and shows no HTTP library."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
import types
from collections.abc import Iterator
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple, is_typeddict

import openrouter_embeddings as openrouter
import openrouter_embeddings.embeddings
import pytest
from openrouter_embeddings import OpenRouter, components, errors, operations, utils
from openrouter_embeddings import types as sdk_types
from openrouter_generated.resources import Resources
from openrouter_generated.types import Resource

NAMESPACES = [openrouter, components, errors, operations, utils, sdk_types]
HTTP_LIBRARIES = re.compile(r"\bhttpx2?\b|\bhttpcore\b|\banyio\b")


def public(module: types.ModuleType) -> list[str]:
    """The names that a module offers: those it lists, else those it defines."""
    listed: list[str] | None = getattr(module, "__all__", None)
    if listed is not None:
        return listed
    return [n for n, v in vars(module).items() if n[0] != "_" and getattr(v, "__module__", "") == module.__name__]


class Public(NamedTuple):
    """A public name and what it stands for."""

    name: str
    value: Any


def offered() -> Iterator[Public]:
    """Everything that a user can reach by name, and `client.embeddings`."""
    yield Public("openrouter_embeddings.embeddings.Embeddings", openrouter_embeddings.embeddings.Embeddings)
    for module in NAMESPACES:
        for name in public(module):
            yield Public(f"{module.__name__}.{name}", getattr(module, name))


def callables() -> Iterator[Public]:
    """Every public function, class and public method."""
    for name, value in offered():
        if isinstance(value, types.FunctionType | type):
            yield Public(name, value)
        for attribute, member in inspect.getmembers(value) if isinstance(value, type) else ():
            own = callable(member) and str(getattr(member, "__module__", "")).startswith("openrouter")
            if own and not isinstance(member, type) and (attribute[0] != "_" or attribute == "__init__"):
                yield Public(f"{name}.{attribute}", member)


@pytest.mark.parametrize("module", NAMESPACES, ids=lambda module: module.__name__)
def test_every_listed_name_resolves_once_and_is_in_dir(module: types.ModuleType) -> None:
    names = public(module)

    assert len(set(names)) == len(names) > 0
    assert [name for name in names if not hasattr(module, name)] == []
    assert set(names) <= set(dir(module))


def test_top_level_is_what_the_documentation_imports() -> None:
    assert sorted(openrouter.__all__) == [
        "OpenRouter", "Policy", "components", "errors", "operations", "types", "utils",
    ]  # fmt: skip


def test_what_embed_gives_is_named_where_types_are() -> None:
    embed = openrouter_embeddings.embeddings.Embeddings
    given = [inspect.signature(getattr(embed, name)).return_annotation for name in ("embed", "embed_iter")]

    assert given == ["EmbedResult", "EmbedStream"]
    assert sdk_types.EmbedResult is openrouter_embeddings.embeddings.EmbedResult
    assert sdk_types.EmbedStreamAsync is openrouter_embeddings.embeddings.EmbedStreamAsync


def test_version_is_the_distributions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", {"openrouter-embeddings": "1.2.3"}.__getitem__)

    assert openrouter.__version__ == "1.2.3"


def test_top_level_names_are_those_that_type_checkers_see() -> None:
    source = inspect.getsource(openrouter)
    block = source[source.index("if TYPE_CHECKING:") :].partition("__all__")[0]

    imported = re.findall(r"import (.+)", block)
    assert sorted(", ".join(imported).split(", ")) == sorted(openrouter.__all__)


@pytest.mark.parametrize(
    "module", [openrouter, components, operations, utils, sdk_types], ids=lambda module: module.__name__
)
def test_name_that_is_not_there_is_an_attribute_error(module: types.ModuleType) -> None:
    with pytest.raises(AttributeError, match="NoSuchName"):
        _ = module.NoSuchName


def test_star_import_gives_all_and_dir_lists_all_before_any_is_used() -> None:
    program = (
        "import openrouter_embeddings as openrouter; before = dir(openrouter); star = {}; exec('from openrouter_embeddings import *', star);"
        "star.pop('__builtins__'); print(*sorted(star)); print(*(n for n in openrouter.__all__ if n not in before))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=_environment()
    )

    assert ran.stdout.splitlines() == [" ".join(sorted(openrouter.__all__)), ""]


def _environment() -> dict[str, str]:
    roots = {
        str(Path(inspect.getfile(module)).parents[1]) for module in (openrouter, sys.modules["openrouter_generated"])
    }
    return {"PYTHONPATH": os.pathsep.join(sorted(roots)), "PATH": ""}


DOCUMENTED = [
    # the names that the API's reference page for Python uses
    (operations, ["InputUnion", "EncodingFormat", "CreateEmbeddingsResponse"]),
    (components, ["ProviderPreferences", "ModelsListResponse"]),
    (utils, ["RetryConfig", "BackoffStrategy"]),
    (sdk_types, ["UNSET", "OptionalNullable"]),
    (sdk_types, ["EmbedResult", "EmbedStream", "EmbedStreamAsync", "Progress", "TextError", "Usage"]),
    (
        errors,
        [
            "BadRequestResponseError",
            "UnauthorizedResponseError",
            "PaymentRequiredResponseError",
            "NotFoundResponseError",
            "TooManyRequestsResponseError",
            "InternalServerResponseError",
            "BadGatewayResponseError",
            "ServiceUnavailableResponseError",
            "EdgeNetworkTimeoutResponseError",
            "ProviderOverloadedResponseError",
            "OpenRouterDefaultError",
            "ResponseValidationError",
            "NoResponseError",
        ],
    ),
]


@pytest.mark.parametrize(("module", "names"), DOCUMENTED, ids=[module.__name__ for module, _ in DOCUMENTED])
def test_names_of_the_reference_page_are_there(module: types.ModuleType, names: list[str]) -> None:
    assert [name for name in names if name not in dir(module)] == []


@pytest.mark.parametrize("found", list(callables()), ids=lambda found: found.name)
def test_no_public_signature_names_the_http_library(found: Public) -> None:
    bases = [base.__module__ for base in found.value.__mro__] if isinstance(found.value, type) else []
    annotations = [str(a) for a in getattr(found.value, "__annotations__", {}).values()]
    signature = "" if is_typeddict(found.value) else str(inspect.signature(found.value))

    assert [text for text in (*bases, *annotations, signature) if HTTP_LIBRARIES.search(text)] == []


@pytest.mark.parametrize("found", list(callables()), ids=lambda found: found.name)
def test_everything_public_is_documented(found: Public) -> None:
    if found.name.endswith(".__init__"):
        return  # the class documents its arguments
    documented = found.value.__doc__ if isinstance(found.value, type) else inspect.getdoc(found.value)
    first = (documented or "").strip().partition("\n")[0]

    assert first.endswith((".", ":", ",")) or first[-1:].isalnum(), first


@pytest.mark.parametrize("module", NAMESPACES, ids=lambda module: module.__name__)
def test_every_module_says_what_it_is_for(module: types.ModuleType) -> None:
    assert (module.__doc__ or "").strip()


def test_every_overlay_module_says_in_its_first_line_what_it_is_for() -> None:
    root = Path(inspect.getfile(openrouter)).parent
    silent = [str(path.relative_to(root)) for path in root.rglob("*.py") if not path.read_text().startswith('"""')]

    assert silent == []


def test_sync_and_async_twins_have_one_signature() -> None:
    resource = openrouter_embeddings.embeddings.Embeddings
    twins = [(name, f"{name}_async") for name in dir(resource) if hasattr(resource, f"{name}_async")]

    assert [one for one, _ in twins] == ["embed", "embed_iter", "generate", "list_models"]
    for one, other in twins:
        first, second = inspect.signature(getattr(resource, one)), inspect.signature(getattr(resource, other))
        assert first.parameters == second.parameters


def test_no_tag_of_the_contract_is_hidden_by_an_attribute_of_the_client() -> None:
    """A tag called "Close" must not lose to `close`: whatever stands in its place is a resource too."""
    tags = [name for name, value in vars(Resources).items() if isinstance(value, cached_property)]
    client = OpenRouter("a-key")
    assert tags
    assert [name for name in tags if not isinstance(getattr(client, name), Resource)] == []
