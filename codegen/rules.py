"""Checks openapi.yaml: valid OpenAPI 3.1, supported by the generators, complete for readers.

`python -m codegen.rules openapi.yaml` prints each violation on a line of its own and exits with 1 if there is one.
A rule is a function from the document to its findings; the tables at the end of the file list all rules.
"""

from __future__ import annotations

import difflib
import keyword
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from . import document
from .document import Json, Place, Where, pointer
from .schemas import NULL, SpecificationError

# The keywords that the SDK validates arguments against, and those that restrict nothing.
CHECKED = {"type", "enum", "const", "properties", "required", "additionalProperties", "items", "oneOf", "anyOf", "$ref"}
CHECKED |= {"discriminator", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"}
REMARKS = {"title", "description", "examples", "format", "default", "deprecated"}
EXTENSIONS = {"x-source", "x-guess", "x-decimal-string", "x-python-method", "x-python-name", "x-python-error"}
EXTENSIONS |= {"x-python-namespace", "x-python-aliases"}
NAMESPACES = ("components", "operations")


class Finding(NamedTuple):
    """A violation: its place, what was found and what is wanted."""

    where: Where
    found: str
    wanted: str

    def __str__(self) -> str:
        return f"{pointer(self.where)}: found {self.found}, wanted {self.wanted}"


Rule = Callable[[Json], Iterable[Finding]]


def keys_are_strings(spec: Json) -> Iterator[Finding]:
    """YAML reads an unquoted 200 as a number and an unquoted `on` as true."""
    for where, value in document.everything(spec):
        for key in value:
            if not isinstance(key, str):
                yield Finding(where, f"the key {key!r}", "a string: quote it")


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


def python_names_are_names(spec: Json) -> Iterator[Finding]:
    for where, value in document.everything(spec):
        names = [(key, value[key]) for key in ("x-python-method", "x-python-name", "x-python-error") if key in value]
        names += [("x-python-aliases", name) for name in value.get("x-python-aliases", ())]
        for key, name in names:
            if not (isinstance(name, str) and name.isidentifier()) or keyword.iskeyword(name):
                yield Finding((*where, key), repr(name), "a Python name")
        if value.get("x-python-namespace", NAMESPACES[0]) not in NAMESPACES:
            yield Finding((*where, "x-python-namespace"), repr(value["x-python-namespace"]), " or ".join(NAMESPACES))


def bodies_are_json(spec: Json) -> Iterator[Finding]:
    """An event stream beside JSON would make the type of every result `Body | str`."""
    for where, _ in document.all_media(spec):
        if where[-1] != "application/json":
            yield Finding(where, where[-1], "application/json alone")


def nullables_are_pairs(spec: Json) -> Iterator[Finding]:
    wanted = 'oneOf: [{$ref: ...}, {type: "null"}], of a named schema'
    for where, schema in document.schemas(spec):
        union = [*schema.get("oneOf", ()), *schema.get("anyOf", ())]
        if "enum" in schema and (None in schema["enum"] or "null" in schema.get("type", ())):
            yield Finding(where, "an enum that may be null", wanted)
        elif "nullable" in schema:
            yield Finding(where, "nullable, which is OpenAPI 3.0", wanted)
        elif NULL in union and not ("oneOf" in schema and len(union) == 2 and "$ref" in union[0]):
            yield Finding(where, "null in another union", wanted)


def objects_and_enums_are_named(spec: Json) -> Iterator[Finding]:
    for where, schema in document.schemas(spec):
        kinds = schema.get("type", ())
        kind = "enum" if "enum" in schema else "object" if "object" in kinds or "properties" in schema else None
        if kind and not (len(where) == 3 and where[:2] == ("components", "schemas")):
            yield Finding(where, f"an inline {kind}", "a $ref to a schema named in components")


def errors_are_named(spec: Json) -> Iterator[Finding]:
    """Every error response is a component for one status, and names the class that is raised."""
    statuses: dict[str, set[str]] = defaultdict(set)
    for where, response in document.answers(spec):
        if where[-1][0] in "23":
            continue
        target = document.follow(spec, response) or {}
        if "$ref" not in response or "x-python-error" not in target:
            yield Finding(where, "an error without a name", "a $ref to components/responses with x-python-error")
        statuses[response.get("$ref", pointer(where))].add(where[-1])
    for reference, used in statuses.items():
        if len(used) > 1:
            yield Finding(document.steps(reference), f"the statuses {', '.join(sorted(used))}", "one status")
    names = Counter(value.get("x-python-error") for _, value in document.components(spec, "responses"))
    for where, value in document.components(spec, "responses"):
        name = value.get("x-python-error")
        if name and (names[name] > 1 or not str(name).endswith("Error")):
            yield Finding(where, f"the class {name}", "a class of its own, with a name that ends in Error")


def one_error_schema(spec: Json) -> Iterator[Finding]:
    bodies = [place for place in document.components(spec, "responses") if "x-python-error" in place.value]
    outer = list(document.outer_schemas(document.media(bodies)))
    for where, schema in outer:
        if schema != outer[0].value or "$ref" not in schema:
            yield Finding(where, f"the schema {schema.get('$ref', 'inline')}", f"the one of {pointer(outer[0].where)}")


def methods_are_named(spec: Json) -> Iterator[Finding]:
    taken: dict[tuple[str, str], Where] = {}
    for where, operation in document.operations(spec):
        method = operation.get("x-python-method")
        key = (str(operation.get("tags")), str(method))
        if method is None:
            yield Finding(where, "no x-python-method", "the name of the generated method")
        elif key in taken:
            yield Finding(where, f"the method {method} of {pointer(taken[key])}", "a name of its own")
        taken.setdefault(key, where)


def headers_are_shared(spec: Json) -> Iterator[Finding]:
    for where, parameter in document.arguments(spec):
        if parameter.get("in") == "header":
            yield Finding(where, "an inline header", "a $ref to components/parameters")
    shared = [pointer(p.where) for p in document.components(spec, "parameters") if p.value.get("in") == "header"]
    for where, operation in document.operations(spec):
        path = spec["paths"][where[1]]
        given = {parameter.get("$ref") for owner in (path, operation) for parameter in owner.get("parameters", ())}
        for reference in shared:
            if reference not in given:
                yield Finding(where, "a header missing", f"a $ref to {reference}")


def operations_have_sources(spec: Json) -> Iterator[Finding]:
    for where, operation in document.operations(spec):
        if not operation.get("x-source"):
            yield Finding(where, "no x-source", "where the operation is documented")


def requests_use_checked_keywords(spec: Json) -> Iterator[Finding]:
    for where, schema in document.request_schemas(spec):
        for key in schema:
            if key not in CHECKED | REMARKS and not key.startswith("x-"):
                yield Finding(where, key, "a keyword that the SDK validates")


def extensions_are_known(spec: Json) -> Iterator[Finding]:
    """A misspelt extension would be ignored silently."""
    for where, value in document.everything(spec):
        for key in value:
            if key.startswith("x-") and key not in EXTENSIONS and not document.holds_names(where):
                nearest = difflib.get_close_matches(key, EXTENSIONS, 1, 0) or [""]
                yield Finding(where, f"the extension {key}", f"a known one, such as {nearest[0]}")


def references_stand_alone(spec: Json) -> Iterator[Finding]:
    """openapi-python-client ignores what stands beside a $ref."""
    for where, schema in document.schemas(spec):
        if "$ref" in schema and len(schema) > 1:
            yield Finding(where, f"{', '.join(k for k in schema if k != '$ref')} beside $ref", "$ref alone")


def everything_is_described(spec: Json) -> Iterator[Finding]:
    described = [*document.operations(spec), *document.parameters(spec), *document.components(spec, "schemas")]
    described += [place for place in document.schemas(spec) if place.where[-2:-1] == ("properties",)]
    described += [Place(("tags", str(position)), tag) for position, tag in enumerate(spec.get("tags", ()))]
    for where, value in described:
        if not value.get("description") and "$ref" not in value:
            yield Finding(where, "no description", "one sentence: it becomes a docstring")
    for where, operation in document.operations(spec):
        if not operation.get("summary"):
            yield Finding(where, "no summary", "one line: it opens the docstring")


def examples_are_given(spec: Json) -> Iterator[Finding]:
    for where, value in (*document.parameters(spec), *document.all_media(spec)):
        if not value.get("examples") and "example" not in value:
            yield Finding(where, "no example", "at least one: tests send them and read them")


def examples_are_valid(spec: Json) -> Iterator[Finding]:
    resource = DRAFT202012.create_resource(spec)
    registry: Registry[Any] = Registry().with_resource("spec:", resource)
    for where, schema, example in document.examples(spec):
        validator = Draft202012Validator({"$ref": "spec:" + quote(pointer(schema), safe="#/~")}, registry=registry)
        error = best_match(validator.iter_errors(example))
        if error is not None:
            place = (*where, *map(str, error.absolute_path))
            yield Finding(place, error.message[:200], f"a value that fits {pointer(schema)}")


# Each rule relies on those of FOUNDATION before it. A document that breaks one of GENERATION would be generated wrongly
# or not at all, and no message would say so. STYLE is how this project writes its document.
FOUNDATION: tuple[Rule, ...] = (keys_are_strings, references_have_targets, is_openapi)
GENERATION: tuple[Rule, ...] = (all_of_joins_objects, python_names_are_names)
STYLE: tuple[Rule, ...] = (
    bodies_are_json,
    nullables_are_pairs,
    objects_and_enums_are_named,
    errors_are_named,
    one_error_schema,
    methods_are_named,
    headers_are_shared,
    operations_have_sources,
    requests_use_checked_keywords,
    extensions_are_known,
    references_stand_alone,
    everything_is_described,
    examples_are_given,
    examples_are_valid,
)


def check(spec: Json) -> list[str]:
    """The violations of a document, a line each; those of FOUNDATION alone if there are any."""
    return _foundation(spec) or findings(spec)


def findings(spec: Json) -> list[str]:
    """The violations of a valid document."""
    return [str(finding) for rule in (*GENERATION, *STYLE) for finding in rule(spec)]


def load_valid(path: Path) -> dict[str, Any]:
    """The document in a file, if it is valid OpenAPI whose references have targets.

    Raises:
        SpecificationError: it is not, or the file cannot be read.
    """
    try:
        spec: dict[str, Any] = _with_text_keys(document.load(path))
    except (OSError, yaml.YAMLError) as error:
        raise SpecificationError(str(error)) from None
    if violations := _foundation(spec):
        raise SpecificationError("\n".join(violations))
    return spec


def _foundation(spec: Json) -> list[str]:
    found = (list(rule(spec)) for rule in FOUNDATION)
    return [str(finding) for finding in next(filter(None, found), [])]


def _with_text_keys(value: Any) -> Any:
    """YAML reads an unquoted status, 200, as a number."""
    if isinstance(value, list):
        return [_with_text_keys(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {str(key) if type(key) is int else key: _with_text_keys(item) for key, item in value.items()}


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m codegen.rules openapi.yaml", file=sys.stderr)
        return 2
    try:
        lines = check(document.load(Path(arguments[0])))
    except (OSError, yaml.YAMLError) as error:
        lines = [f": {error}"]
    for line in lines:
        print(arguments[0] + line, file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
