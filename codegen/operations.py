"""Brings a whole OpenAPI document into normal form, and refuses operations that cannot be generated.

In the normal form each operation holds its parameters, body, responses and security itself, refers to nothing but
schemas, and says how Python names it (`x-python-method`) and its arguments (`x-python-name`), how a parameter is
written (`x-python-style`), how a success is read (`x-python-kind`) and which header holds the key (`x-python-key`).
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from . import document
from .document import Finding, SpecificationError, Where
from .media import FORM, JSON, KIND, MULTIPART, chosen, essence, kind
from .names import class_name, module_name, snake_case, tag_name
from .normal import Normalizer, unify
from .schemas import NULL, PREFIX, Schema, branches, kinds, reachable, renamed, target

OPTIONS = ("retries", "server_url", "timeout_ms", "http_headers", "extra_body")
DEFAULT_ERROR = "OpenRouterDefaultError"
# How requests write a parameter: (location, style, explode) -> the style of `types.Parameter`.
STYLES: dict[tuple[str, str, bool], str] = {
    **{("path", "simple", explode): "simple" for explode in (True, False)},
    **{("header", "simple", explode): "simple" for explode in (True, False)},
    ("query", "form", True): "form",
    ("query", "form", False): "comma",
    ("query", "spaceDelimited", True): "form",
    ("query", "spaceDelimited", False): "space",
    ("query", "pipeDelimited", True): "form",
    ("query", "pipeDelimited", False): "pipe",
    **{("query", "deepObject", explode): "deep" for explode in (True, False)},
}
DEFAULT_STYLES = {"path": "simple", "query": "form", "header": "simple"}
# In these, a member that is null is another request than a member that is left out (RFC 7396; RFC 9110, 9.3.4).
RESETTING = ("patch", "put")


def normalize(spec: Mapping[str, Any], taken: Mapping[str, Collection[str]] | None = None) -> dict[str, Any]:
    """The normal form of a document; `taken` has the names that tags, and the methods of a tag, may not have.

    Raises:
        SpecificationError: an operation cannot be generated, or two names are equal in Python; with all findings.
    """
    reader = _Reader(spec)
    paths: dict[str, dict[str, Any]] = {}
    for where, raw in document.operations(spec):
        _, path, method = where
        paths.setdefault(path, {})[method] = reader.operation(where, raw)
    described = {key: spec[key] for key in ("openapi", "info", "servers", "tags") if key in spec}
    schemas = reader.normal.schemas
    names = unify(schemas, schemas.keys() - reader.normal.class_names.values())
    for name, other in names.items():
        if name in reader.normal.class_names.values():  # not an inline copy: it can be imported under either name
            aliases = [*schemas[other].get("x-python-aliases", ()), name, *schemas[name].get("x-python-aliases", ())]
            schemas[other]["x-python-aliases"] = aliases
    left = renamed({name: schema for name, schema in schemas.items() if name not in names}, names)
    result = {**described, "paths": renamed(paths, names), "components": {"schemas": left}}
    findings = [finding for finding in reader.normal.findings if _is_used(spec, finding.where)]
    findings += _equal_names(result, taken or {})
    if findings:
        raise SpecificationError(*dict.fromkeys(findings))
    used = reachable((schema for _, schema in document.outer_schemas(_holders(result))), left)
    result["components"] = {"schemas": {name: schema for name, schema in left.items() if name in used}}
    return result


def fields(body: Mapping[str, Any], schemas: Mapping[str, Schema]) -> dict[str, Schema]:
    """The members of a body that are arguments of their own; none if the body is one argument."""
    name = target(body)
    found: dict[str, Schema] = schemas[name].get("properties", {}) if name is not None else {}
    return found


def argument_name(holder: Mapping[str, Any], name: str) -> str:
    """The Python name of a parameter or of a member of the body."""
    return str(holder.get("x-python-name") or snake_case(name))


def body_schema(operation: Mapping[str, Any]) -> tuple[str, Schema]:
    """The media type and the schema of the body of an operation in normal form."""
    ((name, media),) = operation["requestBody"]["content"].items()
    return name, media["schema"]


def request_schemas(normal: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schemas of all arguments."""
    yield from (schema for _, schema in document.outer_schemas(document.arguments(normal)))
    for _, schema in document.outer_schemas(document.media(document.requests(normal))):
        yield from fields(schema, normal["components"]["schemas"]).values() or [schema]


