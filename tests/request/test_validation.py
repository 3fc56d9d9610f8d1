"""Arguments are validated with the schemas of the API: nothing is dropped, and errors name the path."""

from __future__ import annotations

import array
import collections
import enum
import functools
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from openrouter_embeddings.components import ProviderPreferences
from openrouter_embeddings.errors import InvalidInputError
from openrouter_embeddings.request import format_path, to_json
from openrouter_generated.api.embeddings import GENERATE
from openrouter_generated.schemas import SCHEMAS

FIELDS = {parameter.argument: parameter.schema for parameter in GENERATE.parameters}


def convert(field: str, value: Any) -> Any:
    """Return the JSON that is sent for a field of the embeddings request."""
    return to_json(value, FIELDS[field], field, SCHEMAS)


# Types like those of other libraries.
Text = type("Text", (str,), {"__str__": lambda self: "***"})
TokenId, Seconds = type("TokenId", (int,), {}), type("Seconds", (float,), {})
Index = type("Index", (), {"__index__": lambda self: 7})
Sort = enum.Enum("Sort", {"PRICE": "price"})
StringSort = enum.Enum("StringSort", {"LATENCY": "latency"}, type=str)
ListEnum = enum.Enum("ListEnum", {"TEXTS": type("Texts", (list,), {})(["a", "b"])})


def column(method: str, *items: Any) -> Any:
    """Return a column of a data frame: numpy and pandas have `tolist`, polars `to_list`, pyarrow `to_pylist`."""
    members = {method: lambda self: list(items), "to_dict": lambda self: dict(enumerate(items))}
    return type("Column", (), members)()


# ---- valid values; tests/properties tests values that are JSON ----

