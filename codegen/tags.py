"""The modules of api/: per tag its operations, with signatures, docstrings and imports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import docstrings
from annotations import names_in, optional, past_shadows, renamed
from answers import Answers
from calls import Argument, Call, requires
from inputs import Inputs
from names import pascal_case, snake_case
from normal import SpecificationError, stripped
from shapes import PIECES

STANDARD = {"Any", "Literal", "Mapping", "Sequence", "builtins"}


@dataclass(frozen=True)
class Entry:
    """An argument in a signature."""

    argument: str
    annotation: str
    required: bool


class Names:
    """The names of schemas in one module: imported as they are, unless the module uses the name itself."""

    def __init__(self, inputs: Inputs, answers: Answers, own: Iterable[str]) -> None:
        self.inputs, self.answers, self.own = inputs, answers, set(own)
        self.imports: set[tuple[str, str, str]] = set()

    def sent(self, text: str) -> str:
        """An annotation of an argument, its names imported."""
        return self._imported(text, lambda name: "params" if self.inputs.names.get(name) == "" else "models", "Schema")

    def answered(self, text: str) -> str:
        """An annotation of an answer, its names imported."""
        return self._imported(text, lambda _: "models", "Answer")

    def _imported(self, text: str, module_of: Any, suffix: str) -> str:
        replaced = {}
        for name in set(names_in(text)) - STANDARD:
            if name not in self.answers.schemas and name not in self.inputs.names:
                continue
            module = module_of(name)
            other = any(taken == name and source != module for source, taken, _ in self.imports)
            replaced[name] = f"{name}{suffix}" if name in self.own or other else name
            self.imports.add((module, name, replaced[name]))
        return renamed(text, replaced)

    def lines(self) -> list[str]:
        return [
            f"from ..{module} import {name}" + ("" if name == shown else f" as {shown}")
            for module, name, shown in sorted(self.imports)
        ]


def tags(calls: list[Call], spec: Mapping[str, Any], answers: Answers, inputs: Inputs) -> list[dict[str, Any]]:
    """Every tag that has operations, in the order in which they come up."""
    named: dict[str, str] = {}
    for call in calls:
        for tag in call.tags:
            other = named.setdefault(snake_case(tag), tag)
            if other != tag:
                raise SpecificationError(f"the tags {other!r} and {tag!r} give the same name, {snake_case(tag)}")
    for attribute in {"call", "call_async"}.intersection(named):
        raise SpecificationError(f"the tag {named[attribute]!r} has the name of what sends every call")
    described = {tag["name"]: tag.get("description", "") for tag in spec.get("tags", ())}
    found = []
    for attribute, tag in named.items():
        own = [call for call in calls if tag in call.tags]
        class_name = pascal_case(tag)
        names = Names(inputs, answers, {"Parameter", class_name, *(call.constant for call in own)})
        methods = {name for call in own for name in (call.python_name, f"{call.python_name}_async")}
        views = [_call(call, answers, inputs, names, methods) for call in own]
        doc = docstrings.paragraphs(docstrings.sentence(described.get(tag) or f"The operations of {tag}"))
        imports = names.lines()
        found.append({"attribute": attribute, "class_name": class_name, "doc": doc, "calls": views, "imports": imports})
    return found


def _call(call: Call, answers: Answers, inputs: Inputs, names: Names, methods: set[str]) -> dict[str, Any]:
    annotations = inputs.arguments[call.place]
    signature = []
    for item in sorted(call.arguments, key=lambda item: not item.required):
        text = annotations[item.argument]
        if not item.required or item.nullable:
            text = optional(text)
        text = past_shadows(names.sent(text), methods)
        signature.append(Entry(item.argument, text, item.required))
    answer = "None" if call.answer is None else answers.annotation(call.answer)
    returns = optional(answer) if call.empty else answer
    read, imports = _read(call, answers)
    return {
        "id": call.id,
        "method": call.python_name,
        "constant": call.constant,
        "http_method": call.method,
        "path": call.path,
        "body": call.body,
        "success": tuple(call.success),
        "requires": tuple(requires(call.answer, answers.schemas)) if not call.empty else (),
        "errors": call.errors,
        "authenticated": call.authenticated,
        "arguments": [_argument(item) for item in call.arguments],
        "signature": signature,
        "returns": past_shadows(names.answered(returns), methods),
        "read": read,
        "read_imports": imports,
        "doc": _doc(call, answers, returns),
    }


def _argument(item: Argument) -> dict[str, Any]:
    return {
        "argument": item.argument,
        "name": item.name,
        "location": item.location,
        "required": item.required,
        "schema": stripped(item.schema),
    }


def _read(call: Call, answers: Answers) -> tuple[str, list[str]]:
    """The expression that reads the decoded answer, and the imports it needs; those are made at the first call."""
    if call.answer is None:
        return "None", []
    reader = answers.reader(call.answer)
    if reader is None:
        return "data", []
    used = names_in(reader)
    pieces = sorted(PIECES.intersection(used))
    lines = [f"from ..reading import {', '.join(pieces)}"] if pieces else []
    for name in used:
        if name in answers.schemas:
            lines.append(f"from ..models.{snake_case(name)} import {name}")
        elif name.startswith("read_"):
            lines.append(f"from ..models.{name.removeprefix('read_')} import {name}")
    return (f"None if data is None else {reader}(data)" if call.empty else f"{reader}(data)"), lines


def _doc(call: Call, answers: Answers, returns: str) -> str:
    ordered = sorted(call.arguments, key=lambda item: not item.required)
    arguments = {
        item.argument: docstrings.remarks(item.schema, answers.schemas, item.beside)
        or f"The {item.location} member {item.name}."
        for item in ordered
    }
    arguments["retries"] = "When to try again, in place of the client's rule; None never."
    arguments["server_url"] = "Base URL, in place of the client's."
    arguments["timeout_ms"] = "Milliseconds that a single attempt may take, in place of the client's."
    arguments["http_headers"] = "Further headers; they win over the client's."
    if call.body == "fields":
        arguments["extra_body"] = "Members of the body that openapi.yaml does not know yet."
    raises: dict[str, tuple[str, str]] = {}
    for status, name in call.errors.items():
        seen, meaning = raises.get(name, ("", call.meanings[status]))
        shown = "" if status == "default" else status
        raises[name] = (", ".join(filter(None, (seen, shown))), meaning or "Any other error status.")
    meaning = next((text for status, text in call.meanings.items() if status[0] == "2"), "")
    return docstrings.method(call.place, call.raw, arguments, (returns, meaning), raises)
