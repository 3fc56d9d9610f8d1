"""The error family: drawn as it is, one class per status of the contract, short messages, and it pickles whole."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from openrouter_embeddings import errors
from openrouter_embeddings.errors import (
    BY_STATUS,
    MESSAGE_CHARS,
    APIStatusError,
    InvalidInputError,
    NoResponseError,
    OpenRouterDefaultError,
    OpenRouterError,
    ResponseValidationError,
    error_for,
    printable,
)
from openrouter_embeddings.messages import Headers, Response

SPEC: dict[str, Any] = yaml.safe_load((Path(__file__).parents[1] / "openapi.yaml").read_text())
REPLY = Response(429, Headers([("x-generation-id", "gen-1"), ("retry-after", "7")]), b'{"error": {"message": "slow"}}')


def family(cls: type[OpenRouterError] = OpenRouterError) -> Iterator[type[OpenRouterError]]:
    """A class and all below it that the module defines."""
    yield cls
    for below in cls.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from family(below)


def drawn() -> dict[str, tuple[str, list[str]]]:
    """The docstring's tree: each class, the class above it, and the built-in ones in parentheses."""
    tree, above = {}, [""]
    for line in (errors.__doc__ or "").splitlines():
        found = re.fullmatch(r"    ((?:[│ ]   )*)(?:[├└]── )?(\w+Error)(?: \((.*?)\))?(?: .*)?", line)
        if found:
            depth = line.index(found[2]) // 4
            above[depth:] = [found[2]]
            tree[found[2]] = (above[depth - 1], (found[3] or "").split(", ") if found[3] else [])
    return tree


def test_tree_in_the_docstring_is_the_tree() -> None:
    real = {
        cls.__name__: (
            next((base.__name__ for base in cls.__bases__ if issubclass(base, OpenRouterError)), ""),
            [base.__name__ for base in cls.__bases__ if base.__module__ == "builtins" and base is not Exception],
        )
        for cls in family()
    }

    assert drawn() == real


def test_every_class_has_a_sentence_and_a_name_that_ends_in_error() -> None:
    for cls in family():
        assert cls.__name__.endswith("Error")
        assert (cls.__dict__["__doc__"] or "").strip(), cls


# ---- one class per status -------------------------------------------------------------------------------------


