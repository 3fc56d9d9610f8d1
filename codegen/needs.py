"""Checks that a document has what the hand-written package needs, and that the package has what the document names.

The package says what it needs in `contract.py`. Its error classes, and the names that tags and methods may not have,
are read from its source, since it cannot be imported before the generated package exists.
"""

from __future__ import annotations

import ast
import runpy
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from . import document
from .document import Finding
from .media import JSON
from .names import tag_name
from .operations import DEFAULT_ERROR, argument_name, body_schema, fields
from .schemas import target

Normal = Mapping[str, Any]


def reserved_names(overlay: Path) -> dict[str, Collection[str]]:
    """The names of the client's members ("") and, by tag, those of the methods of a hand-written class."""
    client = _classes(overlay / "client.py")["OpenRouter"]
    properties = [node for node in client.body if isinstance(node, ast.FunctionDef) and node.decorator_list]
    resources = {node.name: node.returns for node in properties if "Resource" in ast.unparse(node.decorator_list[0])}
    taken: dict[str, Collection[str]] = {"": _public(client) - resources.keys()}
    for tag, annotation in resources.items():
        if isinstance(annotation, ast.Name):
            taken[tag] = _public(_classes(overlay / f"{tag}.py")[annotation.id])
    return taken


def check(normal: Normal, spec: Mapping[str, Any], overlay: Path) -> Iterator[Finding]:
    """What the package and a document in normal form lack of each other."""
    contract = runpy.run_path(str(overlay / "contract.py"))
    found = {operation["operationId"]: (where, operation) for where, operation in document.operations(normal)}
    for identity, need in contract["OPERATIONS"].items():
        cure = f"keep it, or change it in {overlay.name}/contract.py and in the code that uses it"
        if identity not in found:
            yield Finding(("paths",), f"no operation has the operationId {identity}, which the package needs", cure)
            continue
        yield from (Finding(where, text, cure) for where, text in _lacks(*found[identity], need, normal))
    for name, members in contract["MEMBERS"].items():
        schema = normal["components"]["schemas"].get(name)
        cure = f"keep it, or change it in {overlay.name}/contract.py and in the code that uses it"
        where = ("components", "schemas", name)
        if schema is None:
            yield Finding(where[:2], f"no operation reaches a schema {name}, which the package needs", cure)
            continue
        for member in members:
            if member not in schema.get("properties", {}):
                yield Finding(where, f"{name} has no member {member}, which the package needs", cure)
    yield from _unknown_errors(normal, spec, overlay)


def _lacks(
    where: document.Where, operation: Mapping[str, Any], need: Mapping[str, Any], normal: Normal
) -> Iterator[tuple[document.Where, str]]:
    schemas = normal["components"]["schemas"]
    names = {item["x-python-name"] for item in operation["parameters"]}
    if "requestBody" in operation:
        members = fields(body_schema(operation)[1], schemas)
        names |= {argument_name(value, wire) for wire, value in members.items()}
    results = [found["content"][JSON]["schema"] for found in operation["responses"].values() if "content" in found]
    if need["tag"] not in map(tag_name, operation["tags"]):
        yield (*where, "tags"), f"it has no tag {need['tag']}, which the package needs"
    if operation["x-python-method"] != need["method"]:
        yield (*where, "x-python-method"), f"its method is not {need['method']}, which the package needs"
    for name in need["arguments"]:
        if name not in names:
            yield (*where, "requestBody"), f"it has no argument {name}, which the package needs"
    if need["result"] not in map(target, results):
        yield (*where, "responses"), f"its result is not {need['result']}, which the package needs"


def _unknown_errors(normal: Normal, spec: Mapping[str, Any], overlay: Path) -> Iterator[Finding]:
    """The error classes that the document names and errors.py does not have."""
    classes = {name: _status(node) for name, node in _classes(overlay / "errors.py").items()}
    for where, response in document.answers(normal):
        name, status = response.get("x-python-error"), where[-1]
        raw = document.part(spec, where)
        reference = raw.get("$ref") if isinstance(raw, Mapping) else None
        place = document.steps(reference) if reference else where
        code = f'class {name}(APIStatusError, status={status}): """{response["description"]}"""'
        if name is not None and name not in classes:
            yield Finding(place, f"there is no class {name}", f"write in {overlay.name}/errors.py: {code}")
        elif name is not None and name != DEFAULT_ERROR and classes[name] != status:
            problem = f"the class {name} is that of status {classes[name]}"
            yield Finding(place, problem, f"name another class, or write in {overlay.name}/errors.py: {code}")


def _classes(path: Path) -> dict[str, ast.ClassDef]:
    return {node.name: node for node in ast.parse(path.read_bytes()).body if isinstance(node, ast.ClassDef)}


def _public(node: ast.ClassDef) -> set[str]:
    functions = (item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef))
    return {item.name for item in functions if not item.name.startswith("_")}


def _status(node: ast.ClassDef) -> str | None:
    """The status that a class of errors names."""
    return next((ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg == "status"), None)
