"""Answers what a parsed property is, and collects the imports that the types of a module's properties need."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Iterable, Mapping

from openapi_python_client.parser.properties import LiteralEnumProperty, ModelProperty
from openapi_python_client.parser.properties.any import AnyProperty
from openapi_python_client.parser.properties.none import NoneProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol as Property
from openapi_python_client.parser.properties.union import UnionProperty

from .parsing import Parsed
from .schemas import Schema


class Scope:
    """The names that one module uses: each schema is imported, under another name if its own is taken."""

    def __init__(
        self, up: str, own: Iterable[str] = (), shadows: Iterable[str] = (), schemas: Collection[str] = ()
    ) -> None:
        self.up = up  # the dots that lead to the package
        self.schemas = schemas  # those that the module itself defines
        self.taken = dict.fromkeys(own, "")  # name -> module
        self.shadows = frozenset(shadows)  # names that the module's class uses for attributes
        self.imports: dict[tuple[str, str], str] = {}
        self.runtime: set[tuple[str, str]] = set()

    def use(self, module: str, name: str, runtime: bool = False) -> str:
        """The name under which the module can use `name` of another module; `runtime` says that code runs it."""
        if module.startswith("models") and name in self.schemas:
            return name
        local = name if self.taken.get(name, module) == module else f"{name}{module.removesuffix('s').title()}"
        self.taken[local] = module
        self.imports[module, name] = local
        if runtime:
            self.runtime.add((module, name))
        return local

    def builtin(self, name: str) -> str:
        """A builtin's name, or the path to it past an attribute of the same name."""
        return f"builtins.{name}" if name in self.shadows and hasattr(builtins, name) else name

    def lines(self, runtime: bool) -> list[str]:
        """The import statements for names that code runs, or for those that only annotations use."""
        used = sorted((key, local) for key, local in self.imports.items() if (key in self.runtime) == runtime)
        names = ((module, name if name == local else f"{name} as {local}") for (module, name), local in used)
        return [f"from {self.up}{module} import {name}" for module, name in names]


class PropertyTypes:
    """What the properties of one document are."""

    def __init__(self, parsed: Parsed, schemas: Mapping[str, Schema]) -> None:
        self.parsed, self.schemas = parsed, schemas

    def model(self, item: Property) -> ModelProperty | None:
        """The class that a property refers to; None for maps, recursive aliases and everything else."""
        if not isinstance(item, ModelProperty) or self.is_recursive(item):
            return None
        model = self.parsed.models[str(item.class_info.name)]
        return model if model.required_properties or model.optional_properties else None

    def is_recursive(self, item: Property) -> bool:
        """Whether the property refers to an alias that contains itself."""
        return isinstance(item, ModelProperty) and str(item.class_info.name) in self.parsed.recursive

    def values(self, item: Property) -> Property | None:
        """The property of a map's values; None if they may be anything, or if it is not a map."""
        if not isinstance(item, ModelProperty) or self.is_recursive(item) or self.model(item):
            return None
        found = self.parsed.models[str(item.class_info.name)].additional_properties
        return None if isinstance(found, AnyProperty) else found

    def literal(self, item: LiteralEnumProperty) -> str:
        """The values of an enum as a type, in the order of the document where the enum has a name."""
        documented = self.schemas.get(str(item.class_info.name), {}).get("enum", [])
        order = {value: index for index, value in enumerate(documented)}
        values = sorted(item.values, key=lambda value: (order.get(value, len(order)), str(value)))
        return f"Literal[{', '.join(map(repr, values))}]"


def is_nullable(item: Property) -> bool:
    """Whether null is a value of the property."""
    options = item.inner_properties if isinstance(item, UnionProperty) else [item]
    return any(isinstance(option, NoneProperty) for option in options)


def optional(text: str) -> str:
    """The type with None added."""
    return text if text in ("Any", "None") or text.endswith(" | None") else f"{text} | None"
