"""Public names: all resolve, are documented, and do not expose the HTTP library."""

from __future__ import annotations

import inspect
import re
import types
from pathlib import Path
from typing import Any, is_typeddict

import openrouter_embeddings
import pytest
from openrouter_embeddings import OpenRouter, components, errors, operations, utils
from openrouter_embeddings import types as sdk_types
from openrouter_embeddings.embeddings import Embeddings
from openrouter_generated.resources import Resources

MODULES = [openrouter_embeddings, components, errors, operations, utils, sdk_types]
DOCUMENTED = {  # names on the documented page
    openrouter_embeddings: "OpenRouter components errors operations types utils",
    operations: "InputUnion EncodingFormat CreateEmbeddingsResponse",
    components: "ProviderPreferences ModelsListResponse",
    utils: "RetryConfig BackoffStrategy",
    sdk_types: "UNSET OptionalNullable",
    errors: "BadRequestResponseError UnauthorizedResponseError PaymentRequiredResponseError NotFoundResponseError "
    "TooManyRequestsResponseError InternalServerResponseError BadGatewayResponseError ServiceUnavailableResponseError "
    "EdgeNetworkTimeoutResponseError ProviderOverloadedResponseError OpenRouterDefaultError ResponseValidationError "
    "NoResponseError",
}


def public_names(module: types.ModuleType) -> list[str]:
    """Return the names of `dir` without private ones."""
    return [name for name in dir(module) if name[0] != "_"]


def callables() -> dict[str, Any]:
    """Return all public functions, classes and methods by full name."""
    found: dict[str, Any] = {"Embeddings": Embeddings}
    for module in MODULES:
        found |= {f"{module.__name__}.{name}": getattr(module, name) for name in public_names(module)}
    found = {name: value for name, value in found.items() if isinstance(value, types.FunctionType | type)}
    methods = {
        f"{name}.{method}": member
        for name, value in found.items()
        if isinstance(value, type)
        for method, member in inspect.getmembers(value, inspect.isroutine)
        if method[0] != "_" and str(getattr(member, "__module__", "")).startswith("openrouter")
    }
    return found | methods


CALLABLES = callables()


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_public_names_resolve_and_include_the_documented_ones(module: types.ModuleType) -> None:
    names = public_names(module)

    assert sorted(names) == sorted(getattr(module, "__all__", names))
    assert [name for name in names if not hasattr(module, name)] == []
    assert set(DOCUMENTED[module].split()) <= set(names)
    with pytest.raises(AttributeError, match="NoSuchName"):
        _ = module.NoSuchName


def test_client_has_only_its_methods_and_one_attribute_per_tag() -> None:
    tags = {name for name in vars(Resources) if name[0] != "_"}
    methods = {"aclose", "close", "with_options"}

    assert tags & methods == set()
    assert {name for name in dir(OpenRouter("a-key")) if name[0] != "_"} == tags | methods


@pytest.mark.parametrize("name", CALLABLES)
def test_public_callable_has_a_docstring_and_no_type_of_the_http_library(name: str) -> None:
    value = CALLABLES[name]
    assert value.__doc__ if isinstance(value, type) else inspect.getdoc(value)

    bases = [base.__module__ for base in value.__mro__] if isinstance(value, type) else []
    annotations = [str(annotation) for annotation in getattr(value, "__annotations__", {}).values()]
    signature = "" if is_typeddict(value) else str(inspect.signature(value))

    assert re.findall(r"\b(?:httpx2?|httpcore|anyio)\b", " ".join([*bases, *annotations, signature])) == []


def test_each_file_of_the_overlay_begins_with_a_docstring() -> None:
    files = Path(inspect.getfile(openrouter_embeddings)).parents[1].rglob("*.py")

    assert [str(file) for file in files if not file.read_text().startswith('"""')] == []


def test_sync_and_async_methods_have_the_same_parameters() -> None:
    pairs = [(name, f"{name}_async") for name in dir(Embeddings) if hasattr(Embeddings, f"{name}_async")]

    jobs, lookups = ["corpus", "embed", "embed_iter"], ["check", "estimate", "search"]
    assert [name for name, _ in pairs] == sorted([*jobs, *lookups, "generate", "list_models"])
    for pair in pairs:
        one, other = (inspect.signature(getattr(Embeddings, name)).parameters for name in pair)
        assert one == other
