"""Rules for openapi.yaml: each kind of violation is found, and openapi.yaml has none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.openapi import DOCUMENT, LOADER
from support.openapi import PATH as CONTRACT
from support.pipeline import Run, run_command

from codegen import document, rules
from codegen.__main__ import main

STATUSES = ("400", "401", "402", "403", "404", "408", "413", "429", "499", "500", "502", "503", "504", "524", "529")
GONE = object()

# The smallest document without a violation.
SOUND: dict[str, Any] = yaml.load(
    """
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
          schema: {$ref: "#/components/schemas/ErrorResponse"}
          examples: {one: {value: {message: bad}}}
    Lost: {<<: *bad, x-python-error: LostError}
  schemas:
    Kind: {type: string, description: A kind., enum: [good, bad]}
    ErrorResponse:
      type: object
      description: What is wrong.
      properties:
        message: {type: string, description: The problem.}
    Thing:
      type: object
      description: A thing.
      properties:
        name: {type: string, description: Its name., examples: [a]}
        kind:
          description: Its kind.
          oneOf: [{$ref: "#/components/schemas/Kind"}, {type: "null"}]
""",
    LOADER,
)
MAKE = "#/paths/~1things/post"
JSON = "application~1json"
MADE = f"{MAKE}/responses/200/content/{JSON}"
STREAM = f"{MAKE}/responses/200/content/text~1event-stream"
BAD = "#/components/responses/Bad"
LOST = "#/components/responses/Lost"
APP = "#/components/parameters/App"
KIND = "#/components/schemas/Kind"
THING = "#/components/schemas/Thing"
WRONG = "#/components/schemas/ErrorResponse"
LOOP = "#/components/schemas/Loop"
FIELD = f"{THING}/properties"


NEW = {"description": "New."}
NULL = {"type": "null"}
HEADER = {**NEW, "name": "X-New", "in": "header", "schema": {}, "example": 1}
UNION = "a union of several branches with null"
UNNAMED = "an enum or object without a name"
UNFIT = "an example that does not fit: 1 is not of type 'string'"
# Edited part, its new value, where the violation is, the beginning of the message.
BREAKS: list[tuple[str, Any, str, str]] = [
    (KIND, GONE, f"{FIELD}/kind/oneOf/0", f"the reference {KIND} has no target"),
    (f"{THING}/items", {"$ref": "b.yaml"}, f"{THING}/items", "the reference b.yaml has no target"),
    (f"{THING}/discriminator", {"propertyName": "name", "mapping": {"a": "#/a"}}, THING, "the reference #/a"),
    (LOOP, {"$ref": LOOP}, LOOP, f"the reference {LOOP} has no target"),
    ("#/info/title", GONE, "#/info", "'title' is a required property"),
    (
        f"{WRONG}/properties/new",
        {**NEW, "type": "integer", "exclusiveMinimum": True},
        f"{WRONG}/properties/new/exclusiveMinimum",
        "a bound that the client does not validate",
    ),
    (f"{FIELD}/new", {**NEW, "type": "integer", "minimum": True}, f"{FIELD}/new/minimum", "True is not"),
    (
        f"{WRONG}/properties/new",
        {**NEW, "allOf": [{"$ref": THING}, {"$ref": KIND}]},
        f"{WRONG}/properties/new",
        "allOf",
    ),
    (f"{MAKE}/x-python-method", "make-it", f"{MAKE}/x-python-method", "'make-it' is not a name for the method"),
    (f"{KIND}/x-python-aliases", ["Sort", "class"], f"{KIND}/x-python-aliases/1", "not a class name"),
    (f"{KIND}/x-python-namespace", "models", f"{KIND}/x-python-namespace", "not a namespace"),
    (STREAM, {"schema": {"type": "string"}, "example": ""}, f"{MAKE}/responses/200/content", "several media types"),
    (f"{KIND}/type", ["string", "null"], KIND, "an enum with null"),
    (f"{KIND}/enum", ["good", None], KIND, "an enum with null"),
    (f"{WRONG}/nullable", True, f"{WRONG}/nullable", "nullable of OpenAPI 3.0"),
    (f"{FIELD}/kind/oneOf", [{"$ref": KIND}, {"$ref": THING}, NULL], f"{FIELD}/kind/oneOf", UNION),
    (f"{FIELD}/kind/oneOf", [{"type": "string"}, NULL], f"{FIELD}/kind/oneOf", UNION),
    (f"{FIELD}/new", {**NEW, "anyOf": [{"$ref": KIND}, NULL]}, f"{FIELD}/new/anyOf", UNION),
    (f"{FIELD}/name/enum", ["a"], f"{FIELD}/name", UNNAMED),
    (f"{FIELD}/new", {**NEW, "properties": {}}, f"{FIELD}/new", UNNAMED),
    (f"{FIELD}/new", {**NEW, "type": "array", "items": {"type": ["object", "null"]}}, f"{FIELD}/new/items", UNNAMED),
    (f"{MAKE}/responses/409", {"description": "No."}, f"{MAKE}/responses/409", "an error response outside components"),
    (f"{BAD}/x-python-error", "BadStatus", f"{BAD}/x-python-error", "not an error name"),
    (f"{BAD}/x-python-error", GONE, BAD, "an error without a class name"),
    (
        f"{LOST}/content/{JSON}/schema",
        {"$ref": THING},
        f"{LOST}/content/{JSON}/schema",
        "an error with another schema",
    ),
    (f"{MAKE}/x-python-method", GONE, MAKE, "no x-python-method"),
    (f"{MAKE}/parameters", [], MAKE, "a header that every operation takes is missing"),
    (f"{MAKE}/parameters/1", HEADER, f"{MAKE}/parameters/1", "a header outside components"),
    (f"{MAKE}/x-source", "", f"{MAKE}/x-source", "no x-source"),
    (f"{MAKE}/x-source", GONE, MAKE, "no x-source"),
    (f"{KIND}/pattern", "^[a-z]*$", f"{KIND}/pattern", "a keyword that the client does not validate"),
    (f"{WRONG}/maxProperties", 3, f"{WRONG}/maxProperties", "a keyword that the client does not validate"),
    (f"{KIND}/enumm", ["good"], f"{KIND}/enumm", "a keyword that the client does not validate"),
    (f"{MAKE}/x-pyhton-name", "made", f"{MAKE}/x-pyhton-name", "an unknown extension"),
    (f"{FIELD}/new", {"$ref": KIND, **NEW}, f"{FIELD}/new", "keywords next to a $ref"),
    (f"{FIELD}/name/description", GONE, f"{FIELD}/name", "no description"),
    (f"{KIND}/description", GONE, KIND, "no description"),
    (f"{MAKE}/description", GONE, MAKE, "no description"),
    (f"{MAKE}/summary", GONE, MAKE, "no summary"),
    ("#/tags", [{"name": "Things"}], "#/tags/0", "a tag without description"),
    (f"{MADE}/examples", GONE, MADE, "no example"),
    (f"{APP}/example", GONE, APP, "no example"),
    (f"{APP}/description", GONE, APP, "no description"),
    (f"{MADE}/examples/one/value/name", 1, f"{MADE}/examples/one/value/name", UNFIT),
    (f"{APP}/example", 1, f"{APP}/example", UNFIT),
    (f"{FIELD}/name/examples", [1], f"{FIELD}/name/examples/0", UNFIT),
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


def found(spec: dict[str, Any]) -> list[document.Finding]:
    return rules.check(spec, style=True)


def test_sound_document_has_no_violation() -> None:
    assert found(SOUND) == []


@pytest.mark.parametrize(("edited", "value", "where", "message"), BREAKS)
def test_each_violation_is_found_once_with_its_place(edited: str, value: Any, where: str, message: str) -> None:
    findings = found(broken(edited, value))
    assert [(document.pointer(place), text[: len(message)]) for place, text, _ in findings] == [(where, message)]
    assert all(fix for _, _, fix in findings)


@pytest.mark.parametrize(
    ("edited", "fix"),
    [
        (f"{KIND}/enumm", "write enum"),
        (f"{WRONG}/requird", "write required"),
        (f"{MAKE}/x-pyhton-name", "write x-python-name"),
        (f"{WRONG}/maxProperties", "remove it, and write the limit in the description"),
    ],
)
def test_fix_names_the_keyword_that_a_misspelt_one_means(edited: str, fix: str) -> None:
    assert [finding.fix for finding in found(broken(edited, 3))] == [fix]


def test_all_findings_come_in_one_run() -> None:
    """An invalid operation does not hide what is wrong with the others."""
    spec = broken(LOOP, {"$ref": LOOP})
    make = SOUND["paths"]["/things"]["post"]
    spec["paths"]["/loop"] = {"post": {**make, "operationId": "loop", "parameters": [{"$ref": LOOP}]}}
    spec["paths"]["/bad"] = {"post": {**make, "operationId": "bad", "x-python-method": "a b", "tags": "none"}}
    spec["paths"]["/odd"] = {
        "post": {
            **make,
            "operationId": "odd",
            "x-python-method": "odd",
            "parameters": [
                {"name": "a", "in": "cookie", "schema": {}},
                {"name": "b", "in": "path", "required": True, "schema": {}},
            ],
            "responses": {"200": {"description": "", "content": {"text/event-stream": {}}}},
        }
    }
    places = [document.pointer(place) for place, _, _ in found(spec)]
    odd = "#/paths/~1odd/post"
    assert places == [
        "#/paths/~1loop/post/parameters/0",
        LOOP,
        "#/paths/~1bad/post/tags",
        odd,
        f"{odd}/parameters/0",
        f"{odd}/responses/200/content",
    ]


def test_both_operations_declare_every_error() -> None:
    paths = DOCUMENT["paths"]
    for operation in (paths["/embeddings"]["post"], paths["/embeddings/models"]["get"]):
        assert set(operation["responses"]) == {"200", *STATUSES, "default"}


def command(path: Path) -> Run:
    """Exit code, output and error output of the command."""
    return run_command(main, "--lint", "--spec", str(path))


def test_command_prints_violations_and_fails(tmp_path: Path) -> None:
    """As compilers do: file, line, column, what is wrong, what to write, and the JSON pointer."""
    path = tmp_path / "broken.yaml"
    path.write_text(CONTRACT.read_text("utf-8").replace("x-python-method: generate", "x-python-method: a b"), "utf-8")

    code, output, errors = command(path)

    place = "#/paths/~1embeddings/post/x-python-method"
    line = next(i for i, text in enumerate(path.read_text("utf-8").splitlines(), 1) if "x-python-method: a b" in text)
    first = errors.splitlines()[0]
    assert (code, output) == (1, "")
    assert first.startswith(
        f"{path}:{line}:7: error: POST /embeddings: 'a b' is not a name for the method of POST /embeddings; "
    )
    assert first.endswith(f"[{place}]")


def test_command_accepts_openapi_yaml() -> None:
    assert command(CONTRACT) == (0, "", "")


def test_command_refuses_a_duplicate_key(tmp_path: Path) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text("a: 1\nb: 2\na: 3\n", "utf-8")

    code, _, output = command(path)

    assert code == 1
    assert output.startswith(f'{path}:3:1: error: duplicate key "a"; remove one of the two [#/a]')


def test_command_without_a_file_fails(tmp_path: Path) -> None:
    assert command(tmp_path / "none.yaml")[0] == 1
