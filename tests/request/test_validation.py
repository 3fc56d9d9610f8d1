"""What callers pass is checked against the contract's own schemas: nothing is dropped, a refusal names its place."""

from __future__ import annotations

import collections
import enum
import gc
import json
import sys
from array import array
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import numpy as np
import pytest
import yaml
from openrouter_embeddings.errors import InvalidInputError
from openrouter_embeddings.request.validation import dotted, plain

SPEC: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "openapi.yaml").read_text())
SCHEMAS: dict[str, Any] = SPEC["components"]["schemas"]
BODY = SCHEMAS["CreateEmbeddingsRequestBody"]["properties"]
LIMIT = SPEC["paths"]["/embeddings/models"]["get"]["parameters"][-1]["schema"]


def checked(name: str, value: Any) -> Any:
    """A field of the embeddings request, as it is sent."""
    return plain(value, BODY[name], name, SCHEMAS)


class Colour(enum.Enum):
    PRICE = "price"


class Both(enum.Enum):
    """A member that stands for a list of a class of its own."""

    TEXTS = type("Texts", (list,), {})(["a", "b"])


class Sort(str, enum.Enum):  # noqa: UP042
    LATENCY = "latency"


class Text(str):
    """A string of a library's own type."""

    __slots__ = ()


class Masked(str):
    """A string that shows something else than it is."""

    __slots__ = ()

    def __str__(self) -> str:
        return "***"


class TokenId(int):
    """An integer of a library's own type."""

    __slots__ = ()


class Position:
    """What can stand for an integer without being one."""

    def __index__(self) -> int:
        return 7


class Seconds(float):
    """A number of a library's own type."""

    __slots__ = ()


@attrs.define
class Preferences:
    """A model: what the generated ones offer."""

    zdr: bool

    def to_dict(self) -> dict[str, Any]:
        return {"zdr": self.zdr}


class Column:
    """A column of a data frame: an array, which can also write itself as a mapping of positions."""

    dtype = "object"

    def __init__(self, *items: Any) -> None:
        self.items = items

    def to_dict(self) -> dict[int, Any]:
        return dict(enumerate(self.items))

    def tolist(self) -> list[Any]:
        return list(self.items)


# ---- what passes ----------------------------------------------------------------------------------------------


class Passed(NamedTuple):
    """A field, a value, and what is sent for it."""

    field: str
    given: Any
    sent: Any


