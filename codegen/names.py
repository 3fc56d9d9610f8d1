"""Makes names in Python from names in the document, by the rules of openapi-python-client where possible."""

from __future__ import annotations

import builtins
import functools
import itertools
import keyword
import re
from collections.abc import Collection, Iterable

from openapi_python_client.strings import ClassName, PythonIdentifier

# Names that generated modules import; a schema with one of these names gets the suffix "Schema".
TAKEN_CLASSES = frozenset(
    {"Any", "ApiModel", "Callable", "ClassVar", "Final", "Literal", "Mapping", "NotRequired", "Protocol", "Required"}
    | {"Self", "Sequence", "TypeAlias", "TypedDict", "Union", "ShapeError", "Optional", "Iterator", "Never"}
    | {"CallOptions", "Caller", "HttpMeta", "Operation", "Resource", "Resources", "RetrySettings", "Unset", "UNSET"}
    | {name for name in dir(builtins) if name[0].isupper()}
)


def class_name(text: str) -> str:
    """Return the class name of a schema; openapi-python-client does not change it further."""
    name = ClassName(ClassName(text, "N"), "N")
    plain = name.removesuffix("_")
    return f"{plain}Schema" if plain in TAKEN_CLASSES or keyword.iskeyword(plain) else name


@functools.cache
def module_name(text: str) -> str:
    """Return the name of the module that openapi-python-client writes for a class or an operation."""
    return PythonIdentifier(text, "field_")


def tag_name(text: str) -> str:
    """Return the name of the module that openapi-python-client writes for the operations of a tag."""
    return PythonIdentifier(text, "tag")


def tag_attribute(text: str) -> str:
    """Return the attribute of the client for a tag: the module's name, without an unneeded underscore at its end."""
    plain = tag_name(text).removesuffix("_")
    return f"{plain}_" if keyword.iskeyword(plain) else plain


def snake_case(text: str) -> str:
    """Return the name of an argument or method. A name that Python allows gets no underscore: `input`, not `input_`."""
    name = PythonIdentifier(re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_") or "value", "n")
    plain = name.removesuffix("_")
    return name if keyword.iskeyword(plain) or plain == "self" else plain


def attribute(wire_name: str, taken: Collection[str]) -> str:
    """Return the documented name if Python allows it for an attribute, else the nearest name that Python allows."""
    name = re.sub(r"\W", "_", wire_name, flags=re.ASCII).strip("_") or "value"
    if name[0].isdigit():
        name = f"n{name}"
    while keyword.iskeyword(name) or name in taken:
        name += "_"
    return name


def unused(name: str, taken: Iterable[str]) -> str:
    """Return the name, with a number added if the name or its module exists already."""
    modules = {module_name(other) for other in taken}
    names = itertools.chain([name], (f"{name}{number}" for number in itertools.count(2)))
    return next(found for found in names if module_name(found) not in modules)


class Scope:
    """The names and imports of one generated module. A schema gets another name there if its own name is taken."""

    def __init__(self, up: str, own: Iterable[str], shadows: Iterable[str] = (), schemas: Iterable[str] = ()) -> None:
        self.up = up  # the dots that lead to the package
        self.schemas = schemas  # defined by the module itself
        self.taken = dict.fromkeys(own, "")  # name -> module
        self.shadows = frozenset(shadows)  # attributes of the module's class
        self.imports: dict[tuple[str, str], str] = {}
        self.runtime: set[tuple[str, str]] = set()

    def use(self, module: str, name: str, runtime: bool = False) -> str:
        """Return the local name for `name` of another module; `runtime`: it is used outside of annotations."""
        if module.startswith("models") and name in self.schemas:
            return name
        local = name if self.taken.get(name, module) == module else f"{name}{module.removesuffix('s').title()}"
        self.taken[local] = module
        self.imports[module, name] = local
        if runtime:
            self.runtime.add((module, name))
        return local

    def builtin(self, name: str) -> str:
        """Return the name of a builtin, with `builtins.` before it if an attribute has the same name."""
        return f"builtins.{name}" if name in self.shadows and hasattr(builtins, name) else name

    def lines(self, runtime: bool) -> list[str]:
        """Return the import statements for the names used at run time, or for those used in annotations only."""
        used = sorted((key, local) for key, local in self.imports.items() if (key in self.runtime) == runtime)
        names = ((module, name if name == local else f"{name} as {local}") for (module, name), local in used)
        return [f"from {self.up}{module} import {name}" for module, name in names]
