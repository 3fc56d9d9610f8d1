"""The classes of models/, and the unions and enums that answers hold, each as the templates need it."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import docstrings
from annotations import names_in, optional, past_shadows, union
from answers import Answers
from inputs import Inputs
from names import attribute, snake_case
from normal import Schema, is_model, is_nullable

# What a model has already; a field of one of these names gets an underscore behind it.
TAKEN = frozenset({"additional_properties", "http_meta", "from_dict", "to_dict", "model_dump", "model_dump_json"})
TAKEN |= {"Any", "Literal", "Mapping", "Self", "Sequence", "classmethod", "self"}
PIECES = frozenset({"array", "best_fit", "by_kind", "by_tag", "expecting", "list_of", "map_of", "mapping"})
TYPING = frozenset({"Any", "Literal"})
CONTAINERS = frozenset({"Mapping", "Sequence"})
Imports = list[tuple[str, list[str]]]


@dataclass(frozen=True)
class Field:
    """One attribute of a model."""

    wire: str
    attribute: str
    annotation: str
    default: str | None
    reader: str | None
    doc: str

    @property
    def simple(self) -> bool:
        """Whether the reader is a name that is there from the beginning."""
        return self.reader in PIECES


@dataclass(frozen=True)
class Shape:
    """One class; or, if it has a `union`, one name for a union or enum."""

    name: str
    module: str
    doc: str
    fields: list[Field]
    nullable: tuple[str, ...]
    union: str
    quoted: bool
    reader: str | None
    pieces: list[str]
    above: Imports
    below: Imports


def shapes(answers: Answers, closed: Collection[str], inputs: Inputs) -> dict[str, Shape]:
    """One per schema; the models in `closed` are only ever sent, so their fields are annotated as inputs are."""
    found = {}
    for name, schema in answers.schemas.items():
        if is_model(schema):
            found[name] = _model(name, schema, answers, inputs.fields[name] if name in closed else {}, inputs)
        elif name in answers.own:
            found[name] = _union(name, schema, answers)
    return found


def _model(name: str, schema: Schema, answers: Answers, given: Mapping[str, str], inputs: Inputs) -> Shape:
    required = schema.get("required", ())
    attributes: dict[str, str] = {}
    for wire in schema["properties"]:
        attributes[wire] = attribute(wire, TAKEN.union(attributes.values(), answers.schemas))
    fields = []
    nullable = []
    for wire, value in schema["properties"].items():
        text = given.get(wire) or answers.annotation(value)
        may_be_null = is_nullable(value, answers.schemas)
        if wire in required and may_be_null:
            nullable.append(wire)
        default = repr(value["const"]) if isinstance(value.get("const"), (str, int)) else None
        if default is None and (wire not in required or may_be_null):
            text, default = optional(text), "None"
        text = past_shadows(text, attributes.values())
        fields.append(
            Field(
                wire, attributes[wire], text, default, answers.reader(value), docstrings.remarks(value, answers.schemas)
            )
        )
    used = {part for field in fields for part in names_in(field.annotation)} - {name}
    expressions = [field.reader for field in fields if field.reader]
    sources = {part: inputs.names[part] or "..params" for part in used if given and part in inputs.names}
    return _shape(name, schema, used, expressions, sources, fields=fields, nullable=tuple(nullable))


def _union(name: str, schema: Schema, answers: Answers) -> Shape:
    text = union([answers.annotation(schema)])
    reader = answers.reader(schema) if answers.converts(schema) else None
    quoted = name in answers.circles
    used = set(names_in(text)) - {name}
    return _shape(name, schema, used, [reader] if reader else [], {}, union=text, reader=reader, quoted=quoted)


def _shape(
    name: str,
    schema: Schema,
    used: Iterable[str],
    expressions: list[str],
    sources: Mapping[str, str],
    *,
    fields: list[Field] | None = None,
    nullable: tuple[str, ...] = (),
    union: str = "",
    reader: str | None = None,
    quoted: bool = False,
) -> Shape:
    in_readers = {part for text in expressions for part in names_in(text)}
    below = {
        part
        for part in in_readers - PIECES - {name, f"read_{snake_case(name)}"}
        if part[0].isupper() or "read_" in part
    }
    above = {
        part for part in used if part not in TYPING and not hasattr(builtins, part) and part not in below | {"builtins"}
    }
    if union and not quoted:
        above, below = set(), below | above
    return Shape(
        name=name,
        module=snake_case(name),
        doc=docstrings.paragraphs(docstrings.sentence(schema.get("description") or f"{name}.")),
        fields=fields or [],
        nullable=nullable,
        union=union,
        quoted=quoted,
        reader=reader,
        pieces=sorted(in_readers & PIECES),
        above=_grouped(above, sources),
        below=_grouped(below, {}),
    )


def _grouped(names: Iterable[str], sources: Mapping[str, str]) -> Imports:
    """Import statements: module and names. Models and unions each have a module named after them."""
    modules: dict[str, list[str]] = {}
    for name in sorted(names):
        known = sources.get(name, "")
        if name in CONTAINERS:
            module = "collections.abc"
        elif known and not known.endswith(".models"):
            module = known
        else:
            module = "." + (name.removeprefix("read_") if name.startswith("read_") else snake_case(name))
        modules.setdefault(module, []).append(name)
    return sorted(modules.items())
