"""Renders the pages that come from openapi.yaml: one for each tag and one for each schema of an argument or result."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .contract import Contract, Operation, Schema, Tag, branches, kinds, target
from .type_text import Types, example_text

LINE_LENGTH = 88  # as wide as a page shows without scrolling
TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,  # the result is Markdown; `text` and `cell` escape
)


def text(value: str) -> str:
    """Return a text of the document as Markdown: its code spans stay, nothing in it is HTML or a link."""
    parts = re.split(r"(`[^`\n]+`)", " ".join(value.split()))
    return "".join(part if index % 2 else _escaped(part) for index, part in enumerate(parts))


def _escaped(part: str) -> str:
    return re.sub(r"([\\*`\[\]#]|\b_|_\b)", r"\\\1", html.escape(part, quote=False))


def cell(value: str) -> str:
    """Return Markdown as the content of a cell of a table."""
    return value.replace("|", "&#124;").replace("\n", " ")


def code(value: Any) -> str:
    """Return a value as a code span in a cell."""
    shown = example_text(value)
    shown = shown if len(shown) <= 200 else f"{shown[:199]}…"
    if "`" in shown or "|" in shown:
        return f"<code>{cell(html.escape(shown, quote=False)).replace('`', '&#96;')}</code>"
    return f"`{shown}`" if shown.strip() else ""


def sentence(value: str) -> str:
    value = value.strip()
    return value if not value or value[-1] in ".!?:" else f"{value}."


def capital(value: str) -> str:
    """Return the text with a capital, unless it begins with a name such as float32."""
    return value[:1].upper() + value[1:] if re.match(r"[a-z]+[^\w.]", value) else value


TEMPLATES.filters |= {"text": text, "cell": cell, "code": code, "sentence": sentence, "capital": capital}


def render(template: str, **values: Any) -> str:
    """Render a page, without consecutive blank lines."""
    page = TEMPLATES.get_template(template).render(**values)
    return re.sub(r"\n{3,}", "\n\n", page).strip() + "\n"


class Pages:
    """The pages of one document, by path below the folder of the reference."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract

    def all(self) -> Iterator[tuple[str, str]]:
        for tag in self.contract.tags:
            yield f"api/{tag.attribute}.md", self.tag(tag)
        yield "schemas/index.md", render("schemas.md.jinja", groups=self._groups(), describe=self._describe)
        for name, schema in self.contract.schemas.items():
            yield f"schemas/{name}.md", self.schema(name, schema)

    def tag(self, tag: Tag) -> str:
        types = Types(self.contract, lambda name: f"../schemas/{name}.md")
        return render(
            "tag.md.jinja", tag=tag, types=types, call=lambda operation: self._call(types, tag, operation),
            headers=self.contract.headers,
        )  # fmt: skip

    def schema(self, name: str, schema: Schema) -> str:
        types = Types(self.contract, lambda other: f"{other}.md")
        required = schema.get("required", ())
        options = [option for option in branches(schema) if kinds(option) != ["null"]]
        extra = schema.get("additionalProperties", True)
        return render(
            "schema.md.jinja",
            name=name,
            full_name=self._full_name(name),
            schema=schema,
            describe=self._describe,
            aliases=schema.get("x-python-aliases", ()),
            namespace=self.contract.namespace(name),
            fields=[(field, value, field in required) for field, value in schema.get("properties", {}).items()],
            options=options,
            tags=_tags(schema),
            target=target,
            extra=extra if isinstance(extra, dict) else {} if extra else None,
            is_sent=name in self.contract.sent,
            users=self.contract.users.get(name, []),
            types=types,
            full=self._full_name,
        )

    def _describe(self, schema: Schema) -> str:
        return self.contract.describe(schema)

    def _full_name(self, name: str) -> str:
        return f"{self.contract.namespace(name)}.{name}"

    def _groups(self) -> dict[str, dict[str, Schema]]:
        groups: dict[str, dict[str, Schema]] = {}
        for name, schema in sorted(self.contract.schemas.items()):
            groups.setdefault(self.contract.namespace(name), {})[name] = schema
        return dict(sorted(groups.items(), reverse=True))

    def _call(self, types: Types, tag: Tag, operation: Operation) -> str:
        """Return the call of an operation with its required arguments."""
        sample = operation.sample if isinstance(operation.sample, dict) else {}
        values = {
            argument.name: next(
                value
                for value in (sample.get(argument.name), argument.example, types.sample(argument.schema))
                if value is not None
            )
            for argument in operation.arguments
            if argument.required
        }
        start = f"open_router.{tag.attribute}.{operation.method}("
        arguments = [f"{name}={_literal(value)}" for name, value in values.items()]
        line = f"{start}{', '.join(arguments)})"
        if len(line) <= LINE_LENGTH:
            return line
        return start + "".join(f"\n        {argument}," for argument in arguments) + "\n    )"


def _literal(value: Any) -> str:
    """Return a value as Python source, with double quotes."""
    if isinstance(value, str):
        return '"' + repr("'" + value)[2:-1].replace("\\'", "'").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_literal(key)}: {_literal(item)}" for key, item in value.items()) + "}"
    return f"[{', '.join(map(_literal, value))}]" if isinstance(value, list) else repr(value)


def _tags(schema: Schema) -> dict[str | None, str]:
    """Return the value of the discriminator by schema."""
    mapping = (schema.get("discriminator") or {}).get("mapping", {})
    return {target({"$ref": reference}): value for value, reference in mapping.items()}
