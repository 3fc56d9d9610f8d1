"""Renders the pages that come from docstrings: the client, `embed`, corpora, retries, errors, telemetry and testing."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple

from openrouter_embeddings.embed import EmbedOptions

from .docstrings import Docstring, parse
from .pages import render

PACKAGE = "openrouter_embeddings"
PLAIN = (str, int, float, bool)


class Entry(NamedTuple):
    """An object of a page: the name that users write, and the module and the attribute that hold it."""

    shown: str
    module: str
    attribute: str


def _entries(prefix: str, module: str, owner: str, *names: str) -> list[Entry]:
    return [Entry(f"{prefix}{name}", module, f"{owner}{name}") for name in names]


PAGES: dict[str, tuple[str, str, list[Entry]]] = {
    "client.md": (
        "The client",
        "`from openrouter_embeddings import OpenRouter`",
        [
            *_entries("", "client", "", "OpenRouter"),
            *_entries("client.", "client", "OpenRouter.", "with_options", "close", "aclose"),
        ],
    ),
    "embed.md": (
        "embed",
        "The methods for any number of texts, and what they return. The types are in `openrouter_embeddings.types`.",
        [
            *_entries(
                "", "embeddings", "Embeddings.",
                "embed", "embed_async", "embed_iter", "embed_iter_async",
            ),
            *_entries("types.", "types", "", "EmbedResult", "EmbedStream"),
            *_entries("stream.", "types", "EmbedStream.", "drain", "close"),
            *_entries("types.", "types", "", "Usage", "TextError", "Shortened", "Progress"),
        ],
    ),
    "corpus.md": (
        "Corpora",
        "Jobs from files to files; the guide is [Corpora](../corpus.md).",
        [
            *_entries("", "embeddings", "Embeddings.", "corpus", "estimate", "search", "check"),
            *_entries(
                "", "embeddings", "Embeddings.",
                "corpus_async", "estimate_async", "search_async", "check_async",
            ),
            *_entries("corpus.", "corpus", "", "CorpusResult", "BatchOptions", "Estimate"),
        ],
    ),
    "embedder.md": (
        "Embedder and engines",
        "The guides are [Frameworks](../integrations.md) and [Clusters](../scale.md).",
        [
            *_entries("", "embedder", "", "Embedder"),
            *_entries("Embedder.", "embedder", "Embedder.", "documents", "queries", "config"),
            *_entries("engines.", "engines", "", "EmbedColumn", "TotalUsage", "total_usage"),
        ],
    ),
    "vectors.md": (
        "Vectors and media",
        "`from openrouter_embeddings import media, vectors`; the guide is [Embed](../embed.md).",
        [
            *_entries("vectors.", "vectors", "", "truncate_dimensions", "quantize"),
            *_entries("media.", "media", "", "part"),
        ],
    ),
    "retries.md": (
        "Retries",
        "What `retry_config=` and `retries=` take, beside a number of retries and `None`.",
        [*_entries("", "retries", "", "Policy"), *_entries("utils.", "utils", "", "RetryConfig", "BackoffStrategy")],
    ),
    "telemetry.md": (
        "Telemetry",
        "`from openrouter_embeddings import telemetry`; the guide is [Observing calls](../observing.md).",
        _entries(
            "telemetry.", "telemetry", "",
            "Call", "AttemptStarted", "AttemptEnded", "CallEnded", "JobPaused", "OpenTelemetry",
        ),
    ),
    "testing.md": (
        "Testing",
        "`from openrouter_embeddings import testing`; the guide is [Testing your code](../testing.md).",
        [
            *_entries("testing.", "testing", "", "serve", "Fault"),
            *_entries("server.", "local.server", "Server.", "start", "stop", "url", "environment", "client"),
        ],
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One row of a table: an argument, or attributes that share a description."""

    names: list[str]
    types: list[str]
    default: str
    description: str


def pages() -> Iterator[tuple[str, str]]:
    """Yield the pages, by path below the folder of the reference."""
    errors = vars(import_module(f"{PACKAGE}.errors"))
    for path, (title, introduction, entries) in PAGES.items():
        documented = [(entry.shown, *_document(entry)) for entry in entries]
        values = {"title": title, "introduction": introduction, "entries": documented, "errors": errors}
        yield path, _linked(render("python.md.jinja", **values))
    yield "errors.md", _linked(errors_page())


