"""Joins the types of a union, and writes the expression that reads one: by kind, by tag or by what fits best."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import evolve
from openapi_python_client.parser.properties import LiteralEnumProperty, ModelProperty
from openapi_python_client.parser.properties.const import ConstProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.none import NoneProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol as Property
from openapi_python_client.parser.properties.union import UnionProperty

from .document import everything
from .parsing import JSON_TYPES, members, text
from .property_types import PropertyTypes, Scope
from .schemas import PREFIX, branches, target

Macro = Callable[[Property, Scope], str]
JSON_KINDS = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "Any": "any"}


class Unions:
    """The unions of one document."""

    def __init__(self, types: PropertyTypes, normal: Mapping[str, Any]) -> None:
        self.types = types
        self.discriminators: dict[frozenset[str | None], Mapping[str, Any]] = {}  # by the models they tell apart
        for _, schema in everything(normal):
            if isinstance(schema.get("discriminator"), Mapping):
                models = frozenset(map(target, branches(schema)))
                self.discriminators[models - {None}] = schema["discriminator"]

    def joined(self, options: list[Property], macro: Macro, scope: Scope) -> str:
        """The types of the options, each once, None last."""
        parts = dict.fromkeys(macro(option, scope) for option in options)
        if "Any" in parts:
            return "Any"
        return " | ".join([*(part for part in parts if part != "None"), *(["None"] if "None" in parts else [])])

    def with_lists_joined(self, item: UnionProperty) -> list[Property]:
        """The options of a union, with one list of all items in place of its lists."""
        lists = [option for option in item.inner_properties if isinstance(option, ListProperty)]
        if len(lists) < 2:
            return item.inner_properties
        items = [option.inner_property for option in lists]
        inner = [
            part
            for found in items
            for part in (found.inner_properties if isinstance(found, UnionProperty) else [found])
        ]
        one = evolve(lists[0], inner_property=evolve(item, inner_properties=inner, required=True))
        rest = (one if option is lists[0] else option for option in item.inner_properties)
        return [option for option in rest if option is one or not isinstance(option, ListProperty)]

    def holds_models(self, item: Property, seen: frozenset[str] = frozenset()) -> bool:
        """Whether reading a value makes models."""
        if isinstance(item, UnionProperty):
            return any(self.holds_models(option, seen) for option in item.inner_properties)
        if isinstance(item, ListProperty):
            return self.holds_models(item.inner_property, seen)
        if isinstance(item, ModelProperty) and self.types.is_recursive(item):
            name = str(item.class_info.name)
            return name not in seen and self.holds_models(self.types.parsed.aliases[name], seen | {name})
        values = self.types.values(item)
        return self.types.model(item) is not None or (values is not None and self.holds_models(values, seen))

    def reader(self, item: Property, macro: Macro, scope: Scope) -> str:
        """The expression that reads a union; empty if every value stays as it is."""
        return self._reader(list(self._options(item)), macro, scope)

    def _reader(self, options: list[Property], macro: Macro, scope: Scope) -> str:
        if len(options) < 2:
            return macro(options[0], scope) if options else ""
        kinds = dict.fromkeys(_kind(option) for option in options)
        if "any" in kinds:
            return ""
        models = [model for option in options if (model := self.types.model(option))]
        maps = [option for option in options if isinstance(option, ModelProperty) and not self.types.model(option)]
        items = [option.inner_property for option in options if isinstance(option, ListProperty)]
        read_object = self._model_reader(models, scope) if models else macro(maps[0], scope) if maps else None
        read_item = self._reader([found for item in items for found in self._options(item)], macro, scope)
        expected = json.dumps(" or ".join(kinds))
        if not read_item and read_object in (None, "mapping"):
            return f"expecting({expected})" if {"array", "object"} - set(kinds) else ""
        return f"by_kind({expected}, {read_object}, {f'list_of({read_item})' if read_item else None})"

    def _options(self, item: Property, seen: frozenset[str] = frozenset()) -> Iterator[Property]:
        """The options of a union without null, those of recursive aliases included."""
        if isinstance(item, UnionProperty):
            for option in item.inner_properties:
                yield from self._options(option, seen)
        elif isinstance(item, ModelProperty) and self.types.is_recursive(item):
            name = str(item.class_info.name)
            if name not in seen:
                yield from self._options(self.types.parsed.aliases[name], seen | {name})
        elif not isinstance(item, NoneProperty):
            yield item

    def _model_reader(self, models: list[ModelProperty], scope: Scope) -> str:
        """The expression that reads an object that may be any of these models."""
        names = [str(model.class_info.name) for model in models]
        used = {name: scope.use("models", name, runtime=True) for name in names}
        if len(models) == 1:
            return f"{used[names[0]]}.from_dict"
        fixed = {name: _fixed_members(model) for name, model in zip(names, models, strict=True)}
        discriminator = self.discriminators.get(frozenset(names))
        if not discriminator:
            required = (tuple(text(item.name) for item in model.required_properties or ()) for model in models)
            fits = (f"({used[name]}, {found!r}, {fixed[name]!r})" for name, found in zip(names, required, strict=True))
            return f"best_fit({', '.join(fits)})"
        # The tag of a model: as mapped, else the values that its member is fixed to, else its name.
        member = discriminator["propertyName"]
        mapped = {tag: name.removeprefix(PREFIX) for tag, name in discriminator.get("mapping", {}).items()}
        tags = {tag: name for tag, name in mapped.items() if name in names}
        for name in names:
            own = [*map(str, fixed[name].get(member, ()))] or ([] if name in mapped.values() else [name])
            tags = {**dict.fromkeys(own, name), **tags}
        return f"by_tag({member!r}, {{{', '.join(f'{tag!r}: {used[name]}.from_dict' for tag, name in tags.items())}}})"


def _fixed_members(model: ModelProperty) -> dict[str, tuple[Any, ...]]:
    """The members that have one of a few fixed values, which tell models apart."""
    found: dict[str, tuple[Any, ...]] = {}
    for item in members(model):
        if isinstance(item, ConstProperty) and isinstance(item.value.raw_value, str | int):
            found[text(item.name)] = (item.value.raw_value,)
        elif isinstance(item, LiteralEnumProperty):
            found[text(item.name)] = tuple(sorted(item.values, key=str))
    return found


def _kind(item: Property) -> str:
    """The JSON kind of a property's values."""
    if isinstance(item, ListProperty | ModelProperty):
        return "array" if isinstance(item, ListProperty) else "object"
    if isinstance(item, ConstProperty | LiteralEnumProperty):
        return JSON_TYPES[type(item.value.raw_value) if isinstance(item, ConstProperty) else item.value_type]
    return JSON_KINDS[item.get_base_type_string().as_unembedded_code()]