LATENCY, WITHIN = "preferred_max_latency", "provider.preferred_max_latency"
TEXT_PART = {"type": "text", "text": "a"}
PASSED = [
    Passed("input", "a", "a"),
    Passed("input", ["a", "b"], ["a", "b"]),
    Passed("input", ("a", "b"), ("a", "b")),
    Passed("input", [1, 2], [1, 2]),
    Passed("input", [[1, 2], [3]], [[1, 2], [3]]),
    Passed("input", [[1], []], [[1], []]),
    Passed("input", [{"content": [TEXT_PART]}], [{"content": [TEXT_PART]}]),
    Passed("input", collections.deque(["a", "b"]), ["a", "b"]),
    Passed("input", range(3), [0, 1, 2]),
    Passed("input", array("i", [1, 2]), [1, 2]),
    Passed("input", Text("a"), "a"),
    Passed("input", [Text("a"), "b"], ["a", "b"]),
    Passed("input", Masked("a"), "a"),
    Passed("input", [Masked("a"), "b"], ["a", "b"]),
    Passed("trace", {Masked("a"): Masked("b")}, {"a": "b"}),
    Passed("input", np.array(["a", "b"]), ["a", "b"]),
    Passed("input", [np.str_("a"), np.str_("b")], ["a", "b"]),
    Passed("input", np.array([1, 2], np.int64), [1, 2]),
    Passed("input", np.array([1, 2], np.uint8), [1, 2]),
    Passed("input", [np.int32(1), 2], [1, 2]),
    Passed("input", [TokenId(1), 2, Position()], [1, 2, 7]),
    Passed("input", np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    Passed("input", [np.array([1, 2]), [3]], [[1, 2], [3]]),
    Passed("input", np.array(["a"], object), ["a"]),
    Passed("input", Column("a", "b"), ["a", "b"]),
    Passed("input", Both.TEXTS, ["a", "b"]),
    Passed("model", Text("m"), "m"),
    Passed("dimensions", 256, 256),
    Passed("dimensions", 2**63 - 1, 2**63 - 1),
    Passed("dimensions", np.int64(256), 256),
    Passed("encoding_format", "base64", "base64"),
    Passed("encoding_format", "of tomorrow", "of tomorrow"),  # the API adds values faster than we release
    Passed("provider", None, None),
    Passed("provider", {}, {}),
    Passed("provider", Preferences(zdr=True), {"zdr": True}),
    Passed("provider", {"zdr": np.bool_(True)}, {"zdr": True}),
    Passed("provider", {"sort": Colour.PRICE}, {"sort": "price"}),
    Passed("provider", {"sort": Sort.LATENCY}, {"sort": "latency"}),
    Passed("provider", {"sort": {"by": "price"}}, {"sort": {"by": "price"}}),
    Passed("provider", {"sort": "best of all"}, {"sort": "best of all"}),
    Passed("provider", {"quantizations": ["int3"]}, {"quantizations": ["int3"]}),
    Passed("provider", {"order": ("openai", "azure")}, {"order": ("openai", "azure")}),
    Passed("provider", {"order": None, "sort": None}, {"order": None, "sort": None}),
    Passed("provider", collections.OrderedDict(zdr=True), {"zdr": True}),
    Passed("provider", {LATENCY: 2}, {LATENCY: 2}),
    Passed("provider", {LATENCY: Seconds(2.5)}, {LATENCY: 2.5}),
    Passed("provider", {LATENCY: np.float32(0.5)}, {LATENCY: 0.5}),
    Passed("provider", {LATENCY: {"p50": 1, "p99": None}}, {LATENCY: {"p50": 1, "p99": None}}),
    Passed("provider", {"options": {"new": {"a": [1, {"b": None}]}}}, {"options": {"new": {"a": [1, {"b": None}]}}}),
    Passed("session_id", "s" * 256, "s" * 256),
    Passed("trace", {"trace_id": "t", "my own": [1.5, True, None]}, {"trace_id": "t", "my own": [1.5, True, None]}),
    Passed("trace", {"at": np.float64(1.5), "n": np.int8(3)}, {"at": 1.5, "n": 3}),
    Passed("trace", {Sort.LATENCY: Sort.LATENCY}, {"latency": "latency"}),
    Passed("trace", {"rows": np.ones((1, 2)), "when": (1, 2)}, {"rows": [[1.0, 1.0]], "when": [1, 2]}),
]  # fmt: skip


@pytest.mark.parametrize("case", PASSED, ids=lambda case: f"{case.field} {case.given!r}"[:60])
def test_what_fits_is_sent_as_plain_json_and_nothing_is_dropped(case: Passed) -> None:
    sent = checked(case.field, case.given)

    assert sent == case.sent
    assert type(sent) is type(case.sent)
    assert json.loads(json.dumps(sent)) == json.loads(json.dumps(case.sent))


def test_every_request_example_of_the_contract_passes_unchanged() -> None:
    body = SPEC["paths"]["/embeddings"]["post"]["requestBody"]["content"]["application/json"]
    for name, example in body["examples"].items():
        assert plain(example["value"], body["schema"], "body", SCHEMAS) == example["value"], name


def test_lists_that_fit_are_not_copied() -> None:
    for value in (["a", "b"], ("a", "b"), [1, 2]):
        assert checked("input", value) is value


def _types(value: Any) -> Iterator[type]:
    yield type(value)
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        yield from _types(item)


def test_token_ids_stay_integers_and_foreign_ones_become_pythons() -> None:
    for value in ([TokenId(1)], [0, 1], [[0], [1]], np.array([0, 1]), [[np.int64(5)]], [np.array([5], np.uint16)]):
        assert set(_types(checked("input", value))) == {list, int}


PRICES = [
    (0.1, "0.1"),
    (1, "1"),
    (0, "0"),
    (-0.5, "-0.5"),
    (1e-7, "0.0000001"),
    (1e22, "10000000000000000000000"),
    ("0.05", "0.05"),
    ("1e-7", "1e-7"),
    (Decimal("0.10"), "0.10"),
    (np.float64(0.1), "0.1"),
    (np.int64(2), "2"),
    (None, None),
]


@pytest.mark.parametrize(("price", "sent"), PRICES[:-1], ids=repr)
def test_price_given_as_a_number_is_sent_as_a_decimal_string(price: Any, sent: str) -> None:
    given = {"zdr": True, "max_price": {"prompt": price}}

    assert checked("provider", given) == {"zdr": True, "max_price": {"prompt": sent}}


def test_decimal_string_that_may_be_null_may_be_null() -> None:
    schema = {"type": ["string", "null"], "x-decimal-string": True}

    assert (plain(None, schema, "price", {}), plain(1.5, schema, "price", {})) == (None, "1.5")


# ---- what is refused ------------------------------------------------------------------------------------------


class Refused(NamedTuple):
    """A field, a value, where it is wrong and why."""

    field: str
    given: Any
    path: str
    why: str


DECIMAL = "expected a decimal number, got"
KINDS = "text, image_url, input_audio, input_video, input_file"
PREFERENCES = sorted(SCHEMAS["ProviderPreferences"]["properties"])
PRICE, PROMPT = "provider.max_price", "provider.max_price.prompt"


def part(content: Any) -> list[Any]:
    return [{"content": [TEXT_PART, content]}]


PART = "input[0].content[1]"
REFUSED = [
    # the input
    Refused("input", "", "input", "must not be empty"),
    Refused("input", [], "input", "must not be empty"),
    Refused("input", (), "input", "must not be empty"),
    Refused("input", ["a", ""], "input[1]", "must not be empty"),
    Refused("input", ["", "a", ""], "input[0]", "must not be empty (2 items: positions 0, 2)"),
    Refused("input", [""] * 99, "input[0]", "must not be empty (99 items: positions 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …)"),
    Refused("input", 5, "input", "expected string or array, got integer 5"),
    Refused("input", None, "input", "expected string or array, got null"),
    Refused("input", {"a": 1}, "input", "expected string or array, got object"),
    Refused("input", {"a"}, "input", "expected string or array, got set"),
    Refused("trace", object(), "trace", "expected object, got a Python object"),
    Refused("input", type("array", (), {})(), "input", "expected string or array, got a Python array"),
    Refused("input", type("Lister", (), {"tolist": list})(), "input", "expected string or array, got Lister"),
    Refused("input", type("Typed", (), {"dtype": int})(), "input", "expected string or array, got Typed"),
    Refused("input", b"a", "input", "expected string or array, got bytes"),
    Refused("input", (x for x in "ab"), "input", "expected string or array, got generator"),
    Refused("input", ["a", None], "input[1]", "expected string, got null"),
    Refused("input", ["a", b"b"], "input[1]", "expected string, got bytes"),
    Refused("input", ["a", 5], "input[1]", "expected string, got integer 5"),
    Refused("input", [None, "a"], "input[0]", "expected string, integer, array or object, got null"),
    Refused("input", [1, "a"], "input[1]", "expected integer, got string"),
    Refused("input", [1, 2.0], "input[1]", "expected integer, got number 2.0"),
    Refused("input", [1.5], "input[0]", "expected string, integer, array or object, got number 1.5"),
    Refused("input", [1, True], "input[1]", "expected integer, got boolean True"),
    Refused("input", [1, -1], "input[1]", "must be at least 0, got -1"),
    Refused("input", [-1, -2, -1], "input[0]", "must be at least 0, got -1 (2 items: positions 0, 2)"),
    Refused("input", [[1], [2, -3]], "input[1][1]", "must be at least 0, got -3"),
    Refused("input", [[1], [2, "b"]], "input[1][1]", "expected integer, got string"),
    Refused("input", [[1], "a"], "input[1]", "expected array, got string"),
    Refused("input", [[1.0]], "input[0][0]", "expected integer, got number 1.0"),
    Refused("input", np.array([1.0, 2.0]), "input[0]", "expected string, integer, array or object, got number 1.0"),
    Refused("input", np.array(["a", ""]), "input[1]", "must not be empty"),
    # multimodal inputs
    Refused("input", [{}], "input[0]", "'content' is missing"),
    Refused("input", [{"contents": []}], "input[0].contents", "unknown name; did you mean 'content'?"),
    Refused("input", [{"content": []}], "input[0].content", "must not be empty"),
    *(Refused("input", part(given), f"{PART}{where}", why) for given, where, why in [
        ({"text": "a"}, "", f"'type' is missing; it is one of {KINDS}"),
        ({"type": "txt", "text": "a"}, ".type", f"'txt' is none of {KINDS}; did you mean 'text'?"),
        ({"type": 5}, ".type", f"integer 5 is none of {KINDS}; known: {', '.join(sorted(KINDS.split(', ')))}"),
        ({"type": ["text"]}, ".type", f"array is none of {KINDS}; did you mean 'text'?"),
        ({"type": "text"}, "", "'text' is missing"),
        ({"type": "text", "text": ""}, ".text", "must not be empty"),
        ({"type": "text", "text": "a", "txt": 1}, ".txt", "unknown name; did you mean 'text'?"),
        ({"type": "image_url", "image_url": "http://a"}, ".image_url", "expected object, got string"),
        ({"type": "image_url", "image_url": {}}, ".image_url", "'url' is missing"),
        ({"type": "input_audio", "input_audio": {"data": b"a"}}, ".input_audio.data", "expected string, got bytes"),
        ("a text", "", "expected object, got string"),
    ]),
    # plain fields
    Refused("model", "", "model", "must not be empty"),
    Refused("model", 5, "model", "expected string, got integer 5"),
    Refused("model", None, "model", "expected string, got null"),
    Refused("dimensions", 0, "dimensions", "must be at least 1, got 0"),
    Refused("dimensions", "256", "dimensions", "expected integer, got string"),
    Refused("dimensions", 256.0, "dimensions", "expected integer, got number 256.0"),
    Refused("dimensions", True, "dimensions", "expected integer, got boolean True"),
    Refused("dimensions", 2**63, "dimensions", "the integer does not fit 64 bits"),
    Refused("dimensions", -(10**40), "dimensions", "the integer does not fit 64 bits"),
    Refused("encoding_format", 5, "encoding_format", "expected string, got integer 5"),
    Refused("encoding_format", Preferences, "encoding_format", "expected string, got type"),
    Refused("dimensions", int, "dimensions", "expected integer, got type"),
    Refused("session_id", "s" * 257, "session_id", "must have at most 256 characters, has 257"),
    Refused("user", 5, "user", "expected string, got integer 5"),
    # provider preferences
    Refused("provider", {"zrd": True}, "provider.zrd", "unknown name; did you mean 'zdr'?"),
    Refused("provider", {"qqq": 1}, "provider.qqq", f"unknown name; known: {', '.join(PREFERENCES)}"),
    Refused("provider", {"zdr": "yes"}, "provider.zdr", "expected boolean or null, got string"),
    Refused("provider", {"zdr": 1}, "provider.zdr", "expected boolean or null, got integer 1"),
    Refused("provider", {"only": "openai"}, "provider.only", "expected array or null, got string"),
    Refused("provider", {"only": ["openai", 5]}, "provider.only[1]", "expected string, got integer 5"),
    Refused("provider", {"order": {"openai": 1}}, "provider.order", "expected array or null, got object"),
    Refused("provider", {"sort": 5}, "provider.sort", "expected string, object or null, got integer 5"),
    Refused("provider", {"sort": {"by": 5}}, "provider.sort.by", "expected string or null, got integer 5"),
    Refused("provider", {"sort": {"bye": "price"}}, "provider.sort.bye", "unknown name; did you mean 'by'?"),
    Refused("provider", {LATENCY: "1"}, WITHIN, "expected number, object or null, got string"),
    Refused("provider", {LATENCY: {"p500": 1}}, f"{WITHIN}.p500", "unknown name; did you mean 'p50'?"),
    Refused("provider", {LATENCY: {"p50": True}}, f"{WITHIN}.p50", "expected number or null, got boolean True"),
    Refused("provider", {LATENCY: float("nan")}, WITHIN, "nan is no JSON number"),
    Refused("provider", {LATENCY: float("inf")}, WITHIN, "inf is no JSON number"),
    Refused("provider", {5: True}, "provider", "names must be strings, got integer 5"),
    Refused("provider", ["openai"], "provider", "expected object or null, got array"),
    Refused("provider", "openai", "provider", "expected object or null, got string"),
    *(Refused("provider", {"max_price": {"prompt": p}}, PROMPT, f"{DECIMAL} {shown}") for p, shown in [
        ("cheap", "string"), ("", "string"), ("nan", "string"), ("Infinity", "string"), (float("nan"), "number nan"),
        (float("inf"), "number inf"), (True, "boolean True"), ([1], "array"), (Fraction(1, 3), "Fraction"),
        ("1_000", "string"), ("\uff11", "string"), (Decimal("nan"), "Decimal"), (b"1", "bytes"),
    ]),
    Refused("provider", {"max_price": {"prompt": None}}, PROMPT, "expected string, got null"),
    Refused("provider", {"max_price": {"promt": 1}}, f"{PRICE}.promt", "unknown name; did you mean 'prompt'?"),
    Refused("provider", {"max_price": 1}, "provider.max_price", "expected object, got integer 1"),
    Refused("provider", {"options": {"openai": 5}}, "provider.options.openai", "expected object, got integer 5"),
    Refused("provider", {"options": {"openai": {"a": {1}}}}, "provider.options.openai.a", "set cannot be sent as JSON"),
    # names of one's own
    Refused("trace", {"trace_id": 5}, "trace.trace_id", "expected string, got integer 5"),
    Refused("trace", {"a": [0, float("inf")]}, "trace.a[1]", "inf is no JSON number"),
    Refused("trace", {"a": [0, b"x"]}, "trace.a[1]", "bytes cannot be sent as JSON"),
    Refused("trace", {"a": Decimal(1)}, "trace.a", "Decimal cannot be sent as JSON"),
    Refused("trace", {"a": {1: 2}}, "trace.a", "names must be strings, got integer 1"),
    Refused("trace", {"a": Preferences}, "trace.a", "type cannot be sent as JSON"),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case.field} {case.given!r}"[:60])
def test_what_does_not_fit_is_refused_by_its_place_and_the_reason(case: Refused) -> None:
    with pytest.raises(InvalidInputError) as caught:
        checked(case.field, case.given)

    assert (caught.value.path, caught.value.message) == (case.path, f"{case.path}: {case.why}")
    assert caught.value.__cause__ is None


def _endless() -> list[Any]:
    ring: list[Any] = []
    ring.append(ring)
    return ring


def _deep(levels: int = 50_000) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


HUGE = 10**5_000
HOSTILE: list[tuple[str, str, Any]] = [
    ("a list within itself", "trace", {"a": _endless()}),
    ("an object of 50,000 levels", "trace", _deep()),
    ("lists within lists as input", "input", _endless()),
    ("an integer of 5,000 digits as input", "input", HUGE),
    ("an integer of 5,000 digits below the least", "dimensions", -HUGE),
    ("an integer of 5,000 digits for a string", "user", HUGE),
    ("an integer of 5,000 digits as a price", "provider", {"max_price": {"prompt": HUGE}}),
]


@pytest.mark.parametrize(("field", "given"), [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_what_python_itself_chokes_on_is_refused_too(field: str, given: Any) -> None:
    with pytest.raises(InvalidInputError) as caught:
        checked(field, given)

    assert caught.value.path.startswith(field)
    assert len(caught.value.message) < 500


def test_texts_never_stand_in_a_refusal() -> None:
    secret = "a text that nobody else may see"
    for given in ([secret, 5], [secret, ""], {secret}, [{"content": [{"type": secret * 9}]}], [secret, [secret]]):
        with pytest.raises(InvalidInputError) as caught:
            checked("input", given)
        assert secret * 2 not in caught.value.message


# ---- the parts of JSON Schema that requests of today do not use together --------------------------------------


class Rule(NamedTuple):
    """A schema, a value that fits it, one that does not, and why."""

    schema: Mapping[str, Any]
    fits: Any
    wrong: Any
    path: str
    why: str


def items(**schema: Any) -> dict[str, Any]:
    return {"type": "array", "items": schema}


RULES = [
    Rule({"type": "string", "minLength": 3}, "abc", "ab", "x", "must have at least 3 characters, has 2"),
    Rule({"type": ["string", "null"], "minLength": 2}, "ab", "a", "x", "must have at least 2 characters, has 1"),
    Rule({"type": "number", "maximum": 1.5}, 1.5, 2, "x", "must be at most 1.5, got 2"),
    Rule(LIMIT, 1000, 1001, "x", "must be at most 1000, got 1001"),
    Rule({"type": "array", "minItems": 2}, [1, 2], [1], "x", "must have 2 items"),
    Rule({"type": "array", "maxItems": 1}, [1], [1, 2], "x", "must have at most 1 items, has 2"),
    Rule({"const": 5}, 5, 6, "x", "expected 5, got integer 6"),
    Rule(items(type="integer", maximum=5), [5], [6], "x[0]", "must be at most 5, got 6"),
    Rule(items(type="string", maxLength=1), ["a"], ["ab"], "x[0]", "must have at most 1 characters, has 2"),
    Rule(items(type="string", minLength=2), ["ab"], ["a"], "x[0]", "must have at least 2 characters, has 1"),
    Rule(items(type="string"), [""], [5], "x[0]", "expected string, got integer 5"),
    Rule(items(type="integer"), [-1], [1.0], "x[0]", "expected integer, got number 1.0"),
    Rule({"type": "array"}, ["a", 1, None], [b""], "x[0]", "bytes cannot be sent as JSON"),
    Rule({"type": "object", "properties": {}}, {"a": 1}, 5, "x", "expected object, got integer 5"),
    Rule({"type": "object", "required": ["a", "b"]}, {"a": 1, "b": 2}, {}, "x", "'a', 'b' is missing"),
    Rule({"type": "object", "additionalProperties": False}, {}, {"a": 1}, "x.a", "unknown name"),
    Rule({"oneOf": [{"const": "a"}, {"type": "null"}]}, "a", "b", "x", "expected 'a', got string"),
    Rule({"oneOf": [{"const": "a"}, {"const": "b"}]}, "b", 5, "x", "expected 'a', got integer 5"),
    Rule({}, {"a": [None, 1, 1.5, "b", True]}, {"a": b""}, "x.a", "bytes cannot be sent as JSON"),
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: json.dumps(rule.schema)[:60])
def test_each_keyword_of_a_schema_is_obeyed(rule: Rule) -> None:
    assert plain(rule.fits, rule.schema, "x", {}) == rule.fits
    with pytest.raises(InvalidInputError) as caught:
        plain(rule.wrong, rule.schema, "x", {})

    assert caught.value.message == f"{rule.path}: {rule.why}"


def test_items_that_are_wrong_for_different_reasons_are_told_one_at_a_time() -> None:
    schema = {"type": "array", "items": {"type": "number", "minimum": 0}}
    with pytest.raises(InvalidInputError) as caught:
        plain([1, -1, -2.5], schema, "x", {})

    assert caught.value.message == "x[1]: must be at least 0, got -1"


@pytest.mark.parametrize(
    ("path", "wanted"),
    [((), ""), (("a",), "a"), (("a", 0, "b", 1, 2), "a[0].b[1][2]"), ((0,), "[0]")],
)
def test_path_is_written_as_python_would(path: tuple[str | int, ...], wanted: str) -> None:
    assert dotted(path) == wanted


# ---- cost -----------------------------------------------------------------------------------------------------


def calls_made(field: str, value: Any) -> int:
    """How many Python functions a check calls."""
    count = 0

    def watch(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    gc.disable()  # its callbacks are functions too
    sys.setprofile(watch)
    try:
        checked(field, value)
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


MANY: list[tuple[str, list[Any]]] = [
    ("texts", [f"text {i}" for i in range(100_000)]),
    ("token ids", list(range(100_000))),
    ("a tenth of it as one list of token ids", [list(range(10_000))]),
]


@pytest.mark.parametrize("value", [value for _, value in MANY], ids=[name for name, _ in MANY])
def test_hundred_thousand_items_cost_no_call_each(value: list[Any]) -> None:
    assert calls_made("input", value) < 200


def test_list_of_token_lists_costs_a_few_calls_for_each_list_and_none_for_each_token() -> None:
    def cost(tokens: int) -> int:
        return calls_made("input", [list(range(tokens)) for _ in range(50)])

    assert cost(1_000) == cost(10)
