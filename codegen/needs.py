"""Checks that a document has what the hand-written package needs, and that the package has each error class.

`contract.py` of the package declares what it needs. Its error classes, and the names that tags and methods may not
have, are read from its source, because the package cannot be imported before the generated package exists.
"""

from __future__ import annotations

import ast
import runpy
from collections.abc import Collection, Iterator
from pathlib import Path

from . import document
from .document import Finding, Json
from .media import JSON
from .names import tag_name
from .operations import DEFAULT_ERROR, arguments
from .schemas import target


def reserved_names(overlay: Path) -> dict[str, Collection[str]]:
    """Return the names of the client's members ("") and, by tag, those of the methods of a hand-written class."""
    classes: dict[str, str] = runpy.run_path(str(overlay / "contract.py"))["CLASSES"]
    places = {tag: place.split(".") for tag, place in classes.items()}
    # The client's own names include its resources, whose names are those of the tags.
    return {
        tag: _public(_classes(overlay / f"{module}.py")[name]) - places.keys() for tag, (module, name) in places.items()
    }


def check(normal: Json, spec: Json, overlay: Path) -> Iterator[Finding]:
    """Find what the package needs and the document lacks, and the error classes that the package lacks."""
    contract = runpy.run_path(str(overlay / "contract.py"))
    fix = f"keep it, or change it in {overlay.name}/contract.py and in the code that uses it"
    schemas = normal["components"]["schemas"]
    operations = {operation["operationId"]: (where, operation) for where, operation in document.operations(normal)}
    for identity, needed in contract["OPERATIONS"].items():
        if identity not in operations:
            yield Finding(("paths",), f"no operation has the operationId {identity}, which the package needs", fix)
            continue
        where, operation = operations[identity]
        results = document.below([document.Place(where, operation)], "responses", "*", "content", JSON, "schema")
        has = {
            "tag": {tag_name(tag) for tag in operation["tags"]},
            "method": {operation["x-python-method"]},
            "arguments": {name for name, *_ in arguments(operation, schemas)},
            "result": {target(schema) for _, schema in results},
        }
        for kind, names in needed.items():
            for name in sorted({*([names] if isinstance(names, str) else names)} - has[kind]):
                problem = f"the operation has no {kind.removesuffix('s')} {name}, which the package needs"
                yield Finding(where, problem, fix)
    for name, wires in contract["MEMBERS"].items():
        if name not in schemas:
            problem = f"no operation reaches a schema {name}, which the package needs"
            yield Finding(("components", "schemas"), problem, fix)
        for wire in sorted(set(wires) - schemas.get(name, {"properties": wires}).get("properties", {}).keys()):
            problem = f"{name} has no member {wire}, which the package needs"
            yield Finding(("components", "schemas", name), problem, fix)
    yield from _unknown_errors(normal, spec, overlay)


def _unknown_errors(normal: Json, spec: Json, overlay: Path) -> Iterator[Finding]:
    """Find the error classes that the document names and errors.py does not define."""
    classes = {name: _status(node) for name, node in _classes(overlay / "errors.py").items()}
    for where, response in document.responses(normal):
        name, status = response.get("x-python-error", DEFAULT_ERROR), where[-1]
        place = document.locate(spec, where, document.part(spec, where)).where
        code = f'class {name}(APIStatusError, status={status}): """{response["description"]}"""'
        if name not in classes:
            yield Finding(place, f"there is no class {name}", f"write in {overlay.name}/errors.py: {code}")
        elif name != DEFAULT_ERROR and classes[name] != status:
            problem = f"the status of the class {name} is {classes[name]}, not {status}"
            yield Finding(place, problem, "refer to a response of that status, or add one with a class of its own")


def _classes(path: Path) -> dict[str, ast.ClassDef]:
    return {node.name: node for node in ast.parse(path.read_bytes()).body if isinstance(node, ast.ClassDef)}


def _public(node: ast.ClassDef) -> set[str]:
    """Return the names that a class defines or assigns, without private ones."""
    names = {item.name for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)}
    assigned = (target for item in node.body if isinstance(item, ast.Assign) for target in item.targets)
    names |= {target.id for target in assigned if isinstance(target, ast.Name)}
    return {name for name in names if not name.startswith("_")}


def _status(node: ast.ClassDef) -> str | None:
    """Return the argument `status=` of an error class."""
    return next((ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg == "status"), None)