def _holders(normal: Mapping[str, Any]) -> Iterator[document.Place]:
    yield from document.arguments(normal)
    yield from document.media((*document.requests(normal), *document.answers(normal)))


def _is_used(spec: Mapping[str, Any], where: Where) -> bool:
    return where[:1] != ("components",) or bool(document.operations_of(spec, where))


class _Reader:
    """Reads the operations of one document; findings are collected, so that one does not hide the others."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self.spec, self.normal = spec, Normalizer(spec, [])
        found = ((str(where[-1]), document.follow(spec, raw) or {}) for where, raw in document.answers(spec))
        # Where any operation names the class of a status: without a name, the same status means the same error.
        self.errors = {status: raw["x-python-error"] for status, raw in found if "x-python-error" in raw}

    def operation(self, where: Where, raw: Mapping[str, Any]) -> dict[str, Any]:
        _, path, method = where
        identity = str(raw.get("operationId") or f"{method}_{path}")
        hint = class_name(identity)
        self._check_servers(where, raw)
        result = {
            **{key: raw[key] for key in ("summary", "description", "deprecated", "x-source") if key in raw},
            "operationId": identity,
            "x-python-method": raw.get("x-python-method") or snake_case(identity),
            "tags": list(raw.get("tags") or ["default"]),
            "parameters": list(self._parameters(where, raw, hint)),
            "responses": self._responses(where, raw, hint),
            **self._security(where, raw),
        }
        if "requestBody" in raw:
            result |= self._body(where, raw, hint, streams=_streams(self.normal, raw))
        self._check_arguments(where, result)
        return result

    def _check_servers(self, where: Where, raw: Mapping[str, Any]) -> None:
        shared = self.spec.get("servers")
        for owner, holder in ((where[:2], self.spec["paths"][where[1]]), (where, raw)):
            if holder.get("servers", shared) != shared:
                cure = "requests go to the client's server: remove it, and let callers pass server_url"
                self.normal.find((*owner, "servers"), "an operation has servers of its own", cure)

    def _parameters(self, where: Where, raw: Mapping[str, Any], hint: str) -> Iterator[dict[str, Any]]:
        found: dict[tuple[str, str], tuple[Where, dict[str, Any]]] = {}
        for owner, holder in ((where[:2], self.spec["paths"][where[1]]), (where, raw)):
            for index, item in enumerate(holder.get("parameters", ())):
                at, value = self.normal.locate((*owner, "parameters", str(index)), item)
                # Those of the operation replace those of its path.
                found[str(value.get("in")), str(value.get("name"))] = at, dict(value)
        templates = set(re.findall(r"{([^}]*)}", where[1]))
        for name in sorted(templates ^ {name for location, name in found if location == "path"}):
            problem = "is in the path and not in parameters" if name in templates else "is not in the path"
            self.normal.find(where, f"the path parameter {name} {problem}", f"declare {name} in both, or in none")
        for (location, name), (place, item) in found.items():
            if location == "header" and name.lower() in ("accept", "content-type", "authorization"):
                continue  # the specification says that these are to be ignored
            if location not in DEFAULT_STYLES:
                self.normal.find(place, f"the parameter {name} is in a {location}", "declare it in a header or query")
                continue
            content = list((item.get("content") or {}).items())
            style = item.get("style", DEFAULT_STYLES[location])
            explode = item.get("explode", style == "form")
            written = "json" if content else STYLES.get((location, style, explode))
            if written is None:
                cure = f"use style: {DEFAULT_STYLES[location]}"
                self.normal.find((*place, "style"), f"the parameter {name} has the style {style}", cure)
            raw_schema = content[0][1].get("schema", {}) if content else item.get("schema", {})
            schema_place = (*place, "content", content[0][0], "schema") if content else (*place, "schema")
            schema = self.normal.schema(raw_schema, schema_place, hint + class_name(name))
            kept = {key: value for key, value in item.items() if key not in ("content", "style", "explode")}
            named = {"schema": schema, "x-python-name": argument_name(item, name), "x-python-style": written}
            yield {**kept, "required": location == "path" or bool(item.get("required")), **named}

    def _body(self, where: Where, raw: Mapping[str, Any], hint: str, streams: bool) -> dict[str, Any]:
        place = self.normal.locate((*where, "requestBody"), raw["requestBody"])
        content = place.value.get("content") or {}
        forms = [name for name in content if essence(name) in (MULTIPART, FORM)]
        name = next(iter([*chosen(content, ("json",)), *forms, *chosen(content, ("text", "bytes"))]), None)
        if name is None:
            self.normal.find(place.where, "the request body has no content that can be sent", f"declare {JSON}")
            return {}
        is_json, is_form = kind(name, content[name]) == "json", name in forms
        at = (*place.where, "content", name, "schema")
        schema = self.normal.schema(content[name].get("schema", {}), at, f"{hint}Request")
        if not is_json and not is_form:
            schema = {"type": "string", **({} if kind(name, content[name]) == "text" else {"format": "binary"})}
        if streams and "stream" in fields(schema, self.normal.schemas):
            schema = self._without_stream(schema, f"{hint}Request")
        members = fields(schema, self.normal.schemas)
        if is_form and not members and branches(self._content(schema)):
            self.normal.find(
                at, "a form that is a union", "write one object with all members, optional ones not required"
            )
        explicit = place.value.get("required")
        needed = explicit if explicit is not None else bool(self._content(schema).get("required")) or not members
        sent = JSON if is_json else essence(name)
        body = {**place.value, "required": needed, "content": {sent: {**content[name], "schema": schema}}}
        return {"requestBody": body}

    def _content(self, schema: Schema) -> Schema:
        return self.normal.schemas.get(target(schema) or "", schema)

    def _without_stream(self, schema: Schema, hint: str) -> Schema:
        """The body without the member that asks for an event stream: results come whole."""
        body = self._content(schema)
        names = ("stream", "stream_options")
        members = {name: value for name, value in body["properties"].items() if name not in names}
        required = [name for name in body.get("required", ()) if name not in names]
        self.normal.schemas[f"{hint}Unstreamed"] = {**body, "properties": members, "required": required}
        return {"$ref": f"{PREFIX}{hint}Unstreamed"}

    def _responses(self, where: Where, raw: Mapping[str, Any], hint: str) -> dict[str, dict[str, Any]]:
        """The responses by status. All successes have one JSON schema: a result's type is not that of a status."""
        responses = raw.get("responses", {})
        found = {str(s): self.normal.locate((*where, "responses", str(s)), value) for s, value in responses.items()}
        good = {status: place for status, place in found.items() if status[0] == "2"}
        bad = {status: place for status, place in found.items() if status not in good and status[0] not in "13"}
        if not good and "default" in bad:
            good = {"2XX": bad.pop("default")}
        if not good:
            self.normal.find((*where, "responses"), "no response has a status of 2XX", 'declare "200", or "204"')
        result: dict[str, dict[str, Any]] = {}
        contents: list[Schema] = []
        for status, place in good.items():
            content = {} if where[2] == "head" or status in ("204", "205") else place.value.get("content") or {}
            names = chosen(content, ("json", "text", "bytes"))
            if content and not names:
                cure = f"declare the {JSON} of a call that does not stream, or leave the operation out"
                self.normal.find((*place.where, "content"), "an event stream alone is not supported", cure)
            read = kind(names[0], content[names[0]]) if names else "none"
            result[status] = {"description": place.value.get("description", ""), KIND: read}
            if read == "json":
                at = (*place.where, "content", names[0], "schema")
                contents.append(self.normal.schema(content[names[0]].get("schema", {}), at, f"{hint}Answer"))
            result[status] |= {"x-python-accept": names} if names and read != "json" else {}
        distinct = [schema for index, schema in enumerate(contents) if schema not in contents[:index]]
        shared = distinct[0] if len(distinct) == 1 else {"anyOf": distinct}
        for response in result.values():
            response |= {"content": {JSON: {"schema": shared}}} if response[KIND] == "json" else {}
        for status, place in bad.items():
            media = (place.value.get("content") or {}).get(JSON, {})
            result[status] = {"description": place.value.get("description", "")}
            if "schema" in media:  # an error may have any content: the client reads the status first
                at = (*place.where, "content", JSON, "schema")
                result[status]["content"] = {JSON: {"schema": self.normal.schema(media["schema"], at, "ErrorBody")}}
            name = place.value.get("x-python-error") or self.errors.get(status, DEFAULT_ERROR)
            result[status]["x-python-error"] = name
        return result

    def _security(self, where: Where, raw: Mapping[str, Any]) -> dict[str, Any]:
        """The requirements of an operation, and the header of its key if that is not `Authorization`."""
        own = "security" in raw
        required = [item for item in raw.get("security", self.spec.get("security", ())) if item]
        schemes = self.spec.get("components", {}).get("securitySchemes", {})
        headers: list[str] = []
        for item in required:
            parts = [self.normal.locate((), schemes.get(name)).value for name in item]
            if len(parts) == 1 and (header := _key_header(parts[0])):
                headers.append(header)
        if required and not headers:
            place = (*where, "security") if own else ("components", "securitySchemes", *list(required[0])[:1])
            cure = "declare type: http with scheme: bearer, or type: apiKey with in: header"
            self.normal.find(place, "a key that requests do not send", cure)
        key = {"x-python-key": headers[0]} if headers and "Authorization" not in headers else {}
        return {"security": required, **key}

    def _check_arguments(self, where: Where, operation: dict[str, Any]) -> None:
        members: dict[str, Schema] = {}
        if "requestBody" in operation:
            members = fields(body_schema(operation)[1], self.normal.schemas) or {"body": {}}
        arguments = [(argument_name(value, wire), "body", wire) for wire, value in members.items()]
        seen = {name for name, _, _ in arguments}
        for item in operation["parameters"]:  # of two arguments with one name, the parameter gets its location's
            clear = item["x-python-name"] not in seen
            item["x-python-name"] = item["x-python-name"] if clear else f"{item['in']}_{item['x-python-name']}"
            arguments.append((item["x-python-name"], item["in"], item["name"]))
            seen.add(item["x-python-name"])
        taken: dict[str, str] = dict.fromkeys(OPTIONS, "an option of every method")
        for name, location, wire in arguments:
            if not _is_name(name) or name != name.lower():
                cure = f"give {wire} another x-python-name"
                self.normal.find(where, f"{name!r} is not a name for an argument", cure)
            elif name in taken:
                problem = f"the argument {name} ({location} {wire}) has the name of {taken[name]}"
                self.normal.find(where, problem, "give it an x-python-name")
            taken[name] = f"{location} {wire}"


