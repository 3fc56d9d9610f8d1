"""Checks openapi.yaml: whether it is valid OpenAPI 3.1, supported by the generator, and complete for readers.

A rule is a function from the document to its findings. `style.yaml`, a JSON Schema, has the rules about the style of
single parts of the document.
"""

from __future__ import annotations

import difflib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from openapi_spec_validator.schemas import openapi_v31_schema_validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from . import document
from .document import Finding, Json, SpecificationError, Where, pointer
from .operations import normalize

SCHEMA_VALIDATOR = Draft202012Validator(Draft202012Validator.META_SCHEMA)
STYLE_SCHEMA = document.load(Path(__file__).parent / "style.yaml")


Rule = Callable[[Json], Iterable[Finding]]


def has_targets(spec: Json) -> Iterator[Finding]:
    for where, value in document.everything(spec):
        names = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        tag = value.get("discriminator")
        tags = tag.get("mapping", {}) if isinstance(tag, dict) else {}
        names += [name if "/" in name else f"#/components/schemas/{name}" for name in tags.values()]
        for name in names:
            if not name.startswith("#/") or document.follow(spec, {"$ref": name}) is None:
                yield Finding(where, f"the reference {name} has no target", "refer to a part of this document")


def is_openapi(spec: Json) -> Iterator[Finding]:
    for error in openapi_v31_schema_validator.iter_errors(spec):
        yield _invalid((), error)
    places = [place for place in document.everything(spec) if not document.holds_names(place.where)]
    for where, schema in (*document.components(spec, "schemas"), *document.outer_schemas(places)):
        for error in SCHEMA_VALIDATOR.iter_errors(schema):
            if error.validator != "uniqueItems" and "$recursiveAnchor" not in error.absolute_path:
                yield _invalid(where, error)


def _invalid(where: Where, error: ValidationError) -> Finding:
    while error.context:  # the branch of a union with the deepest error
        error = max(error.context, key=lambda inner: len(inner.absolute_path))
    place = (*where, *map(str, error.absolute_path))
    message = error.message.partition("\n")[0].replace('"', "'")[:200]  # one line for every validator
    if place[-1:] in (("exclusiveMinimum",), ("exclusiveMaximum",)):
        return Finding(place, message, f"write the bound itself as {place[-1]}, in place of {place[-1][9:].lower()}")
    return Finding(place, message, "write valid OpenAPI 3.1")


def has_style(spec: Json) -> Iterator[Finding]:
    """The rules of style.yaml."""
    for error in Draft202012Validator(STYLE_SCHEMA).iter_errors(spec):
        name = [str(error.instance)] if "propertyNames" in error.absolute_schema_path else []
        place = (*map(str, error.absolute_path), *name)
        yield Finding(place, error.schema["title"], error.schema["description"])


def uses_known_keywords(spec: Json) -> Iterator[Finding]:
    """The schemas of arguments have no keyword that the client does not check."""
    keyword = STYLE_SCHEMA["$defs"]["keyword"]
    bodies = document.media(document.requests(spec))
    outer = document.outer_schemas((*document.components(spec, "parameters"), *document.arguments(spec), *bodies))
    inner = document.reached(spec, [value for _, value in outer])
    for root in (*outer, *(document.Place(where, document.part(spec, where)) for where in inner)):
        for where, schema in document.inside(root):
            for key in schema:
                if key not in keyword["enum"] and not key.startswith("x-") and not _misspelt(key):
                    yield Finding((*where, key), keyword["title"], keyword["description"])


def spells_keywords(spec: Json) -> Iterator[Finding]:
    """No schema has a misspelt keyword, which validators and generators ignore."""
    places = [place for place in document.everything(spec) if not document.holds_names(place.where)]
    for root in (*document.components(spec, "schemas"), *document.outer_schemas(places)):
        for where, schema in document.inside(root):
            for key in schema:
                if meant := _misspelt(key):
                    yield Finding((*where, key), "an unknown keyword", f"write {meant}")


