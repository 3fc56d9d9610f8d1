"""Brings the schemas of an OpenAPI document into the normal form that both generators read.

In the normal form every object with properties is a named schema, `allOf` is merged, null is a branch of a union, a
union has no union among its branches, a discriminator names the schema of each value, and every name is the name of a
Python class. The name of an inline object is made from its place, so that any OpenAPI document works; `make lint`
reports such objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import document
from .document import Finding, Json, Place, Where, pointer
from .names import class_name, module_name, unused
from .schemas import NULL, PREFIX, REMARKS, Schema, any_of, branches, duplicates, flat, kinds, remarks, renamed, target

CONDITIONS = {"then", "else", "dependentSchemas"}
# OpenAPI 3.0 writes `exclusiveMinimum: true` beside the bound in `minimum`.
OLD_BOUNDS = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}
UNIONS = ("anyOf", "oneOf")
MEMBERS = {"properties", "allOf", *UNIONS}
# A JSON type, the end of the names of its inner objects, and the keywords for its other and for its first inner values.
INNER = (("array", "Item", "items", "prefixItems"), ("object", "Value", "additionalProperties", "patternProperties"))


class Normalizer:
    """Normalizes the schemas of one document; `schemas` holds the named ones and grows by each inline object."""

    def __init__(self, spec: Json) -> None:
        self.spec, self.findings = spec, list[Finding]()
        self.raw: dict[str, Any] = spec.get("components", {}).get("schemas", {})
        self.class_names: dict[str, str] = {}
        for name in self.raw:
            self.class_names[name] = unused(class_name(name), self.class_names.values())
        self.schemas: dict[str, Schema] = dict.fromkeys(self.class_names.values(), NULL)
        # The objects that may be null: the class has the name of the component, and references to it allow null.
        self.nullable = {name for name, raw in self.raw.items() if _is_nullable_object(raw)}
        self.inline: dict[Where, Schema] = {}  # by place: a reference to an inline object, or a part of a schema
        self._open: set[Where] = set()  # places of parts and merges in progress, to detect recursion
        for place in document.components(spec, "schemas"):
            name, raw = self.class_names[place.where[-1]], place.value
            if place.where[-1] in self.nullable:
                raw = {**raw, "type": "object", "nullable": False}
            found = self.schema(raw, place.where, name, named=True)
            if target(found) != name:
                self.schemas[name] = found

    def reject(self, where: Where, problem: str, fix: str) -> Schema:
        """Add a finding. The schema becomes one that allows any value, so that other findings are reported too."""
        self.findings.append(Finding(where, problem, fix))
        return {}

    def locate(self, where: Where, value: Any) -> Place:
        """Return the object at the end of a chain of references, and its place."""
        place = document.locate(self.spec, where, value)
        return Place(place.where, {}) if place.value is None else place

    def schema(self, raw: Any, where: Where, hint: str, named: bool = False) -> Schema:
        """Return a schema in normal form; `hint` becomes its name if it is an inline object."""
        if not isinstance(raw, Mapping):
            return {} if raw is not False else self.reject(where, "no value is allowed here", "remove it")
        if raw.get("allOf"):
            raw = self._merged(raw, where, named)
        if "$ref" in raw:
            return self._reference(raw, where, hint)
        raw = dict(raw)
        if found := CONDITIONS & raw.keys():
            fix = "declare these members in properties, not required, and remove it"
            return self.reject((*where, min(found)), "members that depend on other members", fix)
        for key, bound in OLD_BOUNDS.items():
            if isinstance(raw.get(key), bool) and raw.pop(key) and bound in raw:
                raw[key] = raw.pop(bound)
        if raw.pop("nullable", False):
            raw = _nullable(raw)
        if not raw.get("properties"):
            return self._other(raw, where, hint)
        if any(MEMBERS & self.locate(*option).value.keys() for option in _options(raw, where)):
            fix = "write one object with all members, optional ones not required, or a oneOf of whole objects"
            return self.reject(where, "an object with properties and a union of objects", fix)
        others = [kind for kind in kinds(raw) if kind not in ("object", "null")]
        found = self._object(raw, where, hint, named and not others)
        return {"anyOf": [*({"type": kind} for kind in others), found]} if others else found

    def _reference(self, raw: Json, where: Where, hint: str) -> Schema:
        beside = {key: raw[key] for key in raw if key in REMARKS or key.startswith("x-")}
        name = str(raw["$ref"]).removeprefix(PREFIX)
        known = self.class_names.get(name)
        found = {"$ref": PREFIX + known} if known else self._part(self.locate(where, raw), hint)
        is_nullable = raw.get("nullable") or name in self.nullable
        return {**beside, "oneOf": [{**found, **beside}, NULL]} if is_nullable else {**found, **beside}

    def _part(self, place: Place, hint: str) -> Schema:
        """Return the normal form of a part of a schema; all references to this part lead to the same class."""
        where, value = place
        if where not in self.inline and where in self._open:
            return self.reject(where, "this schema contains itself", "give it a name in components/schemas")
        if where not in self.inline:
            parts = [step for step in where[2:] if step not in ("properties", "schema")]
            self._open.add(where)
            self.inline[where] = self.schema(value, where, class_name(" ".join(parts)) if where[1:] else hint)
            self._open.discard(where)
        return self.inline[where]

    def _object(self, raw: Schema, where: Where, hint: str, named: bool) -> Schema:
        if where in self.inline:
            return self.inline[where]
        nullable = "null" in kinds(raw)
        if nullable or not named:
            hint = unused(class_name(f"{hint}Object" if named else hint), self.schemas)
        found: Schema = {"$ref": PREFIX + hint}
        self.inline[where] = {**remarks(raw), "oneOf": [found, NULL]} if nullable else {**remarks(raw), **found}
        self.schemas[hint] = NULL
        body = {key: value for key, value in raw.items() if key not in (*UNIONS, "not", "discriminator")}
        body["type"] = "object"
        owners: dict[str, str] = {}
        for name in raw["properties"]:  # openapi-python-client refuses these; the client keeps undeclared members
            if (other := owners.setdefault(module_name(name), name)) != name:
                problem = f"the members {other} and {name} have the same name in Python"
                self.reject((*where, "properties", name), problem, "leave one of them out")
        if body.pop("required", None):
            body["required"] = [name for name in raw["required"] if name in raw["properties"]]
        body["properties"] = {
            name: self.schema(value, (*where, "properties", name), hint + class_name(name))
            for name, value in raw["properties"].items()
        }
        self._read_inner(body, where, hint)
        self.schemas[hint] = body
        return self.inline[where]

    def _other(self, raw: Schema, where: Where, hint: str) -> Schema:
        result = {key: value for key, value in raw.items() if key not in (*UNIONS, "not", "properties")}
        if options := self._branches(raw, where, hint):
            if len(options) == 1 and not set(result) - {*REMARKS, "discriminator", "type", "required"}:
                return {**options[0], **remarks(raw)}
            result = {key: value for key, value in result.items() if key not in ("type", "required")}
            result["oneOf" if "oneOf" in raw else "anyOf"] = options
            return self._with_mapping(result)
        result.pop("discriminator", None)
        self._read_inner(result, where, hint)
        return result

    def _read_inner(self, body: Schema, where: Where, hint: str) -> None:
        """Normalize the schemas of items and values: an array has one for all its items, a map one for all values."""
        for kind, name, keyword, keywords in INNER:
            found = document.below([Place(where, body)], keywords, "*")
            found += document.below([Place(where, body)], keyword)
            options = [self.schema(value, at, f"{hint}{name}") for at, value in found if isinstance(value, Mapping)]
            body.pop(keywords, None)
            if options:
                body[keyword] = any_of(options)
                body.setdefault("type", kind)
            elif kind == "array" and keyword in body:
                body[keyword] = {}

    def _branches(self, raw: Schema, where: Where, hint: str) -> list[Schema]:
        """Return the branches of a union, each once, null last."""
        found: list[Schema] = []
        for place, item in _options(raw, where):
            beside = {"type": raw["type"]} if "type" in raw and not {"type", "$ref"} & set(item) else {}
            name = f"{hint}{int(place[-1]) + 1}"
            found.append(NULL if _is_null(item) else self.schema({**beside, **item}, place, name))
        return sorted(flat(found), key=lambda option: option == NULL)

    def _with_mapping(self, union: Schema) -> Schema:
        """Return a union with a complete discriminator; without discriminator if a branch is not a named object."""
        given = union.pop("discriminator", None)
        names = {PREFIX + found: name for name, found in self.class_names.items()}
        options = [str(option.get("$ref")) for option in branches(union) if option != NULL]
        if not isinstance(given, Mapping) or any(one not in names or branches(self.raw[names[one]]) for one in options):
            return union
        named = {tag: str(name).removeprefix(PREFIX) for tag, name in given.get("mapping", {}).items()}
        known = {tag: PREFIX + self.class_names.get(name, name) for tag, name in named.items()}
        mapping = {tag: found for tag, found in known.items() if found in options}
        for option in options:
            default = [] if option in mapping.values() else [names[option]]
            for tag in self._tags(names[option], given["propertyName"]) or default:
                mapping.setdefault(tag, option)
        return {**union, "discriminator": {"propertyName": given["propertyName"], "mapping": mapping}}

    def _tags(self, name: str, member: str) -> list[str]:
        """Return the values that a schema allows for the member of a discriminator."""
        found = self.locate(("components", "schemas", name), self.raw.get(name, {})).value
        if found.get("allOf"):
            found = self._merged(found, ("components", "schemas", name), True)
        tag = self.locate((), found.get("properties", {}).get(member, {})).value
        values = tag.get("enum", [tag["const"]] if "const" in tag else [])
        return [value for value in values if isinstance(value, str)]

    def _linked(self, value: Any, where: Where) -> Any:
        """Return a reference to the place of a schema, so that an inline object is one class wherever it is merged."""
        is_place = isinstance(document.part(self.spec, where), Mapping) and isinstance(value, Mapping)
        return {"$ref": pointer(where)} if is_place and "$ref" not in value and not _is_null(value) else value

    def _merged(self, raw: Json, where: Where, named: bool = False) -> dict[str, Any]:
        """Return the schema that replaces an `allOf`: the only part that limits the values, or all parts merged."""
        merge = (*where, "allOf")
        if merge in self._open:
            return self.reject(where, "this allOf contains itself", "remove the reference to itself")
        beside = {key: value for key, value in raw.items() if key != "allOf"}
        parts = [*document.below([Place(where, raw)], "allOf", "*"), Place(where, beside)]
        limiting = [part for part in parts if isinstance(part.value, Mapping) and _limits(part.value)]
        described = {key: value for part in parts for key, value in remarks(part.value).items()}
        described |= {"nullable": True} if any(part.value.get("nullable") for part in parts) else {}
        described |= {key: value for key, value in beside.items() if key.startswith("x-")}
        if len(limiting) == 1 and "$ref" in limiting[0].value:
            found = self.locate(*limiting[0]).value
            if not (named and (found.get("properties") or found.get("allOf"))):
                return {**limiting[0].value, **described}
        self._open.add(merge)
        merged = dict(described)
        for place, part in limiting:
            at, found = self.locate(place, part)
            if at != where and found.get("allOf"):
                at, found = self.locate(at, self._merged(found, at, named=True))
            if branches(found) and branches(merged):
                fix = "write one oneOf with all objects that the value can be"
                merged = self.reject(where, "allOf over several unions", fix)
            for key, value in found.items():
                if key in UNIONS:
                    merged[key] = [self._linked(item, option) for option, item in _options({key: value}, at)]
                elif key == "properties":
                    linked = {name: self._linked(item, (*at, key, name)) for name, item in value.items()}
                    merged.setdefault(key, {}).update(linked)
                elif key == "required":
                    merged[key] = list(dict.fromkeys([*merged.get(key, ()), *value]))
                elif key == "enum" and key in merged:
                    merged[key] = [item for item in merged[key] if item in value] or value
                elif key == "type" and key in merged:
                    mixed = {*kinds(merged), *kinds(found)} == {"integer", "number"}
                    merged[key] = ["integer"] if mixed else [kind for kind in kinds(merged) if kind in kinds(found)]
                elif key not in ("allOf", *REMARKS, "nullable"):
                    merged[key] = value
        self._open.discard(merge)
        if merged.get("type") == [] or ("properties" in merged and set(kinds(merged)) - {"object", "null"}):
            fix = "name each type in a oneOf of its own, or keep the types equal"
            return self.reject(where, "allOf over schemas of different types", fix)
        return {**merged, **described}

    def unify(self) -> dict[str, str]:
        """Replace each component that only refers to another one, and each inline copy; return the replaced names."""
        replaced: dict[str, str] = {}
        while found := duplicates(self.schemas, self.class_names.values()):
            for name in (name for name in found if name in self.class_names.values()):
                kept, more = self.schemas[found[name]], self.schemas[name].get("x-python-aliases", ())
                # Users can import the class by either name.
                kept["x-python-aliases"] = [*kept.get("x-python-aliases", ()), name, *more]
            self.schemas = {name: renamed(part, found) for name, part in self.schemas.items() if name not in found}
            replaced = {name: found.get(other, other) for name, other in replaced.items()} | found
        return replaced


def _options(raw: Json, where: Where) -> list[Place]:
    """Return the branches of a union with their places; one that allows anything is empty."""
    found = [place for key in UNIONS for place in document.below([Place(where, raw)], key, "*")]
    return [Place(place, item if isinstance(item, Mapping) else {}) for place, item in found]


def _limits(part: Json) -> bool:
    """Return whether a part of an `allOf` limits the values, and does not only describe them."""
    left = {key: value for key, value in part.items() if key not in (*REMARKS, "nullable") and not key.startswith("x-")}
    return bool(left) and left != {"type": "object"} and left != {"type": "object", "properties": {}}


def _nullable(raw: Schema) -> Schema:
    """Return a schema that also allows null."""
    for key in UNIONS:
        if key in raw:
            return {**raw, key: [*raw[key], NULL]}
    types = kinds(raw) or (["object"] if raw.get("properties") else [])
    values = {"type": (types, "null"), "enum": (raw.get("enum"), None)}
    return {**raw, **{key: [*old, new] for key, (old, new) in values.items() if old and new not in old}}


def _is_nullable_object(raw: Any) -> bool:
    """Return whether a schema is an object with properties, or null."""
    if not isinstance(raw, Mapping) or not raw.get("properties") or {*UNIONS, "allOf", "$ref"} & raw.keys():
        return False
    return set(kinds(raw)) == {"object", "null"} or (kinds(raw) in ([], ["object"]) and bool(raw.get("nullable")))


def _is_null(option: Any) -> bool:
    """Return whether a branch of a union allows null alone; in OpenAPI 3.0 it is written `{nullable: true}`."""
    if not isinstance(option, Mapping) or "$ref" in option:
        return False
    left = {key: value for key, value in option.items() if key not in REMARKS}
    return left in ({"type": "null"}, {"nullable": True}, {"enum": [None]}, {"const": None}, {"type": ["null"]})
