"""Each violation of the rules is found, and openapi.yaml has none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from codegen import document, rules

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = ROOT / "openapi.yaml"
STATUSES = ("400", "401", "402", "403", "404", "408", "413", "429", "499", "500", "502", "503", "504", "524", "529")
GONE = object()

# The smallest document without a violation.
SOUND: dict[str, Any] = yaml.safe_load("""
openapi: 3.1.0
info: {title: Things, version: 1.0.0}
tags: [{name: Things, description: All about things.}]
paths:
  /things:
    post:
      operationId: makeThing
      x-python-method: make
      x-source: a page
      tags: [Things]
      summary: Make a thing
      description: Makes one.
      parameters: [{$ref: "#/components/parameters/App"}]
      requestBody:
        content:
          application/json:
            schema: {$ref: "#/components/schemas/Thing"}
            examples: {one: {value: {name: a}}}
      responses:
        "200":
          description: Made.
          content:
            application/json:
              schema: {$ref: "#/components/schemas/Thing"}
              examples: {one: {value: {name: a, kind: null}}}
        "400": {$ref: "#/components/responses/Bad"}
        "404": {$ref: "#/components/responses/Lost"}
components:
  parameters:
    App: {name: X-App, in: header, description: Who calls., schema: {type: string}, example: me}
  responses:
    Bad: &bad
      description: Not good.
      x-python-error: BadError
      content:
        application/json:
          schema: {$ref: "#/components/schemas/Wrong"}
          examples: {one: {value: {message: bad}}}
    Lost: {<<: *bad, x-python-error: LostError}
  schemas:
    Kind: {type: string, description: A kind., enum: [good, bad]}
    Wrong:
      type: object
      description: What is wrong.
      properties:
        message: {type: string, description: The news.}
    Thing:
      type: object
      description: A thing.
      properties:
        name: {type: string, description: Its name., examples: [a]}
        kind:
          description: Its kind.
          oneOf: [{$ref: "#/components/schemas/Kind"}, {type: "null"}]