def declared() -> dict[str, set[str]]:
    """Each status of openapi.yaml with the classes that its responses name."""
    found: dict[str, set[str]] = {}
    for path in SPEC["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if not status.startswith("2"):
                    shared = SPEC["components"]["responses"][response["$ref"].rpartition("/")[2]]
                    found.setdefault(status, set()).add(shared["x-python-error"])
    return found


def test_every_status_of_the_contract_has_its_class_and_every_class_its_status() -> None:
    ours = {str(status): {cls.__name__} for status, cls in BY_STATUS.items()}

    assert declared() == {**ours, "default": {"OpenRouterDefaultError"}}


def test_every_error_response_of_the_contract_is_a_class_here() -> None:
    named = {response["x-python-error"] for response in SPEC["components"]["responses"].values()}

    assert named == {cls.__name__ for cls in APIStatusError.__subclasses__() if cls.__module__ == errors.__name__}


def test_every_status_class_says_its_status_first() -> None:
    assert {status: (cls.__doc__ or "")[:4] for status, cls in BY_STATUS.items()} == {s: f"{s}:" for s in BY_STATUS}


@pytest.mark.parametrize("status", [*BY_STATUS, 301, 307, 409, 418, 422, 501, 599, 999])
def test_error_for_gives_the_class_of_a_status(status: int) -> None:
    error = error_for(status, "no", REPLY)

    assert type(error) is BY_STATUS.get(status, OpenRouterDefaultError)
    assert error.status_code == status, "the status told, which in a 200 is not the answer's own"


# ---- what an error holds --------------------------------------------------------------------------------------


def test_response_error_holds_its_answer_under_the_official_names() -> None:
    error = error_for(429, "slow", REPLY)

    assert vars(error) == {
        "message": "slow",
        "status_code": 429,
        "headers": REPLY.headers,
        "body": REPLY.text,
        "raw_response": REPLY,
        "generation_id": "gen-1",
    }


@pytest.mark.parametrize("cls", list(family()), ids=lambda cls: cls.__name__)
def test_every_error_has_every_attribute_even_where_nothing_is_known(cls: type[OpenRouterError]) -> None:
    error = cls("what happened")

    assert (error.message, str(error), error.args) == ("what happened", "what happened", ("what happened",))
    assert (error.attempts, error.possibly_billed_attempts) == (0, 0)
    told = (error.retry_after, error.generation_id, error.status_code, error.body, error.raw_response, error.data)
    assert told == (None,) * 6
    assert error.headers == {}


def test_official_names_stay() -> None:
    assert str(NoResponseError()) == "No response received"
    refused = ResponseValidationError("wrong", REPLY, retryable=True)
    assert refused.cause is refused
    assert (refused.retryable, ResponseValidationError("wrong").retryable) == (True, False)
    assert InvalidInputError("no", "provider.sort").path == "provider.sort"


class Caught(NamedTuple):
    """A built-in class by which code of today catches an error."""

    name: str
    by: type[Exception]


CAUGHT = [
    Caught("ConfigurationError", ValueError),
    Caught("InvalidInputError", ValueError),
    Caught("ClosedClientError", RuntimeError),
    Caught("DeadlineError", TimeoutError),
]


@pytest.mark.parametrize("case", CAUGHT, ids=lambda case: case.name)
def test_errors_are_caught_by_the_builtin_class_of_their_meaning(case: Caught) -> None:
    with pytest.raises(case.by):
        raise getattr(errors, case.name)("no")


def _through_pickle(error: OpenRouterError) -> OpenRouterError:
    found: OpenRouterError = pickle.loads(pickle.dumps(error))
    return found


def everything() -> list[type[OpenRouterError]]:
    """The whole family, the classes that also inherit the HTTP library's included."""

    found, waiting = [], [OpenRouterError]
    while waiting:
        found.append(cls := waiting.pop())
        waiting += [below for below in cls.__subclasses__() if below not in found]
    return [cls for cls in dict.fromkeys(found) if cls.__module__.startswith("openrouter.")]


@pytest.mark.parametrize("again", [_through_pickle, copy.deepcopy, copy.copy], ids=["pickle", "deepcopy", "copy"])
@pytest.mark.parametrize("cls", everything(), ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_every_error_survives_pickling_with_all_it_holds(
    cls: type[OpenRouterError], again: Callable[[OpenRouterError], OpenRouterError]
) -> None:
    error = cls("what happened")
    error.attempts, error.possibly_billed_attempts, error.retry_after = 3, 1, 2.5
    error.status_code, error.headers, error.body, error.raw_response = 429, REPLY.headers, REPLY.text, REPLY
    error.generation_id, error.data = "gen-1", _data()
    held = {name: getattr(error, name) for name in vars(error)}

    twin = again(error)

    assert type(twin) is cls
    assert {name: getattr(twin, name) for name in vars(twin)} == held
    assert (str(twin), twin.args) == (str(error), error.args)


def _data() -> Any:
    from openrouter_generated.models import ErrorResponse

    return ErrorResponse.from_dict({"error": {"code": 429, "message": "slow", "new": [1]}})


@pytest.mark.parametrize(
    "error", [InvalidInputError("no", "a.b"), ResponseValidationError("no", REPLY, retryable=True)]
)
def test_arguments_beside_the_message_survive_pickling(error: OpenRouterError) -> None:
    assert vars(_through_pickle(error)) == vars(error)


# ---- messages -------------------------------------------------------------------------------------------------


class Line(NamedTuple):
    """A text, its limit, and the line it is shown as."""

    text: str
    limit: int
    wanted: str


LINES = [
    Line("plain", 10, "plain"),
    Line("", 10, ""),
    Line("ten chars.", 10, "ten chars."),
    Line("eleven char", 10, "eleven ch…"),
    Line("é and 漢字", 20, "é and 漢字"),
    Line("a\r\nb", 20, "a\\r\\nb"),
    Line("\x1b[31mred", 20, "\\x1b[31mred"),
    Line("\x00\t\x7f", 20, "\\x00\\t\\x7f"),
    Line("\u202ertl\u2028", 20, "\\u202ertl\\u2028"),
    Line("half \ud83d", 20, "half \\ud83d"),
    Line("\n" * 10, 10, "\\n\\n\\n\\n\\…"),  # what grows by escaping is cut too
    Line("x" * 10_000_000, 5, "xxxx…"),
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: ascii(line.text[:12]))
def test_printable_gives_one_short_line_without_control_characters(line: Line) -> None:
    assert printable(line.text, line.limit) == line.wanted


def test_message_of_a_status_is_cut_and_escaped() -> None:
    message = error_for(400, "\x1b" + "x" * 100_000, REPLY).message

    assert message == "\\x1b" + "x" * (MESSAGE_CHARS - 5) + "…"
    assert len(message) == MESSAGE_CHARS == 1_000
