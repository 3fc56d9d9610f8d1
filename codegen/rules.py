"""Checks openapi.yaml: valid OpenAPI 3.1, supported by the generators, complete for readers.

`python -m codegen.rules openapi.yaml` prints each violation on a line of its own and exits with 1 if there is one.
A rule is a function from the document to its findings. Rules about a single part, such as a parameter, are JSON Schemas
in style.yaml.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from ruamel.yaml.error import YAMLError

from . import document
from .document import Json, Place, Where, pointer
from .schemas import SpecificationError

STYLE_SCHEMAS: Mapping[str, Any] = document.load(Path(__file__).parent / "style.yaml")


class Finding(NamedTuple):
    """A violation: its place, what was found (empty if `wanted` says it) and what is wanted."""

    where: Where
    found: str
    wanted: str

    def __str__(self) -> str:
        found = f"found {self.found}, " if self.found else ""
        return f"{pointer(self.where)}: {found}wanted {self.wanted}"


Rule = Callable[[Json], Iterable[Finding]]


def references_have_targets(spec: Json) -> Iterator[Finding]:
    for where, value in document.everything(spec):
        names = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        for name in (*names, *value.get("discriminator", {}).get("mapping", {}).values()):
            if not name.startswith("#/") or document.follow(spec, {"$ref": name}) is None:
                yield Finding(where, f"a reference to {name}", "one to a part of this document")


def is_openapi(spec: Json) -> Iterator[Finding]:
    for error in OpenAPIV31SpecValidator(spec).iter_errors():
        message = error.message.partition("\n")[0].replace('"', "'")[:200]  # one line for every validator
        yield Finding(tuple(map(str, error.absolute_path)), message, "valid OpenAPI 3.1")


def all_of_joins_objects(spec: Json) -> Iterator[Finding]:
    """openapi-python-client drops the whole endpoint otherwise, and exits with 0."""
    for where, schema in document.schemas(spec):
        for position, part in enumerate(schema.get("allOf", ())):
            target = document.follow(spec, part) or {}
            if target.get("type", "object") != "object" or "oneOf" in target or "anyOf" in target:
                yield Finding((*where, "allOf", str(position)), "allOf over something else", "allOf over objects only")


def parts_have_style(spec: Json) -> Iterator[Finding]:
    """The rules of style.yaml."""
    schemas = list(document.schemas(spec))
    named = dict(document.components(spec, "schemas"))
    objects = (place for place in document.everything(spec) if not document.holds_names(place.where))
    parts: dict[str, Iterable[Place]] = {
        "document": [Place((), spec)],
        "object": objects,
        "operation": document.operations(spec),
        "parameter": document.parameters(spec),
        "parameter of an operation": document.arguments(spec),
        "content": (Place(where[:-1], {where[-1]: value}) for where, value in document.all_media(spec)),
        "response of an error": (place for place in document.answers(spec) if place.where[-1][0] not in "23"),
        "schema": schemas,
        "named schema": (Place(where, schema) for where, schema in named.items() if "$ref" not in schema),
        "inline schema": (place for place in schemas if place.where not in named),
        "property": (place for place in schemas if place.where[-2:-1] == ("properties",)),
        "schema of a request": document.request_schemas(spec),
    }
    for kind, places in parts.items():
        validator = Draft202012Validator(STYLE_SCHEMAS[kind])
        for where, value in places:
            for error in validator.iter_errors(value):
                names = [error.instance] if isinstance(error.instance, str) and error.instance in value else []
                yield Finding((*where, *map(str, error.absolute_path), *names), "", error.schema["title"])


def errors_are_named(spec: Json) -> Iterator[Finding]:
    """Every error response is a component for one status, and names the class that is raised."""
    statuses: dict[str, set[str]] = defaultdict(set)
    for where, response in document.answers(spec):
        if "$ref" in response and where[-1][0] not in "23":
            statuses[response["$ref"]].add(where[-1])
    components = {
        pointer(where): value.get("x-python-error") for where, value in document.components(spec, "responses")
    }
    names = Counter(components.values())
    for reference, used in statuses.items():
        if len(used) > 1:
            yield Finding(document.steps(reference), f"the statuses {', '.join(sorted(used))}", "one status")
        name = str(components.get(reference))
        if names[name] != 1 or not name.endswith("Error"):
            yield Finding(
                document.steps(reference), f"the class {name}", "an x-python-error of its own that ends in Error"
            )


def methods_have_own_names(spec: Json) -> Iterator[Finding]:
    taken: dict[tuple[str, str], Where] = {}
    for where, operation in document.operations(spec):
        method = str(operation.get("x-python-method"))
        other = taken.setdefault((str(operation.get("tags")), method), where)
        if other != where:
            yield Finding(where, f"the method {method} of {pointer(other)}", "a name of its own")


def headers_are_sent(spec: Json) -> Iterator[Finding]:
    """A header in components belongs to every operation."""
    shared = [pointer(p.where) for p in document.components(spec, "parameters") if p.value.get("in") == "header"]
    for where, operation in document.operations(spec):
        owners = (spec["paths"][where[1]], operation)
        given = [parameter.get("$ref") for owner in owners for parameter in owner.get("parameters", ())]
        for reference in shared:
            if reference not in given:
                yield Finding(where, "a header missing", f"a $ref to {reference}")


def one_error_schema(spec: Json) -> Iterator[Finding]:
    bodies = [place for place in document.components(spec, "responses") if "x-python-error" in place.value]
    outer = list(document.outer_schemas(document.media(bodies)))
    for where, schema in outer:
        if schema != outer[0].value or "$ref" not in schema:
            yield Finding(where, f"the schema {schema.get('$ref', 'inline')}", f"the one of {pointer(outer[0].where)}")


def examples_are_valid(spec: Json) -> Iterator[Finding]:
    resource = DRAFT202012.create_resource(spec)
    registry: Registry[Any] = Registry().with_resource("spec:", resource)
    for where, schema, example in document.examples(spec):
        validator = Draft202012Validator({"$ref": "spec:" + quote(pointer(schema), safe="#/~")}, registry=registry)
        error = best_match(validator.iter_errors(example))
        if error is not None:
            place = (*where, *map(str, error.absolute_path))
            yield Finding(place, error.message[:200], f"a value that fits {pointer(schema)}")


# Each rule of FOUNDATION relies on those before it. STYLE is how this project writes its document.
FOUNDATION: tuple[Rule, ...] = (references_have_targets, is_openapi)
STYLE: tuple[Rule, ...] = (
    all_of_joins_objects,
    parts_have_style,
    errors_are_named,
    one_error_schema,
    methods_have_own_names,
    headers_are_sent,
    examples_are_valid,
)


def check(spec: Json) -> list[str]:
    """The violations of a document, a line each; those of FOUNDATION alone if there are any."""
    return _foundation(spec) or findings(spec)


def findings(spec: Json) -> list[str]:
    """The violations of a valid document."""
    return [str(finding) for rule in STYLE for finding in rule(spec)]


def load_valid(path: Path) -> dict[str, Any]:
    """The document in a file, if it is valid OpenAPI whose references have targets.

    Raises:
        SpecificationError: it is not, or the file cannot be read.
    """
    try:
        spec: dict[str, Any] = document.load(path)
    except (OSError, YAMLError) as error:
        raise SpecificationError(str(error)) from None
    if violations := _foundation(spec):
        raise SpecificationError("\n".join(violations))
    return spec


def _foundation(spec: Json) -> list[str]:
    found = (list(rule(spec)) for rule in FOUNDATION)
    return [str(finding) for finding in next(filter(None, found), [])]


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m codegen.rules openapi.yaml", file=sys.stderr)
        return 2
    try:
        lines = check(document.load(Path(arguments[0])))
    except (OSError, YAMLError) as error:
        lines = [f": {error}"]
    for line in lines:
        print(arguments[0] + line, file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
