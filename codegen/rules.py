"""Checks openapi.yaml: whether it is valid, supported and complete, and has what the hand-written package needs.

A rule is a function from the document to its findings. `style.yaml`, a JSON Schema, has the rules about the style of
single parts of the document. `contract.py` of the hand-written package declares what it needs. Its error classes, and
the names that tags and methods may not have, are read from its source, because the package cannot be imported before
the generated package exists.
"""

from __future__ import annotations

import ast
import difflib
import json
import runpy
import symtable
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from openapi_spec_validator.schemas import openapi_v31_schema_validator
from referencing.jsonschema import DRAFT202012, EMPTY_REGISTRY

from . import document
from .document import Finding, Json, Place, SpecificationError, Where, pointer
from .names import tag_name
from .normal import OLD_BOUNDS
from .operations import DEFAULT_ERROR, JSON, arguments, normalize
from .schemas import target

OPENAPI: dict[str, Any] = openapi_v31_schema_validator.schema
# That schema leaves the dialect of the schemas in a document open.
DIALECT = {"$dynamicAnchor": "meta", "$ref": Draft202012Validator.META_SCHEMA["$id"]}
VALIDATOR = Draft202012Validator({**OPENAPI, "$defs": {**OPENAPI["$defs"], "schema": DIALECT}})
STYLE_SCHEMA = document.load(Path(__file__).parent / "style.yaml")


def has_targets(spec: Json) -> Iterator[Finding]:
    for where, value in document.everything(spec):
        names = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        tags = value["discriminator"].get("mapping", {}) if isinstance(value.get("discriminator"), dict) else {}
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
    shared = [place.where for place in document.components(spec, "parameters") if place.value.get("in") == "header"]
    for where, operation in document.operations(spec):
        given = [*document.reached(spec, [operation, spec["paths"][where[1]].get("parameters", ())])]
        for header in (found for found in shared if found not in given):
            fix = f"write $ref: '{pointer(header)}' in parameters"
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


def check_style(spec: Json) -> list[Finding]:
    """Return the findings of style on a valid document."""
    return [*has_style(spec), *sends_headers(spec), *has_valid_examples(spec)]


def check(spec: Json, overlay: Path | None = None, *, style: bool = False) -> list[Finding]:
    """Return all findings: of validity, of what cannot be generated and, on a valid document, of style.

    Parts that are not valid are left out before the rest is checked further.

    Args:
        overlay: the folder of the hand-written package, if the document must have what this package needs.
    """
    invalid = [*has_targets(spec), *is_openapi(spec)]
    found = [*check_style(spec)] if style and not invalid else []
    valid = _without(spec, {finding.where for finding in invalid}) if invalid else spec
    try:
        normal = normalize(valid, _reserved_names(overlay) if overlay else None)
        found += _lacks(normal, spec, overlay) if overlay and not invalid else ()
    except SpecificationError as error:
        found += error.findings
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


def _reserved_names(overlay: Path) -> dict[str, set[str]]:
    """Return the public names that the class of the client ("") and, by tag, the class of a tag define."""
    classes: dict[str, str] = runpy.run_path(str(overlay / "contract.py"))["CLASSES"]
    found = {}
    for tag, (module, name) in ((tag, place.split(".")) for tag, place in classes.items()):
        source = (overlay / f"{module}.py").read_text("utf-8")
        symbols = symtable.symtable(source, module, "exec").lookup(name).get_namespace().get_symbols()
        names = (symbol.get_name() for symbol in symbols if symbol.is_assigned())
        # The client's own names include its resources, whose names are those of the tags.
        found[tag] = {name for name in names if not name.startswith("_")} - classes.keys()
    return found


def _lacks(normal: Json, spec: Json, overlay: Path) -> Iterator[Finding]:
    """Find what the package needs and the document lacks, and the error classes that the package lacks."""
    schemas = normal["components"]["schemas"]
    places: dict[str, Where] = {name: ("components", "schemas", name) for name in schemas}
    has: dict[str, Any] = {name: {"member": schema.get("properties", ())} for name, schema in schemas.items()}
    for where, operation in document.operations(normal):
        places[operation["operationId"]] = where
        results = document.below([Place(where, operation)], "responses", "*", "content", JSON, "schema")
        has[operation["operationId"]] = {
            "tag": [tag_name(tag) for tag in operation["tags"]],
            "method": [operation["x-python-method"]],
            "argument": [item.name for item in arguments(Place(where, operation), schemas)],
            "result": [target(schema) for _, schema in results],
        }
    fix = f"keep it, or change it in {overlay.name}/contract.py and in the code that uses it"
    for owner, needed in runpy.run_path(str(overlay / "contract.py"))["NEEDS"].items():
        if owner not in has:
            yield Finding((), f"no operation or schema in use is named {owner}, which the package needs", fix)
        for kind, names in needed.items() if owner in has else ():
            for name in (name for name in names if name not in has[owner][kind]):
                yield Finding(places[owner], f"{owner} has no {kind} {name}, which the package needs", fix)
    yield from _unknown_errors(normal, spec, overlay)


def _unknown_errors(normal: Json, spec: Json, overlay: Path) -> Iterator[Finding]:
    """Find the error classes that the document names and errors.py does not define."""
    nodes = [node for node in ast.parse((overlay / "errors.py").read_bytes()).body if isinstance(node, ast.ClassDef)]
    statuses = {node.name: {key.arg: ast.unparse(key.value) for key in node.keywords}.get("status") for node in nodes}
    for where, response in document.responses(normal):
        name, status = response.get("x-python-error", DEFAULT_ERROR), where[-1]
        place = document.locate(spec, where, document.part(spec, where)).where
        code = f'class {name}(APIStatusError, status={status}): """{response["description"]}"""'
        if name not in statuses:
            yield Finding(place, f"there is no class {name}", f"write in {overlay.name}/errors.py: {code}")
        elif name != DEFAULT_ERROR and statuses[name] != status:
            problem = f"the status of the class {name} is {statuses[name]}, not {status}"
            yield Finding(place, problem, "refer to a response of that status, or add one with a class of its own")
