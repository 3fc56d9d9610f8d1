"""The check of inputs admits what an independent validator admits, and sends it as it was given."""

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
from properties.values import SCHEMAS, anything, near

BODY = {"$ref": "#/components/schemas/CreateEmbeddingsRequestBody"}
DECIMAL = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"


def strict(schema: Any) -> Any:
    """What we read into the contract, said in JSON Schema: enums are open, unknown names are not."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-decimal-string"):
        return {"anyOf": [{"type": "number"}, {"type": "string", "pattern": DECIMAL}]}
    said = {name: strict(value) for name, value in schema.items() if name not in ("enum", "examples")}
    if "properties" in schema and isinstance(schema["properties"], dict):
        said.setdefault("additionalProperties", False)
    return said


JUDGE = jsonschema.Draft202012Validator({**BODY, "components": {"schemas": strict(SCHEMAS)}})


def attempted(value: Any, schema: Any) -> tuple[Any, InvalidInputError | None]:
    """What is sent for a value, or why nothing is."""
    try:
        return to_json(value, schema, "x", SCHEMAS), None
    except InvalidInputError as error:
        return None, error


def prices(body: Any) -> dict[str, Any]:
    """The decimal strings of a body, which callers may give as numbers."""
    provider = body.get("provider") if isinstance(body, dict) else None
    return (provider or {}).get("max_price") or {}


@given(near(BODY, wrong=100))
def test_what_is_admitted_is_what_the_contract_admits_and_it_is_sent_unchanged(body: Any) -> None:
    before = copy.deepcopy(body)

    sent, refusal = attempted(body, BODY)

    event("refused" if refusal else "admitted")
    assert JUDGE.is_valid(body) is (refusal is None), refusal
    assert body == before, "the caller's own objects are left alone"
    if refusal is None:
        assert prices(sent) == {name: str(price) for name, price in prices(body).items()}
        prices(before).update(prices(sent))
        assert sent == before
    else:
        assert refusal.path.startswith("x")
        assert refusal.message.startswith(f"{refusal.path}: ")


ODD = st.sampled_from(
    [b"", b"a", {1}, 1j, object(), range(2), float("nan"), float("-inf"), int, {1: 2}, 10**50, ..., array("i", [1])]
)


@given(
    st.recursive(
        anything | ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
    )
)
def test_any_python_value_is_refused_or_becomes_json(value: Any) -> None:
    for schema in (
        {},
        {"type": "object"},
        SCHEMAS["InputUnion"],
        SCHEMAS["ProviderPreferences"],
        SCHEMAS["TraceConfig"],
    ):
        sent, refusal = attempted(value, schema)
        assert refusal is None or refusal.path.startswith("x")
        json.dumps(sent, allow_nan=False)
