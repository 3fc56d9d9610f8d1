"""Says what the difference between two versions of the document means for users of the package.

Direction matters: what callers send may only become wider, what they receive may only become narrower. New values of an
enum in a response break nobody, because generated types keep enums of responses open.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from ..document import Json, Where, holds_names, pointer
from ..operations import KIND, Argument, body_schema
from ..schemas import PREFIX, Schema, is_model
from .contract import Contract, Operation, field_name
from .shapes import Alternative, Shape, Shapes, covers, text

TEXTS = {"title", "description", "summary", "example", "examples", "x-source", "x-guess", "externalDocs", "info"}
# Rule -> the keys of the operation or schema that a change covers. A change by another rule covers a whole part.
SHALLOW = {
    "deprecated": ("deprecated",),
    "further-keys": ("additionalProperties",),
    "security": ("security",),
    "operation-id": ("operationId",),
    "content-type": ("content",),
    **dict.fromkeys(("method-renamed", "method-removed", "method-added"), ("x-python-method", "tags", "operationId")),
    **dict.fromkeys(("name-renamed", "name-removed", "name-added"), ("x-python-namespace", "x-python-aliases")),
}
LIMITS = {  # keyword -> whether a larger value accepts less; None: any other value accepts something else
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), True),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), False),
    **dict.fromkeys(("pattern", "multipleOf", "uniqueItems"), None),
}
INNER = {"array": "items", "map": "additionalProperties"}


class Level(StrEnum):
    BREAKING = "breaking"
    COMPATIBLE = "compatible"
    INTERNAL = "internal"


BREAKING, COMPATIBLE, INTERNAL = Level


class Change(NamedTuple):
    """One change: its rule, the JSON pointer in openapi.yaml, and the Python name that users type."""

    level: Level
    rule: str
    python: str
    pointer: str
    text: str
    used_by: tuple[str, ...] = ()


def compare(old: Json, new: Json) -> list[Change]:
    """Return the changes between two documents, the breaking ones first.

    Raises:
        SpecificationError: one of the documents has no normal form.
    """
    comparison = _Comparison(Contract(old), Contract(new))
    comparison.run()
    found = _without_repetition(comparison.found)
    names = comparison.new.names() | comparison.old.names()
    places = {f"{change.pointer}/{key}" for change in found for key in SHALLOW.get(change.rule, ())}
    places |= {change.pointer for change in found if change.rule not in SHALLOW} | comparison.explained
    references = {f"refers to {PREFIX}{name}" for name in comparison.renamed.values()}
    found += (change for change in _rest(old, new, places, names) if change.text not in references)
    return sorted(found, key=lambda change: list(Level).index(change.level))


class _Comparison:
    """Compares two contracts; `found` grows. `sent`: the schema is of a request, not of a response."""

    def __init__(self, old: Contract, new: Contract) -> None:
        self.old, self.new = old, new
        self.found: list[Change] = []
        self.renamed: dict[str, str] = {}  # classes with another name
        self.along: set[str] = set()  # schemas that are added or removed with their operations
        self.explained: set[str] = set()  # places whose change is reported at another place
        common = {name for name in old.schemas if name in new.schemas}
        nominal = {name for name in common if not is_model(old.schemas[name]) and not is_model(new.schemas[name])}
        self.by_name = Shapes(old.schemas, nominal), Shapes(new.schemas, nominal)
        self.in_full = Shapes(old.schemas), Shapes(new.schemas)

    def add(self, level: Level, rule: str, python: str, place: str, message: str) -> None:
        self.found.append(Change(level, rule, python, place, message))

    def run(self) -> None:
        self.servers()
        for before, after in self.pairs():
            self.operation(before, after)
        done: set[tuple[str, str, bool]] = set()
        while waiting := {*self.schema_pairs(True), *self.schema_pairs(False)} - done:
            for pair in sorted(waiting):
                self.named(*pair)
            done |= waiting
        self.public_names()
        for index, change in enumerate(self.found):
            name = change.pointer.removeprefix("#/components/schemas/").partition("/")[0]
            side = self.old if name in self.old.schemas else self.new
            if change.pointer.startswith("#/components/schemas/") and name in side.schemas:
                users = [user for user in side.users(name) if not change.python.startswith(user)]
                self.found[index] = change._replace(used_by=tuple(users))

    def servers(self) -> None:
        before, after = ([item.get("url") for item in side.spec.get("servers", ())] for side in (self.old, self.new))
        if after and before[:1] != after[:1]:
            self.add(COMPATIBLE, "server", "OpenRouter(server_url=)", "#/servers", f"the default is {after[0]}")

    def pairs(self) -> Iterator[tuple[Operation, Operation]]:
        """Yield the operations of both documents: by method and path, else by operationId, else by Python name."""
        before, after = list(self.old.operations), list(self.new.operations)
        for key in range(3):
            for old in list(before):
                if (new := next((item for item in after if item.keys[key] == old.keys[key]), None)) is not None:
                    before.remove(old)
                    after.remove(new)
                    yield old, new
        for old in before:
            self.add(BREAKING, "operation-removed", f"{old.method}()", old.place, "is removed")
        for new in after:
            self.add(COMPATIBLE, "operation-added", f"{new.method}()", new.place, f"is new: {new.name}")
        for side, alone in ((self.old, before), (self.new, after)):
            names = {name for operation in alone for name in operation.reached(side)}
            names -= {name for item in side.operations if item not in alone for name in item.reached(side)}
            self.along |= names
            self.explained |= {side.place(name) for name in names}

    def operation(self, old: Operation, new: Operation) -> None:
        where = old.place
        gone = [name for name in old.methods if name not in new.methods]
        fresh = [name for name in new.methods if name not in old.methods]
        for name in gone:
            to = f"is renamed to {fresh[0]}()" if fresh else "is removed"
            self.add(BREAKING, "method-renamed" if fresh else "method-removed", f"{name}()", where, to)
        for name in fresh[len(gone) :]:
            self.add(COMPATIBLE, "method-added", f"{name}()", where, f"is new: {new.name}")
        if old.name != new.name:
            self.explained.add(old.place)
            self.add(COMPATIBLE, "path", f"{old.method}()", new.place, f"sends {new.name} in place of {old.name}")
        ids = old.normal["operationId"], new.normal["operationId"]
        if ids[0] != ids[1]:
            self.add(BREAKING, "operation-id", "telemetry.Call.operation", new.place, f"is {ids[1]}, not {ids[0]}")
        types = [body_schema(side.normal)[0] for side in (old, new)]
        if types[0] != types[1] and "requestBody" in old.normal and "requestBody" in new.normal:
            message = f"sends {types[1]} in place of {types[0]}"
            self.add(COMPATIBLE, "content-type", f"{old.method}()", f"{new.place}/requestBody", message)
        if bool(old.normal["security"]) != bool(new.normal["security"]):
            needs = bool(new.normal["security"])
            message = "needs an API key" if needs else "needs no API key"
            self.add(BREAKING if needs else COMPATIBLE, "security", f"{old.method}()", where, message)
        self.deprecation(old.normal, new.normal, f"{old.method}()", where)
        self.arguments(old, new)
        self.results(old, new)
        self.errors(old, new)

    def deprecation(self, old: Json, new: Json, python: str, place: str) -> None:
        if bool(old.get("deprecated")) != bool(new.get("deprecated")):
            state = "is deprecated" if new.get("deprecated") else "is no longer deprecated"
            self.add(COMPATIBLE, "deprecated", python, place, state)

    def arguments(self, old: Operation, new: Operation) -> None:
        gone = {name: item for name, item in old.arguments.items() if name not in new.arguments}
        fresh = {name: item for name, item in new.arguments.items() if name not in old.arguments}
        for name, item in gone.items():
            python = f"{old.method}({name}=)"
            other = self._renamed_argument(item, gone, fresh)
            message = f"is renamed to {other}=" if other else "is removed"
            rule = "argument-renamed" if other else "argument-removed"
            self.add(BREAKING, rule, python, old.place_of(item), message)
            if other is not None:
                self.explained.add(new.place_of(fresh.pop(other)))
        for name, item in fresh.items():
            level, rule, kind = BREAKING, "argument-required", "required"
            if not item.required:
                level, rule, kind = COMPATIBLE, "argument-added", "optional"
            message = f"is new and {kind}: {self._text(1, item.schema)}"
            self.add(level, rule, f"{new.method}({name}=)", new.place_of(item), message)
        for name, item in old.arguments.items():
            if name in new.arguments:
                other_item = new.arguments[name]
                self.argument(item, other_item, f"{old.method}({name}=)", new.place_of(other_item))

    def _renamed_argument(
        self, old: Argument, gone: Mapping[str, Argument], fresh: Mapping[str, Argument]
    ) -> str | None:
        """Return the new name of an argument: that of the same wire name, else of the only other one of its type."""
        for name, new in fresh.items():
            if (old.wire, old.location) == (new.wire, new.location):
                return name

        def signature(item: Argument, shapes: Shapes) -> tuple[Any, ...]:
            return item.location, item.required, shapes.shapes(item.schema)

        wanted = signature(old, self.in_full[0])
        found = [name for name, item in fresh.items() if signature(item, self.in_full[1]) == wanted]
        others = [item for item in gone.values() if signature(item, self.in_full[0]) == wanted]
        return found[0] if len(found) == len(others) == 1 else None

    def argument(self, old: Argument, new: Argument, python: str, place: str) -> None:
        self.requirement(old.required, new.required, True, python, place, "argument")
        if (old.wire, old.location) != (new.wire, new.location):
            message = f"is sent as {new.wire} ({new.location}) in place of {old.wire} ({old.location})"
            self.add(COMPATIBLE, "argument-moved", python, place, message)
        self.deprecation(old.schema, new.schema, python, place)
        if old.schema.get("default") != new.schema.get("default"):
            shown = repr(new.schema["default"]) if "default" in new.schema else "not documented"
            self.add(COMPATIBLE, "default", python, place, f"the server's default is {shown}")
        self.types(old.schema, new.schema, True, python, place)

    def requirement(self, old: bool, new: bool, sent: bool, python: str, place: str, kind: str) -> None:
        if old == new:
            return
        state = "required" if new else "optional"
        self.add(BREAKING if new == sent else COMPATIBLE, f"{kind}-{state}", python, place, f"is {state} now")

    def results(self, old: Operation, new: Operation) -> None:
        python, before, after = f"{old.method}()", old.responses(True), new.responses(True)
        for status in sorted(before.keys() - after.keys()):
            place = f"{old.place}/responses/{status}"
            self.add(BREAKING, "status-removed", python, place, f"status {status} is no longer a result")
        for status in sorted(after.keys() - before.keys()):
            place = f"{new.place}/responses/{status}"
            self.add(COMPATIBLE, "status-added", python, place, f"status {status} is a result too")
        kinds = [{value[KIND] for value in side.values()} for side in (before, after)]
        if ("none" in kinds[0]) != ("none" in kinds[1]):
            level, state = (BREAKING, "can return") if "none" in kinds[1] else (COMPATIBLE, "no longer returns")
            self.add(level, "result-empty", python, f"{new.place}/responses", f"{state} None")
        bodies = [" or ".join(sorted(side - {"none"})) for side in kinds]
        if bodies[0] != bodies[1] and all(bodies):
            message = f"the result changes from {bodies[0]} to {bodies[1]}"
            self.add(BREAKING, "result-kind", python, f"{new.place}/responses", message)
        first, second = (
            [value["content"] for value in side.values() if "content" in value] for side in (before, after)
        )
        if first and second:
            results = [next(iter(content[0].values()))["schema"] for content in (first, second)]
            self.types(results[0], results[1], False, python, f"{new.place}/responses")

    def errors(self, old: Operation, new: Operation) -> None:
        before, after = old.responses(False), new.responses(False)
        default = (after.get("default") or {}).get("x-python-error", "OpenRouterDefaultError")
        for status in dict.fromkeys((*before, *after)):
            classes = [(side.get(status) or {}).get("x-python-error") for side in (before, after)]
            if classes[0] == classes[1] or (classes[1] is None and classes[0] == default):
                continue
            place, python = f"{new.place}/responses/{status}", f"{old.method}()"
            if classes[0] is None:
                message = f"status {status} raises errors.{classes[1]}"
                self.add(COMPATIBLE, "error-added", python, place, message)
            elif classes[1] is None:
                message = f"status {status} raises errors.{default}, not errors.{classes[0]}"
                self.add(BREAKING, "error-removed", python, place, message)
            else:
                message = f"status {status} raises errors.{classes[1]}, not errors.{classes[0]}"
                shared = old.responses_as_written(self.old).get(status, {}).get("$ref")
                same = shared and shared == new.responses_as_written(self.new).get(status, {}).get("$ref")
                place = f"{shared}/x-python-error" if same else place
                self.add(BREAKING, "error-renamed", f"errors.{classes[0]}", place, message)

    def schema_pairs(self, sent: bool) -> Iterator[tuple[str, str, bool]]:
        """Yield the pairs of named schemas that both documents send, or that both receive."""
        before, after = (side.sent if sent else side.received for side in (self.old, self.new))
        yield from ((name, name, sent) for name in before & after)
        yield from ((old, new, sent) for old, new in self.renamed.items() if old in before and new in after)

    def named(self, old_name: str, new_name: str, sent: bool) -> None:
        old, new = self.old.schemas[old_name], self.new.schemas[new_name]
        place, python = self.old.place(old_name), self._public(old_name)
        if is_model(old) != is_model(new):
            message = "becomes a class" if is_model(new) else f"changes from a class to {self._text(1, new)}"
            self.add(BREAKING, "class", python, place, message)
        elif is_model(old):
            self.fields(old_name, old, new, sent)
        else:
            self.types(old, new, sent, python, place)

    def _public(self, name: str) -> str:
        return next((public for public, schema in self.old.public.items() if schema == name), name)

    def fields(self, name: str, old: Schema, new: Schema, sent: bool) -> None:
        before, after = old["properties"], new["properties"]
        required = [set(side.get("required", ())) for side in (old, new)]
        fresh = [wire for wire in after if wire not in before]
        gone = [wire for wire in before if wire not in after]
        for wire in gone:
            place, python = before[wire].get("title", self.old.place(name)), field_name(name, wire)
            equal = [other for other in fresh if self._equal(before[wire], after[other])]
            one = len(equal) == 1 and len([item for item in gone if self._equal(before[item], before[wire])]) == 1
            message = f"is renamed to {equal[0]}" if one else "is removed"
            self.add(BREAKING, "field-renamed" if one else "field-removed", python, place, message)
            if one:
                fresh.remove(equal[0])
                self.explained.add(after[equal[0]].get("title", ""))
        for wire in fresh:
            place, python = after[wire].get("title", self.old.place(name)), field_name(name, wire)
            needed = wire in required[1]
            message = f"is new and {'required' if needed else 'optional'}: {self._text(1, after[wire])}"
            breaks = sent and needed
            self.add(*((BREAKING, "field-required") if breaks else (COMPATIBLE, "field-added")), python, place, message)
        for wire, schema in before.items():
            if wire in after:
                place, python = after[wire].get("title", self.old.place(name)), field_name(name, wire)
                self.requirement(wire in required[0], wire in required[1], sent, python, place, "field")
                self.deprecation(schema, after[wire], python, place)
                self.types(schema, after[wire], sent, python, place)
        if sent:
            extra = [_openness(side) for side in (old, new)]
            if extra[0] != extra[1]:
                level, state = (BREAKING, "no further") if extra[1] < extra[0] else (COMPATIBLE, "further")
                self.add(level, "further-keys", self._public(name), self.old.place(name), f"takes {state} keys")

    def types(self, old: Schema, new: Schema, sent: bool, python: str, place: str) -> None:
        """Compare what two schemas accept: their shapes, then the values and limits of the shapes that both have."""
        for shapes in (self.by_name, self.in_full):
            found = [list(side.alternatives(item)) for side, item in zip(shapes, (old, new), strict=True)]
            names = self._renamed_classes(*([item.shape for item in side] for side in found))
            found[0] = [item._replace(shape=shape) for item, shape in zip(found[0], names, strict=True)]
            before, after = _grouped(found[0]), _grouped(found[1])
            lost = [shape for shape in before if not any(covers(other, shape) for other in after)]
            gained = [shape for shape in after if not any(covers(other, shape) for other in before)]
            if not lost and not gained:
                break
        shown = self._text(0, old), self._text(1, new)
        if lost or gained:
            breaks = bool(lost) if sent else bool(gained)
            rule = "type-changed" if lost and gained else "type-narrowed" if lost else "type-widened"
            message = f"the type is {shown[1]}, not {shown[0]}"
            self.add(BREAKING if breaks else COMPATIBLE, rule, python, place, message)
        for shape, alternatives in before.items():
            if shape in after:
                self.values(_values(alternatives), _values(after[shape]), sent, python, place)
                if len(alternatives) == len(after[shape]) == 1:
                    schemas = alternatives[0].schema, after[shape][0].schema
                    self.limits(*schemas, sent, python, place)
                    first, second = (schema.get(INNER.get(shape.kind, "")) for schema in schemas)
                    if isinstance(first, dict) and isinstance(second, dict):
                        self.types(first, second, sent, python, place)

    def _renamed_classes(self, before: Collection[Shape], after: Collection[Shape]) -> Iterator[Shape]:
        """Return the old shapes with new class names. If one class is missing and one is new, the class is renamed."""
        left = {name for shape in before for name in shape.classes() if name not in self.new.schemas}
        came = {name for shape in after for name in shape.classes() if name not in self.old.schemas}
        left, came = left - self.renamed.keys(), came - set(self.renamed.values())
        if len(left) == len(came) == 1:
            self.renamed[left.pop()] = came.pop()
        return (shape.renamed(self.renamed) for shape in before)

    def values(self, old: list[Any] | None, new: list[Any] | None, sent: bool, python: str, place: str) -> None:
        if old is None and new is None:
            return
        if old is None or new is None:
            message = "takes any value" if new is None else f"is one of {', '.join(map(repr, new or ()))}"
            level = BREAKING if sent and old is None else COMPATIBLE
            self.add(level, "values-open" if new is None else "values-closed", python, place, message)
            return
        if lost := [value for value in old if value not in new]:
            message = f"{_listed(lost)} removed"
            self.add(BREAKING if sent else COMPATIBLE, "value-removed", python, place, message)
        if gained := [value for value in new if value not in old]:
            message = f"{_listed(gained)} added"
            self.add(COMPATIBLE, "value-added", python, place, message)

    def limits(self, old: Json, new: Json, sent: bool, python: str, place: str) -> None:
        for key, larger_is_narrower in LIMITS.items():
            before, after = old.get(key), new.get(key)
            if before == after:
                continue
            narrower = after is not None
            if before is not None and after is not None and larger_is_narrower is not None:
                narrower = (after > before) == larger_is_narrower
            message = f"{key} is {after}" if after is not None else f"{key} {before} is dropped"
            level = INTERNAL if not sent else BREAKING if narrower else COMPATIBLE
            self.add(
                level,
                "limit",
                python,
                place,
                message if before is None or after is None else f"{message}, not {before}",
            )
        if sent and bool(old.get("x-decimal-string")) != bool(new.get("x-decimal-string")):
            level, state = (COMPATIBLE, "takes") if new.get("x-decimal-string") else (BREAKING, "no longer takes")
            self.add(level, "decimal-string", python, place, f"{state} numbers as well as strings")

    def public_names(self) -> None:
        """Compare the names that users import, without those added or removed with an operation or their class."""
        taken: set[str] = set()  # new names that replace old ones
        gone, fresh = set(self.old.public) - set(self.new.public), set(self.new.public) - set(self.old.public)
        for public, name in self.old.public.items():
            if public in gone and not self._goes_along(public, name, gone):
                wanted = public.replace(name, self.renamed.get(name, name)).partition(".")[2]
                to = next(
                    (found for found in sorted(fresh) if found.partition(".")[2] == wanted and found not in taken), ""
                )
                message = f"is renamed to {to}" if to else "is removed"
                self.add(BREAKING, "name-renamed" if to else "name-removed", public, self.old.place(name), message)
                taken.add(to)
        for public, name in self.new.public.items():
            if public in fresh - taken and not self._goes_along(public, name, fresh):
                self.add(COMPATIBLE, "name-added", public, self.new.place(name), "is new")
        self.explained |= {
            side.place(name)
            for side, other in ((self.old, self.new), (self.new, self.old))
            for name in side.schemas
            if name not in other.schemas and name in side.public.values()
        }
        self.explained |= {self.old.place(name) for name in self.renamed}
        self.explained |= {self.new.place(name) for name in self.renamed.values()}

    def _goes_along(self, public: str, name: str, names: Collection[str]) -> bool:
        return name in self.along or (public.endswith("TypedDict") and public.removesuffix("TypedDict") in names)

    def _text(self, side: int, schema: Json) -> str:
        return text(self.by_name[side].shapes(schema))

    def _equal(self, old: Json, new: Json) -> bool:
        return self.in_full[0].shapes(old) == self.in_full[1].shapes(new)


def _grouped(alternatives: Iterable[Alternative]) -> dict[Shape, list[Alternative]]:
    found: dict[Shape, list[Alternative]] = {}
    for alternative in alternatives:
        found.setdefault(alternative.shape, []).append(alternative)
    return found


def _values(alternatives: list[Alternative]) -> list[Any] | None:
    """Return the values of all alternatives of one shape; None if one of them takes any."""
    lists = [alternative.values for alternative in alternatives]
    return None if None in lists else [value for values in lists for value in values or ()]


def _openness(schema: Json) -> int:
    """Return 0 if no other keys than the properties are allowed, 1 if that is not declared, 2 if other keys are."""
    extra = schema.get("additionalProperties")
    return 1 if extra is None else 0 if extra is False else 2


def _listed(values: list[Any]) -> str:
    return (
        f"the value{'s' if len(values) > 1 else ''} {', '.join(map(repr, values))} {'are' if len(values) > 1 else 'is'}"
    )


def _without_repetition(changes: Iterable[Change]) -> list[Change]:
    """Return each change once. A schema that is both sent and received is reported in its stricter direction."""
    found: dict[tuple[str, ...], Change] = {}
    for change in changes:
        key = (change.python, change.pointer, change.text)
        if key not in found or change.level == BREAKING:
            found[key] = change
    return list(found.values())


def _rest(old: Json, new: Json, named: set[str], names: Mapping[str, str]) -> Iterator[Change]:
    """Yield the differences that no rule names: texts, and what users cannot see."""
    texts: dict[Where, str] = {}
    for where, state in _differences(old, new, ()):
        place = pointer(where)
        cuts = [index + 1 for index, key in enumerate(where) if key in TEXTS and not holds_names(where[:index])]
        holder = place.removesuffix("required") if place.endswith("/required") else f"{place}/"
        if cuts:
            texts[where[: cuts[0]]] = state if cuts[0] == len(where) else f"changed: {where[cuts[0] - 1]}"
        elif not any(f"{name}/".startswith(holder) or place.startswith(f"{name}/") for name in named):
            yield Change(INTERNAL, "other", _named_place(where, names), place, state)
    for where, state in texts.items():
        yield Change(INTERNAL, "text", _named_place(where, names), pointer(where), state)


def _named_place(where: Where, names: Mapping[str, str]) -> str:
    """Return the Python name of the smallest part that holds a place and has one."""
    steps = (pointer(where[:length]) for length in range(len(where), 0, -1))
    return next((names[step] for step in steps if step in names), "")


def _differences(old: Any, new: Any, where: Where) -> Iterator[tuple[Where, str]]:
    """Yield the smallest parts that differ, and how."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys((*old, *new)):
            if key not in new or key not in old:
                yield (*where, key), f"{'removed' if key in old else 'new'}: {key}"
            else:
                yield from _differences(old[key], new[key], (*where, key))
    elif (
        isinstance(old, list)
        and isinstance(new, list)
        and len(old) == len(new)
        and any(isinstance(item, Mapping) for item in old)
    ):
        for index, pair in enumerate(zip(old, new, strict=True)):
            yield from _differences(*pair, (*where, str(index)))
    elif old != new:
        yield where, f"refers to {new}" if where[-1] == "$ref" else f"changed: {where[-1]}"
