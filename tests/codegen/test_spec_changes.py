"""The rules of `make spec-diff`: a table of edits of items.yaml and their effects for users."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from codegen import document
from codegen.spec.changes import compare

BASE = document.load(Path(__file__).parent / "items.yaml")
GONE = object()
POST, GET, SCHEMAS = "paths/~1items/post", "paths/~1items/get", "components/schemas"
BODY, ITEM, OWNER = f"{SCHEMAS}/CreateItem/properties", f"{SCHEMAS}/Item/properties", f"{SCHEMAS}/Owner"
PAGE = {"name": "page", "in": "query", "schema": {"type": "integer"}}


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{name if '/' in name else f'schemas/{name}'}"}


def original(where: str) -> Any:
    found: Any = BASE
    for step in document.steps(f"#/{where}"):
        found = found[step]
    return found


def edited(edits: dict[str, Any]) -> dict[str, Any]:
    """The document with values put at pointers; GONE deletes, and a list ends with a place for a new item."""
    spec = deepcopy(BASE)
    for where, value in edits.items():
        *path, last = document.steps(f"#/{where}")
        holder: Any = spec
        for step in path:
            holder = holder[int(step) if isinstance(holder, list) else step]
        if isinstance(holder, list):
            holder[int(last) : int(last) + 1] = [] if value is GONE else [value]
        elif value is GONE:
            del holder[last]
        else:
            holder[last] = value
    return spec


def exists(spec: Any, where: str) -> bool:
    """Whether the document has a part at a JSON pointer."""
    for step in document.steps(where):
        if isinstance(spec, list):
            spec = dict(enumerate(spec))
            step = int(step)
        if step not in spec:
            return False
        spec = spec[step]
    return True


def short(text: str) -> str:
    for part in ("#/components/schemas/", "#/paths/~1items/", "#/", "client.items."):
        text = text.replace(part, "")
    return text.replace("  ", " ")


# name -> the edits; each change as level, Python name, pointer, text
CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "operation removed": ({GET: GONE}, ["breaking list_all() get: is removed"]),
    "operation new": (
        {
            "paths/~1items/delete": {
                "operationId": "deleteItem",
                "x-python-method": "delete",
                "tags": ["Items"],
                "responses": {"204": {"description": "Gone"}},
            }
        },
        ["compatible delete() delete: is new: DELETE /items"],
    ),
    "method renamed": ({f"{POST}/x-python-method": "make"}, ["breaking create() post: is renamed to make()"]),
    "id renamed": (
        {f"{POST}/operationId": "makeItem"},
        ["breaking telemetry.Call.operation post: is makeItem, not createItem"],
    ),
    "content type": (
        {
            f"{POST}/requestBody/content": {
                "multipart/form-data": original(f"{POST}/requestBody/content/application~1json")
            }
        },
        ["compatible create() post/requestBody: sends multipart/form-data in place of application/json"],
    ),
    "tag renamed": ({f"{POST}/tags": ["Things"]}, ["breaking create() post: is renamed to client.things.create()"]),
    "tag added": (
        {f"{POST}/tags": ["Items", "Things"]},
        ["compatible client.things.create() post: is new: POST /items"],
    ),
    "path renamed": (
        {"paths/~1things": original("paths/~1items"), "paths/~1items": GONE},
        [
            "compatible list_all() paths/~1things/get: sends GET /things in place of GET /items",
            "compatible create() paths/~1things/post: sends POST /things in place of POST /items",
        ],
    ),
    "security off": ({f"{POST}/security": []}, ["compatible create() post: needs no API key"]),
    "deprecated": (
        {f"{POST}/deprecated": True, f"{ITEM}/note/deprecated": True},
        ["compatible create() post: is deprecated", "compatible Item.note Item/properties/note: is deprecated"],
    ),
    "deprecated, and something without a rule": (
        {f"{POST}/deprecated": True, f"{POST}/x-note": "a"},
        ["compatible create() post: is deprecated", "internal create() post/x-note: new: x-note"],
    ),
    "values of a map": (
        {f"{BODY}/sizes/additionalProperties/enum": ["big"]},
        ["breaking create(sizes=) CreateItem/properties/sizes: the value 'small' is removed"],
    ),
    "server": (
        {"servers/0/url": "https://example.com/v2"},
        ["compatible OpenRouter(server_url=) servers: the default is https://example.com/v2"],
    ),
    "param removed": ({f"{POST}/parameters/1": GONE}, ["breaking create(since=) post/parameters/1: is removed"]),
    "param required": (
        {f"{POST}/parameters/2": PAGE | {"required": True}},
        ["breaking create(page=) post/parameters/2: is new and required: integer"],
    ),
    "param optional": (
        {f"{POST}/parameters/2": PAGE},
        ["compatible create(page=) post/parameters/2: is new and optional: integer"],
    ),
    "param renamed in python": (
        {f"{POST}/parameters/0/x-python-name": "at_most"},
        ["breaking create(limit=) post/parameters/0: is renamed to at_most="],
    ),
    "param made required": (
        {f"{POST}/parameters/0/required": True},
        ["breaking create(limit=) post/parameters/0: is required now"],
    ),
    "param moved": (
        {f"{POST}/parameters/0/in": "header"},
        ["compatible create(limit=) post/parameters/0: is sent as limit (header) in place of limit (query)"],
    ),
    "default": (
        {f"{POST}/parameters/0/schema/default": 10},
        ["compatible create(limit=) post/parameters/0: the server's default is 10"],
    ),
    "bound tightened": (
        {f"{POST}/parameters/0/schema/maximum": 50},
        ["breaking create(limit=) post/parameters/0: maximum is 50, not 100"],
    ),
    "bound loosened": (
        {f"{POST}/parameters/0/schema/maximum": 500},
        ["compatible create(limit=) post/parameters/0: maximum is 500, not 100"],
    ),
    "bound dropped": (
        {f"{BODY}/name/minLength": GONE},
        ["compatible create(name=) CreateItem/properties/name: minLength 1 is dropped"],
    ),
    "length lowered": (
        {f"{BODY}/name/minLength": 2},
        ["breaking create(name=) CreateItem/properties/name: minLength is 2, not 1"],
    ),
    "pattern": ({f"{BODY}/name/pattern": "^a"}, ["breaking create(name=) CreateItem/properties/name: pattern is ^a"]),
    "arg type narrowed": (
        {f"{POST}/parameters/1/schema/type": "integer"},
        ["breaking create(since=) post/parameters/1: the type is integer, not integer or string"],
    ),
    "arg type widened": (
        {f"{POST}/parameters/0/schema/type": "number"},
        ["compatible create(limit=) post/parameters/0: the type is number, not integer"],
    ),
    "arg type changed": (
        {f"{POST}/parameters/0/schema/type": "boolean"},
        ["breaking create(limit=) post/parameters/0: the type is boolean, not integer"],
    ),
    "items narrowed": (
        {f"{BODY}/scores/items/type": "integer"},
        ["breaking create(scores=) CreateItem/properties/scores: the type is array of integer, not array of number"],
    ),
    "branch removed, sent": (
        {f"{BODY}/size": {"type": "number"}},
        ["breaking create(size=) CreateItem/properties/size: the type is number, not boolean or number"],
    ),
    "branch removed, received": (
        {f"{ITEM}/size": {"type": "number"}},
        ["compatible Item.size Item/properties/size: the type is number, not boolean or number"],
    ),
    "branch added, received": (
        {f"{ITEM}/size/oneOf/2": {"type": "string"}},
        [
            "breaking Item.size Item/properties/size: the type is boolean or number or string, not boolean or number",
        ],
    ),
    "enum value removed, sent": (
        {f"{SCHEMAS}/Kind/enum": ["big"]},
        ["breaking components.Kind Kind: the value 'small' is removed"],
    ),
    "enum value added, sent": (
        {f"{SCHEMAS}/Kind/enum": ["big", "small", "huge"]},
        ["compatible components.Kind Kind: the value 'huge' is added"],
    ),
    "enum opened": ({f"{SCHEMAS}/Kind": {"type": "string"}}, ["compatible components.Kind Kind: takes any value"]),
    "enum closed": (
        {f"{BODY}/name/enum": ["a", "b"]},
        ["breaking create(name=) CreateItem/properties/name: is one of 'a', 'b'"],
    ),
    "decimals": (
        {f"{BODY}/price/x-decimal-string": GONE},
        ["breaking create(price=) CreateItem/properties/price: no longer takes numbers as well as strings"],
    ),
    "body field removed": (
        {f"{BODY}/price": GONE},
        ["breaking create(price=) CreateItem/properties/price: is removed"],
    ),
    "body field renamed": (
        {f"{BODY}/cost": original(f"{SCHEMAS}/CreateItem/properties/price"), f"{BODY}/price": GONE},
        ["breaking create(price=) CreateItem/properties/price: is renamed to cost="],
    ),
    "body field required": (
        {f"{SCHEMAS}/CreateItem/required": ["name", "kind"]},
        ["breaking create(kind=) CreateItem/properties/kind: is required now"],
    ),
    "body field optional": (
        {f"{SCHEMAS}/CreateItem/required": []},
        ["compatible create(name=) CreateItem/properties/name: is optional now"],
    ),
    "sent field required": (
        {f"{OWNER}/required": ["id", "email"]},
        ["breaking Owner.email Owner/properties/email: is required now"],
    ),
    "sent and received field new and required": (
        {f"{OWNER}/properties/age": {"type": "integer"}, f"{OWNER}/required": ["id", "age"]},
        ["breaking Owner.age Owner/properties/age: is new and required: integer"],
    ),
    "no further keys": (
        {f"{OWNER}/additionalProperties": False},
        ["breaking operations.Owner Owner: takes no further keys"],
    ),
    "field removed": ({f"{ITEM}/note": GONE}, ["breaking Item.note Item/properties/note: is removed"]),
    "field renamed": (
        {f"{ITEM}/remark": {"type": ["string", "null"]}, f"{ITEM}/note": GONE},
        ["breaking Item.note Item/properties/note: is renamed to remark"],
    ),
    "field new": (
        {f"{ITEM}/rank": {"type": "integer"}},
        ["compatible Item.rank Item/properties/rank: is new and optional: integer"],
    ),
    "field optional": (
        {f"{SCHEMAS}/Item/required": ["id", "state"]},
        ["breaking Item.owner Item/properties/owner: is optional now"],
    ),
    "field required": (
        {f"{SCHEMAS}/Item/required": ["id", "state", "owner", "note"]},
        ["compatible Item.note Item/properties/note: is required now"],
    ),
    "field nullable": (
        {f"{ITEM}/id/type": ["integer", "null"]},
        ["breaking Item.id Item/properties/id: the type is integer or null, not integer"],
    ),
    "field never null": (
        {f"{ITEM}/note/type": "string"},
        ["compatible Item.note Item/properties/note: the type is string, not string or null"],
    ),
    "field widened": (
        {f"{ITEM}/id/type": "number"},
        ["breaking Item.id Item/properties/id: the type is number, not integer"],
    ),
    "enum value, received": (
        {f"{SCHEMAS}/State/enum": ["new", "lost"]},
        [
            "compatible components.State State: the value 'sold' is removed",
            "compatible components.State State: the value 'lost' is added",
        ],
    ),
    "limit, received": (
        {f"{ITEM}/note/maxLength": 5},
        ["internal Item.note Item/properties/note: maxLength is 5, not 9"],
    ),
    "class renamed": (
        {f"{SCHEMAS}/Piece": original(f"{SCHEMAS}/Part"), f"{SCHEMAS}/Part": GONE, f"{ITEM}/parts/items": ref("Piece")},
        ["breaking components.Part Part: is renamed to components.Piece"],
    ),
    "class renamed with alias": (
        {
            f"{SCHEMAS}/Person": original(f"{SCHEMAS}/Owner") | {"x-python-aliases": ["Owner", "Holder"]},
            f"{OWNER}": GONE,
            f"{ITEM}/owner": ref("Person"),
            f"{BODY}/owner": ref("Person"),
        },
        ["compatible operations.Person Person: is new"],
    ),
    "alias removed": ({f"{OWNER}/x-python-aliases": []}, ["breaking operations.Holder Owner: is removed"]),
    "namespace moved": (
        {f"{OWNER}/x-python-namespace": "components"},
        [
            "breaking operations.Owner Owner: is renamed to components.Owner",
            "breaking operations.Holder Owner: is renamed to components.Holder",
        ],
    ),
    "class exchanged": (
        {f"{ITEM}/parts/items": ref("Owner")},
        [
            "breaking Item.parts Item/properties/parts: the type is array of Owner, not array of Part",
            "breaking components.Part Part: is removed",
        ],
    ),
    "result exchanged": (
        {f"{POST}/responses/200": {"description": "OK", "content": {"application/json": {"schema": ref("ItemList")}}}},
        ["breaking create() post/responses: the type is ItemList, not Item"],
    ),
    "result can be none": (
        {f"{POST}/responses/204": {"description": "Nothing"}},
        [
            "breaking create() post/responses: can return None",
            "compatible create() post/responses/204: status 204 is a result too",
        ],
    ),
    "result of another kind": (
        {f"{GET}/responses/200/content": {"text/plain": {"schema": {"type": "string"}}}},
        [
            "breaking list_all() get/responses: the result changes from json to text",
            "breaking components.ItemList ItemList: is removed",
        ],
    ),
    "result never none": (
        {f"{GET}/responses/204": GONE},
        [
            "breaking list_all() get/responses/204: status 204 is no longer a result",
            "compatible list_all() get/responses: no longer returns None",
        ],
    ),
    "status exchanged": (
        {f"{POST}/responses/201": original(f"{POST}/responses/200"), f"{POST}/responses/200": GONE},
        [
            "breaking create() post/responses/200: status 200 is no longer a result",
            "compatible create() post/responses/201: status 201 is a result too",
        ],
    ),
    "error removed": (
        {f"{POST}/responses/400": GONE},
        ["breaking create() post/responses/400: status 400 raises errors.OtherError, not errors.BadError"],
    ),
    "error renamed": (
        {"components/responses/Bad/x-python-error": "WorseError"},
        [
            (
                "breaking errors.BadError components/responses/Bad/x-python-error: "
                "status 400 raises errors.WorseError, not errors.BadError"
            )
        ],
    ),
    "error new": (
        {f"{GET}/responses/400": ref("responses/Bad")},
        ["compatible list_all() get/responses/400: status 400 raises errors.BadError"],
    ),
    "texts": (
        {f"{POST}/summary": "Make an item", f"{BODY}/name/description": "A name.", f"{POST}/parameters/0/example": 7},
        [
            "internal create() post/summary: changed: summary",
            "internal create(limit=) post/parameters/0/example: new: example",
            "internal create(name=) CreateItem/properties/name/description: changed: description",
        ],
    ),
    "field named description": (
        {f"{ITEM}/description": {"type": "string"}},
        ["compatible Item.description Item/properties/description: is new and optional: string"],
    ),
    "format": ({f"{ITEM}/note/format": "date"}, ["internal Item.note Item/properties/note/format: new: format"]),
    "unused schema": (
        {f"{SCHEMAS}/Unused": {"type": "object", "properties": {"a": {"type": "string"}}}},
        ["internal Unused: new: Unused"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_edit(name: str) -> None:
    edits, expected = CASES[name]
    spec = edited(edits)
    found = compare(BASE, spec)
    assert [item.pointer for item in found if not exists(BASE, item.pointer) and not exists(spec, item.pointer)] == []
    assert [short(f"{item.level} {item.python} {item.pointer}: {item.text}") for item in found] == expected


def test_same_document_has_no_changes() -> None:
    assert compare(BASE, deepcopy(BASE)) == []


def test_change_names_the_arguments_and_results_that_use_the_schema() -> None:
    (change,) = compare(BASE, edited({f"{SCHEMAS}/Kind/enum": ["big"]}))
    assert change.used_by == ("client.items.create(kind=)", "client.items.create(labels=)")
