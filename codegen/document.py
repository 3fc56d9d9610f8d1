"""Reads an OpenAPI document, finds its parts and follows its references.

A place is a part of the document with its path: ("paths", "/models", "get") for `#/paths/~1models/get`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

Json = Mapping[str, Any]
Where = tuple[str, ...]

YAML_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # PyYAML is also built without the faster C loader
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
# The keys under HOLDERS are names that the document chooses; elsewhere the keys of DATA hold values of the API.
HOLDERS = {"paths", "schemas", "parameters", "responses", "requestBodies", "headers", "properties", "$defs", "mapping"}
DATA = {"example", "examples", "default", "enum", "const"}

# The core schema of YAML 1.2: `on` and 2026-01-01 are texts, 1e-3 is a number.
_SCALARS = (
    (re.compile(r"|~|null|Null|NULL"), lambda _: None),
    (re.compile(r"true|True|TRUE|false|False|FALSE"), lambda text: text.lower() == "true"),
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+"), lambda text: int(text, 0)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
)


class Place(NamedTuple):
    """A part of the document and its path."""

    where: Where
    value: Any


class Finding(NamedTuple):
    """What is wrong at a place, and what to write instead."""

    where: Where
    problem: str
    fix: str = ""

    def __str__(self) -> str:
        return "; ".join(filter(None, (f"{pointer(self.where)}: {self.problem}", self.fix)))


class SpecificationError(Exception):
    """The document cannot be read or generated; `findings` has the reasons."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = findings


class Source:
    """A document in a file, with the line of each of its parts."""

    def __init__(self, path: Path) -> None:
        self.path, self.lines = path, dict[Where, tuple[int, int]]()
        self.document: dict[str, Any] = {}

    def read(self) -> dict[str, Any]:
        """Read the document in a YAML 1.2 file, or in a JSON file.

        Raises:
            SpecificationError: the file cannot be read, is not YAML, or has a duplicate key.
        """
        try:
            content = self.path.read_bytes()
            if self.path.suffix == ".json":  # JSON has escapes that YAML does not have
                self.document = json.loads(content)
                return self.document
            node = yaml.compose(content, YAML_LOADER)
        except OSError as error:
            raise SpecificationError(Finding((), error.strerror or str(error))) from None
        except yaml.MarkedYAMLError as error:
            mark: Any = error.problem_mark
            self.lines[()] = (mark.line + 1, mark.column + 1)
            raise SpecificationError(Finding((), f"not YAML: {error.problem}")) from None
        self.document = self._value(node, (), node.start_mark) if node else {}
        return self.document

    def report(self, findings: Iterable[Finding], kind: str = "error") -> str:
        """Return one line per finding, as compilers do: file, line, column, operation, problem, fix and pointer."""
        rows, names = [], owners(self.document)
        for where, problem, fix in dict.fromkeys(findings):
            known = next(where[:size] for size in range(len(where), -1, -1) if where[:size] in self.lines or not size)
            text = f"{names.get(where[:3], '')}{problem}{'; ' if fix else ''}{fix}"
            rows.append((self.lines.get(known, (1, 1)), f"{text} [{pointer(where)}]"))
        return "\n".join(f"{self.path}:{line}:{column}: {kind}: {text}" for (line, column), text in sorted(rows))

    def _value(self, node: Any, where: Where, mark: Any) -> Any:
        """Return the value of a node; `mark` is where its key begins."""
        self.lines[where] = (mark.line + 1, mark.column + 1)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*where, str(i)), item.start_mark) for i, item in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            pairs = () if node.style else _SCALARS  # a quoted text is a text
            return next((read(node.value) for pattern, read in pairs if pattern.fullmatch(node.value)), node.value)
        result: dict[str, Any] = {}
        for key, item in node.value:
            place = (*where, key.value)
            value = self._value(item, place, key.start_mark)
            if key.value in result:
                raise SpecificationError(Finding(place, f'duplicate key "{key.value}"', "remove one of the two"))
            result[key.value] = value
        return result


def load(path: Path) -> dict[str, Any]:
    """Read the document in a YAML 1.2 file; raises as `Source.read`."""
    return Source(path).read()


