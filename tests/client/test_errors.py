"""The exceptions: class hierarchy, one class per documented status, attributes and messages."""

from __future__ import annotations

import copy
import importlib
import pickle
import pkgutil
from collections.abc import Iterator

import pytest
from openrouter_embeddings import errors, network
from openrouter_embeddings.errors import BY_STATUS, APIStatusError, OpenRouterError, error_for, format_size, printable
from openrouter_embeddings.messages import Headers, Response
from openrouter_generated.models import ErrorResponse
from support.openapi import DOCUMENT

RESPONSE = Response(429, Headers([("x-generation-id", "gen-1")]), b'{"error": {"message": "slow"}}')

for module in pkgutil.iter_modules(network.__path__, f"{network.__name__}."):  # these modules define more subclasses
    importlib.import_module(module.name)


def family(cls: type[OpenRouterError] = OpenRouterError) -> Iterator[type[OpenRouterError]]:
    """Yield a class and all its subclasses in the package, including those that also inherit from httpx."""
    yield cls
    for below in cls.__subclasses__():
        if below.__module__.startswith("openrouter_embeddings."):
            yield from family(below)


FAMILY = list(dict.fromkeys(family()))
OWN = [cls for cls in FAMILY if getattr(errors, cls.__name__, None) is cls]


def test_every_status_in_openapi_yaml_has_the_class_that_it_names() -> None:
    named: dict[str, set[str]] = {}
    for operation in (operation for path in DOCUMENT["paths"].values() for operation in path.values()):
        for status, response in operation["responses"].items():
            if not status.startswith("2"):
                component = DOCUMENT["components"]["responses"][response["$ref"].rpartition("/")[2]]
                named.setdefault(status, set()).add(component["x-python-error"])
    classes = {str(status): {cls.__name__} for status, cls in BY_STATUS.items()}

    assert named == {**classes, "default": {"OpenRouterDefaultError"}}
    assert {response["x-python-error"] for response in DOCUMENT["components"]["responses"].values()} == {
        cls.__name__ for cls in OWN if issubclass(cls, APIStatusError) and cls is not APIStatusError
    }


@pytest.mark.parametrize("status", [*BY_STATUS, 301, 307, 409, 418, 422, 501, 599, 999])
def test_error_for_a_status(status: int) -> None:
    error = error_for(status, "\x1b" + "x" * 100_000, RESPONSE)

    assert type(error) is BY_STATUS.get(status, errors.OpenRouterDefaultError)
    assert vars(error) == {
        "message": "\\x1b" + "x" * 995 + "…",
        "status_code": status,
        "headers": RESPONSE.headers,
        "body": RESPONSE.text,
        "raw_response": RESPONSE,
        "generation_id": "gen-1",
    }


@pytest.mark.parametrize("cls", FAMILY, ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_every_class_has_a_docstring_and_all_attributes_and_survives_copying(cls: type[OpenRouterError]) -> None:
    error = cls("what happened")

    assert cls.__name__.endswith("Error") or cls.__module__ != errors.__name__
    assert cls.__module__ != errors.__name__ or cls.__dict__["__doc__"].strip()
    assert (error.message, error.args, str(error)[:13]) == ("what happened", ("what happened",), "what happened")
    assert (error.attempts, error.possibly_billed_attempts, error.headers, error.positions) == (0, 0, {}, ())
    assert (error.retry_after, error.generation_id, error.status_code) == (None, None, None)
    assert (error.body, error.raw_response, error.data) == (None, None, None)

    error.attempts, error.retry_after, error.positions, error.raw_response = 3, 2.5, (1, 2), RESPONSE
    error.data = ErrorResponse.from_dict({"error": {"code": 429, "message": "slow", "new": [1]}})
    for other in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error), copy.copy(error)):
        assert (type(other), vars(other), other.args) == (cls, vars(error), error.args)


def test_attributes_of_single_classes_survive_pickling() -> None:
    unreadable = errors.ResponseValidationError("wrong", RESPONSE, retryable=True)

    for error in (errors.InvalidInputError("no", "a.b"), unreadable):
        assert vars(pickle.loads(pickle.dumps(error))) == vars(error)
    assert str(errors.NoResponseError()) == "No response received"
    assert unreadable.cause is unreadable
    assert (unreadable.retryable, errors.ResponseValidationError("wrong").retryable) == (True, False)


LINES = [
    ("", 10, ""),
    ("ten chars.", 10, "ten chars."),
    ("eleven char", 10, "eleven ch…"),
    ("é and 漢字", 20, "é and 漢字"),
    ("a\r\n\x1b[31m\x00\t\x7f", 40, "a\\r\\n\\x1b[31m\\x00\\t\\x7f"),
    ("\u202ertl\u2028\ud83d", 40, "\\u202ertl\\u2028\\ud83d"),
    ("\n" * 10, 10, "\\n\\n\\n\\n\\…"),  # escapes count too
    ("x" * 10_000_000, 5, "xxxx…"),
]


@pytest.mark.parametrize(("text", "limit", "line"), LINES, ids=lambda value: ascii(value)[:12])
def test_printable_is_one_short_line_without_control_characters(text: str, limit: int, line: str) -> None:
    assert printable(text, limit) == line


def test_message_ends_with_the_facts_to_log() -> None:
    error = error_for(429, "slow", RESPONSE)
    assert str(error) == "slow (status 429, generation gen-1)"

    error.host, error.attempts, error.limit = "openrouter.ai", 4, "attempts=4"
    facts = "status 429, host openrouter.ai, attempts 4, generation gen-1, stopped by attempts=4"
    assert str(error) == f"slow ({facts})"
    assert str(errors.UnauthorizedResponseError("no")).startswith("no; check api_key")


def test_size_is_formatted_with_a_unit() -> None:
    sizes = [0, 98_304, 1_000_000, 41_943_040]
    assert [format_size(size) for size in sizes] == ["0 kB", "98.3 kB", "1 MB", "41.9 MB"]
