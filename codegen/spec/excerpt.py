"""Takes one operation from another document, and writes it as `make lint` requires.

Headers and errors become references to our components; texts and examples move to the places that our rules require;
`adoption.py` converts the schemas. `notes` lists what is left out or changed, for a person to read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from .. import document, names, rules
from ..docstrings import first_example
from ..document import Json, Place, Where, pointer
from ..operations import JSON, OPTIONS, argument_name
from ..schemas import NULL, Schema, branches, kinds, target
from .adoption import Adoption
from .foreign import class_name, clean, described, resolved, sentence, words

PHRASES = {"422": "Unprocessable Entity"}  # Python 3.13 renamed it
METHOD_NAMES = ("x-python-method", "x-speakeasy-name-override", "x-fern-sdk-method-name")


class Excerpt:
    """One operation and what it needs, to be added to our document.

    Args:
        ours: our document.
        theirs: the other document.
        operation: the operation in the other document.
        source: the value of `x-source`.
    """

    def __init__(self, ours: Json, theirs: Json, operation: Place, source: str) -> None:
        self.ours, self.theirs = ours, theirs
        self.responses: dict[str, Any] = {}
        self.parameters: dict[str, Any] = {}
        self.notes: list[str] = []
        _, self.path, self.method = operation.where
        raw = operation.value
        self.id = str(raw.get("operationId") or f"{self.method}_{self.path}")
        self.title = class_name(self.id)
        self.adoption = Adoption(ours, theirs, self.title, self.note)
        self.operation = self._operation(raw, source)
        self.tags = list(self._tags())
        self._repair_examples()

    def document(self) -> dict[str, Any]:
        """Return what is to be added, as a part of a document."""
        kinds = {"parameters": self.parameters, "responses": self.responses, "schemas": self._schemas()}
        components = {kind: value for kind, value in kinds.items() if value}
        found = {"tags": self.tags, "paths": {self.path: {self.method: self.operation}}, "components": components}
        return {key: value for key, value in found.items() if value}

    def merged(self) -> dict[str, Any]:
        """Return our document with the operation."""
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

    def _operation(self, raw: Json, source: str) -> dict[str, Any]:
        summary = sentence(raw.get("summary") or raw.get("description") or words(self.id)).rstrip(".")
        found: dict[str, Any] = {
            "operationId": self.id,
            "x-python-method": self._method_name(raw),
            "x-source": f"{source}, {self.method.upper()} {self.path}",
            "tags": list(raw.get("tags") or ["Default"])[:1],
            "summary": summary,
            "description": clean(raw.get("description") or raw.get("summary") or f"{summary}."),
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
            body = resolved(self.theirs, raw["requestBody"])
            required = {"required": True} if body.get("required") else {}
            found["requestBody"] = {**required, "content": self._content(body, f"{self.title}RequestBody")}
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
                yield described({"name": name}, theirs.get("description", ""))

    def _parameters(self, raw: Json) -> Iterator[dict[str, Any]]:
        shared = {place.value["name"].lower(): place for place in document.components(self.ours, "parameters")}
        headers = {name for name, place in shared.items() if place.value.get("in") == "header"}
        yield from ({"$ref": pointer(shared[name].where)} for name in shared if name in headers)
        written = [*self.theirs["paths"][self.path].get("parameters", ()), *raw.get("parameters", ())]
        items = {(item["in"], item["name"]): item for item in (resolved(self.theirs, item) for item in written)}
        for (location, name), item in items.items():
            if location == "header" and name.lower() in headers:
                continue
            if location in ("header", "cookie") and not item.get("required"):
                self.note(f"{location} {name}: optional, so it is left out; callers can pass http_headers=")
                continue
            parameter = self._parameter(item)
            if location == "header":
                key = class_name(name)
                self.parameters[key] = parameter
                yield {"$ref": f"#/components/parameters/{key}"}
            else:
                yield parameter

    def _parameter(self, raw: Json) -> dict[str, Any]:
        place = f"{raw['in']} {raw['name']}"
        media: Json = next(iter(raw.get("content", {}).values()), {})
        schema = dict(raw.get("schema") or media.get("schema") or {})
        target_schema = resolved(self.theirs, schema)
        text = raw.get("description") or target_schema.get("description") or ""
        plain = {key: value for key, value in schema.items() if key not in ("description", "example", "examples")}
        with self.adoption.at(place):
            inlined = self.adoption.inline(plain, self.title + class_name(raw["name"]), str(text))
        found = described({"name": raw["name"], "in": raw["in"]}, text)
        if raw.get("required") or raw["in"] == "path":
            found["required"] = True
        found |= {key: raw[key] for key in ("style", "explode", "deprecated") if key in raw}
        found["schema"] = _without_null(inlined)
        found["example"] = self._example(place, found["schema"], raw, schema, target_schema)
        return found

    def _example(self, place: str, schema: Schema, *holders: Json) -> Any:
        """Return the first example of the other document, else a value that fits the schema."""
        found = first_example(*holders)
        if found is None:
            self.note(f"{place}: the example is made up from the schema")
        return self.adoption.sample(schema) if found is None else found

    def _content(self, holder: Json, name: str) -> dict[str, Any]:
        """Return the JSON content of a body, or its first content if it has no JSON."""
        kind = "result" if name.endswith("Response") else "body"
        content = holder["content"]
        chosen = next((key for key in (*content, "") if key.partition(";")[0].strip() == JSON), None)
        chosen = chosen or next((key for key in content if "json" in key), None) or next(iter(content))
        for other in content.keys() - {chosen}:
            self.note(f"{kind}: {other} is left out, {chosen} is kept")
        media = content[chosen]
        raw = media.get("schema", {})
        with self.adoption.at(kind):
            schema = self.adoption.inline(raw, name, f"The {kind} of {self.method.upper()} {self.path}.", top=True)
        given = media.get("examples")
        cases = {key: resolved(self.theirs, item) for key, item in given.items()} if isinstance(given, Mapping) else {}
        examples = {key: {"value": case["value"]} for key, case in cases.items() if "value" in case}
        if not examples:
            target_schema = resolved(self.theirs, raw)
            examples = {"plain": {"value": self._example(kind, schema, media, raw, target_schema)}}
        return {JSON if "json" in chosen else chosen: {"schema": schema, "examples": examples}}

    def _responses(self, raw: Json) -> Iterator[tuple[str, dict[str, Any]]]:
        responses = document.responses(self.ours)
        ours = {where[-1]: value["$ref"] for where, value in responses if "$ref" in value}
        for status, written in raw.get("responses", {}).items():
            response = resolved(self.theirs, written)
            text = clean(response.get("description") or "")
            if status[0] in "23":
                found: dict[str, Any] = {"description": text or words(self.id)}
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
        """Return a new error response with our error schema."""
        known_status = int(status) in list(HTTPStatus)
        phrase = PHRASES.get(status) or (HTTPStatus(int(status)).phrase if known_status else f"Status {status}")
        theirs = target(response.get("content", {}).get(JSON, {}).get("schema", {})) or ""
        known = self.ours.get("components", {}).get("responses", {})
        alone = theirs.endswith("Response") and theirs not in self.responses and theirs not in known
        name = theirs if alone else class_name(f"{phrase} response")
        responses = document.components(self.ours, "responses")
        schema = next(iter(document.below(responses, "content", "*", "schema")), None)
        found: dict[str, Any] = {"description": text or f"{phrase}.", "x-python-error": f"{name}Error"}
        if schema is not None:
            media = {"schema": dict(schema.value), "examples": {"plain": {"value": None}}}
            media["examples"]["plain"]["value"] = {"error": {"code": int(status), "message": text or phrase}}
            found["content"] = {JSON: media}
        self.responses[name] = found
        return f"#/components/responses/{name}"

    def _rename_arguments(self, operation: Json) -> None:
        """Give another name to each argument whose name is taken."""
        holders = [(item, item["in"], item["name"]) for item in operation.get("parameters", ()) if "name" in item]
        for media in operation.get("requestBody", {}).get("content", {}).values():
            name = target(media["schema"]) or ""
            body = self.adoption.schemas.get(name) or self.adoption.known.get(name, {})
            holders += [(schema, "body", wire) for wire, schema in body.get("properties", {}).items()]
        taken: set[str] = set(OPTIONS)
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

    def _schemas(self) -> dict[str, Schema]:
        """Return the new schemas in the order in which the operation refers to them."""
        found: dict[str, Schema] = {}
        waiting = _in_order(self.operation)
        while waiting:
            name = waiting.pop(0)
            if name in self.adoption.schemas and name not in found:
                found[name] = self.adoption.schemas[name]
                waiting = [*_in_order(found[name]), *waiting]
        return found

    def _repair_examples(self) -> None:
        """Remove each example of a schema that does not fit it, then replace each example of a body that does not."""
        for of_bodies in (False, True):
            for finding in list(rules.has_valid_examples(self.merged(), self.document())):
                holder, path = self._holder_of_example(finding.where)
                if ("schema" in holder) != of_bodies:
                    continue
                if "example" in holder and of_bodies:
                    holder["example"] = self.adoption.sample(holder["schema"])
                elif of_bodies:
                    holder["examples"] = {"plain": {"value": self.adoption.sample(holder["schema"])}}
                else:
                    holder.pop("examples", None)
                state = "replaced" if of_bodies else "removed"
                self.note(f"{pointer(path)}: its example does not fit the schema and is {state}")

    def _holder_of_example(self, where: Where) -> tuple[dict[str, Any], Where]:
        holder: Any = self.merged()
        for index, step in enumerate(where):
            if step in ("example", "examples") and not document.holds_names(where[:index]):
                return holder, where[:index]
            holder = holder[int(step) if isinstance(holder, list) else step]
        raise LookupError(f"no example at {pointer(where)}")


def _in_order(part: Json) -> list[str]:
    """Return the names of the schemas that a part refers to, in the order of the document."""
    found = (target(inner) for _, inner in document.everything(part) if "$ref" in inner)
    return [name for name in found if name is not None]


def _without_null(schema: Schema) -> Schema:
    """Return a schema for a query or a path, where null is the same as leaving the parameter out."""
    options = [item for item in branches(schema) if item != NULL]
    if len(options) == 1:
        return options[0]
    types = [kind for kind in kinds(schema) if kind != "null"]
    return {**schema, "type": types[0] if len(types) == 1 else types} if "null" in kinds(schema) else schema
