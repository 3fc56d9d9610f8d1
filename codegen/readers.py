"""Writes the expressions that read decoded JSON into models, from the properties that openapi-python-client parses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from openapi_python_client.parser.properties import LiteralEnumProperty, ModelProperty
from openapi_python_client.parser.properties.const import ConstProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.none import NoneProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol as Property
from openapi_python_client.parser.properties.union import UnionProperty

from .document import everything
from .names import module_name
from .parsing import JSON_TYPES, members, text
from .property_types import PropertyTypes, Scope, type_name
from .schemas import PREFIX, branches, target

JSON_KINDS = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "None": "null", "Any": "any"}


class Readers:
    """The expressions, for one document."""

    def __init__(self, types: PropertyTypes, normal: Mapping[str, Any]) -> None:
        self.types = types
        self.discriminators: dict[frozenset[str | None], Mapping[str, Any]] = {}  # by the models they tell apart
        for _, schema in everything(normal):
            if isinstance(schema.get("discriminator"), Mapping):
                models = frozenset(map(target, branches(schema)))
                self.discriminators[models - {None}] = schema["discriminator"]

    def reader(self, item: Property, scope: Scope) -> str | None:
        """The expression of a function that reads a value; None if the value stays as it is."""
        if isinstance(item, ListProperty):
            items = self.reader(item.inner_property, scope)
            return f"list_of({items})" if items else "array"
        if isinstance(item, UnionProperty):
            return self._any_of(list(self._options(item)), scope)
        if not isinstance(item, ModelProperty):
            return None
        name = str(item.class_info.name)
        if self.types.model(item):
            return f"{scope.use('models', name, runtime=True)}.from_dict"
        if self.types.is_recursive(item):
            return (
                scope.use("models.aliases", f"read_{module_name(name)}", runtime=True) if self.converts(item) else None
            )
        values = self.types.values(item)
        inner = self.reader(values, scope) if values else None
        return f"map_of({inner})" if inner else "mapping"

    def converts(self, item: Property, seen: frozenset[str] = frozenset()) -> bool:
        """Whether reading a value makes models."""
        if isinstance(item, UnionProperty):
            return any(self.converts(option, seen) for option in item.inner_properties)
        if isinstance(item, ListProperty):
            return self.converts(item.inner_property, seen)
        if not isinstance(item, ModelProperty):
            return False
        name = str(item.class_info.name)
        if self.types.is_recursive(item):
            return name not in seen and self.converts(self.types.parsed.aliases[name], seen | {name})
        values = None if self.types.model(item) else self.types.values(item)
        return self.types.model(item) is not None or (values is not None and self.converts(values, seen))

    def _options(self, item: Property, seen: frozenset[str] = frozenset()) -> Iterator[Property]:
        """The branches of a union without null, those of recursive aliases included."""
        if isinstance(item, UnionProperty):
            for option in item.inner_properties:
                yield from self._options(option, seen)
        elif self.types.is_recursive(item) and isinstance(item, ModelProperty):
            name = str(item.class_info.name)
            if name not in seen:
                yield from self._options(self.types.parsed.aliases[name], seen | {name})
        elif not isinstance(item, NoneProperty):
            yield item

    def _any_of(self, options: list[Property], scope: Scope) -> str | None:
        """Reads a value by its JSON kind, and an object of several models by its tag or by what fits best."""
        if len(options) < 2:
            return self.reader(options[0], scope) if options else None
        kinds = dict.fromkeys(_kind(option) for option in options)
        if "any" in kinds:
            return None
        models = [model for option in options if (model := self.types.model(option))]
        maps = [option for option in options if isinstance(option, ModelProperty) and not self.types.model(option)]
        lists = [option.inner_property for option in options if isinstance(option, ListProperty)]
        read_object = self._models(models, scope) if models else self.reader(maps[0], scope) if maps else None
        inner = [found for item in lists for found in self._options(item)]
        items = self._any_of(inner, scope)
        expected = json.dumps(" or ".join(kinds))
        if not items and read_object in (None, "mapping"):
            return f"expecting({expected})" if {"array", "object"} - set(kinds) else None
        return f"by_kind({expected}, {read_object}, {f'list_of({items})' if items else None})"

    def _models(self, models: list[ModelProperty], scope: Scope) -> str:
        """The expression that reads an object that may be any of these models."""
        names = [str(model.class_info.name) for model in models]
        used = {name: scope.use("models", name, runtime=True) for name in names}
        if len(models) == 1:
            return f"{used[names[0]]}.from_dict"
        discriminator = self.discriminators.get(frozenset(names))
        if discriminator:
            tags = self._tags(discriminator, models)
            table = ", ".join(f"{tag!r}: {used[name]}.from_dict" for tag, name in tags.items())
            return f"by_tag({discriminator['propertyName']!r}, {{{table}}})"
        fits = []
        for model in models:
            required = tuple(text(item.name) for item in model.required_properties or ())
            fixed = {text(item.name): values for item in members(model) if (values := _fixed(item))}
            fits.append(f"({used[str(model.class_info.name)]}, {required!r}, {fixed!r})")
        return f"best_fit({', '.join(fits)})"

    def _tags(self, discriminator: Mapping[str, Any], models: list[ModelProperty]) -> dict[str, str]:
        """Tag -> model: as mapped, else by the values that the model's tag is fixed to, else by its name."""
        mapped = {tag: name.removeprefix(PREFIX) for tag, name in discriminator.get("mapping", {}).items()}
        names = [str(model.class_info.name) for model in models]
        tags = {tag: name for tag, name in mapped.items() if name in names}
        for name, model in zip(names, models, strict=True):
            fixed = [_fixed(item) for item in members(model) if text(item.name) == discriminator["propertyName"]]
            own = [str(value) for values in fixed for value in values] or ([] if name in mapped.values() else [name])
            tags = {**dict.fromkeys(own, name), **tags}
        return tags


def _fixed(item: Property) -> tuple[Any, ...]:
    """The values that a member is fixed to; they tell models apart."""
    if isinstance(item, ConstProperty):
        return (item.value.raw_value,) if isinstance(item.value.raw_value, str | int) else ()
    return tuple(sorted(item.values, key=str)) if isinstance(item, LiteralEnumProperty) else ()


def _kind(item: Property) -> str:
    """The JSON kind of a property's values."""
    if isinstance(item, ListProperty):
        return "array"
    if isinstance(item, ModelProperty):
        return "object"
    if isinstance(item, ConstProperty):
        return JSON_TYPES[type(item.value.raw_value)]
    if isinstance(item, LiteralEnumProperty):
        return JSON_TYPES[item.value_type]
    return JSON_KINDS[type_name(item)]
