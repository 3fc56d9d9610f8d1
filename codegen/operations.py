"""Brings a whole OpenAPI document into normal form, and refuses operations that cannot be generated.

In the normal form each operation holds its parameters, JSON body, responses and security itself, refers to nothing but
schemas, and says how Python names it (`x-python-method`) and its arguments (`x-python-name`).
"""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping
from typing import Any

from . import document
from .document import SpecificationError
from .names import class_name, module_name, snake_case, tag_name
from .normal import Normalizer
from .schemas import Schema, target

OPTIONS = ("retries", "server_url", "timeout_ms", "http_headers", "extra_body")
DEFAULT_ERROR = "OpenRouterDefaultError"
STYLES = {"path": "simple", "query": "form", "header": "simple"}
JSON = "application/json"


def normalize(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The normal form of a document.

    Raises:
        SpecificationError: an operation cannot be generated, or two names are equal in Python.
    """
    normal = Normalizer(spec)
    errors = _error_classes(spec)
    paths: dict[str, dict[str, Any]] = {}
    for (_, path, method), raw in document.operations(spec):
        try:
            paths.setdefault(path, {})[method] = _operation(normal, path, method, raw, errors)
        except SpecificationError as error:
            raise SpecificationError(f"{method.upper()} {path}: {error}") from None
    described = {key: spec[key] for key in ("openapi", "info", "servers", "tags") if key in spec}
    result = {**described, "paths": paths, "components": {"schemas": normal.schemas}}
    _check_names(result)
    return result


def _fields(body: Mapping[str, Any], schemas: Mapping[str, Schema]) -> dict[str, Schema]:
    """The members of a body that are arguments of their own; none if the body is one argument."""
    name = target(body)
    fields: dict[str, Schema] = schemas[name].get("properties", {}) if name is not None else {}
    return fields


def _operation(
    normal: Normalizer, path: str, method: str, raw: Mapping[str, Any], errors: Mapping[str, str]
) -> dict[str, Any]:
    identity = raw.get("operationId") or f"{method}_{path}"
    parameters = [*normal.spec["paths"][path].get("parameters", ()), *raw.get("parameters", ())]
    result = {
        **{key: raw[key] for key in ("summary", "description", "deprecated", "x-source") if key in raw},
        "operationId": identity,
        "x-python-method": raw.get("x-python-method") or snake_case(identity),
        "tags": list(raw.get("tags") or ["default"]),
        "parameters": list(_parameters(normal, parameters, class_name(identity))),
        "responses": _responses(normal, raw, class_name(identity), errors),
        "security": [item for item in raw.get("security", normal.spec.get("security", ())) if item],
    }
    if "requestBody" in raw:
        body = normal.resolve(raw["requestBody"])
        schema = _json_schema(normal, body, f"{class_name(identity)}Request")
        if schema is None:
            raise SpecificationError("the request body has no content")
        result["requestBody"] = {**body, "content": {JSON: {"schema": schema}}}
    _check_arguments(result, normal.schemas)
    return result


def _parameters(normal: Normalizer, raw: list[Mapping[str, Any]], hint: str) -> Iterator[dict[str, Any]]:
    resolved = [normal.resolve(item) for item in raw]
    by_place = {(item["in"], item["name"]): item for item in resolved}  # those of the operation replace the path's
    for (location, name), item in by_place.items():
        if location not in STYLES:
            raise SpecificationError(f"the parameter {name} is in a {location}, which requests do not send")
        if "schema" not in item:
            raise SpecificationError(f"the parameter {name} has no schema")
        exploded = item.get("explode", True) or location != "query"
        if item.get("style", STYLES[location]) != STYLES[location] or not exploded:
            raise SpecificationError(f"the parameter {name} has a style that requests do not support")
        schema = normal.schema(item["schema"], hint + class_name(name))
        yield {**item, "schema": schema, "x-python-name": argument_name(item, name)}


def _responses(
    normal: Normalizer, raw: Mapping[str, Any], hint: str, errors: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """The responses by status. All successes have one schema: the type of a result does not depend on the status."""
    found = {str(status): normal.resolve(value) for status, value in raw.get("responses", {}).items()}
    good = {status: value for status, value in found.items() if status[0] == "2"}
    bad = {status: value for status, value in found.items() if status not in good and status[0] not in "13"}
    if not good and "default" in bad:
        good = {"2XX": bad.pop("default")}
    if not good:
        raise SpecificationError("no response has a status of 2XX")
    schemas = {status: _json_schema(normal, value, f"{hint}Answer") for status, value in good.items()}
    contents = [schema for schema in schemas.values() if schema is not None]
    distinct = [schema for index, schema in enumerate(contents) if schema not in contents[:index]]
    shared = distinct[0] if len(distinct) == 1 else {"anyOf": distinct}
    result: dict[str, dict[str, Any]] = {}
    for status, value in {**good, **bad}.items():
        result[status] = {"description": value.get("description", "")}
        media = (value.get("content") or {}).get(JSON, {})
        if schemas.get(status) is not None:
            result[status]["content"] = {JSON: {"schema": shared}}
        elif status in bad and "schema" in media:  # an error may have any content: the client reads the status first
            result[status]["content"] = {JSON: {"schema": normal.schema(media["schema"], "ErrorBody")}}
        if status in bad:
            result[status]["x-python-error"] = value.get("x-python-error") or errors.get(status, DEFAULT_ERROR)
    return result


def _json_schema(normal: Normalizer, holder: Mapping[str, Any], hint: str) -> Schema | None:
    """The schema of the JSON content; None without content."""
    content = holder.get("content") or {}
    for name, media in content.items():
        kind = name.partition(";")[0].strip().lower()
        if kind == JSON or kind.endswith("+json"):
            return normal.schema(media.get("schema", {}), hint)
    if content:
        raise SpecificationError(f"content of type {', '.join(content)}; only {JSON} is supported")
    return None


def argument_name(holder: Mapping[str, Any], name: str) -> str:
    """The Python name of a parameter or of a member of the body."""
    return str(holder.get("x-python-name") or snake_case(name))


def _error_classes(spec: Mapping[str, Any]) -> dict[str, str]:
    """Status -> error class, where any operation names one: the same status without a name means the same error."""
    found = ((str(where[-1]), document.follow(spec, response) or {}) for where, response in document.answers(spec))
    return {status: response["x-python-error"] for status, response in found if "x-python-error" in response}


def _check_arguments(operation: Mapping[str, Any], schemas: Mapping[str, Schema]) -> None:
    arguments = [(item["x-python-name"], item["in"], item["name"]) for item in operation["parameters"]]
    if "requestBody" in operation:
        fields = _fields(operation["requestBody"]["content"][JSON]["schema"], schemas) or {"body": {}}
        arguments += [(argument_name(value, wire), "body", wire) for wire, value in fields.items()]
    taken: dict[str, str] = dict.fromkeys(OPTIONS, "an option of every method")
    for name, location, wire in arguments:
        if not _is_name(name) or name != name.lower():
            raise SpecificationError(f"{name!r} is not a name for an argument; give {wire} another x-python-name")
        if name in taken:
            cure = f"has the name of {taken[name]}; give it an x-python-name"
            raise SpecificationError(f"the argument {name} ({location} {wire}) {cure}")
        taken[name] = f"{location} {wire}"


def _check_names(normal: Mapping[str, Any]) -> None:
    """Refuse tags, methods and operations that would overwrite each other or members of the client."""
    taken: dict[tuple[str, ...], str] = {}
    for (_, path, verb), operation in document.operations(normal):
        method, identity, place = operation["x-python-method"], operation["operationId"], f"{verb.upper()} {path}"
        if not _is_name(method):
            raise SpecificationError(f"{place}: {method!r} is not a name for a method; give it an x-python-method")
        for tag in operation["tags"]:
            name = tag_name(tag)
            if (other := taken.setdefault((name,), tag)) != tag:
                raise SpecificationError(f"the tags {other!r} and {tag!r} give the same name, {name}")
            if name in ("call", "call_async"):
                raise SpecificationError(f"the tag {tag!r} has the name of a method of every client, {name}")
            for given in (method, f"{method}_async"):
                if (other := taken.setdefault((name, "method", given), place)) != place:
                    cure = "give it an x-python-method"
                    raise SpecificationError(f"{place}: its method {given} has the name of that of {other}; {cure}")
            if (other := taken.setdefault((name, "module", module_name(identity)), place)) != place:
                raise SpecificationError(f"{place}: the operationId {identity} is too similar to that of {other}")


def _is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text) and not text.startswith("_")


def request_schemas(normal: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schemas of all arguments."""
    yield from (schema for _, schema in document.outer_schemas(document.arguments(normal)))
    for _, schema in document.outer_schemas(document.media(document.requests(normal))):
        yield from _fields(schema, normal["components"]["schemas"]).values() or [schema]