def _misspelt(key: str) -> str | None:
    """The keyword of a schema that an unknown one probably means."""
    keywords = {*STYLE_SCHEMA["$defs"]["keyword"]["enum"], *Draft202012Validator.VALIDATORS}
    if key in keywords:
        return None
    return next(iter(difflib.get_close_matches(key, sorted(keywords), 1, cutoff=0.8)), None)


def names_errors(spec: Json) -> Iterator[Finding]:
    """Every error response is a component for one status, and names the class that is raised."""
    statuses: dict[str, set[str]] = defaultdict(set)
    for where, response in document.answers(spec):
        if "$ref" in response and where[-1][0] not in "23":
            statuses[response["$ref"]].add(where[-1])
    names = [str((document.follow(spec, {"$ref": reference}) or {}).get("x-python-error")) for reference in statuses]
    for (reference, used), name in zip(statuses.items(), names, strict=True):
        place = document.steps(reference)
        if len(used) > 1:
            cure = "write a response of its own for each"
            yield Finding(place, f"one response for the statuses {', '.join(sorted(used))}", cure)
        if names.count(name) > 1 or not name.endswith("Error"):
            cure = "write x-python-error: and a name of its own that ends in Error"
            yield Finding(place, f"the error class {name}", cure)


def sends_headers(spec: Json) -> Iterator[Finding]:
    """A header in components belongs to every operation."""
    shared = [pointer(p.where) for p in document.components(spec, "parameters") if p.value.get("in") == "header"]
    for where, operation in document.operations(spec):
        owners = (spec["paths"][where[1]], operation)
        given = [parameter.get("$ref") for owner in owners for parameter in owner.get("parameters", ())]
        for reference in shared:
            if reference not in given:
                yield Finding(
                    where, "a header that every operation takes is missing", f"write $ref: '{reference}' in parameters"
                )


def has_one_error_schema(spec: Json) -> Iterator[Finding]:
    bodies = [place for place in document.components(spec, "responses") if "x-python-error" in place.value]
    outer = list(document.outer_schemas(document.media(bodies)))
    for where, schema in outer:
        if schema != outer[0].value or "$ref" not in schema:
            cure = f"write $ref: {outer[0].value.get('$ref')!r}, as {pointer(outer[0].where)} has"
            yield Finding(where, "an error response with another schema", cure)


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
            yield Finding(place, f"an example that does not fit: {error.message[:200]}", f"see {pointer(schema)}")


VALIDITY: tuple[Rule, ...] = (has_targets, is_openapi)
STYLE: tuple[Rule, ...] = (has_style, uses_known_keywords, spells_keywords, names_errors, has_one_error_schema)
STYLE += (sends_headers, has_valid_examples)


def check(spec: Json, *, style: bool = False) -> list[Finding]:
    """The findings of all rules; rules of style run on valid documents only.

    Parts that are not valid are left out before the rest is checked further.
    """
    invalid = [finding for rule in VALIDITY for finding in rule(spec)]
    found = [finding for rule in STYLE for finding in rule(spec)] if style and not invalid else []
    known = {finding.where for finding in found}
    rest = can_be_generated(_without(spec, {finding.where for finding in invalid}) if invalid else spec)
    return list(dict.fromkeys([*invalid, *found, *(finding for finding in rest if finding.where not in known)]))


def _without(spec: Json, places: set[Where]) -> Json:
    """The document without the operations and components that contain one of these places."""
    left: Json = json.loads(json.dumps(spec))
    for where, operation in document.operations(spec):
        reached = [where, *document.reached(spec, [operation, spec["paths"][where[1]].get("parameters", ())])]
        if any(place[: len(part)] == part for place in places for part in reached):
            del left["paths"][where[1]][where[2]]
    for place in places:
        if place[:1] == ("components",) and len(place) > 2:
            left["components"].get(place[1], {}).pop(place[2], None)
    return left if all(place[:1] in (("paths",), ("components",)) for place in places) else {**left, "paths": {}}
