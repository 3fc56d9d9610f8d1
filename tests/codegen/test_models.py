"""Models keep all fields of a response, accept new fields and values, and do not copy long lists."""

from __future__ import annotations

import copy
import pickle
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openrouter_generated import components, operations
from openrouter_generated.types import UNSET, ApiModel, HttpMeta, Unset
from support.openapi import DOCUMENT
from support.pipeline import Wide

MODELS: list[type[ApiModel]] = sorted(
    {
        made
        for namespace in (components, operations)
        for name in namespace.__all__
        if isinstance(made := getattr(namespace, name), type) and issubclass(made, ApiModel)
    },
    key=lambda model: model.__name__,
)


def examples() -> list[Any]:
    """Every example of a response in openapi.yaml, with the class that reads it."""
    found = []
    for path in DOCUMENT["paths"].values():
        for operation in path.values():
            (good,) = [found for status, found in operation["responses"].items() if status[0] == "2"]
            content = good["content"]["application/json"]
            name = content["schema"]["$ref"].rpartition("/")[2]
            model = getattr(operations, name, None) or getattr(components, name)
            found += [pytest.param(model, e["value"], id=f"{name}-{k}") for k, e in content["examples"].items()]
    return found


@pytest.mark.parametrize(("model", "value"), examples())
def test_examples_round_trip(model: type[ApiModel], value: dict[str, Any]) -> None:
    before = copy.deepcopy(value)
    made = model.from_dict(value)
    assert (made.to_dict(), made.model_dump(), value) == (before, before, before)
    assert made.additional_properties == {}


@pytest.mark.parametrize("model", MODELS)
def test_every_member_may_be_missing(model: type[ApiModel]) -> None:
    """Required members too: a provider may leave them out."""
    assert model.from_dict({}).to_dict() == {}


@pytest.mark.parametrize("model", MODELS)
def test_null_and_unknown_members_round_trip(model: type[ApiModel]) -> None:
    value = {**dict.fromkeys(model._NAMES), "of the future": {"a": [None]}, "nothing": None}
    assert model.from_dict(value).to_dict() == value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_json_round_trips_or_is_refused_with_a_path(data: st.DataObject) -> None:
    """`from_dict(d).to_dict() == d`, or a ValueError that names a member; nothing else."""
    model = data.draw(st.sampled_from(MODELS))
    names = st.sampled_from([*model._NAMES, "unknown"])
    value = data.draw(st.dictionaries(names, JSON, max_size=6))
    try:
        made = model.from_dict(value)
    except ValueError as error:
        place, _, rest = str(error).partition(": expected ")
        assert place.split(".")[0].split("[")[0] in value
        assert ", got " in rest
    else:
        assert made.to_dict() == value


ROW = {"object": "embedding", "embedding": [0.5] * 1536, "index": 0}
ANSWER = {"object": "list", "model": "m", "data": [ROW], "usage": {"prompt_tokens": 1, "total_tokens": 1}}
WRONG = {
    "response: expected object, got array": [],
    "data: expected array, got object": {"data": {}},
    "data: expected array, got string": {"data": "x"},
    "data[1]: expected object, got number": {"data": [{}, 1]},
    "data[0].embedding: expected array or string, got object": {"data": [{"embedding": {}}]},
    "usage.cost_details: expected object, got boolean": {"usage": {"cost_details": True}},
}


