"""Checks openapi.yaml: whether it is valid OpenAPI 3.1, supported by the generator, and complete for readers.

A rule is a function from the document to its findings. `style.yaml`, a JSON Schema, has the rules about the style of
single parts of the document.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from openapi_spec_validator.schemas import openapi_v31_schema_validator
from referencing.jsonschema import DRAFT202012, EMPTY_REGISTRY

from . import document, needs
from .document import Finding, Json, SpecificationError, Where, pointer
from .normal import OLD_BOUNDS
from .operations import normalize

OPENAPI: Json = openapi_v31_schema_validator.schema
# That schema leaves the dialect of the schemas in a document open.
DIALECT = {"$dynamicAnchor": "meta", "$ref": Draft202012Validator.META_SCHEMA["$id"]}
VALIDATOR = Draft202012Validator(
    {"$id": "spec:dialect", "$ref": OPENAPI["$id"], "$defs": {"schema": DIALECT}},
    registry=EMPTY_REGISTRY.with_resource(OPENAPI["$id"], DRAFT202012.create_resource(OPENAPI)),
)
STYLE_SCHEMA = document.load(Path(__file__).parent / "style.yaml")

Rule = Callable[[Json], Iterable[Finding]]


def has_targets(spec: Json) -> Iterator[Finding]:
    for where, value in document.everything(spec):
        names = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        tag = value.get("discriminator")
        tags = tag.get("mapping", {}) if isinstance(tag, dict) else {}
        names += [name if "/" in name else f"#/components/schemas/{name}" for name in tags.values()]
        for name in names:
            if not name.startswith("#/") or document.locate(spec, where, {"$ref": name}).value is None:
                yield Finding(where, f"the reference {name} has no target", "refer to a part of this document")


def is_openapi(spec: Json) -> Iterator[Finding]:
    for error in VALIDATOR.iter_errors(spec):
        if isinstance(error.instance, bool) and {*error.absolute_path} & OLD_BOUNDS.keys():
            continue
        while error.context:  # the deepest error in the branches of a union
            error = max(error.context, key=lambda inner: len(inner.absolute_path))
        message = error.message.partition("\n")[0].replace('"', "'")[:200]  # the first line
        yield Finding((*map(str, error.absolute_path),), message, "write valid OpenAPI 3.1")


def has_style(spec: Json) -> Iterator[Finding]:
    """Check the rules of style.yaml."""
    for error in Draft202012Validator(STYLE_SCHEMA).iter_errors(spec):
        where, fix = (*map(str, error.absolute_path),), error.schema["description"]
        if "propertyNames" in error.absolute_schema_path:
            where = (*where, name := str(error.instance))
            known = name in Draft202012Validator.VALIDATORS
            similar = difflib.get_close_matches(name, [] if known else error.validator_value, 1, cutoff=0.8)
            fix = f"write {similar[0]}" if similar else fix
        yield Finding(where, error.schema["title"], fix)


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
    registry = EMPTY_REGISTRY.with_resource("spec:", DRAFT202012.create_resource(spec))
    for where, schema, example in document.examples(spec if part is None else part):
        validator = Draft202012Validator({"$ref": "spec:" + quote(pointer(schema), safe="#/~")}, registry=registry)
        error = best_match(validator.iter_errors(example))
        if error is not None:
            place = (*where, *map(str, error.absolute_path))
            yield Finding(place, f"an example that does not fit: {error.message[:200]}", f"see {pointer(schema)}")


VALIDITY: tuple[Rule, ...] = (has_targets, is_openapi)
STYLE: tuple[Rule, ...] = (has_style, sends_headers, has_valid_examples)


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