def pointer(where: Where) -> str:
    """Return the JSON pointer to a place, as references write it."""
    return "#" + "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in where)


def steps(reference: str) -> Where:
    """Split a local reference (`#/a/b`) into its keys."""
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in reference.removeprefix("#/").split("/"))


def locate(spec: Json, where: Where, value: Any) -> Place:
    """Return the object at the end of a chain of references, and its place; its value is None if there is none."""
    for _ in range(100):
        if not isinstance(value, Mapping) or not isinstance(value.get("$ref"), str):
            return Place(where, value if isinstance(value, Mapping) else None)
        where = steps(value["$ref"])
        value = part(spec, where)
    return Place(where, None)


def part(spec: Json, where: Where) -> Any:
    """Return the value at a place; None if there is nothing."""
    found: Any = spec
    for step in where:
        found = found.get(step) if isinstance(found, Mapping) else dict(members(found)).get(step)
    return found


def holds_names(where: Where) -> bool:
    """Return whether the keys at this place are names that the document chooses."""
    return bool(where) and where[-1] in HOLDERS and not holds_names(where[:-1])


def members(value: Any) -> Iterable[tuple[str, Any]]:
    """Return the members of an object, or the items of an array, with their steps in a path."""
    if isinstance(value, list):
        return ((str(index), item) for index, item in enumerate(value))
    return ((str(key), item) for key, item in value.items()) if isinstance(value, Mapping) else ()


def everything(value: Any, where: Where = ()) -> Iterator[Place]:
    """Yield every object of the document, except those in examples."""
    if isinstance(value, Mapping):
        yield Place(where, value)
    for step, inner in members(value):
        if holds_names(where) or not (step in DATA or step.startswith("x-")):
            yield from everything(inner, (*where, step))


def below(places: Iterable[Place], *path: str) -> list[Place]:
    """Return the parts at a path below each place; "*" is any step."""
    found = list(places)
    for step in path:
        inner = [(where, name, item) for where, value in found for name, item in members(value)]
        found = [Place((*where, name), item) for where, name, item in inner if step in ("*", name)]
    return found


def components(spec: Json, kind: str) -> list[Place]:
    return below([Place((), spec)], "components", kind, "*")


def operations(spec: Json) -> list[Place]:
    items = below([Place((), spec)], "paths", "*")
    return [Place((*where, method), item[method]) for where, item in items for method in METHODS if method in item]


def responses(spec: Json) -> list[Place]:
    """Return the responses of operations as written there, references included."""
    return below(operations(spec), "responses", "*")


def media(bodies: Iterable[Place]) -> list[Place]:
    """Return the media types under the `content` of bodies."""
    return below(bodies, "content", "*")


def owners(spec: Json) -> dict[Where, str]:
    """Return how a message about each operation and component begins: with the first operation that reaches it."""
    found: dict[Where, str] = {}
    for where, operation in operations(spec):
        for place in (where, *reached(spec, operation)):
            found.setdefault(place[:3], f"{where[2].upper()} {where[1]}: ")
    return found


def reached(spec: Json, value: Any) -> Iterator[Where]:
    """Yield the places that the references in a part of the document lead to, directly or through others."""
    seen, waiting = set[str](), [value]
    while waiting:
        for place in everything(waiting.pop()):
            reference = place.value.get("$ref")
            if isinstance(reference, str) and reference not in seen:
                seen.add(reference)
                yield steps(reference)
                waiting.append(part(spec, steps(reference)[:3]))  # the whole schema, if this names a part of one


def examples(spec: Json) -> Iterator[tuple[Where, Where, Any]]:
    """Yield every example: its place, the place of its schema, its value."""
    for where, value in everything(spec):
        if holds_names(where):
            continue
        if "example" in value and "schema" in value:
            yield (*where, "example"), (*where, "schema"), value["example"]
        is_list = isinstance(value.get("examples"), list)  # examples of a schema are a list; others are named objects
        for name, example in members(value.get("examples")):
            place = (*where, "examples", name)
            yield (place, where, example) if is_list else ((*place, "value"), (*where, "schema"), example.get("value"))