@pytest.mark.parametrize("message", WRONG)
def test_wrong_kind_is_refused_with_its_path(message: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        operations.CreateEmbeddingsResponse.from_dict(WRONG[message])
    assert str(caught.value) == message


def test_unknown_scalars_and_enum_values_are_accepted() -> None:
    value = {"object": "liste", "model": 7, "data": [{"object": None, "embedding": 3, "index": "0"}]}
    made = operations.CreateEmbeddingsResponse.from_dict(value)
    assert (made.object, made.model, made.data[0].index, made.to_dict()) == ("liste", 7, "0", value)


def test_vector_is_the_decoded_list_itself() -> None:
    """A copy of 2,048 vectors would take longer than the rest of the reading."""
    made = operations.CreateEmbeddingsResponse.from_dict(ANSWER)
    assert made.data[0].embedding is ROW["embedding"]


def test_unknown_members_are_attributes() -> None:
    made: Any = operations.CreateEmbeddingsResponse.from_dict({**ANSWER, "region": "eu"})
    assert made.additional_properties == {"region": "eu"}
    assert (made["region"], made.region, "region" in made) == ("eu", "eu", True)
    assert (made["model"], "model" in made, "zone" in made) == (ANSWER["model"], True, False)
    with pytest.raises(AttributeError, match="has no attribute 'zone'; the names are: object, data, model"):
        made.zone  # noqa: B018
    with pytest.raises(KeyError, match="zone"):
        made["zone"]


def test_copies_are_equal_and_http_meta_is_ignored() -> None:
    made = operations.CreateEmbeddingsResponse.from_dict({**ANSWER, "id": None, "region": "eu"})
    made.http_meta = HttpMeta(200, {}, "gen-1", 1, 0, 0.1, "http://127.0.0.1")
    for other in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert (other, other.to_dict(), other.http_meta) == (made, made.to_dict(), made.http_meta)
    fresh = operations.CreateEmbeddingsResponse.from_dict({**ANSWER, "region": "eu"})
    assert (fresh == made, fresh.http_meta) == (True, None)
    assert fresh != operations.CreateEmbeddingsResponse.from_dict(ANSWER)
    assert fresh != ANSWER


def test_repr_is_short() -> None:
    text = repr(operations.CreateEmbeddingsResponse.from_dict({**ANSWER, "model": "m" * 300}))
    assert "embedding=[0.5, 0.5, … 1536 items]" in text
    assert "mmm'… 300 characters" in text
    assert len(text) < 600
    assert text == str(operations.CreateEmbeddingsResponse.from_dict({**ANSWER, "model": "m" * 300}))


def test_models_made_by_hand_are_sent_as_given() -> None:
    """A constant has a default; None is left out, except where null is required."""
    sort = components.ProviderSortConfig(by="price")
    made = components.ProviderPreferences(order=["a"], max_price={"prompt": 1}, sort=sort, zdr=None)
    trace = components.TraceConfig(trace_id="t", additional_properties={"mine": 1})
    assert operations.ContentText(text="a").to_dict() == {"type": "text", "text": "a"}
    assert made.to_dict() == {"order": ["a"], "sort": {"by": "price"}, "max_price": {"prompt": 1}}
    assert made.model_dump_json() == '{"order": ["a"], "sort": {"by": "price"}, "max_price": {"prompt": 1}}'
    assert components.ModelsListResponseLinks(next=None).to_dict() == {"next": None}
    assert trace.to_dict() == {"trace_id": "t", "mine": 1}


def test_unset_is_a_false_singleton() -> None:
    again = (pickle.loads(pickle.dumps(UNSET)), copy.copy(UNSET), copy.deepcopy(UNSET))
    assert all(value is UNSET for value in again)
    assert (bool(UNSET), repr(UNSET), isinstance(UNSET, Unset)) == (False, "UNSET", True)


def test_aliases_are_the_same_class() -> None:
    assert operations.CreateEmbeddingsResponseBody is operations.CreateEmbeddingsResponse
    with pytest.raises(AttributeError, match="no attribute 'CreateEmbeddingResponse'"):
        operations.CreateEmbeddingResponse  # type: ignore[attr-defined] # noqa: B018


UNIONS = {
    "by its tag": ("animal", {"kind": "cat", "lives": 9}, "Cat(kind='cat', lives=9, friend=None)"),
    "by a further value of its tag": ("animal", {"kind": "wolf"}, "Dog(kind='wolf', friends=None)"),
    "an unknown tag": ("animal", {"kind": "fish"}, "{'kind': 'fish'}"),
    "within itself": (
        "animal",
        {"kind": "dog", "friends": [{"kind": "cat"}]},
        "Dog(kind='dog', friends=[Cat(kind='cat', lives=None, friend=None)])",
    ),
    "in a map": ("by_name", {"a": {"kind": "dog"}}, "{'a': Dog(kind='dog', friends=None)}"),
    "in a list of lists": ("matrix", [[{"value": "v"}], []], "[[Tree(value='v', left=None, children=None)], []]"),
    "a text": ("mixed", "s", "'s'"),
    "a list of both": ("mixed", ["s", {}], "['s', Tree(value=None, left=None, children=None)]"),
    "without tag, by what is required": ("fit", {"id": "1"}, "BaseThing(id='1')"),
    "without tag, by what is known": ("fit", {"value": "v"}, "Tree(value='v', left=None, children=None)"),
    "within a list of itself": ("nested", [1, [{"value": "v"}]], "[1, [Tree(value='v', left=None, children=None)]]"),
    "by another name": ("another", {"value": "v"}, "Tree(value='v', left=None, children=None)"),
    "free JSON": ("json", [1, {"a": [None]}], "[1, {'a': [None]}]"),
    "nullable as in OpenAPI 3.0": ("older", None, "None"),
}


@pytest.mark.parametrize("name", UNIONS)
def test_union_values_become_the_right_model(name: str, wide: Wide) -> None:
    member, value, shown = UNIONS[name]
    made = import_module("wide_generated.models").Thing.from_dict({member: value})
    assert (repr(getattr(made, member)), made.to_dict()) == (shown, {member: value})


NAMES = {
    "from": "from_",
    "self": "self_",
    "to_dict": "to_dict_",
    "with-dash": "with_dash",
    "_id": "id_",
    "Any": "Any_",
    "Tree": "Tree_",
    "camelCase": "camelCase",
    "str": "str",
    "list": "list",
    "object": "object",
}


@pytest.mark.parametrize("wire", NAMES)
def test_attributes_have_documented_names_where_python_allows(wire: str, wide: Wide) -> None:
    thing = import_module("wide_generated.models").Thing
    assert getattr(thing.from_dict({wire: ["x"]} if wire == "list" else {wire: "x"}), NAMES[wire]) in ("x", ["x"])


def test_empty_answers_and_lists_are_read(wide: Wide) -> None:
    things, parts = import_module("wide_generated.api.things"), import_module("wide_generated.api.import_")
    assert repr(things.GET_PART.read([{"id": "1"}])[0]).startswith("Thing(id='1'")
    assert (things.DELETE_PART.read(None), parts.REPLACE_PART.read(None), parts.REPLACE_PART.read("x")) == (
        None,
        None,
        "x",
    )
    assert things.LEVEL.read(3) == 3
