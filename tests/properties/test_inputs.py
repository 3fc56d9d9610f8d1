"""Arguments are valid if and only if an independent validator accepts them, and are sent unchanged."""

from __future__ import annotations

import copy
import json
from array import array
from typing import Any

import jsonschema
from hypothesis import event, given
from hypothesis import strategies as st
from openrouter_embeddings.errors import InvalidInputError
from openrouter_embeddings.request import to_json
from properties.values import anything, near
from support.openapi import SCHEMAS

BODY = {"$ref": "#/components/schemas/CreateEmbeddingsRequestBody"}
DECIMAL = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"


def strict(schema: Any) -> Any:
    """Return the schema with the two rules of the package: enums accept any value, unknown names are invalid."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-decimal-string"):
        return {"anyOf": [{"type": "number"}, {"type": "string", "pattern": DECIMAL}]}
    result = {name: strict(value) for name, value in schema.items() if name not in ("enum", "examples")}
    if "properties" in schema and isinstance(schema["properties"], dict):
        result.setdefault("additionalProperties", False)
    return result


VALIDATOR = jsonschema.Draft202012Validator({**BODY, "components": {"schemas": strict(SCHEMAS)}})


def convert(value: Any, schema: Any) -> tuple[Any, InvalidInputError | None]:
    """Return the JSON that is sent for a value, or the error."""
    try:
        return to_json(value, schema, "x", SCHEMAS), None
    except InvalidInputError as error:
        return None, error


def prices(body: Any) -> dict[str, Any]:
    """Return the prices of a body, which callers may pass as numbers."""
    provider = body.get("provider") if isinstance(body, dict) else None
    return (provider or {}).get("max_price") or {}


@given(near(BODY, wrong=100))
def test_exactly_the_valid_bodies_are_sent_and_unchanged(body: Any) -> None:
    before = copy.deepcopy(body)

    sent, error = convert(body, BODY)

    event("invalid" if error else "valid")
    assert VALIDATOR.is_valid(body) is (error is None), error
    assert body == before, "the objects of the caller have changed"
    if error is None:
        assert prices(sent) == {name: str(price) for name, price in prices(body).items()}
        prices(before).update(prices(sent))
        assert sent == before
    else:
        assert error.path.startswith("x")
        assert error.message.startswith(f"{error.path}: ")


ODD = st.sampled_from(
    [b"", b"a", {1}, 1j, object(), range(2), float("nan"), float("-inf"), int, {1: 2}, 10**50, ..., array("i", [1])]
)


@given(
    st.recursive(
        anything | ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
    )
)
def test_any_python_value_becomes_json_or_is_rejected(value: Any) -> None:
    for schema in ({}, *map(SCHEMAS.__getitem__, ("InputUnion", "ProviderPreferences", "TraceConfig"))):
        sent, error = convert(value, schema)
        assert error is None or error.path.startswith("x")
        json.dumps(sent, allow_nan=False)
