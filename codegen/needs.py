"""Checks that a document has what the hand-written package needs, and that the package has each error class.

`contract.py` of the package declares what it needs. Its error classes, and the names that tags and methods may not
have, are read from its source, because the package cannot be imported before the generated package exists.
"""

from __future__ import annotations

import ast
import runpy
import symtable
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from . import document
from .document import Finding, Json, Place, Where
from .media import JSON
from .names import tag_name
from .operations import DEFAULT_ERROR, arguments
from .schemas import target


def reserved_names(overlay: Path) -> dict[str, Collection[str]]:
    """Return the names of the client's members ("") and, by tag, those of the methods of a hand-written class."""
    classes = {tag: place.split(".") for tag, place in _contract(overlay)["CLASSES"].items()}
    # The client's own names include its resources, whose names are those of the tags.
    return {tag: _public(overlay / f"{module}.py", name) - classes.keys() for tag, (module, name) in classes.items()}


def check(normal: Json, spec: Json, overlay: Path) -> Iterator[Finding]:
    """Find what the package needs and the document lacks, and the error classes that the package lacks."""
    schemas = normal["components"]["schemas"]
    places: dict[str, Where] = {name: ("components", "schemas", name) for name in schemas}
    has: dict[str, Any] = {name: {"member": schema.get("properties", ())} for name, schema in schemas.items()}
    for where, operation in document.operations(normal):
        places[operation["operationId"]] = where
        results = document.below([Place(where, operation)], "responses", "*", "content", JSON, "schema")
        has[operation["operationId"]] = {
            "tag": [tag_name(tag) for tag in operation["tags"]],
            "method": [operation["x-python-method"]],
            "argument": [item.name for item in arguments(Place(where, operation), schemas)],
            "result": [target(schema) for _, schema in results],
        }
    fix = f"keep it, or change it in {overlay.name}/contract.py and in the code that uses it"
    for owner, needed in _contract(overlay)["NEEDS"].items():
        if owner not in has:
            yield Finding((), f"no operation or schema in use is named {owner}, which the package needs", fix)
        for kind, names in needed.items() if owner in has else ():
            for name in (name for name in names if name not in has[owner][kind]):
                yield Finding(places[owner], f"{owner} has no {kind} {name}, which the package needs", fix)
    yield from _unknown_errors(normal, spec, overlay)


def _unknown_errors(normal: Json, spec: Json, overlay: Path) -> Iterator[Finding]:
    """Find the error classes that the document names and errors.py does not define."""
    nodes = [node for node in ast.parse((overlay / "errors.py").read_bytes()).body if isinstance(node, ast.ClassDef)]
    statuses = {
        node.name: {item.arg: ast.unparse(item.value) for item in node.keywords}.get("status") for node in nodes
    }
    for where, response in document.responses(normal):
        name, status = response.get("x-python-error", DEFAULT_ERROR), where[-1]
        place = document.locate(spec, where, document.part(spec, where)).where
        code = f'class {name}(APIStatusError, status={status}): """{response["description"]}"""'
        if name not in statuses:
            yield Finding(place, f"there is no class {name}", f"write in {overlay.name}/errors.py: {code}")
        elif name != DEFAULT_ERROR and statuses[name] != status:
            problem = f"the status of the class {name} is {statuses[name]}, not {status}"
            yield Finding(place, problem, "refer to a response of that status, or add one with a class of its own")


def _contract(overlay: Path) -> dict[str, Any]:
    return runpy.run_path(str(overlay / "contract.py"))


def _public(path: Path, name: str) -> set[str]:
    """Return the names that a class defines or assigns, without private ones."""
    classes = symtable.symtable(path.read_text("utf-8"), str(path), "exec").get_children()
    symbols = next(found for found in classes if found.get_name() == name).get_symbols()
    return {item.get_name() for item in symbols if item.is_assigned() and not item.get_name().startswith("_")}
