"""The commands `search`, `check` and `models`."""

from __future__ import annotations

import shutil
import textwrap
from pathlib import Path

import attrs
import click

from ..client import OpenRouter
from ..errors import printable
from .shared import PROGRAM, ExitCode, print_facts, print_json

_FILE = click.argument("file", type=click.Path(path_type=Path))
_TEXT_CHARS = 200
_INDENT = " " * 7
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per line.")


@click.command(epilog=f'\b\nexample:\n  {PROGRAM} search notes.parquet "how do I reset a password"')
@_FILE
@click.argument("question")
@click.option("-n", "--count", type=click.IntRange(1), default=10, show_default=True, help="Number of rows.")
@click.option("--input-type", help="Question's type.  [default: search_query, if the rows are search_document]")
@click.option("--prefix", help="Prefix of the question; required if the rows have a prefix.")
@_JSON
def search(file: Path, question: str, count: int, input_type: str | None, prefix: str | None, as_json: bool) -> None:
    """Find the rows that are most similar to QUESTION.

    FILE is an output of `embed`. Prints the cosine similarity and id of each row, most similar first, and its text if
    the corpus still exists unchanged.
    """
    if not question:
        raise click.BadParameter("must not be empty", param_hint="QUESTION")
    with OpenRouter() as client:
        found = client.embeddings.search(file, question, count=count, input_type=input_type, prefix=prefix)
    for match in found:
        if as_json:
            print_json(attrs.asdict(match))
            continue
        print(f"{match.similarity:.3f}  {printable(str(match.id), _TEXT_CHARS)}")
        if match.text is not None:
            text = printable(" ".join(match.text.split()), _TEXT_CHARS)
            columns = shutil.get_terminal_size().columns - 1
            print(textwrap.fill(text, columns, initial_indent=_INDENT, subsequent_indent=_INDENT))


@click.command(epilog=f"\b\nexample:\n  {PROGRAM} check notes.parquet")
@_FILE
@_JSON
def check(file: Path, as_json: bool) -> int:
    """Check whether the model still returns the same vectors.

    Embeds three fixed texts again, and compares their vectors with those in FILE, an output of `embed`. Exits with 1
    if the model, or the provider behind it, changed.
    """
    with OpenRouter() as client:
        drift = client.embeddings.check(file)
    if as_json:
        print_json(attrs.asdict(drift))
    else:
        print("the model CHANGED: embed the corpus again" if drift.has_drifted else "the model is the same")
        facts = (("then", drift.model_before), ("now", drift.model_now))
        print_facts([("distance", f"{drift.distance:.2g} (cosine)"), *((name, str(model)) for name, model in facts)])
    return ExitCode.FAILURE if drift.has_drifted else ExitCode.SUCCESS


@click.command(epilog=f"\b\nexamples:\n  {PROGRAM} models\n  {PROGRAM} models --json")
@_JSON
def models(as_json: bool) -> None:
    """List the models, with context length and price.

    Prices are in USD per million tokens; a router has none, because its price varies.
    """
    with OpenRouter() as client:
        listed = client.embeddings.list_models().data
    rows = []
    for model in sorted(listed, key=lambda model: model.id):
        usd = round(float(model.pricing.prompt) * 1e6, 6)
        known = usd if usd >= 0 else None  # -1: a router, whose price varies
        rows.append({"id": model.id, "context_length": model.context_length, "usd_per_million_tokens": known})
    if as_json:
        for row in rows:
            print_json(row)
        return
    names = [printable(str(row["id"]), _TEXT_CHARS) for row in rows]
    width = max(map(len, names), default=0)
    for name, row in zip(names, rows, strict=True):
        length, price = f"{row['context_length']:,}" if row["context_length"] else "?", row["usd_per_million_tokens"]
        print(f"{name:{width}}  {length:>10} tokens  {'price varies' if price is None else f'${price:g} per million'}")
