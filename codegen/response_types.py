"""Template helpers: classify the properties that openapi-python-client parsed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openapi_python_client.parser.properties import LiteralEnumProperty, ModelProperty
from openapi_python_client.parser.properties.any import AnyProperty
from openapi_python_client.parser.properties.const import ConstProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.none import NoneProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol as Property
from openapi_python_client.parser.properties.union import UnionProperty

from .adapter import JSON_TYPES
from .document import Json, everything
from .schemas import PREFIX, branches, target

JSON_KINDS = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "Any": "any"}


class ResponseTypes:
    """The properties of one document: its models by class name, and its recursive aliases."""

    def __init__(self, models: Mapping[str, ModelProperty], recursive: Mapping[str, Property], normal: Json) -> None:
        self.models, self.recursive = models, recursive
        self.schemas = normal["components"]["schemas"]
        self.discriminators: dict[frozenset[str | None], Mapping[str, Any]] = {}  # by the set of models
        for _, schema in everything(normal):
            if isinstance(schema.get("discriminator"), Mapping):
                self.discriminators[frozenset(map(target, branches(schema))) - {None}] = schema["discriminator"]

    def alias(self, item: Property) -> Property | None:
        """Return the content of the recursive alias that the property references, or None."""
        return self.recursive.get(str(item.class_info.name)) if isinstance(item, ModelProperty) else None

    def model(self, item: Property) -> ModelProperty | None:
        """Return the class that a property refers to; None for maps, recursive aliases and everything else."""
        model = self.models.get(str(item.class_info.name)) if isinstance(item, ModelProperty) else None
        return model if model and members(model) else None

    def values(self, item: ModelProperty) -> Property | None:
        """Return the property of the values of other members than those of a model; None if they may be anything."""
        found = self.models[str(item.class_info.name)].additional_properties
        return None if isinstance(found, AnyProperty) else found

    def literal(self, item: LiteralEnumProperty) -> str:
        """Return the values of an enum as a type, in the order of the document where the enum has a name."""
        documented = self.schemas.get(str(item.class_info.name), {}).get("enum", [])
        order = {value: index for index, value in enumerate(documented)}
        values = sorted(item.values, key=lambda value: (order.get(value, len(order)), str(value)))
        return f"Literal[{', '.join(map(repr, values))}]"

    def options(self, item: Property, seen: tuple[Property, ...] = ()) -> list[Property]:
        """Return the branches of a union without null; a recursive alias is replaced by its branches."""
        alias = self.alias(item)
        if isinstance(item, UnionProperty):
            return [found for option in item.inner_properties for found in self.options(option, seen)]
        if alias is not None:
            return [] if alias in seen else self.options(alias, (*seen, alias))
        return [] if isinstance(item, NoneProperty) else [item]

    def tags(self, models: list[ModelProperty]) -> tuple[str, dict[str, str]]:
        """Return the discriminator property, and the model for each of its values."""
        names = frozenset(str(model.class_info.name) for model in models)
        found = self.discriminators.get(names, {"propertyName": "", "mapping": {}})
        tags = {tag: name.removeprefix(PREFIX) for tag, name in found["mapping"].items()}
        return found["propertyName"], {tag: name for tag, name in tags.items() if name in names}


def members(model: ModelProperty) -> list[Property]:
    """Return the properties of a model, required ones first."""
    return [*(model.required_properties or ()), *(model.optional_properties or ())]


def text(value: Any) -> str:
    """Return the text of an `UntrustedString` of openapi-python-client."""
    return str(value.get_untrusted_value())


def is_nullable(item: Property) -> bool:
    """Return whether null is a value of the property."""
    options = item.inner_properties if isinstance(item, UnionProperty) else [item]
    return any(isinstance(option, NoneProperty) for option in options)


def fixed_members(model: ModelProperty) -> dict[str, tuple[Any, ...]]:
    """Return the members that have one of a few fixed values."""
    found: dict[str, tuple[Any, ...]] = {}
    for item in members(model):
        if isinstance(item, ConstProperty) and isinstance(item.value.raw_value, str | int):
            found[text(item.name)] = (item.value.raw_value,)
        elif isinstance(item, LiteralEnumProperty):
            found[text(item.name)] = tuple(sorted(item.values, key=str))
    return found


def json_kind(item: Property) -> str:
    """Return the JSON kind of a property's values."""
    if isinstance(item, ListProperty | ModelProperty):
        return "array" if isinstance(item, ListProperty) else "object"
    if isinstance(item, ConstProperty | LiteralEnumProperty):
        return JSON_TYPES[type(item.value.raw_value) if isinstance(item, ConstProperty) else item.value_type]
    return JSON_KINDS[item.get_base_type_string().as_unembedded_code()]