def _streams(normal: Normalizer, raw: Mapping[str, Any]) -> bool:
    """Whether a success is an event stream if the request asks for one."""
    good = [found for status, found in raw.get("responses", {}).items() if str(status)[0] == "2"]
    contents = [normal.locate((), found).value.get("content") or {} for found in good]
    return any(kind(name, {}) == "stream" for content in contents for name in content)


def _key_header(scheme: Mapping[str, Any]) -> str:
    """The header in which the key of a security scheme is sent; empty if it is sent otherwise."""
    if scheme.get("type") == "apiKey" and scheme.get("in") == "header":
        return str(scheme["name"])
    is_bearer = scheme.get("type") in ("oauth2", "openIdConnect") or str(scheme.get("scheme")).lower() == "bearer"
    return "Authorization" if is_bearer else ""


def is_reset(method: str, schema: Schema) -> bool:
    """Whether null in a member of a body of this method is sent, and means something."""
    return method.lower() in RESETTING and ("null" in kinds(schema) or NULL in branches(schema))


def _equal_names(normal: Mapping[str, Any], reserved: Mapping[str, Collection[str]]) -> Iterator[Finding]:
    """Tags, methods and operations that would overwrite each other or members of the client."""
    taken: dict[tuple[str, ...], str] = {}
    for where, operation in document.operations(normal):
        place = f"{where[2].upper()} {where[1]}"
        method, identity = operation["x-python-method"], operation["operationId"]
        if (other := taken.setdefault(("operation", module_name(identity)), place)) != place:
            problem = f"the operationId {identity} is too similar to that of {other}"
            yield Finding((*where, "operationId"), problem, "give it another one")
            continue
        if not _is_name(method):
            yield Finding(
                (*where, "x-python-method"), f"{method!r} is not a name for a method", "give it an x-python-method"
            )
        for index, tag in enumerate(operation["tags"]):
            name, at = tag_name(tag), (*where, "tags", str(index))
            if (other := taken.setdefault((name,), tag)) != tag:
                yield Finding(at, f"the tags {other!r} and {tag!r} give the same name, {name}", "use one of the two")
            if name in reserved.get("", ()):
                problem = f"the tag {tag!r} has the name of a member of the client, {name}"
                yield Finding(at, problem, "give it another name")
            for given in (method, f"{method}_async"):
                if given in reserved.get(name, ()):
                    problem = f"its method {given} has the name of a method of the hand-written class of {tag!r}"
                    yield Finding(where, problem, "give it an x-python-method")
                if (other := taken.setdefault((name, "method", given), place)) != place:
                    cure = "give it an x-python-method"
                    yield Finding(where, f"its method {given} has the name of that of {other}", cure)
                    break


def _is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text) and not text.startswith("_")
