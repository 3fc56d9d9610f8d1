"""Compares our operations with those of another document of the service, whatever the names of its schemas.

Each operation becomes rows, one for each argument, field of the body, field of the result, and status. A row is named
by its path, such as `body provider.order[]`, so it does not matter whether an object is inline, named or in a union.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from .. import document
from ..document import Json, Place, Where
from ..operations import JSON
from ..schemas import target
from .changes import LIMITS
from .contract import Contract, Operation
from .shapes import Alternative, Shapes


class Row(NamedTuple):
    """What one path accepts; `values` are those of an enum, None for any."""

    kinds: frozenset[str]
    values: frozenset[Any] | None
    required: bool
    limits: frozenset[tuple[str, Any]]
    place: str
    description: str


class Differences(NamedTuple):
    """The differences of one operation, in Markdown lines."""

    operation: str
    missing: list[str]
    only_here: list[str]
    different: list[str]


def compare(ours: Json, theirs: Json) -> list[Differences]:
    """Return the differences of each of our operations that the other document has; one that it lacks is `only_here`.

    Raises:
        SpecificationError: a document has no normal form.
    """
    mine = Contract(ours)
    wheres = [operation.where for operation in mine.operations]
    other = Contract(restricted(theirs, wheres))
    found = {operation.where: operation for operation in other.operations}
    result = []
    for operation in mine.operations:
        title = f"{operation.name}, `{operation.method}()`"
        if operation.where not in found:
            result.append(Differences(title, [], ["- the operation"], []))
            continue
        rows = dict(_rows(mine, operation)), dict(_rows(other, found[operation.where]))
        result.append(Differences(title, *_compared(*rows)))
    return result


def restricted(spec: Json, wheres: Iterable[Where]) -> dict[str, Any]:
    """Return the document with these operations alone, and with the components that they reach."""
    paths: dict[str, Any] = {}
    for _, path, method in (where for where in wheres if where[2] in spec.get("paths", {}).get(where[1], {})):
        item = spec["paths"][path]
        kept = paths.setdefault(path, {key: item[key] for key in item if key not in document.METHODS})
        kept[method] = item[method]
    components: dict[str, dict[str, Any]] = {}
    waiting: list[Any] = [paths]
    while waiting:
        for _, part in document.everything(waiting.pop()):
            mapping = part.get("discriminator")
            targets = list(mapping.get("mapping", {}).values()) if isinstance(mapping, Mapping) else []
            for reference in (part.get("$ref"), *targets):
                first, kind, name, *_ = (*document.steps(str(reference)), "", "")
                value = spec.get(first, {}).get(kind, {}).get(name) if first == "components" else None
                if value is not None and name not in components.get(kind, {}):
                    components.setdefault(kind, {})[name] = value
                    waiting.append(value)
    kept = {key: spec[key] for key in ("openapi", "info", "servers", "tags", "security") if key in spec}
    return {**kept, "paths": paths, "components": components}


def _rows(contract: Contract, operation: Operation) -> Iterator[tuple[str, Row]]:
    walk = _Walk(contract)
    for item in operation.arguments.values():
        single = item.location == "body" and target(item.schema) is None and item.wire == "body"
        path = "body" if single else f"{item.location} {item.wire}"
        yield from walk.rows(path, [item.schema], item.required, nullable=item.location == "body")
    results = operation.responses(success=True)
    bodies = [value["content"][JSON]["schema"] for value in results.values() if "content" in value]
    yield from walk.rows("result", bodies, bool(bodies))
    for status in operation.normal["responses"]:
        place = f"{operation.place}/responses/{status}"
        text = str(operation.normal["responses"][status]["description"])
        yield f"status {status}", Row(frozenset(), None, True, frozenset(), place, text)


class _Walk:
    """Makes rows of schemas. The objects of a union give one row for each field of any of them."""

    def __init__(self, contract: Contract) -> None:
        self.schemas, self.shapes = contract.schemas, Shapes(contract.schemas)

    def rows(
        self, path: str, schemas: list[Json], required: bool, within: tuple[str, ...] = (), nullable: bool = True
    ) -> Iterator[tuple[str, Row]]:
        found = [item for schema in schemas for item in self.shapes.alternatives(schema)]
        kinds = {"object" if item.shape.kind in ("class", "map") else item.shape.kind for item in found}
        closed = [kind for kind in kinds if all(item.values is not None for item in found if item.shape.kind == kind)]
        values = frozenset(value for item in found if item.shape.kind in closed for value in item.values or ())
        values -= {None}
        limits = frozenset(limit for item in found for limit in _limits_of(item))
        first = schemas[0] if schemas else {}
        named = self.schemas.get(target(first) or "", {})
        text = str(first.get("description") or named.get("description") or "")
        kept = kinds if nullable else kinds - {"null"}
        yield path, Row(frozenset(kept), values or None, required, limits, str(first.get("title", "")), text)
        items = [item.schema["items"] for item in found if item.shape.kind == "array" and "items" in item.schema]
        if items:
            yield from self.rows(f"{path}[]", items, False, within)
        maps = (item.schema.get("additionalProperties") for item in found if item.shape.kind == "map")
        if entries := [value for value in maps if isinstance(value, Mapping) and value]:
            yield from self.rows(f"{path}{{}}", entries, False, within)
        names = [item.shape.name for item in found if item.shape.kind == "class" and item.shape.name not in within]
        models = [self.schemas[name] for name in names]
        for wire in dict.fromkeys(wire for model in models for wire in model["properties"]):
            holders = [model for model in models if wire in model["properties"]]
            needed = len(holders) == len(models) and all(wire in model.get("required", ()) for model in holders)
            fields = [model["properties"][wire] for model in holders]
            separator = "" if path.endswith(" ") else "."
            yield from self.rows(f"{path}{separator}{wire}", fields, needed, (*within, *names))


def _limits_of(item: Alternative) -> Iterator[tuple[str, Any]]:
    """Yield the limits of one alternative; exclusive bounds of integers become inclusive ones."""
    schema = item.schema
    for key, step in (("minimum", 1), ("maximum", -1)):
        exclusive = schema.get(f"exclusive{key.title()}", False)
        bound = schema.get(key) if isinstance(exclusive, bool) else exclusive
        if bound is not None:
            excluded = exclusive is not False
            inside = excluded and item.shape.kind == "integer"
            yield (key if inside or not excluded else f"exclusive {key}"), bound + step if inside else bound
    yield from ((key, schema[key]) for key in LIMITS if key in schema and "inimum" not in key and "aximum" not in key)


def _compared(ours: Mapping[str, Row], theirs: Mapping[str, Row]) -> tuple[list[str], list[str], list[str]]:
    missing, only_here = _lacking(theirs, ours), _lacking(ours, theirs)
    different = []
    for path, row in ours.items():
        if path not in theirs:
            continue
        other = theirs[path]
        if row.values is not None and other.values is not None:
            missing += [f"- `{path}`: the value `{value}`" for value in sorted(other.values - row.values, key=str)]
            only_here += [f"- `{path}`: the value `{value}`" for value in sorted(row.values - other.values, key=str)]
        pairs = [(_kinds(row), _kinds(other)), *((_state(row), _state(other)) if path[:6] != "status" else ("", ""),)]
        if (row.values is None) != (other.values is None):
            pairs.append((_values(row), _values(other)))
        if row.limits != other.limits:
            pairs.append((_limits(row.limits - other.limits), _limits(other.limits - row.limits)))
        different += [f"- `{path}`: {mine} here, {theirs} in the document" for mine, theirs in pairs if mine != theirs]
    return missing, only_here, different


def _lacking(rows: Mapping[str, Row], others: Mapping[str, Row]) -> list[str]:
    """Return a line for each path that `others` lacks, and one for all statuses."""
    paths = list(_topmost(rows, others))
    statuses = [path.removeprefix("status ") for path in paths if path.startswith("status ")]
    lines = [f"- `{path}`: {_described(rows[path])}" for path in paths if not path.startswith("status ")]
    return [*lines, f"- the statuses {', '.join(statuses)}"] if statuses else lines


def _topmost(rows: Mapping[str, Row], others: Mapping[str, Row]) -> Iterator[str]:
    """Yield the paths that `others` lacks, without those below one of them."""
    found: list[str] = []
    for path in rows:
        if path not in others and not any(path.startswith((f"{top}.", f"{top}[]", f"{top}{{}}")) for top in found):
            found.append(path)
            yield path


def _described(row: Row) -> str:
    sentence = re.split(r"(?<=[.!?])\s", " ".join(row.description.split()), maxsplit=1)[0]
    kinds = f"{_kinds(row)}, {_state(row)}. " if row.kinds else ""
    return f"{kinds}{sentence}".strip() or "no description"


def _kinds(row: Row) -> str:
    return " or ".join(sorted(row.kinds, key=lambda kind: (kind == "null", kind)))


def _state(row: Row) -> str:
    return "required" if row.required else "optional"


def _values(row: Row) -> str:
    return "any value" if row.values is None else f"one of {', '.join(map(str, sorted(row.values, key=str)))}"


def _limits(limits: frozenset[tuple[str, Any]]) -> str:
    return ", ".join(f"{key} {value}" for key, value in sorted(limits, key=str)) or "no such limit"


def to_markdown(found: Iterable[Differences], name: str, missing: int) -> str:
    """Return the comparison in Markdown."""
    lines = [f"# openapi.yaml against {name}"]
    headings = ("Missing here", "Only here", "Different")
    for operation, *parts in found:
        lines += ["", f"## {operation}"]
        if not any(parts):
            lines += ["", "No difference."]
        for heading, entries in zip(headings, parts, strict=True):
            if entries:
                lines += ["", f"{heading} ({len(entries)}):", "", *entries]
    if missing:
        lines += ["", f"The document has {missing} further operations; OPERATION= takes one."]
    return "\n".join(lines)


def missing_operations(ours: Json, theirs: Json) -> list[Place]:
    """Return the operations of the other document that ours lacks."""
    mine = {place.where for place in document.operations(ours)}
    return [place for place in document.operations(theirs) if place.where not in mine]
