"""Checks openapi.yaml: whether it is valid OpenAPI 3.1, supported by the generator, and complete for readers.

A rule is a function from the document to its findings. `style.yaml`, a JSON Schema, has the rules about the style of
single parts of the document.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from openapi_spec_validator.schemas import openapi_v31_schema_validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from . import document, needs
from .document import Finding, Json, Place, SpecificationError, Where, pointer
from .normal import OLD_BOUNDS
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
    for where, schema in _schemas(spec):
        for error in SCHEMA_VALIDATOR.iter_errors(schema):
            is_old_bound = isinstance(error.instance, bool) and {*error.absolute_path} & {*OLD_BOUNDS}
            if not is_old_bound and error.validator != "uniqueItems" and "$recursiveAnchor" not in error.absolute_path:
                yield _invalid(where, error)


def _schemas(spec: Json) -> list[Place]:
    """Return every schema that is not inside another one."""
    places = [place for place in document.everything(spec) if not document.holds_names(place.where)]
    return [*document.components(spec, "schemas"), *document.outer_schemas(places)]


def _invalid(where: Where, error: ValidationError) -> Finding:
    while error.context:  # the deepest error in the branches of a union
        error = max(error.context, key=lambda inner: len(inner.absolute_path))
    message = error.message.partition("\n")[0].replace('"', "'")[:200]  # the first line
    return Finding((*where, *map(str, error.absolute_path)), message, "write valid OpenAPI 3.1")


def has_style(spec: Json) -> Iterator[Finding]:
    """Check the rules of style.yaml."""
    for error in Draft202012Validator(STYLE_SCHEMA).iter_errors(spec):
        name = [str(error.instance)] if "propertyNames" in error.absolute_schema_path else []
        place = (*map(str, error.absolute_path), *name)
        yield Finding(place, error.schema["title"], error.schema["description"])


def has_known_keywords(spec: Json) -> Iterator[Finding]:
    """Find misspelt keywords, and keywords of arguments that the client does not check."""
    rule = STYLE_SCHEMA["$defs"]["keyword"]
    known = {*rule["enum"], *Draft202012Validator.VALIDATORS}
    bodies = document.media(document.requests(spec))
    outer = document.outer_schemas((*document.components(spec, "parameters"), *document.arguments(spec), *bodies))
    sent = [place.where for place in outer] + list(document.reached(spec, [place.value for place in outer]))
    for place in _schemas(spec):
        for where, schema in document.inside(place):
            for key in (key for key in schema if key not in rule["enum"] and not key.startswith("x-")):
                meant = [] if key in known else difflib.get_close_matches(key, sorted(known), 1, cutoff=0.8)
                if meant:
                    yield Finding((*where, key), "an unknown keyword", f"write {meant[0]}")
                elif any(where[: len(root)] == root for root in sent):
                    yield Finding((*where, key), rule["title"], rule["description"])


def sends_headers(spec: Json) -> Iterator[Finding]:
    """Check that every operation takes each header in components."""
    shared = [pointer(p.where) for p in document.components(spec, "parameters") if p.value.get("in") == "header"]
    for where, operation in document.operations(spec):
        owners = (spec["paths"][where[1]], operation)
        given = [parameter.get("$ref") for owner in owners for parameter in owner.get("parameters", ())]
        for reference in (found for found in shared if found not in given):
            fix = f"write $ref: '{reference}' in parameters"
            yield Finding(where, "a header that every operation takes is missing", fix)


def has_valid_examples(spec: Json, part: Json | None = None) -> Iterator[Finding]:
    """Check that the examples of the document, or of a part of it, fit their schemas."""
    resource = DRAFT202012.create_resource(spec)
    registry: Registry[Any] = Registry().with_resource("spec:", resource)
    for where, schema, example in document.examples(spec if part is None else part):
        validator = Draft202012Validator({"$ref": "spec:" + quote(pointer(schema), safe="#/~")}, registry=registry)
        error = best_match(validator.iter_errors(example))
        if error is not None:
            place = (*where, *map(str, error.absolute_path))
            yield Finding(place, f"an example that does not fit: {error.message[:200]}", f"see {pointer(schema)}")


VALIDITY: tuple[Rule, ...] = (has_targets, is_openapi)
STYLE: tuple[Rule, ...] = (has_style, has_known_keywords, sends_headers, has_valid_examples)


def check(spec: Json, overlay: Path | None = None, *, style: bool = False) -> list[Finding]:
    """Return all findings: of validity, of what cannot be generated and, on a valid document, of style.

    Parts that are not valid are left out before the rest is checked further.

    Args:
        overlay: the folder of the hand-written package, if the document must have what this package needs.
    """
    invalid = [finding for rule in VALIDITY for finding in rule(spec)]
    found = [finding for rule in STYLE for finding in rule(spec)] if style and not invalid else []
    try:
        normal = normalize(
            _without(spec, {finding.where for finding in invalid}) if invalid else spec,
            needs.reserved_names(overlay) if overlay else None,
        )
    except SpecificationError as error:
        found += error.findings
    else:
        found += needs.check(normal, spec, overlay) if overlay and not invalid else ()
    return list(dict.fromkeys([*invalid, *found]))


def _without(spec: Json, places: set[Where]) -> Json:
    """Return the document without the operations and components that contain one of these places."""
    left: Json = json.loads(json.dumps(spec))
    for where, operation in document.operations(spec):
        reached = [where, *document.reached(spec, [operation, spec["paths"][where[1]].get("parameters", ())])]
        if any(place[: len(part)] == part for place in places for part in reached):
            del left["paths"][where[1]][where[2]]
    for place in places:
        if place[:1] == ("components",) and len(place) > 2:
            left["components"].get(place[1], {}).pop(place[2], None)
    return left if all(place[:1] in (("paths",), ("components",)) for place in places) else {**left, "paths": {}}
