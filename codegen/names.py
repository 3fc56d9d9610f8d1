"""Names of the specification turned into names of Python."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Collection, Iterable

# What generated modules import beside the schemas; a schema of that name gets "Schema" put behind it.
TAKEN_CLASSES = frozenset(
    {"Any", "ApiModel", "Callable", "ClassVar", "Final", "Literal", "Mapping", "NotRequired", "Protocol", "Required"}
    | {"Self", "Sequence", "TypeAlias", "TypedDict", "Union", "ShapeError", "Optional", "Iterator", "Never"}
    | {"CallOptions", "Caller", "HttpMeta", "Operation", "Resource", "Resources", "Retries", "Unset", "UNSET"}
    | {name for name in dir(builtins) if name[0].isupper()}
)


def words(text: str) -> list[str]:
    """The words of an identifier in any spelling: HTTP-Referer, createEmbeddings, listURLs, Beta.Responses."""
    text = re.sub(r"([A-Z]{2,})s(?![a-z])", lambda found: found[1].capitalize() + "s", text)
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", text)
    text = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", text)
    return re.findall(r"[a-z0-9]+", text.lower())


def snake_case(text: str) -> str:
    """A name for an argument, method, tag or module."""
    name = "_".join(words(text)) or "value"
    if name[0].isdigit():
        name = f"n{name}"
    return f"{name}_" if keyword.iskeyword(name) or name == "self" else name


def pascal_case(text: str) -> str:
    """A name for a class; one that is well formed already stays as it is."""
    if re.fullmatch(r"[A-Z][A-Za-z0-9]*", text):
        name = text
    else:
        parts = re.findall(r"[A-Za-z0-9]+", text)
        name = "".join(part[0].upper() + part[1:] for part in parts) or "Value"
        name = f"N{name}" if name[0].isdigit() else name
    return f"{name}Schema" if name in TAKEN_CLASSES or keyword.iskeyword(name) else name


def attribute(wire_name: str, taken: Collection[str]) -> str:
    """The documented name wherever Python allows it as an attribute, else the nearest that it allows."""
    name = re.sub(r"\W", "_", wire_name, flags=re.ASCII).strip("_") or "value"
    if name[0].isdigit():
        name = f"n{name}"
    while keyword.iskeyword(name) or name in taken:
        name += "_"
    return name


def unused(name: str, taken: Iterable[str]) -> str:
    """The name, with a number behind it if it, or its module, is taken."""
    modules = {snake_case(other) for other in taken}
    found, number = name, 2
    while snake_case(found) in modules:
        found, number = f"{name}{number}", number + 1
    return found
