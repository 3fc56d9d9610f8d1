"""Turns the properties that openapi-python-client parses into Python types, and collects the imports these need.

The type of what the API answers is open: an enum or a constant accepts any value of its type. The type of what a caller
passes is exact, but accepts any sequence or mapping, and a TypedDict wherever it accepts a model.
"""

from __future__ import annotations

import builtins
from collections.abc import Collection, Iterable, Mapping

from openapi_python_client.parser.properties import LiteralEnumProperty, ModelProperty
from openapi_python_client.parser.properties.any import AnyProperty
from openapi_python_client.parser.properties.const import ConstProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.none import NoneProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol as Property
from openapi_python_client.parser.properties.union import UnionProperty

from .param_types import SUFFIX
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
        if module == "models" and name in self.schemas:
            return name
        local = name if self.taken.get(name, module) == module else f"{name}{module.removesuffix('s').title()}"
        self.taken[local] = module
        self.imports[module, name] = local
        if runtime:
            self.runtime.add((module, name))
        return local

    def builtin(self, name: str) -> str:
        """A builtin's name, or the way to it past an attribute of the same name."""
        return f"builtins.{name}" if name in self.shadows and hasattr(builtins, name) else name

    def lines(self, runtime: bool) -> list[str]:
        """The import statements for names that code runs, or for those that only annotations use."""
        used = sorted((key, local) for key, local in self.imports.items() if (key in self.runtime) == runtime)
        return [
            f"from {self.up}{module} import {name}" + ("" if name == local else f" as {local}")
            for (module, name), local in used
        ]


class PropertyTypes:
    """The Python types of parsed properties."""

    def __init__(self, parsed: Parsed, schemas: Mapping[str, Schema], exact: Collection[str]) -> None:
        self.parsed, self.schemas = parsed, schemas
        self.exact = exact  # named enums that only callers pass: they are in params.py

    def model(self, item: Property) -> ModelProperty | None:
        """The class that a property refers to; None for maps, recursive aliases and everything else."""
        if not isinstance(item, ModelProperty) or self.is_recursive(item):
            return None
        model = self.parsed.models[str(item.class_info.name)]
        return model if model.required_properties or model.optional_properties else None

    def is_recursive(self, item: Property) -> bool:
        """Whether the property refers to an alias that contains itself."""
        return isinstance(item, ModelProperty) and str(item.class_info.name) in self.parsed.recursive

    def values(self, item: ModelProperty) -> Property | None:
        """The property of a map's values; None if they may be anything."""
        found = self.parsed.models[str(item.class_info.name)].additional_properties
        return None if found is None or isinstance(found, AnyProperty) else found

    def answered(self, item: Property, scope: Scope) -> str:
        """The type of a value that the API answers."""
        return _union(self._answered(item, scope))

    def accepted(self, item: Property, scope: Scope) -> str:
        """The type of a value that a caller passes."""
        return _union(self._accepted(item, scope))

    def literal(self, item: LiteralEnumProperty) -> str:
        """The values of an enum as a type, in the order of the document where the enum has a name."""
        documented = self.schemas.get(str(item.class_info.name), {}).get("enum", [])
        order = {value: index for index, value in enumerate(documented)}
        values = sorted(item.values, key=lambda value: (order.get(value, len(order)), str(value)))
        return f"Literal[{', '.join(map(repr, values))}]"

    def _answered(self, item: Property, scope: Scope) -> list[str]:
        if isinstance(item, UnionProperty):
            return [part for option in item.inner_properties for part in self._answered(option, scope)]
        if isinstance(item, ListProperty):
            return [f"{scope.builtin('list')}[{self.answered(item.inner_property, scope)}]"]
        if isinstance(item, ConstProperty):
            kind = type(item.value.raw_value).__name__
            return [f"Literal[{item.value.raw_value!r}]", scope.builtin(kind)]
        if isinstance(item, LiteralEnumProperty):
            name = str(item.class_info.name)
            if name in self.schemas and name not in self.exact:
                return [scope.use("models", name)]
            return [self.literal(item), scope.builtin(item.value_type.__name__)]
        if not isinstance(item, ModelProperty):
            return [scope.builtin(type_name(item))]
        name = str(item.class_info.name)
        if self.model(item) or self.is_recursive(item):
            return [scope.use("models", name)]
        values = self.values(item)
        return [f"{scope.builtin('dict')}[{scope.builtin('str')}, {self.answered(values, scope) if values else 'Any'}]"]

    def _accepted(self, item: Property, scope: Scope) -> list[str]:
        if isinstance(item, UnionProperty):
            return self._accepted_union(item.inner_properties, scope)
        if isinstance(item, ListProperty):
            return [f"Sequence[{self.accepted(item.inner_property, scope)}]"]
        if isinstance(item, ConstProperty):
            return [f"Literal[{item.value.raw_value!r}]"]
        if isinstance(item, LiteralEnumProperty):
            name = str(item.class_info.name)
            return [scope.use("params", name) if name in self.schemas else self.literal(item)]
        if not isinstance(item, ModelProperty):
            return [scope.builtin(type_name(item))]
        name = str(item.class_info.name)
        if self.is_recursive(item):
            return [scope.use("params", name)]
        if model := self.model(item):
            types = [scope.use("models", name), scope.use("params", f"{name}{SUFFIX}")]
            return [*types, f"Mapping[{scope.builtin('str')}, Any]"] if model.data.additionalProperties else types
        values = self.values(item)
        return [f"Mapping[{scope.builtin('str')}, {self.accepted(values, scope) if values else 'Any'}]"]

    def _accepted_union(self, options: Iterable[Property], scope: Scope) -> list[str]:
        """The types of a union. Its lists become one: type checkers refuse a list written inline otherwise."""
        found: list[str] = []
        items: list[str] = []
        for option in options:
            if isinstance(option, ListProperty):
                if not items:
                    found.append("")
                items += self._accepted(option.inner_property, scope)
            else:
                found += self._accepted(option, scope)
        return [part or f"Sequence[{_union(items)}]" for part in found]


def type_name(item: Property) -> str:
    """The type of a scalar."""
    return item.get_base_type_string().as_unembedded_code()


def is_nullable(item: Property) -> bool:
    """Whether null is a value of the property."""
    options = item.inner_properties if isinstance(item, UnionProperty) else [item]
    return any(isinstance(option, NoneProperty) for option in options)


def optional(text: str) -> str:
    """The type with None added."""
    return text if text in ("Any", "None") or text.endswith(" | None") else f"{text} | None"


def _union(parts: Iterable[str]) -> str:
    """The parts joined, each once, None last."""
    found = [part for part in dict.fromkeys(parts) if part != "None"]
    if "Any" in found:
        return "Any"
    return " | ".join([*found, *(["None"] if "None" in parts else [])])
