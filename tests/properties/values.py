"""Strategies for JSON values that are nearly valid: some parts are missing, null, unknown or of a wrong type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from support.openapi import SCHEMAS

texts = st.text(max_size=5)
numbers = st.integers(-3, 2_000).map(lambda n: n + 0.5) | st.integers(-3, 2_000)
scalars = st.none() | st.booleans() | numbers | texts
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema after resolving its `$ref`."""
    return resolved(SCHEMAS[schema["$ref"].rpartition("/")[2]]) if "$ref" in schema else schema


@st.composite
def near(draw: st.DrawFn, schema: Mapping[str, Any], wrong: int = 30) -> Any:
    """Draw a value of a schema in which about one part in `wrong` is arbitrary."""
    schema = resolved(schema)
    if draw(st.integers(1, wrong)) == wrong:
        return draw(anything)
    branches = schema.get("oneOf") or schema.get("anyOf")
    if branches:
        return draw(near(draw(st.sampled_from(branches)), wrong))
    if "const" in schema:
        return schema["const"]
    types = schema.get("type", [])
    kind = draw(st.sampled_from([types] if isinstance(types, str) else types or ["any"]))
    if kind == "object":
        return draw(_object(schema, wrong))
    if kind == "array":
        items = st.lists(near(schema.get("items", {}), wrong), min_size=schema.get("minItems", 0), max_size=3)
        return draw(items)
    return draw(_scalar(schema, kind))


def _scalar(schema: Mapping[str, Any], kind: str) -> st.SearchStrategy[Any]:
    if schema.get("x-decimal-string"):
        return st.sampled_from(["1", "0.5", 0.25, 3, "1e-7"])
    plain: dict[str, st.SearchStrategy[Any]] = {
        "string": st.sampled_from(schema.get("enum", ["a"])) | st.text(min_size=schema.get("minLength", 0), max_size=5),
        "integer": st.integers(schema.get("minimum", -2), schema.get("maximum", 2_000)),
        "number": numbers,
        "boolean": st.booleans(),
        "null": st.none(),
    }
    return plain.get(kind, anything)


@st.composite
def _object(draw: st.DrawFn, schema: Mapping[str, Any], wrong: int) -> dict[str, Any]:
    value = {}
    required = schema.get("required", ())
    for name, member in schema.get("properties", {}).items():
        often = wrong if name in required else 2
        if draw(st.integers(1, often)) != often:
            value[name] = draw(near(member, wrong))
    others = schema.get("additionalProperties")
    if others or draw(st.integers(1, wrong)) == wrong:
        member = others if isinstance(others, dict) else {}
        value.update(draw(st.dictionaries(texts, near(member, wrong), max_size=2)))
    return value