""")
MAKE = "#/paths/~1things/post"
JSON = "application~1json"
MADE = f"{MAKE}/responses/200/content/{JSON}"
STREAM = f"{MAKE}/responses/200/content/text~1event-stream"
BAD = "#/components/responses/Bad"
LOST = "#/components/responses/Lost"
APP = "#/components/parameters/App"
KIND = "#/components/schemas/Kind"
THING = "#/components/schemas/Thing"
WRONG = "#/components/schemas/Wrong"
LOOP = "#/components/schemas/Loop"
FIELD = f"{THING}/properties"


NEW = {"description": "New."}
NULL = {"type": "null"}
HEADER = {**NEW, "name": "X-New", "in": "header", "schema": {}, "example": 1}
PAIR = "wanted oneOf: [{$ref: ...}"
NAMED = "wanted a $ref to an enum or object"
# Edited part, its new value, where the violation is, the beginning of the message.
BREAKS: list[tuple[str, Any, str, str]] = [
    (KIND, GONE, f"{FIELD}/kind/oneOf/0", f"found a reference to {KIND}"),
    (f"{THING}/items", {"$ref": "b.yaml"}, f"{THING}/items", "found a reference to b.yaml"),
    (f"{THING}/discriminator", {"propertyName": "name", "mapping": {"a": "#/a"}}, THING, "found a reference to #/a"),
    (LOOP, {"$ref": LOOP}, LOOP, f"found a reference to {LOOP}"),
    ("#/info/title", GONE, "#/info", "found 'title' is a required property"),
    (
        f"{WRONG}/properties/new",
        {**NEW, "allOf": [{"$ref": THING}, {"$ref": KIND}]},
        "#",
        "found WrongNew: allOf over a schema that is not an object",
    ),
    (f"{WRONG}/allOf", [{"anyOf": [{"$ref": THING}]}], "#", "found Wrong: allOf over a schema that is not an object"),
    (f"{MAKE}/x-python-method", "make-it", f"{MAKE}/x-python-method", "wanted a name in Python"),
    (f"{KIND}/x-python-aliases", ["Sort", "class"], f"{KIND}/x-python-aliases/1", "wanted a name in Python"),
    (f"{KIND}/x-python-namespace", "models", f"{KIND}/x-python-namespace", "wanted components or operations"),
    (
        STREAM,
        {"schema": {"type": "string"}, "example": ""},
        STREAM,
        "wanted application/json alone",
    ),
    (f"{KIND}/type", ["string", "null"], KIND, PAIR),
    (f"{KIND}/enum", ["good", None], KIND, PAIR),
    (f"{WRONG}/nullable", True, f"{WRONG}/nullable", 'wanted type: [..., "null"] in place of nullable'),
    (f"{FIELD}/kind/oneOf", [{"$ref": KIND}, {"$ref": THING}, NULL], f"{FIELD}/kind/oneOf", PAIR),
    (f"{FIELD}/kind/oneOf", [{"type": "string"}, NULL], f"{FIELD}/kind/oneOf", PAIR),
    (f"{FIELD}/new", {**NEW, "anyOf": [{"$ref": KIND}, NULL]}, f"{FIELD}/new/anyOf", PAIR),
    (f"{FIELD}/name/enum", ["a"], f"{FIELD}/name", NAMED),
    (f"{FIELD}/new", {**NEW, "properties": {}}, f"{FIELD}/new", NAMED),
    (f"{FIELD}/new", {**NEW, "type": "array", "items": {"type": ["object", "null"]}}, f"{FIELD}/new/items", NAMED),
    (f"{MAKE}/responses/409", {"description": "No."}, f"{MAKE}/responses/409", "wanted a $ref to components/responses"),
    (f"{MAKE}/responses/409", {"$ref": BAD}, BAD, "found the statuses 400, 409"),
    (f"{BAD}/x-python-error", "BadStatus", BAD, "found the class BadStatus"),
    (f"{BAD}/x-python-error", GONE, BAD, "found the class "),
    (f"{LOST}/content/{JSON}/schema", {"$ref": THING}, f"{LOST}/content/{JSON}/schema", f"found the schema {THING}"),
    (f"{MAKE}/x-python-method", GONE, MAKE, "wanted x-python-method"),
    (f"{MAKE}/parameters", [], MAKE, "found a header missing"),
    (
        f"{MAKE}/parameters/1",
        HEADER,
        f"{MAKE}/parameters/1",
        "wanted a $ref to a header",
    ),
    (f"{MAKE}/x-source", "", f"{MAKE}/x-source", "wanted x-source"),
    (f"{MAKE}/x-source", GONE, MAKE, "wanted x-source"),
    (f"{KIND}/pattern", "^[a-z]*$", f"{KIND}/pattern", "wanted a keyword that the SDK validates"),
    (f"{MAKE}/x-pyhton-name", "made", f"{MAKE}/x-pyhton-name", "wanted an extension"),
    (f"{FIELD}/new", {"$ref": KIND, **NEW}, f"{FIELD}/new", "wanted a $ref alone"),
    (f"{FIELD}/name/description", GONE, f"{FIELD}/name", "wanted a description"),
    (f"{KIND}/description", GONE, KIND, "wanted a description"),
    (f"{MAKE}/description", GONE, MAKE, "wanted a description"),
    (f"{MAKE}/summary", GONE, MAKE, "wanted a summary"),
    ("#/tags", [{"name": "Things"}], "#/tags/0", "wanted a description of the tag"),
    (f"{MADE}/examples", GONE, MADE, "wanted an example"),
    (f"{APP}/example", GONE, APP, "wanted an example"),
    (f"{APP}/description", GONE, APP, "wanted a description"),
    (f"{MADE}/examples/one/value/name", 1, f"{MADE}/examples/one/value/name", "found 1 is not of type 'string'"),
    (f"{APP}/example", 1, f"{APP}/example", "found 1 is not of type 'string'"),
    (f"{FIELD}/name/examples", [1], f"{FIELD}/name/examples/0", "found 1 is not of type 'string'"),
]


def broken(edited: str, value: Any) -> dict[str, Any]:
    """The sound document with one part replaced, added or removed."""
    spec: dict[str, Any] = json.loads(json.dumps(SOUND))  # YAML's aliases share objects, a copy must not
    *path, last = document.steps(edited)
    part: Any = spec
    for step in path:
        part = part[step]
    if isinstance(part, list):
        part.append(value)
    elif value is GONE:
        del part[last]
    else:
        part[last] = value
    return spec


def test_sound_document_has_no_violation() -> None:
    assert rules.check(SOUND) == []


@pytest.mark.parametrize(("edited", "value", "where", "message"), BREAKS)
def test_each_violation_is_found_once_with_its_place(edited: str, value: Any, where: str, message: str) -> None:
    assert [line[: len(where) + len(message) + 2] for line in rules.check(broken(edited, value))] == [
        f"{where}: {message}"
    ]


def test_unsupported_operation_is_a_violation() -> None:
    spec = broken("#/paths/~1others", {"post": {**SOUND["paths"]["/things"]["post"], "operationId": "makeOther"}})
    assert [line.partition(" has the name")[0] for line in rules.check(spec)] == [
        "#: found POST /others: its method make"
    ]


def test_equal_error_classes_are_violations() -> None:
    lines = rules.check(broken(f"{LOST}/x-python-error", "BadError"))
    assert [line.partition(",")[0] for line in lines] == [f"{place}: found the class BadError" for place in (BAD, LOST)]


def test_both_operations_declare_every_error() -> None:
    spec = document.load(CONTRACT)
    for operation in (spec["paths"]["/embeddings"]["post"], spec["paths"]["/embeddings/models"]["get"]):
        assert set(operation["responses"]) == {"200", *STATUSES, "default"}


def command(path: Path) -> tuple[int, str, str]:
    """Exit code, output and error output of the command."""
    line = [sys.executable, "-m", "codegen", "--lint", "--spec", str(path)]
    result = subprocess.run(line, capture_output=True, text=True, check=False, cwd=ROOT)
    return result.returncode, result.stdout, result.stderr


def test_command_prints_violations_and_fails(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(CONTRACT.read_text("utf-8").replace("x-python-method: generate", "x-python-method: a b"), "utf-8")

    line = f"{path}: #/paths/~1embeddings/post/x-python-method: wanted a name in Python\n"
    assert command(path) == (1, "", line)


def test_command_accepts_openapi_yaml() -> None:
    assert command(CONTRACT) == (0, "", "")


def test_command_refuses_a_duplicate_key(tmp_path: Path) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text("a: 1\nb: 2\na: 3\n", "utf-8")

    code, _, output = command(path)

    assert code == 1
    assert 'duplicate key "a"' in output
    assert "line 3, column 1" in output


def test_command_without_a_file_fails(tmp_path: Path) -> None:
    assert command(tmp_path / "none.yaml")[0] == 1