def _document(entry: Entry) -> tuple[Docstring, str, list[Row]]:
    """Return the docstring of an object, and a title and the rows of the table of its arguments or attributes."""
    found: Any = import_module(f"{PACKAGE}.{entry.module}")
    for step in entry.attribute.split("."):
        found = inspect.getattr_static(found, step) if isinstance(found, type) else getattr(found, step)
    docstring = parse(found)
    if isinstance(found, property):
        return docstring, "", []
    if isinstance(found, type) and "Args" not in docstring.entries:
        fields = _fields(found)
        described = docstring.entries.get("Attributes") or [([name], "") for name in fields]
        return docstring, "Field", [_row(names, fields, text) for names, text in described]
    arguments = _arguments(found)
    entries = [([name], text) for names, text in docstring.entries.get("Args", ()) for name in names]
    return docstring, "Argument", [_row(names, arguments, text) for names, text in entries]


def _row(names: list[str], values: Mapping[str, tuple[str, str]], text: str) -> Row:
    found = [values.get(name, ("", "")) for name in names]  # options of a TypedDict have no place in the signature
    return Row(names, list(dict.fromkeys(kind for kind, _ in found)), found[0][1], text)


def _arguments(function: Any) -> dict[str, tuple[str, str]]:
    """Return the type and the default of each argument."""
    scope = vars(import_module(function.__module__))
    return {
        name: (_type_name(item.annotation, scope), "" if item.default is item.empty else repr(item.default))
        for name, item in inspect.signature(function).parameters.items()
    }


def _fields(cls: Any) -> dict[str, tuple[str, str]]:
    """Return the type and the default of each public attribute of a class."""
    types: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        annotations = vars(base).get("__annotations__", {})
        types |= {name: _type_name(value, {}) for name, value in annotations.items() if name[0] != "_"}
    items = {item.name: item.default for item in getattr(cls, "__attrs_attrs__", ())}
    shown = {name: repr(value) for name, value in items.items() if value is None or isinstance(value, PLAIN)}
    return {name: (kind, shown.get(name, "")) for name, kind in types.items()}


def _type_name(annotation: Any, scope: Mapping[str, Any]) -> str:
    """Return a type as it is written. Aliases from the module of the function or of `EmbedOptions` are resolved."""
    if isinstance(annotation, str):
        found = {**vars(import_module(EmbedOptions.__module__)), **scope}.get(annotation, annotation)
        annotation = annotation if isinstance(found, type) else found
    if isinstance(annotation, str):
        return annotation
    name = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    return re.sub(r"\b(typing|collections\.abc)\.", "", name)


def _linked(page: str) -> str:
    """Replace names of documents by links."""
    return re.sub(r"docs/(\w+)\.md", lambda found: f"[{found[1].capitalize()}](../{found[1]}.md)", page)


def errors_page() -> str:
    """Render the page of the exceptions: their tree, the attributes of all, and each class."""
    module = import_module(f"{PACKAGE}.errors")
    statuses: Mapping[type, int] = {cls: status for status, cls in module.BY_STATUS.items()}
    root: type = module.OpenRouterError
    family = list(_family(root, module.__name__))
    attributes = parse(root).entries["Attributes"]
    return render(
        "errors.md.jinja",
        tree="\n".join(_tree(root, module.__name__, statuses)),
        attributes=attributes,
        classes=[
            (cls.__name__, [base.__name__ for base in cls.__bases__], statuses.get(cls), parse(cls).paragraphs)
            for cls in family
        ],
    )


def _children(cls: type, module: str) -> list[type]:
    """Return the subclasses that the module defines; those that also inherit from the HTTP library are elsewhere."""
    children: list[type] = cls.__subclasses__()
    return [child for child in children if child.__module__ == module]


def _family(cls: type, module: str) -> Iterator[type]:
    yield cls
    for child in _children(cls, module):
        yield from _family(child, module)


def _tree(cls: type, module: str, statuses: Mapping[type, int]) -> Iterator[str]:
    yield cls.__name__
    children = _children(cls, module)
    for child in children:
        is_last = child is children[-1]
        name, *below = _tree(child, module, statuses)
        builtin = [base.__name__ for base in child.__bases__ if base.__module__ == "builtins"]
        note = f" ({', '.join(builtin)})" if builtin else f" ({statuses[child]})" if child in statuses else ""
        yield f"{'└──' if is_last else '├──'} {name}{note}"
        yield from (f"{'    ' if is_last else '│   '}{line}" for line in below)
