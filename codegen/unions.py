"""Finds what the options of a union are, and what tells its models apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from openapi_python_client.parser.properties import LiteralEnumProperty, ModelProperty
from openapi_python_client.parser.properties.const import ConstProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.none import NoneProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol as Property
from openapi_python_client.parser.properties.union import UnionProperty

from .document import everything
from .parsing import JSON_TYPES, members, text
from .property_types import PropertyTypes
from .schemas import PREFIX, branches, target

JSON_KINDS = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "Any": "any"}


class Unions:
    """The unions of one document."""

    def __init__(self, types: PropertyTypes, normal: Mapping[str, Any]) -> None:
        self.types = types
        self.discriminators: dict[frozenset[str | None], Mapping[str, Any]] = {}  # by the models they tell apart
        for _, schema in everything(normal):
            if isinstance(schema.get("discriminator"), Mapping):
                self.discriminators[frozenset(map(target, branches(schema))) - {None}] = schema["discriminator"]

    def options(self, item: Property, seen: frozenset[str] = frozenset()) -> Iterator[Property]:
        """The options of a union without null, those of recursive aliases included."""
        if isinstance(item, UnionProperty):
            for option in item.inner_properties:
                yield from self.options(option, seen)
        elif isinstance(item, ModelProperty) and self.types.is_recursive(item):
            name = str(item.class_info.name)
            if name not in seen:
                yield from self.options(self.types.parsed.aliases[name], seen | {name})
        elif not isinstance(item, NoneProperty):
            yield item

    def tags(self, models: list[ModelProperty]) -> tuple[str, dict[str, str]]:
        """The member that tells models apart, empty if there is none, and its value for each model.

        The value is the mapped one, else those that the member is fixed to, else the model's name.
        """
        fixed = {str(model.class_info.name): fixed_members(model) for model in models}
        discriminator = self.discriminators.get(frozenset(fixed))
        if not discriminator:
            return "", {}
        member = discriminator["propertyName"]
        mapped = {tag: name.removeprefix(PREFIX) for tag, name in discriminator.get("mapping", {}).items()}
        tags = {tag: name for tag, name in mapped.items() if name in fixed}
        for name, values in fixed.items():
            own = [*map(str, values.get(member, ()))] or ([] if name in mapped.values() else [name])
            tags = {**dict.fromkeys(own, name), **tags}
        return member, tags


def fixed_members(model: ModelProperty) -> dict[str, tuple[Any, ...]]:
    """The members that have one of a few fixed values."""
    found: dict[str, tuple[Any, ...]] = {}
    for item in members(model):
        if isinstance(item, ConstProperty) and isinstance(item.value.raw_value, str | int):
            found[text(item.name)] = (item.value.raw_value,)
        elif isinstance(item, LiteralEnumProperty):
            found[text(item.name)] = tuple(sorted(item.values, key=str))
    return found


def json_kind(item: Property) -> str:
    """The JSON kind of a property's values."""
    if isinstance(item, ListProperty | ModelProperty):
        return "array" if isinstance(item, ListProperty) else "object"
    if isinstance(item, ConstProperty | LiteralEnumProperty):
        return JSON_TYPES[type(item.value.raw_value) if isinstance(item, ConstProperty) else item.value_type]
    return JSON_KINDS[item.get_base_type_string().as_unembedded_code()]
