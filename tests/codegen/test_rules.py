"""Each rule names the document that breaks it, and openapi.yaml breaks none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from codegen import document, rules

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = ROOT / "openapi.yaml"
STATUSES = ("400", "401", "402", "403", "404", "408", "413", "429", "499", "500", "502", "503", "504", "524", "529")
GONE = object()

# The least document that breaks no rule.
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
MADE = f"{MAKE}/responses/200/content/application~1json"
BAD = "#/components/responses/Bad"
KIND = "#/components/schemas/Kind"
THING = "#/components/schemas/Thing"
WRONG = "#/components/schemas/Wrong"
LOOP = "#/components/schemas/Loop"
FIELD = f"{THING}/properties"


class Break(NamedTuple):
    """A rule, an edit of the sound document that breaks it, and what must be found where."""

    rule: rules.Rule
    edited: str
    value: Any
    where: str
    found: str


NEW = {"description": "New."}
NULL = {"type": "null"}
BREAKS = [
    Break(rules.keys_are_strings, f"{MAKE}/responses", {200: {}}, f"{MAKE}/responses", "the key 200"),
    Break(rules.references_have_targets, KIND, GONE, f"{FIELD}/kind/oneOf/0", f"a reference to {KIND}"),
    Break(
        rules.references_have_targets, f"{THING}/items", {"$ref": "b.yaml"}, f"{THING}/items", "a reference to b.yaml"
    ),
    Break(
        rules.references_have_targets,
        f"{THING}/discriminator",
        {"propertyName": "name", "mapping": {"a": "#/a"}},
        THING,
        "a reference to #/a",
    ),
    Break(rules.references_have_targets, LOOP, {"$ref": LOOP}, LOOP, f"a reference to {LOOP}"),
    Break(rules.is_openapi, "#/info/title", GONE, "#/info", "'title' is a required property"),
    Break(
        rules.all_of_joins_objects,
        f"{WRONG}/properties/new",
        {**NEW, "allOf": [{"$ref": THING}, {"$ref": KIND}]},
        f"{WRONG}/properties/new/allOf/1",
        "allOf over something else",
    ),
    Break(
        rules.all_of_joins_objects,
        f"{WRONG}/allOf",
        [{"anyOf": [{"$ref": THING}]}],
        f"{WRONG}/allOf/0",
        "allOf over something else",
    ),
    Break(rules.python_names_are_names, f"{MAKE}/x-python-method", "make-it", f"{MAKE}/x-python-method", "'make-it'"),
    Break(
        rules.python_names_are_names,
        f"{KIND}/x-python-aliases",
        ["Sort", "class"],
        f"{KIND}/x-python-aliases",
        "'class'",
    ),
    Break(
        rules.python_names_are_names, f"{KIND}/x-python-namespace", "models", f"{KIND}/x-python-namespace", "'models'"
    ),
    Break(
        rules.bodies_are_json,
        f"{MAKE}/responses/200/content/text~1event-stream",
        {"schema": {"type": "string"}, "example": ""},
        f"{MAKE}/responses/200/content/text~1event-stream",
        "text/event-stream",
    ),
    Break(rules.nullables_are_pairs, f"{KIND}/type", ["string", "null"], KIND, "an enum that may be null"),
    Break(rules.nullables_are_pairs, f"{KIND}/enum", ["good", None], KIND, "an enum that may be null"),
    Break(rules.nullables_are_pairs, f"{WRONG}/nullable", True, WRONG, "nullable, which is OpenAPI 3.0"),
    Break(
        rules.nullables_are_pairs,
        f"{FIELD}/kind/oneOf",
        [{"$ref": KIND}, {"$ref": THING}, NULL],
        f"{FIELD}/kind",
        "null in another union",
    ),
    Break(
        rules.nullables_are_pairs,
        f"{FIELD}/kind/oneOf",
        [{"type": "string"}, NULL],
        f"{FIELD}/kind",
        "null in another union",
    ),
    Break(
        rules.nullables_are_pairs,
        f"{FIELD}/new",
        {**NEW, "anyOf": [{"$ref": KIND}, NULL]},
        f"{FIELD}/new",
        "null in another union",
    ),
    Break(rules.objects_and_enums_are_named, f"{FIELD}/name/enum", ["a"], f"{FIELD}/name", "an inline enum"),
    Break(
        rules.objects_and_enums_are_named, f"{FIELD}/new", {**NEW, "properties": {}}, f"{FIELD}/new", "an inline object"
    ),
    Break(
        rules.objects_and_enums_are_named,
        f"{FIELD}/new",
        {**NEW, "type": "array", "items": {"type": ["object", "null"]}},
        f"{FIELD}/new/items",
        "an inline object",
    ),
    Break(
        rules.errors_are_named,
        f"{MAKE}/responses/409",
        {"description": "No."},
        f"{MAKE}/responses/409",
        "an error without a name",
    ),
    Break(rules.errors_are_named, f"{MAKE}/responses/409", {"$ref": BAD}, BAD, "the statuses 400, 409"),
    Break(rules.errors_are_named, f"{BAD}/x-python-error", "BadStatus", BAD, "the class BadStatus"),
    Break(
        rules.one_error_schema,
        "#/components/responses/Lost/content/application~1json/schema",
        {"$ref": THING},
        "#/components/responses/Lost/content/application~1json/schema",
        f"the schema {THING}",
    ),
    Break(rules.methods_are_named, f"{MAKE}/x-python-method", GONE, MAKE, "no x-python-method"),
    Break(rules.headers_are_shared, f"{MAKE}/parameters", [], MAKE, "a header missing"),
    Break(
        rules.headers_are_shared,
        f"{MAKE}/parameters",
        [{"$ref": "#/components/parameters/App"}, {**NEW, "name": "X-New", "in": "header", "schema": {}, "example": 1}],
        f"{MAKE}/parameters/1",
        "an inline header",
    ),
    Break(rules.operations_have_sources, f"{MAKE}/x-source", "", MAKE, "no x-source"),
    Break(rules.requests_use_checked_keywords, f"{KIND}/pattern", "^[a-z]*$", KIND, "pattern"),
    Break(rules.extensions_are_known, f"{MAKE}/x-pyhton-name", "made", MAKE, "the extension x-pyhton-name"),
    Break(
        rules.references_stand_alone, f"{FIELD}/new", {"$ref": KIND, **NEW}, f"{FIELD}/new", "description beside $ref"
    ),
    Break(rules.everything_is_described, f"{FIELD}/name/description", GONE, f"{FIELD}/name", "no description"),
    Break(rules.everything_is_described, f"{KIND}/description", GONE, KIND, "no description"),
    Break(rules.everything_is_described, f"{MAKE}/description", GONE, MAKE, "no description"),
    Break(rules.everything_is_described, f"{MAKE}/summary", GONE, MAKE, "no summary"),
    Break(rules.everything_is_described, "#/tags", [{"name": "Things"}], "#/tags/0", "no description"),
    Break(rules.examples_are_given, f"{MADE}/examples", GONE, MADE, "no example"),
    Break(
        rules.examples_are_given,
        "#/components/parameters/App/example",
        GONE,
        "#/components/parameters/App",
        "no example",
    ),
    Break(
        rules.examples_are_valid,
        f"{MADE}/examples/one/value/name",
        1,
        f"{MADE}/examples/one/value/name",
        "1 is not of type 'string'",
    ),
    Break(
        rules.examples_are_valid,
        "#/components/parameters/App/example",
        1,
        "#/components/parameters/App/example",
        "1 is not of type 'string'",
    ),
    Break(
        rules.examples_are_valid, f"{FIELD}/name/examples", [1], f"{FIELD}/name/examples/0", "1 is not of type 'string'"
    ),
]


def broken(edited: str, value: Any) -> dict[str, Any]:
    """The sound document with one part replaced, added or taken away."""
    spec: dict[str, Any] = json.loads(json.dumps(SOUND))  # YAML's aliases share objects, a copy must not
    *way, last = document.steps(edited)
    part = spec
    for step in way:
        part = part[step]
    if value is GONE:
        del part[last]
    else:
        part[last] = value
    return spec


def test_sound_document_breaks_no_rule() -> None:
    assert rules.check(SOUND) == []


@pytest.mark.parametrize("case", BREAKS, ids=lambda case: f"{case.rule.__name__} {case.edited}")
def test_each_rule_names_what_breaks_it_and_no_other_does(case: Break) -> None:
    lines = rules.check(broken(case.edited, case.value))

    assert [line.partition(", wanted ")[0] for line in lines] == [f"{case.where}: found {case.found}"]
    assert [str(finding) for finding in case.rule(broken(case.edited, case.value))] == lines


def test_two_methods_of_one_tag_have_two_names() -> None:
    spec = broken("#/paths/~1others", {"post": {**SOUND["paths"]["/things"]["post"], "operationId": "makeOther"}})

    assert rules.check(spec) == [
        f"#/paths/~1others/post: found the method make of {MAKE}, wanted a name of its own",
    ]


def test_two_errors_have_two_classes() -> None:
    lines = rules.check(broken("#/components/responses/Lost/x-python-error", "BadError"))

    wanted = "found the class BadError, wanted a class of its own, with a name that ends in Error"
    assert lines == [f"{BAD}: {wanted}", f"#/components/responses/Lost: {wanted}"]


def test_every_rule_is_in_a_table_and_is_tested() -> None:
    assert {*rules.FOUNDATION, *rules.GENERATION, *rules.STYLE} == {case.rule for case in BREAKS}


def test_the_contract_breaks_no_rule() -> None:
    assert rules.check(document.load(CONTRACT)) == []


def test_both_operations_declare_every_error() -> None:
    spec = document.load(CONTRACT)
    for operation in (spec["paths"]["/embeddings"]["post"], spec["paths"]["/embeddings/models"]["get"]):
        assert set(operation["responses"]) == {"200", *STATUSES, "default"}


def command(path: Path) -> tuple[int, str, str]:
    """Exit code, output and error output of rules.py."""
    result = subprocess.run(
        [sys.executable, "-m", "codegen.rules", str(path)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    return result.returncode, result.stdout, result.stderr


def test_command_prints_the_lines_and_fails(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(CONTRACT.read_text("utf-8").replace("x-python-method: generate", "x-python-method: a b"), "utf-8")

    line = f"{path}#/paths/~1embeddings/post/x-python-method: found 'a b', wanted a Python name\n"
    assert command(path) == (1, "", line)


def test_command_passes_the_contract() -> None:
    assert command(CONTRACT) == (0, "", "")


def test_command_refuses_a_key_given_twice(tmp_path: Path) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text("a: 1\nb: 2\na: 3\n", "utf-8")

    code, _, output = command(path)

    assert code == 1
    assert "duplicate key a" in output
    assert "line 3, column 1" in output


def test_command_without_a_file_is_no_pass() -> None:
    assert rules.main([]) == 2
