"""Finds breaking changes of the Python interface with griffe, in the public modules of both packages.

griffe sees what openapi.yaml does not hold: the overlay, and what templates and generators write. It sees neither types
nor values; those are compared in `changes.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import griffe

from .changes import Change, Level

GENERATED, OVERLAY = "openrouter_generated", "openrouter_embeddings"
FOLDERS = ["generated", "overlay"]
# The public modules: those of CHANGELOG.md, and those that define their classes.
MODULES = [
    *(f"{GENERATED}.{name}" for name in ("api", "models", "params")),
    *(f"{OVERLAY}.{name}" for name in ("client", "components", "embed", "embeddings", "errors", "local", "operations")),
    *(f"{OVERLAY}.{name}" for name in ("retries", "telemetry", "testing", "types", "utils")),
]
# Patterns of griffe's paths, and the names that users type.
NAMES = [
    (rf"{GENERATED}\.api\.(\w+)\.\w+\.(\w+)", r"client.\1.\2()"),
    (rf"{GENERATED}\.api\.(\w+)\.\w+", r"client.\1"),
    (rf"{GENERATED}\.(?:models|params)\.(?:\w+\.)?(\w+)", r"components.\1"),
    (rf"{GENERATED}\.(?:models|params)\.(?:\w+\.)?([A-Z]\w+)\.(\w+)", r"\1.\2"),
    (rf"{OVERLAY}\.embeddings\.Embeddings\.(\w+)", r"client.embeddings.\1()"),
    (rf"{OVERLAY}\.(.+)", r"\1"),
]


def breaking(old: Path, new: Path) -> list[Change]:
    """Return the breaking changes between two folders with `generated` and `overlay`, without async versions."""
    before, after = _load(old), _load(new)
    found: dict[tuple[str, str], Change] = {}
    for name in MODULES:
        if not _has(before, name):
            continue
        if not _has(after, name):
            found[name, ""] = Change(Level.BREAKING, "module-removed", name, "", "is removed")
            continue
        for breakage in griffe.find_breaking_changes(before[name], after[name]):
            change = _change(breakage)
            if change is not None:
                found.setdefault((change.python.replace("_async(", "("), change.text), change)
    return list(found.values())


def unexplained(changes: Iterable[Change], explained: Iterable[Change]) -> Iterator[Change]:
    """Yield the changes that no change of the document explains: they name neither the same part nor a part of it."""
    known = [
        re.sub(r"^(components|operations)\.|\(.*", "", change.python)
        for change in explained
        if change.level == Level.BREAKING
    ]
    for change in changes:
        name = re.sub(r"^(components|operations)\.|TypedDict\b|_async\b(?=\()", "", change.python)
        if not any(name == item or name.startswith((f"{item}.", f"{item}(")) for item in known):
            yield change


def _load(folder: Path) -> griffe.ModulesCollection:
    loader = griffe.GriffeLoader(search_paths=[str(folder / name) for name in FOLDERS], allow_inspection=False)
    for package in (GENERATED, OVERLAY):
        try:
            loader.load(package)
        except ImportError:
            continue  # a revision before the package existed
    loader.resolve_aliases(implicit=True, external=False)
    return loader.modules_collection


def _has(modules: griffe.ModulesCollection, name: str) -> bool:
    try:
        return bool(modules[name])
    except KeyError:
        return False


def _change(breakage: griffe.Breakage) -> Change | None:
    path = breakage.obj.path
    is_operation = path.startswith(f"{GENERATED}.api.") and breakage.obj.name.isupper()
    # Constants: changes.py compares the values that users rely on, and no user names the description of an operation.
    if breakage.kind is griffe.BreakageKind.ATTRIBUTE_CHANGED_VALUE or is_operation:
        return None
    python = next((re.sub(pattern, name, path) for pattern, name in NAMES if re.fullmatch(pattern, path)), path)
    parameter = breakage.old_value if isinstance(breakage.old_value, griffe.Parameter) else breakage.new_value
    if isinstance(parameter, griffe.Parameter):
        python = f"{python.removesuffix('()')}({parameter.name}=)"
    return Change(Level.BREAKING, "python", python, "", breakage.kind.value[0].lower() + breakage.kind.value[1:])