LATENCY, WITHIN = "preferred_max_latency", "provider.preferred_max_latency"
VALID: list[tuple[str, Any, Any]] = [
    ("input", ("a", "b"), ("a", "b")),
    ("input", collections.deque(["a", "b"]), ["a", "b"]),
    ("input", range(3), [0, 1, 2]),
    ("input", array.array("i", [1, 2]), [1, 2]),
    ("input", Text("a"), "a"),
    ("input", [Text("a"), np.str_("b"), "c"], ["a", "b", "c"]),
    ("input", np.array(["a", "b"]), ["a", "b"]),
    ("input", np.array(["a"], object), ["a"]),
    ("input", np.array([1, 2], np.uint8), [1, 2]),
    ("input", [TokenId(1), np.int32(2), Index()], [1, 2, 7]),
    ("input", np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    ("input", [np.array([1, 2], np.uint16), [np.int64(3)]], [[1, 2], [3]]),
    *(("input", column(method, "a", "b"), ["a", "b"]) for method in ("tolist", "to_list", "to_pylist")),
    ("input", ListEnum.TEXTS, ["a", "b"]),
    ("dimensions", 2**63 - 1, 2**63 - 1),
    ("dimensions", np.int64(256), 256),
    ("encoding_format", "a future format", "a future format"),
    ("provider", ProviderPreferences(zdr=True), {"zdr": True}),
    ("provider", {"zdr": np.bool_(True), "sort": Sort.PRICE}, {"zdr": True, "sort": "price"}),
    ("provider", {"sort": StringSort.LATENCY}, {"sort": "latency"}),
    ("provider", {"order": ("openai", "azure")}, {"order": ("openai", "azure")}),
    ("provider", collections.OrderedDict(zdr=True), {"zdr": True}),
    ("provider", {LATENCY: Seconds(2.5)}, {LATENCY: 2.5}),
    ("provider", {LATENCY: np.float32(0.5)}, {LATENCY: 0.5}),
    ("trace", {StringSort.LATENCY: Text("b"), "at": np.float64(1.5)}, {"latency": "b", "at": 1.5}),
    ("trace", {"rows": np.ones((1, 2)), "when": (1, 2)}, {"rows": [[1.0, 1.0]], "when": [1, 2]}),
]


@pytest.mark.parametrize(("field", "given", "expected"), VALID, ids=lambda value: str(value)[:40])
def test_valid_values_become_plain_json(field: str, given: Any, expected: Any) -> None:
    actual = convert(field, given)

    assert type(expected) is type(actual)
    assert repr(expected) == repr(actual)  # distinguishes 1, True and np.int64(1)


@pytest.mark.parametrize("value", [["a", "b"], ("a", "b"), [1, 2]], ids=str)
def test_valid_lists_are_not_copied(value: Any) -> None:
    assert convert("input", value) is value


PRICES = [
    *((0.1, "0.1"), (1, "1"), (-0.5, "-0.5"), (1e-7, "0.0000001"), (1e22, "10000000000000000000000"), ("1e-7", "1e-7")),
    *((Decimal("0.10"), "0.10"), (np.float64(0.1), "0.1"), (np.int64(2), "2")),
]


@pytest.mark.parametrize(("price", "expected"), PRICES, ids=repr)
def test_prices_become_decimal_strings(price: Any, expected: str) -> None:
    assert {"max_price": {"prompt": expected}} == convert("provider", {"max_price": {"prompt": price}})


# ---- invalid values ----

TEXT_PART = {"type": "text", "text": "a"}
TAGS = "text or image_url or input_audio or input_video or input_file"
PART = "input[0].content[1]"
PROMPT = "provider.max_price.prompt"
KNOWN = ", ".join(sorted(SCHEMAS["ProviderPreferences"]["properties"]))


def content(part: Any) -> list[Any]:
    return [{"content": [TEXT_PART, part]}]


INVALID: list[tuple[str, Any, str, str]] = [
    # input
    ("input", "", "input", "must not be empty"),
    ("input", ["", "a", ""], "input[0]", "must not be empty (2 items: positions 0, 2)"),
    ("input", None, "input", "expected str or list, got None"),
    ("input", b"a", "input", "expected str or list, got bytes; decode it to str"),
    ("input", memoryview(b"a"), "input", "expected str or list, got memoryview; decode it to str"),
    ("input", (x for x in "ab"), "input", "expected str or list, got generator; convert it to a list"),
    ("input", ["a", b"b"], "input[1]", "expected str, got bytes; decode it to str"),
    ("input", [None, "a"], "input[0]", "expected str or int or list or dict, got None"),
    ("input", [-1, -2, -1], "input[0]", "must be at least 0, got -1"),
    ("input", [0, 2**63], "input[1]", "the integer does not fit into 64 bits"),
    ("input", [[1], [2, -3]], "input[1][1]", "must be at least 0, got -3"),
    ("input", np.array([1.0, 2.0]), "input[0]", "expected str or int or list or dict, got float 1.0"),
    ("input", column("to_list", "a", ""), "input[1]", "must not be empty"),
    ("input", [{"contents": []}], "input[0].contents", "unknown name; did you mean 'content'?"),
    ("input", [{"text": "a"}], "input[0].text", "unknown name; pass a text as a string, not in an object"),
    ("input", Path("a"), "input", f"expected str or list, got {type(Path('a')).__name__}; read the file"),
    ("input", pa.table({"text": ["a"]}), "input",
     "expected str or list, got Table; pass one column, such as table['text']"),
    ("model", ["m"], "model", "expected str, got list; one call takes one id, such as 'openai/text-embedding-3-small'"),
    # content parts
    ("input", content({"text": "a"}), f"{PART}.type", f"expected {TAGS}, got None"),
    ("input", content({"type": "txt"}), f"{PART}.type", f"expected {TAGS}, got 'txt'"),
    ("input", content({"type": 5}), f"{PART}.type", f"expected {TAGS}, got int 5"),
    ("input", content({"type": "text", "text": ""}), f"{PART}.text", "must not be empty"),
    # plain fields
    ("dimensions", 0, "dimensions", "must be at least 1, got 0"),
    ("dimensions", True, "dimensions", "expected int, got bool True"),
    ("dimensions", -(10**40), "dimensions", "the integer does not fit into 64 bits"),
    ("dimensions", int, "dimensions", "expected int, got type"),
    ("session_id", "s" * 257, "session_id", "must have at most 256 characters, has 257"),
    # provider preferences
    ("provider", {"zrd": True}, "provider.zrd", "unknown name; did you mean 'zdr'?"),
    ("provider", {"qqq": 1}, "provider.qqq", f"unknown name; known: {KNOWN}"),
    ("provider", {"sort": 5}, "provider.sort", "expected str or dict or None, got int 5"),
    ("provider", {"sort": {"bye": "price"}}, "provider.sort.bye", "unknown name; did you mean 'by'?"),
    ("provider", {LATENCY: float("nan")}, WITHIN, "nan is not a JSON number"),
    ("provider", "openai", "provider", "expected dict or None, got str; for example {'only': ['openai']}"),
    ("provider", {5: True}, "provider", "names must be str, got int 5"),
    *(("provider", {"max_price": {"prompt": price}}, PROMPT, f"expected a decimal number, got {shown}") for price, shown
      in [("cheap", "str"), ("", "str"), ("nan", "str"), ("1_000", "str"), ("\uff11", "str"),
          (float("nan"), "float nan"), (float("inf"), "float inf"), (True, "bool True"), ([1], "list"),
          (Fraction(1, 3), "Fraction"), (Decimal("nan"), "Decimal"), (b"1", "bytes; decode it to str")]),
    ("provider", {"max_price": {"prompt": None}}, PROMPT, "expected str, got None"),
    # free values
    ("trace", {"a": [0, float("inf")]}, "trace.a[1]", "inf is not a JSON number"),
    ("trace", {"a": Decimal(1)}, "trace.a", "expected a JSON value, got Decimal"),
    ("trace", object(), "trace", "expected dict, got object"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "given", "path", "reason"), INVALID, ids=lambda value: str(value)[:40])
def test_invalid_values_are_rejected_with_path_and_reason(field: str, given: Any, path: str, reason: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        convert(field, given)

    assert (path, f"{path}: {reason}") == (caught.value.path, caught.value.message)
    assert caught.value.__cause__ is None


RECURSIVE: list[Any] = []
RECURSIVE.append(RECURSIVE)
DEEP: dict[str, Any] = functools.reduce(lambda value, _: {"a": value}, range(50_000), {})
HUGE = 10**5_000  # too long for str()
EXTREME: list[tuple[str, Any]] = [
    ("trace", {"a": RECURSIVE}),
    ("trace", DEEP),
    ("input", RECURSIVE),
    ("input", HUGE),
    ("dimensions", -HUGE),
    ("user", HUGE),
    ("provider", {"max_price": {"prompt": HUGE}}),
]


@pytest.mark.parametrize(("field", "given"), EXTREME, ids=range(len(EXTREME)))
def test_extreme_values_are_rejected(field: str, given: Any) -> None:
    with pytest.raises(InvalidInputError) as caught:
        convert(field, given)

    assert caught.value.path.startswith(field)
    assert len(caught.value.message) < 500


def test_messages_never_contain_texts() -> None:
    secret = "a text that nobody else may see"
    for given in ([secret, 5], [secret, ""], {secret}, [{"content": [{"type": secret * 9}]}], [secret, [secret]]):
        with pytest.raises(InvalidInputError) as caught:
            convert("input", given)
        assert secret * 2 not in caught.value.message


# ---- JSON Schema ----


def items(**schema: Any) -> dict[str, Any]:
    return {"type": "array", "items": schema}


NAMED = {name: {"type": "object", "properties": {"kind": {}, name: {"type": "integer"}}} for name in ("A", "B")}
TAGGED = {
    "oneOf": [{"$ref": "#/A"}, {"$ref": "#/B"}],
    "discriminator": {"propertyName": "kind", "mapping": {"A": "#/A", "B": "#/B"}},
}
KEYWORDS: list[tuple[Mapping[str, Any], Any, Any, str]] = [
    ({"type": "string", "minLength": 3}, "abc", "ab", "x: must have at least 3 characters, has 2"),
    ({"type": "number", "maximum": 1.5}, 1.5, 2, "x: must be at most 1.5, got 2"),
    ({"type": "array", "minItems": 2}, [1, 2], [1], "x: must have at least 2 items, has 1"),
    ({"type": "array", "maxItems": 1}, [1], [1, 2], "x: must have at most 1 items, has 2"),
    ({"const": 5}, 5, 6, "x: expected 5, got int 6"),
    ({"type": "string", "const": "a"}, "a", "b", "x: expected 'a', got str"),
    ({"type": ["string", "null"], "x-decimal-string": True}, None, "a", "x: expected a decimal number, got str"),
    (items(type="integer", maximum=5), [5], [6], "x[0]: must be at most 5, got 6"),
    (items(type="number", minimum=0), [1], [1, -1, -2.5], "x[1]: must be at least 0, got -1"),
    ({"type": "array"}, ["a", 1, None], [b""], "x[0]: expected a JSON value, got bytes; decode it to str"),
    ({"type": "object", "required": ["a", "b"]}, {"a": 1, "b": 2}, {}, "x: missing 'a', 'b'"),
    ({"type": "object", "additionalProperties": False}, {}, {"a": 1}, "x.a: unknown name; known: none"),
    ({"oneOf": [{"const": "a"}, {"type": "null"}]}, "a", "b", "x: expected 'a' or None, got str"),
    ({"anyOf": [{"const": "a"}, {"const": "b"}]}, "b", 5, "x: expected 'a' or 'b', got int 5"),
    (TAGGED, {"kind": "B", "B": 1}, {"kind": "A", "A": ""}, "x.A: expected int, got str"),
]


@pytest.mark.parametrize(("schema", "valid", "invalid", "message"), KEYWORDS, ids=lambda value: str(value)[:40])
def test_keyword_of_a_schema_is_checked(schema: Mapping[str, Any], valid: Any, invalid: Any, message: str) -> None:
    assert valid == to_json(valid, schema, "x", NAMED)
    with pytest.raises(InvalidInputError) as caught:
        to_json(invalid, schema, "x", NAMED)

    assert message == caught.value.message


@pytest.mark.parametrize(("path", "expected"), [((), ""), (("a", 0, "b", 1, 2), "a[0].b[1][2]"), ((0,), "[0]")])
def test_path_is_formatted_as_in_python(path: tuple[str | int, ...], expected: str) -> None:
    assert expected == format_path(path)
