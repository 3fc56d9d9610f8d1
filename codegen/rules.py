"""Checks openapi.yaml: valid OpenAPI 3.1, supported by the generators, complete for readers.

`python -m codegen --lint` prints each violation on a line of its own. A rule is a function from the document to its
findings. Rules about the form of the document are a JSON Schema, style.yaml.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from . import document
from .document import Finding, Json, SpecificationError, pointer
from .operations import normalize

STYLE_SCHEMA = document.load(Path(__file__).parent / "style.yaml")


Rule = Callable[[Json], Iterable[Finding]]


def has_targets(spec: Json) -> Iterator[Finding]:
    for where, value in document.everything(spec):
        names = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        for name in (*names, *value.get("discriminator", {}).get("mapping", {}).values()):
            if not name.startswith("#/") or document.follow(spec, {"$ref": name}) is None:
                yield Finding(where, f"a reference to {name}", "one to a part of this document")


def is_openapi(spec: Json) -> Iterator[Finding]:
    for error in OpenAPIV31SpecValidator(spec).iter_errors():
        message = error.message.partition("\n")[0].replace('"', "'")[:200]  # one line for every validator
        yield Finding(tuple(map(str, error.absolute_path)), message, "valid OpenAPI 3.1")


def has_style(spec: Json) -> Iterator[Finding]:
    """The rules of style.yaml."""
    for error in Draft202012Validator(STYLE_SCHEMA).iter_errors(spec):
        name = [str(error.instance)] if "propertyNames" in error.absolute_schema_path else []
        yield Finding((*map(str, error.absolute_path), *name), "", error.schema["title"])


def uses_known_keywords(spec: Json) -> Iterator[Finding]:
    keyword = STYLE_SCHEMA["$defs"]["keyword"]
    for where, schema in document.request_schemas(spec):
        for key in schema:
            if key not in keyword["enum"] and not key.startswith("x-"):
                yield Finding((*where, key), "", keyword["title"])


def names_errors(spec: Json) -> Iterator[Finding]:
    """Every error response is a component for one status, and names the class that is raised."""
    statuses: dict[str, set[str]] = defaultdict(set)
    for where, response in document.answers(spec):
        if "$ref" in response and where[-1][0] not in "23":
            statuses[response["$ref"]].add(where[-1])
    names = [str((document.follow(spec, {"$ref": reference}) or {}).get("x-python-error")) for reference in statuses]
    for (reference, used), name in zip(statuses.items(), names, strict=True):
        if len(used) > 1:
            yield Finding(document.steps(reference), f"the statuses {', '.join(sorted(used))}", "one status")
        if names.count(name) > 1 or not name.endswith("Error"):
            yield Finding(document.steps(reference), f"the class {name}", "a class of its own that ends in Error")


def sends_headers(spec: Json) -> Iterator[Finding]:
    """A header in components belongs to every operation."""
    shared = [pointer(p.where) for p in document.components(spec, "parameters") if p.value.get("in") == "header"]
    for where, operation in document.operations(spec):
        owners = (spec["paths"][where[1]], operation)
        given = [parameter.get("$ref") for owner in owners for parameter in owner.get("parameters", ())]
        for reference in shared:
            if reference not in given:
                yield Finding(where, "a header missing", f"a $ref to {reference}")


def has_one_error_schema(spec: Json) -> Iterator[Finding]:
    bodies = [place for place in document.components(spec, "responses") if "x-python-error" in place.value]
    outer = list(document.outer_schemas(document.media(bodies)))
    for where, schema in outer:
        if schema != outer[0].value or "$ref" not in schema:
            yield Finding(where, f"the schema {schema.get('$ref', 'inline')}", f"the one of {pointer(outer[0].where)}")


def can_be_generated(spec: Json) -> Iterator[Finding]:
    try:
        normalize(spec)
    except SpecificationError as error:
        yield from error.findings


def has_valid_examples(spec: Json) -> Iterator[Finding]:
    resource = DRAFT202012.create_resource(spec)
    registry: Registry[Any] = Registry().with_resource("spec:", resource)
    for where, schema, example in document.examples(spec):
        validator = Draft202012Validator({"$ref": "spec:" + quote(pointer(schema), safe="#/~")}, registry=registry)
        error = best_match(validator.iter_errors(example))
        if error is not None:
            place = (*where, *map(str, error.absolute_path))
            yield Finding(place, error.message[:200], f"a value that fits {pointer(schema)}")


# The rules of a stage rely on the stages before it.
VALIDITY: tuple[tuple[Rule, ...], ...] = ((has_targets,), (is_openapi,))
STYLE = (has_style, uses_known_keywords, names_errors, has_one_error_schema, sends_headers, has_valid_examples)
STAGES: tuple[tuple[Rule, ...], ...] = (*VALIDITY, STYLE, (can_be_generated,))


def check(spec: Json, stages: Sequence[Sequence[Rule]] = STAGES) -> list[Finding]:
    """The violations of a document; those of the first stage that has any."""
    found = ([finding for rule in rules for finding in rule(spec)] for rules in stages)
    return next(filter(None, found), [])
