"""From the specification to all that the package is written from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import document
import inputs
import rules
import shapes
import tags
import yaml
from answers import Answers
from build import Contents
from calls import Call, calls
from names import snake_case
from normal import Normalizer, Schema, SpecificationError, is_model, reachable, stripped

NAMESPACES = {
    "components": "The schemas of the API.",
    "operations": "The schemas of single operations.",
}


@dataclass(frozen=True)
class Plan:
    """The normal form, and what the templates are filled with."""

    schemas: dict[str, Schema]
    calls: list[Call]
    contents: Contents


def checked(path: Path) -> dict[str, Any]:
    """The specification, if it is one: valid, with references that lead somewhere. The other rules are for lint."""
    try:
        spec: dict[str, Any] = _with_text_keys(document.load(path))
    except (OSError, yaml.YAMLError) as error:
        raise SpecificationError(str(error)) from None
    violations = rules.check(spec, rules=())
    if violations:
        raise SpecificationError("\n".join(violations))
    return spec


def findings(spec: Mapping[str, Any]) -> list[str]:
    """What lint would say of a specification that can be generated."""
    return [str(finding) for rule in (*rules.GENERATION, *rules.HOUSE) for finding in rule(spec)]


def _with_text_keys(value: Any) -> Any:
    """YAML reads an unquoted status, 200, as a number; the status is meant."""
    if isinstance(value, list):
        return [_with_text_keys(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {str(key) if type(key) is int else key: _with_text_keys(item) for key, item in value.items()}


def plan(spec: Mapping[str, Any]) -> Plan:
    """Everything that is to be written."""
    normal = Normalizer(spec)
    found = calls(normal)
    schemas = normal.schemas
    sent = reachable([schema for call in found for schema in call.request], schemas)
    answered = reachable(
        [s for call in found for s in (*call.error_schemas, *([call.answer] if call.answer else ()))], schemas
    )
    open_names = answered | (set(schemas) - sent)
    arguments = {call.place: {item.argument: item.schema for item in call.arguments} for call in found}
    made = inputs.make(schemas, sent, arguments)
    answers = Answers(schemas, {name for name in open_names if not is_model(schemas[name])})
    written = shapes.shapes(answers, sent - open_names, made)
    contents = Contents(
        title=spec["info"]["title"],
        version=str(spec["info"]["version"]),
        servers=_servers(spec),
        shapes=written,
        tags=tags.tags(found, spec, answers, made),
        schemas={name: stripped(schema) for name, schema in schemas.items() if name in sent},
        params=made.text,
        namespaces={name: (doc, _places(name, normal, made, written)) for name, doc in NAMESPACES.items()},
    )
    return Plan(schemas, found, contents)


def _servers(spec: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for index, server in enumerate(spec.get("servers", ())):
        name = server.get("x-speakeasy-server-id") or server.get("description") or f"server_{index}"
        found[snake_case(name)] = server["url"]
    return found


def _places(
    namespace: str, normal: Normalizer, made: inputs.Inputs, written: Mapping[str, shapes.Shape]
) -> dict[str, str]:
    """Name -> where it is: what callers pass comes from params, what the API answers from models."""
    places: dict[str, str] = {}
    for name, schema in normal.schemas.items():
        if schema.get("x-python-namespace", "components") != namespace:
            continue
        own = {}
        if name in written and not (name in made.names and made.names[name] == ""):
            own[name] = f"models.{written[name].module}"
        own |= {key: "params" for key in (name, f"{name}{inputs.SUFFIX}") if made.names.get(key) == ""}
        for alias in schema.get("x-python-aliases", ()):
            own |= {key.replace(name, alias, 1): f"{place}:{key}" for key, place in list(own.items())}
        places |= own
    return places
