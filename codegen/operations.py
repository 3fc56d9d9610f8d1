"""Brings a whole OpenAPI document into normal form, and refuses operations that are not supported.

In the normal form each operation holds its parameters, body, responses and security itself and refers to schemas only.
Extensions hold its name in Python (`x-python-method`), those of its arguments (`x-python-name`), how a parameter is
written (`x-python-style`), how a success is read (`x-python-kind`) and which header holds the key (`x-python-key`).
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from . import document
from .document import Finding, Json, Place, SpecificationError, Where
from .names import class_name, module_name, snake_case, tag_attribute, tag_name
from .normal import Normalizer
from .schemas import NULL, PREFIX, Schema, any_of, branches, kinds, reachable, renamed, target

JSON = "application/json"
STREAM = "text/event-stream"
MULTIPART, FORM = "multipart/form-data", "application/x-www-form-urlencoded"
_TEXTS = ("application/xml", "application/yaml", "application/x-ndjson", "application/jsonl", "application/graphql")
# The extension in normal form that says how the body of a success is read; "none": there is no body.
KIND = "x-python-kind"
OPTIONS = ("retries", "server_url", "timeout_ms", "http_headers", "extra_body")
DEFAULT_ERROR = "OpenRouterDefaultError"
# The style of `types.Parameter` with `explode: true` and with `explode: false`.
STYLES = {
    "simple": ("simple", "simple"),
    "form": ("form", "comma"),
    "spaceDelimited": ("form", "space"),
    "pipeDelimited": ("form", "pipe"),
    "deepObject": ("deep", "deep"),
}
DEFAULT_STYLES = {"path": "simple", "query": "form", "header": "simple"}
# In these methods null is another request than a member that is left out (RFC 7396; RFC 9110, 9.3.4).
RESETTING = ("patch", "put")
ORDER = {"path": 0, "query": 1, "body": 2, "file": 2, "header": 3}


class Argument(NamedTuple):
    """One argument of a method: a parameter, a member of the body, or a whole body.

    `location` is path, query, header, body, or file (a body, or a member of one, that is a file). `holder` is the
    parameter or the body, if there is one: it has a description and examples too. `sends_null`: None is sent as null,
    which is another request than one without the member.
    """

    name: str
    wire: str
    location: str
    schema: Schema
    holder: Json
    required: bool
    style: str = "form"
    sends_null: bool = False


def normalize(spec: Json, taken: Mapping[str, Collection[str]] | None = None) -> dict[str, Any]:
    """Bring a document into normal form; `taken` has the names that tags, and the methods of a tag, may not have.

    Raises:
        SpecificationError: with all findings: operations that are not supported, names that are equal in Python.
    """
    reader = _Reader(spec)
    paths: dict[str, dict[str, Any]] = {}
    for where, raw in document.operations(spec):
        paths.setdefault(where[1], {})[where[2]] = reader.operation(where, raw)
    paths = renamed(paths, reader.unify())
    reached = reachable([paths], reader.schemas)
    schemas = {name: schema for name, schema in reader.schemas.items() if name in reached}
    head = {key: spec[key] for key in ("openapi", "info", "servers", "tags") if key in spec}
    result = {**head, "paths": paths, "components": {"schemas": schemas}}
    used = document.owners(spec)
    findings = [found for found in reader.findings if found.where[:1] != ("components",) or found.where[:3] in used]
    if findings := [*findings, *_wrong_names(result, taken or {})]:
        raise SpecificationError(*dict.fromkeys(findings))
    return result


def argument_name(holder: Json, name: str) -> str:
    """Return the Python name of a parameter or of a member of the body."""
    return str(holder.get("x-python-name") or snake_case(name))


def arguments(place: Place, schemas: Mapping[str, Schema]) -> list[Argument]:
    """Return the arguments of an operation in normal form, in the order of the request."""
    (*_, method), operation = place
    found = []
    for item in operation["parameters"]:
        name, style = item["x-python-name"], item["x-python-style"]
        found.append(Argument(name, item["name"], item["in"], item["schema"], item, item["required"], style))
    if body := operation.get("requestBody"):
        sent, schema = body_schema(operation)
        outer = schemas.get(target(schema) or "", {})
        encoding = body["content"][sent].get("encoding", {})
        # Some servers require the order of the document.
        for wire, member in outer.get("properties", {}).items():
            location = "file" if sent == MULTIPART and is_file(member) else "body"
            required = body["required"] and wire in outer.get("required", ())
            style = "deep" if sent == FORM and encoding.get(wire, {}).get("style") == "deepObject" else "form"
            is_nullable = "null" in kinds(member) or NULL in branches(member)
            null = sent == JSON and method in RESETTING and is_nullable and not required
            found.append(Argument(argument_name(member, wire), wire, location, member, member, required, style, null))
        if not outer.get("properties"):
            location = "file" if sent != JSON and is_file(schema) else "body"
            found.append(Argument("body", "body", location, schema, body, body["required"]))
    return sorted(found, key=lambda item: ORDER[item.location])


def body_schema(operation: Json) -> tuple[str, Schema]:
    """Return the media type and the schema of the body of an operation in normal form; JSON and {} without a body."""
    content = operation.get("requestBody", {"content": {JSON: {"schema": {}}}})["content"]
    ((name, media),) = content.items()
    return name, media["schema"]


def used_schemas(normal: Json) -> tuple[set[str], set[str]]:
    """Return the names of the schemas that arguments, and that responses, refer to, directly or through others."""
    schemas = normal["components"]["schemas"]
    sent = (argument.schema for place in document.operations(normal) for argument in arguments(place, schemas))
    received = (value for _, value in document.responses(normal))
    return reachable(sent, schemas), reachable(received, schemas)


def essence(name: str) -> str:
    """Return a media type in lower case and without parameters."""
    return name.partition(";")[0].strip().lower()


def kind(name: str, media: Mapping[str, Any]) -> str:
    """Return how a body of a media type is sent or read: as "json", "form", "text", "bytes" or "stream"."""
    plain, schema = essence(name), media.get("schema")
    if plain in (STREAM, MULTIPART, FORM):
        return "stream" if plain == STREAM else "form"
    is_typed = isinstance(schema, Mapping) and schema.get("type", "object") != "string" and bool(schema)
    if plain in (JSON, "text/json") or plain.endswith("+json") or (plain in ("*/*", "application/*") and is_typed):
        return "json"
    return "text" if plain.startswith("text/") or plain in _TEXTS or plain.endswith(("+xml", "+yaml")) else "bytes"


def chosen(content: Mapping[str, Any], order: tuple[str, ...]) -> tuple[str, list[str]]:
    """Return the first kind in `order` that a body offers, and its media types; "none" if there is none."""
    found = ((wanted, [name for name, media in content.items() if kind(name, media) == wanted]) for wanted in order)
    return next(((wanted, names) for wanted, names in found if names), ("none", []))


def is_file(schema: Mapping[str, Any]) -> bool:
    """Return whether the value of a schema of the normal form is a file in a multipart body, or a list of files."""
    item = schema.get("items", {}) if schema.get("type") == "array" else schema
    is_encoded = "contentMediaType" not in item or "contentEncoding" in item
    return item.get("type", "string") == "string" and (item.get("format") == "binary" or not is_encoded)


class _Reader(Normalizer):
    """Reads the operations of one document."""

    def __init__(self, spec: Json) -> None:
        super().__init__(spec)
        found = ((place.where[-1], self.locate(*place).value) for place in document.responses(spec))
        # A response without x-python-error has the class that another operation names for the same status.
        self.errors = {status: raw["x-python-error"] for status, raw in found if "x-python-error" in raw}

    def operation(self, where: Where, raw: Json) -> dict[str, Any]:
        _, path, method = where
        identity = str(raw.get("operationId") or f"{method}_{path}")
        hint = class_name(identity)
        owners = [Place(where[:2], self.spec["paths"][path]), Place(where, raw)]
        for place, servers in document.below(owners, "servers"):
            if servers != self.spec.get("servers"):
                fix = "requests go to the client's server: remove it, and let callers pass server_url"
                self.reject(place, "an operation has servers of its own", fix)
        result = {
            **{key: raw[key] for key in ("summary", "description", "deprecated", "x-source") if key in raw},
            "operationId": identity,
            "x-python-method": raw.get("x-python-method") or snake_case(identity),
            "tags": list(raw.get("tags") or ["default"]),
            "parameters": list(self._parameters(where, owners, hint)),
            "responses": self._responses(where, raw, hint),
            **self._security(where, raw),
            **self._body(where, raw, hint),
        }
        self._rename_parameters(Place(where, result))
        return result

    def _parameters(self, where: Where, owners: list[Place], hint: str) -> Iterator[dict[str, Any]]:
        located = [self.locate(*place) for place in document.below(owners, "parameters", "*")]
        # Parameters of the operation replace those of its path.
        found = {(str(place.value.get("in")), str(place.value.get("name"))): place for place in located}
        templates = set(re.findall(r"{([^}]*)}", where[1]))
        for name in sorted(templates ^ {name for location, name in found if location == "path"}):
            problem = "is in the path and not in parameters" if name in templates else "is not in the path"
            self.reject(where, f"the path parameter {name} {problem}", f"declare {name} in both, or in none")
        for (location, name), (place, item) in found.items():
            if location == "header" and name.lower() in ("accept", "content-type", "authorization"):
                continue  # OpenAPI ignores these parameters
            if location not in DEFAULT_STYLES:
                self.reject(place, f"the parameter {name} is in a {location}", "declare it in a header or query")
                continue
            holder = next(iter(document.media([Place(place, item)])), Place(place, item))
            style = item.get("style", DEFAULT_STYLES[location])
            exploded, joined = STYLES.get(style, (None, None)) if holder.value is item else ("json", "json")
            written = exploded if item.get("explode", style == "form") else joined
            if written is None:
                fix = f"use style: {DEFAULT_STYLES[location]}"
                self.reject((*place, "style"), f"the parameter {name} has the style {style}", fix)
            schema = holder.value.get("schema", {})
            yield {
                **{key: value for key, value in item.items() if key not in ("content", "style", "explode")},
                "required": location == "path" or bool(item.get("required")),
                "schema": self.schema(schema, (*holder.where, "schema"), hint + class_name(name)),
                "x-python-name": argument_name(item, name),
                "x-python-style": written,
            }

    def _body(self, where: Where, raw: Json, hint: str) -> dict[str, Any]:
        if "requestBody" not in raw:
            return {}
        place = self.locate((*where, "requestBody"), raw["requestBody"])
        content = place.value.get("content") or {}
        read, names = chosen(content, ("json", "form", "text", "bytes"))
        if not names:
            self.reject(place.where, "the request body has no content that can be sent", f"declare {JSON}")
            return {}
        name = names[0]
        at = (*place.where, "content", name, "schema")
        schema = self.schema(content[name].get("schema", {}), at, f"{hint}Request")
        if read in ("text", "bytes"):
            schema = {"type": "string", **({} if read == "text" else {"format": "binary"})}
        outer = self.schemas.get(target(schema) or "", schema)
        responses = (self.locate(*found).value for found in document.below([Place(where, raw)], "responses", "*"))
        is_streamed = any(essence(name) == STREAM for found in responses for name in found.get("content") or ())
        if is_streamed and "stream" in outer.get("properties", ()):
            outer = _without_stream(outer)
            self.schemas[f"{hint}RequestUnstreamed"] = outer
            schema = {"$ref": f"{PREFIX}{hint}RequestUnstreamed"}
        if read == "form" and branches(outer):
            fix = "write one object with all members, optional ones not required"
            self.reject(at, "a form that is a union", fix)
        needed = place.value.get("required", bool(outer.get("required")) or not outer.get("properties"))
        sent = JSON if read == "json" else essence(name)
        body = {**place.value, "required": needed, "content": {sent: {**content[name], "schema": schema}}}
        return {"requestBody": body}

    def _responses(self, where: Where, raw: Json, hint: str) -> dict[str, dict[str, Any]]:
        """Return the responses by status. All successes get one JSON schema, since a method has one result type."""
        places = document.below([Place(where, raw)], "responses", "*")
        found = {place.where[-1]: self.locate(*place) for place in places}
        good = {status: place for status, place in found.items() if status[0] == "2"}
        bad = {status: place for status, place in found.items() if status[0] not in "123"}
        if not good and "default" in bad:
            good = {"2XX": bad.pop("default")}
        if not good:
            self.reject((*where, "responses"), "no response has a status of 2XX", 'declare "200", or "204"')
        result: dict[str, dict[str, Any]] = {}
        contents: list[Schema] = []
        for status, place in good.items():
            content = {} if where[2] == "head" or status in ("204", "205") else place.value.get("content") or {}
            read, names = chosen(content, ("json", "text", "bytes", "form"))
            if content and not names:
                fix = f"declare the {JSON} response of the non-streaming call, or leave the operation out"
                problem = "a response that is only an event stream is not supported"
                self.reject((*place.where, "content"), problem, fix)
            result[status] = {"description": place.value.get("description", "")}
            result[status][KIND] = "bytes" if read == "form" else read
            if read == "json":
                at = (*place.where, "content", names[0], "schema")
                contents.append(self.schema(content[names[0]].get("schema", {}), at, f"{hint}Answer"))
            elif names:
                result[status]["x-python-accept"] = names
        for response in (found for found in result.values() if found[KIND] == "json"):
            response["content"] = {JSON: {"schema": any_of(contents)}}
        for status, place in bad.items():
            name = place.value.get("x-python-error") or self.errors.get(status, DEFAULT_ERROR)
            result[status] = {"description": place.value.get("description", ""), "x-python-error": name}
            # Other media types of errors are ignored: the client reads the status first.
            for at, schema in document.below([place], "content", JSON, "schema"):
                result[status]["content"] = {JSON: {"schema": self.schema(schema, at, "ErrorBody")}}
        return result

    def _security(self, where: Where, raw: Json) -> dict[str, Any]:
        """Return the requirements of an operation, and the header of its key if that is not `Authorization`."""
        required = [item for item in raw.get("security", self.spec.get("security", ())) if item]
        schemes = self.spec.get("components", {}).get("securitySchemes", {})
        used = [self.locate((), schemes.get(name)).value for item in required if len(item) == 1 for name in item]
        headers = [header for header in map(_key_header, used) if header]
        if required and not headers:
            shared = ("components", "securitySchemes", *list(required[0])[:1])
            fix = "declare type: http with scheme: bearer, or type: apiKey with in: header"
            self.reject((*where, "security") if "security" in raw else shared, "a key that requests do not send", fix)
        key = {"x-python-key": headers[0]} if headers and "Authorization" not in headers else {}
        return {"security": required, **key}

    def _rename_parameters(self, place: Place) -> None:
        """Put its location before the name of each parameter whose name in Python is taken."""
        taken = [item.name for item in arguments(place, self.schemas) if item.location in ("body", "file")]
        for item in place.value["parameters"]:
            if item["x-python-name"] in taken:
                item["x-python-name"] = f"{item['in']}_{item['x-python-name']}"
            taken.append(item["x-python-name"])


def _without_stream(body: Schema) -> Schema:
    """Return a body without the member that requests an event stream, since the client reads whole results."""
    kept = {name: member for name, member in body["properties"].items() if name not in ("stream", "stream_options")}
    return {**body, "properties": kept, "required": [name for name in body.get("required", ()) if name in kept]}


def _key_header(scheme: Json) -> str:
    """Return the header in which the key of a security scheme is sent; empty if it is sent otherwise."""
    if scheme.get("type") == "apiKey" and scheme.get("in") == "header":
        return str(scheme["name"])
    is_bearer = scheme.get("type") in ("oauth2", "openIdConnect") or str(scheme.get("scheme")).lower() == "bearer"
    return "Authorization" if is_bearer else ""


def _wrong_names(normal: Json, reserved: Mapping[str, Collection[str]]) -> list[Finding]:
    """Find names that Python does not allow, and names that another method, argument, option or member has."""
    owners: dict[tuple[Any, str], str] = {}  # (scope, name) -> what has the name
    for tag, names in reserved.items():
        owner = f"a method of the hand-written class of {tag}" if tag else "a member of the client"
        owners |= {(tag, name): owner for name in names}
    findings: dict[tuple[Where, str], Finding] = {}  # one for each owner of a name
    for where, operation in document.operations(normal):
        place, method = f"{where[2].upper()} {where[1]}", operation["x-python-method"]
        owners |= {(where, name): "an option of every method" for name in OPTIONS}
        tags, items = operation["tags"], arguments(Place(where, operation), normal["components"]["schemas"])
        methods = [(tag_name(tag), name) for tag in tags for name in (method, f"{method}_async")]
        # The key that sets a name, the scope in which it must be unique, the name, and its owner.
        claims: list[tuple[str, Any, str, str]] = [
            ("operationId", "operations", module_name(operation["operationId"]), f"the operationId of {place}"),
            *(("tags", "", tag_attribute(tag), f"the tag {tag!r}") for tag in tags),
            *(("x-python-method", scope, name, f"the method of {place}") for scope, name in methods),
            *(("x-python-name", where, one.name, f"the argument for the {one.location} {one.wire}") for one in items),
        ]
        for key, scope, name, owner in claims:
            at, problem = (*where, key) if key in operation else where, ""
            if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower().lstrip("_"):
                problem = f"{name!r} is not a name for {owner}"
            elif (other := owners.setdefault((scope, name), owner)) != owner:
                problem = f"{owner} and {other} have the same name in Python, {name}"
            if problem:
                findings.setdefault((at, owner), Finding(at, problem, f"write another {key}"))
    return list(findings.values())
