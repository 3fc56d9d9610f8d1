"""Takes one operation from another document, in the form that openapi.yaml has: what `make lint` asks for.

Inline objects and enums become named schemas, null a type or a union with one reference, `allOf` one object; headers
and errors become references to our components; texts and examples go where our rules want them. `notes` says what was
left out or decided and needs a reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from .. import document, names, rules
from ..document import Json, Place, pointer
from ..operations import JSON, OPTIONS, argument_name
from ..schemas import NULL, PREFIX, Schema, branches, kinds, target

KEYWORDS = frozenset(rules.STYLE_SCHEMA["$defs"]["keyword"]["enum"])
SILENT = {"nullable", "example", "title", "xml", "externalDocs", "readOnly", "writeOnly", "$schema", "$id", "$comment"}
OPERATION_KEYS = {"operationId", "tags", "summary", "description", "parameters", "requestBody", "responses"}
OPERATION_KEYS |= {"security", "deprecated", "servers", "externalDocs", "callbacks"}
METHOD_NAMES = ("x-python-method", "x-speakeasy-name-override", "x-fern-sdk-method-name")


class Excerpt:
    """One operation and what it needs, to be added to our document.

    Args:
        ours: our document.
        theirs: the other document.
        operation: the operation in the other document.
        source: what `x-source` says.
    """

    def __init__(self, ours: Json, theirs: Json, operation: Place, source: str) -> None:
        self.ours, self.theirs = ours, theirs
        self.known: Mapping[str, Json] = ours.get("components", {}).get("schemas", {})
        self.schemas: dict[str, Schema] = {}
        self.responses: dict[str, Any] = {}
        self.parameters: dict[str, Any] = {}
        self.notes: list[str] = []
        self.taken: dict[str, str] = {}  # their schema -> its name here
        _, self.path, self.method = operation.where
        raw = operation.value
        self.id = str(raw.get("operationId") or f"{self.method}_{self.path}")
        self.title = _class_name(self.id)
        self.operation = self._operation(raw, source)
        self.tags = list(self._tags())
        self._repair_examples()

    def document(self) -> dict[str, Any]:
        """What is to be added, as a part of a document."""
        kinds = {"parameters": self.parameters, "responses": self.responses, "schemas": self.schemas}
        components = {kind: value for kind, value in kinds.items() if value}
        found = {"tags": self.tags, "paths": {self.path: {self.method: self.operation}}, "components": components}
        return {key: value for key, value in found.items() if value}

    def merged(self) -> dict[str, Any]:
        """Our document with the operation."""
        ours = self.ours
        components = {**ours.get("components", {})}
        for kind, value in self.document().get("components", {}).items():
            components[kind] = {**components.get(kind, {}), **value}
        item = {**ours["paths"].get(self.path, {}), self.method: self.operation}
        paths = {**ours["paths"], self.path: item}
        return {**ours, "tags": [*ours.get("tags", ()), *self.tags], "paths": paths, "components": components}

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    # ------------------------------------------------------------------ the operation

    def _operation(self, raw: Json, source: str) -> dict[str, Any]:
        summary = _sentence(raw.get("summary") or raw.get("description") or _words(self.id)).rstrip(".")
        found: dict[str, Any] = {
            "operationId": self.id,
            "x-python-method": self._method_name(raw),
            "x-source": f"{source}, {self.method.upper()} {self.path}",
            "tags": list(raw.get("tags") or ["Default"])[:1],
            "summary": summary,
            "description": _clean(raw.get("description") or raw.get("summary") or f"{summary}."),
        }
        if raw.get("deprecated"):
            found["deprecated"] = True
        if "security" in raw:
            if not any(raw["security"]):
                found["security"] = []
            else:
                schemes = ", ".join(dict.fromkeys(name for item in raw["security"] for name in item))
                self.note(f"security: the operation names {schemes}; here it has the document's own")
        if "servers" in raw:
            self.note("servers: the operation has servers of its own; they are left out")
        if parameters := list(self._parameters(raw)):
            found["parameters"] = parameters
        if "requestBody" in raw:
            body = self._resolved(raw["requestBody"])
            found["requestBody"] = {"required": True} if body.get("required") else {}
            content = self._content(body, f"{self.title}RequestBody")
            found["requestBody"]["content"] = content
        found["responses"] = dict(self._responses(raw))
        self._rename_arguments(found)
        return found

    def _method_name(self, raw: Json) -> str:
        given = [names.snake_case(str(raw[key])) for key in METHOD_NAMES if key in raw] + [names.snake_case(self.id)]
        tags = list(raw.get("tags") or ["Default"])[:1]
        operations = [place.value for place in document.operations(self.ours)]
        taken = {item.get("x-python-method") for item in operations if tags[0] in item.get("tags", ())}
        return next((name for name in given if name not in taken), f"{given[0]}_{self.method}")

    def _tags(self) -> Iterator[dict[str, Any]]:
        known = {tag["name"] for tag in self.ours.get("tags", ())}
        for name in self.operation["tags"]:
            if name not in known:
                theirs: Json = next((tag for tag in self.theirs.get("tags", ()) if tag.get("name") == name), {})
                yield {"name": name} | (
                    {"description": _clean(theirs["description"])} if theirs.get("description") else {}
                )

    def _parameters(self, raw: Json) -> Iterator[dict[str, Any]]:
        shared = {place.value["name"].lower(): place for place in document.components(self.ours, "parameters")}
        headers = {name for name, place in shared.items() if place.value.get("in") == "header"}
        yield from ({"$ref": pointer(shared[name].where)} for name in shared if name in headers)
        written = [*self.theirs["paths"][self.path].get("parameters", ()), *raw.get("parameters", ())]
        items = {(item["in"], item["name"]): item for item in map(self._resolved, written)}
        for (location, name), item in items.items():
            if location == "header" and name.lower() in headers:
                continue
            if location in ("header", "cookie") and not item.get("required"):
                self.note(f"{location} {name}: optional, so it is left out; callers can pass http_headers=")
                continue
            parameter = self._parameter(item)
            if location == "header":
                key = _class_name(name)
                self.parameters[key] = parameter
                yield {"$ref": f"#/components/parameters/{key}"}
            else:
                yield parameter

    def _parameter(self, raw: Json) -> dict[str, Any]:
        media: Json = next(iter(raw.get("content", {}).values()), {})
        schema = dict(raw.get("schema") or media.get("schema") or {})
        resolved = self._resolved(schema)
        found = {"name": raw["name"], "in": raw["in"]}
        if raw.get("required") or raw["in"] == "path":
            found["required"] = True
        if text := raw.get("description") or schema.get("description") or resolved.get("description"):
            found["description"] = _clean(text)
        found |= {key: raw[key] for key in ("style", "explode", "deprecated") if key in raw}
        plain = {key: value for key, value in schema.items() if key not in ("description", "nullable")}
        found["schema"] = self._without_null(self.inline(plain, self.title + _class_name(raw["name"]), str(text or "")))
        for key in ("examples", "example", "default"):
            found["schema"].pop(key, None) if key != "default" else None
        example = _first_example(raw, schema, resolved)
        found["example"] = self.sample(found["schema"]) if example is None else example
        if example is None:
            self.note(f"{raw['in']} {raw['name']}: the example is made up from the schema")
        return found

    def _without_null(self, schema: Schema) -> Schema:
        """A schema for a query or a path, where null is the same as leaving the parameter out."""
        options = [item for item in branches(schema) if item != NULL]
        if branches(schema) and len(options) == 1:
            return options[0]
        types = [kind for kind in kinds(schema) if kind != "null"]
        return {**schema, "type": types[0] if len(types) == 1 else types} if "null" in kinds(schema) else schema

    def _content(self, holder: Json, name: str) -> dict[str, Any]:
        """The JSON content of a body, or the content as it is if it has no JSON."""
        kind = "result" if name.endswith("Response") else "body"
        text = f"The {kind} of {self.method.upper()} {self.path}."
        content = holder.get("content", {})
        chosen = next((key for key in content if key.partition(";")[0].strip() == JSON), None)
        chosen = chosen or next((key for key in content if "json" in key), None) or next(iter(content))
        for other in content:
            if other != chosen:
                self.note(f"{kind}: {other} is left out, {chosen} is kept")
        media = content[chosen]
        schema = self.inline(media.get("schema", {}), name, text, top=True)
        found: dict[str, Any] = {"schema": schema}
        examples = media.get("examples")
        if isinstance(examples, Mapping) and all("value" in self._resolved(item) for item in examples.values()):
            resolved = {key: self._resolved(item) for key, item in examples.items()}
            found["examples"] = {key: {"value": item["value"]} for key, item in resolved.items()}
        else:
            raw = media.get("schema", {})
            example = _first_example(media, raw, self._resolved(raw))
            found["examples"] = {"plain": {"value": self.sample(schema) if example is None else example}}
            if example is None:
                self.note(f"{kind}: the example is made up from the schema")
        return {JSON if "json" in chosen else chosen: found}

    def _responses(self, raw: Json) -> Iterator[tuple[str, dict[str, Any]]]:
        answers = document.answers(self.ours)
        ours = {where[-1]: value["$ref"] for where, value in answers if "$ref" in value}
        for status, written in raw.get("responses", {}).items():
            response = self._resolved(written)
            text = _clean(response.get("description") or "")
            if status[0] in "23":
                found: dict[str, Any] = {"description": text or _words(self.id)}
                if response.get("content"):
                    found["content"] = self._content(response, f"{self.title}Response")
                yield status, found
            elif status in ours:
                yield status, {"$ref": ours[status]}
            elif status.isdigit():
                yield status, {"$ref": self._error(status, response, text)}
            else:
                self.note(f"status {status}: it is left out; the default covers it")
        if "default" in ours and "default" not in raw.get("responses", {}):
            yield "default", {"$ref": ours["default"]}

    def _error(self, status: str, response: Json, text: str) -> str:
        """A new error response with our error schema."""
        phrase = HTTPStatus(int(status)).phrase if int(status) in list(HTTPStatus) else f"Status {status}"
        theirs = target(response.get("content", {}).get(JSON, {}).get("schema", {})) or ""
        known = self.ours.get("components", {}).get("responses", {})
        alone = theirs.endswith("Response") and theirs not in self.responses and theirs not in known
        name = theirs if alone else _class_name(f"{phrase} response")
        answers = document.components(self.ours, "responses")
        schema = next(iter(document.outer_schemas(document.media(answers))), None)
        found: dict[str, Any] = {"description": text or f"{phrase}.", "x-python-error": f"{name}Error"}
        if schema is not None:
            media = {"schema": dict(schema.value), "examples": {"plain": {"value": None}}}
            media["examples"]["plain"]["value"] = {"error": {"code": int(status), "message": text or phrase}}
            found["content"] = {JSON: media}
        self.responses[name] = found
        self.note(f"status {status}: write the class {name}Error in overlay/openrouter_embeddings/errors.py")
        return f"#/components/responses/{name}"

    def _rename_arguments(self, operation: Json) -> None:
        """Give an argument whose name is taken another one."""
        holders = [(item, item["in"], item["name"]) for item in operation.get("parameters", ()) if "name" in item]
        for media in operation.get("requestBody", {}).get("content", {}).values():
            name = target(media["schema"]) or ""
            body = self.schemas.get(name) or self.known.get(name, {})
            holders += [(schema, "body", wire) for wire, schema in body.get("properties", {}).items()]
        taken = set(OPTIONS)
        for holder, location, wire in holders:
            name = argument_name(holder, wire)
            if name in taken:
                name = f"{location}_{name}"
                if "$ref" in holder:
                    self.note(f"{location} {wire}: its name in Python is taken; give it an x-python-name")
                else:
                    holder["x-python-name"] = name
                    self.note(f"{location} {wire}: its name in Python is taken, so it is {name}=")
            taken.add(name)

    # ------------------------------------------------------------------ schemas

    def inline(self, raw: Any, hint: str, text: str = "", top: bool = False) -> Schema:
        """A schema where it is used: a reference if it is an object or an enum. `text` describes it, if it does not."""
        raw = self._flat(raw)
        reference = target(raw)
        if reference is not None and reference in self.theirs.get("components", {}).get("schemas", {}):
            name = self.component(reference, text)
            found = {"$ref": PREFIX + name}
            if not self._is_nullable(raw) and not self._is_nullable(self._flat(self._resolved(raw))):
                return found
            component = self.schemas.get(name) or self.known.get(name, {})
            shown = raw.get("description") or text or component.get("description")
            return ({"description": _clean(shown)} if shown else {}) | {"oneOf": [found, NULL]}
        if reference is not None or "$ref" in raw:
            return self.inline(self._resolved(raw), hint, text, top)
        nullable, plain = self._is_nullable(raw), self._without_null_raw(raw)
        schema = self.schema(plain, hint, nullable=nullable)
        is_object = bool(schema.get("properties")) or "object" in kinds(schema)
        if not (is_object or "enum" in schema or (nullable and branches(schema)) or (top and branches(schema))):
            if nullable and kinds(schema):
                schema["type"] = [*kinds(schema), "null"]
            if not schema.get("description") and "const" in schema:
                schema["description"] = f"Always `{schema['const']}`."
            return schema
        named = self._named(schema, hint, text)
        if not nullable:
            return {"$ref": PREFIX + named}
        shown = schema.get("description") or text
        return ({"description": _clean(shown)} if shown else {}) | {"oneOf": [{"$ref": PREFIX + named}, NULL]}

    def _named(self, schema: Schema, hint: str, text: str) -> str:
        """The name of a new schema for an object or an enum; a free object is the one that we have."""
        free = kinds(schema) == ["object"] and not schema.get("properties") and not branches(schema)
        if free and schema.get("additionalProperties", True) in (True, {}) and "JsonObject" in self.known:
            return "JsonObject"
        if not schema.get("description") and text:
            schema = {**schema, "description": _clean(text)}
        name, number = _class_name(hint), 2
        while name in self.schemas or name in self.known or name in self.taken.values():
            name, number = f"{_class_name(hint)}{number}", number + 1
        self.schemas[name] = _ordered(
            {**schema, "x-python-namespace": "operations"} if hint.startswith(self.title) else schema
        )
        return name

    def component(self, theirs: str, text: str = "") -> str:
        """The name here of a named schema of theirs; a schema of ours that has its name is used if it is alike.

        `text` describes what it is used for first, if it does not say what it is.
        """
        if theirs in self.taken:
            return self.taken[theirs]
        raw = self._flat(self.theirs["components"]["schemas"][theirs])
        if target(raw) in self.theirs["components"]["schemas"]:  # another name for a schema
            self.taken[theirs] = theirs
            self.taken[theirs] = self.component(str(target(raw)))
            return self.taken[theirs]
        name = theirs if re.fullmatch(r"[A-Za-z]\w*", theirs) else _class_name(theirs)
        if name in self.known:
            if self._is_alike(name, raw, self.known[name]):
                self.taken[theirs] = name
                return name
            name = f"{self.title}{_class_name(name)}"
            self.note(f"{theirs}: openapi.yaml has another schema of this name, so this one is {name}")
        self.taken[theirs] = name
        self.schemas[name] = {}
        schema = self.schema(self._without_null_raw(raw), name)
        if not schema.get("description") and (found := text or str(raw.get("title") or "")):
            schema["description"] = _clean(found)
        self.schemas[name] = _ordered(schema)
        return name

    def _is_alike(self, name: str, theirs: Json, ours: Json) -> bool:
        """Whether two schemas of one name mean the same: most of their fields or values are ours."""
        for key in ("properties", "enum"):
            if theirs.get(key):
                common = [item for item in theirs[key] if item in ours.get(key, ())]
                alike = 2 * len(common) > len(theirs[key])
                lacking = [str(item) for item in theirs[key] if item not in common]
                if alike and lacking:
                    self.note(f"{name}: openapi.yaml has it, without {', '.join(lacking)}; it is used as it is")
                return alike
        return kinds(theirs) == kinds(ours)

    def schema(self, raw: Json, hint: str, nullable: bool = False) -> Schema:
        """A schema in our form, without null; its inner objects and enums are references."""
        found: Schema = {}
        for key, value in raw.items():
            if key in KEYWORDS and key not in ("properties", "items", "additionalProperties", "oneOf", "anyOf"):
                found[key] = value
            elif key not in KEYWORDS and key not in SILENT and not key.startswith("x-"):
                self._left_out(key, value, hint, found)
        if "description" in found:
            found["description"] = _clean(found["description"])
        else:
            found.pop("description", None)
        if "example" in raw and "examples" not in found:
            found["examples"] = [raw["example"]]
        if len(found.get("enum", ())) == 1 and not nullable:
            found["const"] = found.pop("enum")[0]
        found.pop("title", None)
        if found.get("default", 0) is None:
            del found["default"]
        if branches(raw) and not raw.get("properties"):
            found.pop("type", None)
        if raw.get("properties"):
            found["type"] = "object"
            found["properties"] = {name: self._field(value, hint, name) for name, value in raw["properties"].items()}
            if required := [name for name in raw.get("required", ()) if name in raw["properties"]]:
                found["required"] = required
            else:
                found.pop("required", None)
        if "items" in raw:
            found["items"] = self.inline(raw["items"], hint, f"An item of {_words(hint)}.")
        if isinstance(raw.get("additionalProperties"), Mapping):
            values = raw["additionalProperties"]
            found["additionalProperties"] = self.inline(values, f"{hint}Value", "A value.") if values else True
        elif "additionalProperties" in raw:
            found["additionalProperties"] = raw["additionalProperties"]
        for key in ("oneOf", "anyOf"):
            if key in raw:
                options = [
                    self.inline(item, f"{hint}{index}", f"A form of {_words(hint)}.")
                    for index, item in enumerate(raw[key], 1)
                ]
                found[key] = [item for index, item in enumerate(options) if item not in options[:index]]
        if isinstance(raw.get("discriminator"), Mapping):
            found["discriminator"] = self._discriminator(raw["discriminator"])
        return found

    def _field(self, raw: Any, hint: str, name: str) -> Schema:
        own = re.sub(r"(RequestBody|Response)$", "", hint) if hint.startswith(self.title) else hint
        text = str(raw.get("description") or "") if isinstance(raw, Mapping) else ""
        return self.inline(raw, own + _class_name(name), text)

    def _discriminator(self, raw: Json) -> dict[str, Any]:
        mapping = {}
        for value, reference in raw.get("mapping", {}).items():
            name = str(reference).removeprefix(PREFIX)
            if name in self.taken:
                mapping[value] = PREFIX + self.taken[name]
        return {"propertyName": raw["propertyName"]} | ({"mapping": mapping} if mapping else {})

    def _left_out(self, key: str, value: Any, hint: str, found: Schema) -> None:
        if key in ("exclusiveMinimum", "exclusiveMaximum") and isinstance(value, int) and not isinstance(value, bool):
            bound, step = ("minimum", 1) if key == "exclusiveMinimum" else ("maximum", -1)
            if "integer" in kinds(found):
                found[bound] = value + step
                return
        self.note(f"{hint}: `{key}: {value}` is left out, as the SDK does not validate it")

    # ------------------------------------------------------------------ their schemas

    def _resolved(self, raw: Json) -> dict[str, Any]:
        """The target of a reference, with what stands beside the reference."""
        if "$ref" not in raw:
            return dict(raw)
        beside = {key: value for key, value in raw.items() if key != "$ref"}
        return {**(document.follow(self.theirs, {"$ref": raw["$ref"]}) or {}), **beside}

    def _flat(self, raw: Any, depth: int = 0) -> dict[str, Any]:
        """A schema without `allOf` and without a union of one."""
        if not isinstance(raw, Mapping):
            return {}
        found = dict(raw)
        for key in ("anyOf", "oneOf"):
            options = [item for item in found.get(key, ()) if item not in (NULL, {"enum": [None]})]
            if len(options) == 1 and not found.get("properties"):
                null = {"nullable": True} if len(found[key]) > 1 else {}
                beside = {name: value for name, value in found.items() if name not in (key, "type")}
                return self._flat({**options[0], **beside, **null}, depth + 1)
        parts = found.pop("allOf", [])
        if not parts or depth > 20:
            return found
        remarks = {"description", "nullable", "example", "examples", "default", "title", "deprecated"}
        solid = [part for part in parts if set(part) - remarks]
        if len(solid) == 1 and not set(found) - remarks - {"type"}:
            beside = {key: value for part in (*parts, found) if part is not solid[0] for key, value in part.items()}
            return self._flat({**solid[0], **beside}, depth + 1)
        merged: dict[str, Any] = {}
        for part in (*parts, found):
            flat = self._flat(self._resolved(part), depth + 1)
            properties = {**merged.get("properties", {}), **flat.get("properties", {})}
            required = list(dict.fromkeys((*merged.get("required", ()), *flat.get("required", ()))))
            merged = {**merged, **flat, "properties": properties, "required": required}
        return {key: value for key, value in merged.items() if value or key not in ("properties", "required")}

    def _is_nullable(self, raw: Json) -> bool:
        null = NULL in branches(raw) or None in raw.get("enum", ())
        return bool(raw.get("nullable")) or "null" in kinds(raw) or null or {"enum": [None]} in branches(raw)

    def _without_null_raw(self, raw: Json) -> dict[str, Any]:
        found = {key: value for key, value in raw.items() if key != "nullable"}
        types = [kind for kind in kinds(found) if kind != "null"]
        if "null" in kinds(found):
            found["type"] = types[0] if len(types) == 1 else types
        if "enum" in found:
            found["enum"] = [value for value in found["enum"] if value is not None]
        for key in ("oneOf", "anyOf"):
            if key in found:
                found[key] = [item for item in found[key] if item not in (NULL, {"enum": [None]})]
        return found

    # ------------------------------------------------------------------ examples

    def sample(self, schema: Json, depth: int = 0) -> Any:
        """A value that fits a schema, from its own examples where it has any."""
        if "$ref" in schema:
            name = target(schema) or ""
            return self.sample(self.schemas.get(name) or self.known.get(name, {}), depth + 1)
        if "const" in schema:
            return schema["const"]
        for key in ("examples", "enum"):
            if schema.get(key):
                return schema[key][0]
        if "default" in schema:
            return schema["default"]
        if branches(schema):
            return self.sample(branches(schema)[0], depth + 1)
        kind = next(iter(kinds(schema)), "object" if schema.get("properties") else "null")
        if kind == "object":
            fields = schema.get("properties", {})
            wanted = [name for name in fields if name in schema.get("required", ()) or depth < 2]
            return {name: self.sample(fields[name], depth + 1) for name in wanted} if depth < 12 else {}
        if kind == "array":
            count = max(schema.get("minItems", 0), 1 if depth < 8 else 0)
            return [self.sample(schema.get("items", {}), depth + 1) for _ in range(count)]
        low = schema.get("minimum", schema.get("maximum", 1))
        text = "text".ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength", 1000)]
        texts = {"date-time": "2026-01-31T12:00:00Z", "date": "2026-01-31", "uri": "https://example.com"}
        texts["uuid"] = "123e4567-e89b-12d3-a456-426614174000"
        found = {"string": texts.get(schema.get("format", ""), text), "integer": low, "number": low, "boolean": True}
        return found.get(kind)

    def _repair_examples(self) -> None:
        """Replace or remove each example that does not fit its schema."""
        for finding in list(rules.has_valid_examples(self.merged())):
            where = finding.where
            holder: Any = self.merged()
            path: list[str] = []
            for step in where:
                if step in ("example", "examples") and not document.holds_names(tuple(path)):
                    break
                holder = holder[int(step) if isinstance(holder, list) else step]
                path.append(step)
            if "example" in holder and "schema" in holder:
                holder["example"] = self.sample(holder["schema"])
            elif "schema" in holder:
                holder["examples"] = {"plain": {"value": self.sample(holder["schema"])}}
            else:
                holder.pop("examples", None)
            self.note(f"{pointer(tuple(path))}: its example does not fit the schema and was replaced or removed")


def _class_name(text: str) -> str:
    return str(names.class_name(text))


def _first_example(*holders: Json) -> Any:
    """The first example that one of the holders has; None without one."""
    for holder in holders:
        if "example" in holder:
            return holder["example"]
        examples = holder.get("examples")
        values = examples if isinstance(examples, list) else []
        if isinstance(examples, Mapping):
            values = [item["value"] for item in examples.values() if isinstance(item, Mapping) and "value" in item]
        if values:
            return values[0]
    return None


def _clean(text: Any) -> str:
    """A text without the white space that the layout of a document leaves at the ends of its lines."""
    return "\n".join(line.rstrip() for line in str(text).strip().splitlines())


def _sentence(text: str) -> str:
    return re.split(r"(?<=[.!?])\s", " ".join(str(text).split()), maxsplit=1)[0]


def _words(name: str) -> str:
    """The words of a name such as `listFiles`."""
    return " ".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)).lower()


def _ordered(schema: Schema) -> Schema:
    """A schema with its keys in the order that openapi.yaml has."""
    order = (
        "type",
        "x-python-namespace",
        "additionalProperties",
        "description",
        "required",
        "properties",
        "items",
        "enum",
    )
    return {
        key: schema[key]
        for key in (*(key for key in order if key in schema), *(key for key in schema if key not in order))
    }
