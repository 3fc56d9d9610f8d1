"""The commands `embed` and `status`: durable jobs over files."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import attrs
import click

from ..client import OpenRouter
from ..corpus import OUTPUT_FORMATS, BatchOptions, CorpusResult, CorpusStatus, Format, duration, show_progress, texts_of
from ..corpus import status as status_of
from ..embed import OnLong, OnModelChange, Usage, counted, dollars
from ..errors import printable
from ..vectors import VectorDtype
from .shared import PROGRAM, ExitCode, json_object, print_facts, print_json

_BATCH_FLAGS = ("fallback", "resend_missing", "model", "server_url", "completion_window", "inputs", "poll_seconds")
_COUNT: dict[str, Any] = {"metavar": "N", "type": click.IntRange(1)}
_ABOVE_0 = click.FloatRange(0, min_open=True)
_EXAMPLES = f"""\b
examples:
  {PROGRAM} embed notes.jsonl -o notes.parquet -m MODEL
  {PROGRAM} embed table.csv -o out.npy -m MODEL --text-field body
  {PROGRAM} embed folder/ -o notes.npy -m MODEL --max-cost 0.50
  {PROGRAM} embed notes.jsonl -m MODEL --dry-run
  {PROGRAM} embed notes.jsonl -o notes.npy -m MODEL --batch
  cat lines.txt | {PROGRAM} embed - -o lines.npy -m MODEL

\b
Run the same command again to resume. After Ctrl-C, requests in flight finish
and are stored; a second Ctrl-C exits at once. Rows without a vector are listed
in OUTPUT.errors.jsonl. MODEL is an id, such as openai/text-embedding-3-small.
Parquet and Arrow need: pip install '{PROGRAM}[corpus]'.
"""


@click.command(epilog=_EXAMPLES)
@click.argument("source", metavar="SOURCE", shell_complete=click.Path().shell_complete)
@click.option("-o", "--output", type=click.Path(path_type=Path), help=f"File to write: {', '.join(OUTPUT_FORMATS)}.")
@click.option("-m", "--model", metavar="MODEL", required=True, help="The model's id; `models` lists them.")
@click.option("--format", type=click.Choice(get_args(Format)), help="How to read SOURCE.  [default: by its suffix]")
@click.option("--text-field", metavar="NAME", default="text", show_default=True, help="Field or column with the text.")
@click.option(
    "--id-field", metavar="NAME", help="Field or column with the id.  [default: id if it exists, else the row number]"
)
@click.option("--list", "plain_list", is_flag=True, help="Write vectors as plain lists instead of fixed-size lists.")
@click.option(
    "--dtype", type=click.Choice(get_args(VectorDtype)), help="Number type of the output.  [default: float32]"
)
@click.option("--output-dimensions", **_COUNT, help="Keep the first numbers of each vector, scaled to length 1.")
@click.option("--dimensions", **_COUNT, help="Length of the vectors.  [default: the model's]")
@click.option("--input-type", help="search_document or search_query, for models that distinguish them.")
@click.option("--prefix", help="Prefix of each text, for models without input types.")
@click.option(
    "--on-long",
    type=click.Choice(get_args(OnLong)),
    help="Too long texts: send anyway, record as errors, cut, or split and average.  [default: raise]",
)
@click.option("--max-tokens-per-text", **_COUNT, help="Limit for --on-long.  [default: the model's]")
@click.option(
    "--on-model-change",
    type=click.Choice(get_args(OnModelChange)),
    help="Several models answer: log it, or end the job.  [default: warn]",
)
@click.option("--provider", metavar="JSON", callback=json_object, help="Provider preferences, as JSON.")
@click.option("--batch-size", **_COUNT, help="Most texts in a request.  [default: learned]")
@click.option("--concurrency", **_COUNT, help="Most requests in flight.  [default: adaptive]")
@click.option("--requests-per-minute", metavar="N", type=_ABOVE_0, help="Most requests a minute.  [default: no limit]")
@click.option("--tokens-per-minute", metavar="N", type=_ABOVE_0, help="Most tokens a minute.  [default: no limit]")
@click.option("--max-cost", "max_cost_usd", metavar="USD", type=_ABOVE_0, help="Most USD for all runs of the job.")
@click.option("--cache", type=click.Path(path_type=Path), help="File of vectors, so that no text is billed twice.")
@click.option("--batch", is_flag=True, help="Use the Batch API: about half the price, results within a day.")
@click.option("--batch-fallback", is_flag=True, help="Send texts that fail in a batch again, in ordinary requests.")
@click.option(
    "--batch-resend",
    "batch_resend_missing",
    is_flag=True,
    help="Send the texts of batches again that the service no longer has.",
)
@click.option(
    "--batch-model", metavar="MODEL", help="The model's id in batches, such as MODEL:batch.  [default: MODEL]"
)
@click.option(
    "--batch-url", "batch_server_url", metavar="URL", help="Base URL of the batch operations.  [default: the API's]"
)
@click.option("--batch-window", "batch_completion_window", help="Completion window.  [default: the API's, 24h]")
@click.option("--batch-inputs", **_COUNT, help="Most texts in a batch.  [default: 5000]")
@click.option(
    "--batch-poll",
    "batch_poll_seconds",
    metavar="SECONDS",
    type=_ABOVE_0,
    help="Seconds between polls of a batch, growing to 300.  [default: 5]",
)
@click.option("--dry-run", is_flag=True, help="Count texts and estimate the cost; send no text.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per line: progress, then the result.")
def embed(source: str, output: Path | None, as_json: bool, plain_list: bool, dry_run: bool, **options: Any) -> ExitCode:
    """Embed a corpus of any size into a file.

    SOURCE is a file of JSONL, CSV, TSV, Parquet, Arrow or lines of text, a folder of text files, or - for standard
    input, which is copied first: to resume, give the same input again.
    """
    batch = {name: options.pop(f"batch_{name}") for name in _BATCH_FLAGS}
    batch = {name: value for name, value in batch.items() if value}
    options = {name: value for name, value in options.items() if value is not None}
    if batch and not options["batch"]:
        raise click.UsageError("--batch-... options need --batch.")
    options["batch"] = BatchOptions(**batch) if options["batch"] else False
    if dry_run:
        _dry_run(source, as_json, options)
        return ExitCode.SUCCESS
    if output is None:
        raise click.UsageError("Missing option '-o' / '--output'.")
    try:
        with OpenRouter() as client, show_progress(sys.stdout if as_json else sys.stderr, as_json=as_json) as report:
            result = client.embeddings.corpus(
                source, output=output, fixed_size_list=not plain_list, progress=report, **options
            )
    except KeyboardInterrupt:
        same_input = " with the same input" if source == "-" else ""
        print(f"{PROGRAM}: interrupted; run the same command again{same_input} to resume", file=sys.stderr)
        return ExitCode.INTERRUPTED
    if as_json:
        print_json({"event": "result", **attrs.asdict(result)})
    else:
        print_facts(_result_facts(result))
    return ExitCode.SOME_ERRORS if result.errors else ExitCode.SUCCESS


def _dry_run(source: str, as_json: bool, options: dict[str, Any]) -> None:
    """Print the estimated cost of a job."""
    if source == "-":
        raise click.UsageError("--dry-run reads a file or a folder, not standard input.")
    fields = {name: options[name] for name in ("format", "text_field", "id_field") if name in options}
    prefix = options.get("prefix", "")
    with OpenRouter() as client:
        texts = (prefix + text for text in texts_of(Path(source), **fields))
        model = options["model"] + (":batch" if options["batch"] else "")
        found = client.embeddings.estimate(texts, model=model)
    if as_json:
        print_json({"event": "estimate", **found.to_dict()})
        return
    tokens, fewest, most = map(_about, (found.tokens, found.min_tokens, found.max_tokens))
    low, high = dollars(found.min_cost_usd), dollars(found.max_cost_usd)
    price = f"${found.price_usd * 1e6:g} per million tokens"
    facts = [("texts", f"{found.texts:,}"), ("tokens", f"about {tokens} ({fewest} to {most})")]
    print_facts([*facts, ("cost", f"about {dollars(found.cost_usd)} ({low} to {high}), at {price}")])


def _about(number: int) -> str:
    """Format a number with three digits."""
    return f"{float(f'{number:.3g}'):,.0f}"


def _bill(usage: Usage, requests: int) -> str:
    cost = "nothing" if not requests else "cost unknown" if usage.cost is None else dollars(usage.cost)
    return f"{cost}, {counted(usage.total_tokens, 'token')}, {counted(requests, 'request')}"


def _models(models: dict[str, int]) -> str:
    """Format the rows of each model, or return "" unless several models answered."""
    shown = (f"{printable(name, 100)}: {counted(rows, 'row')}" for name, rows in models.items())
    return ", ".join(shown) if len(models) > 1 else ""


def _result_facts(result: CorpusResult) -> list[tuple[str, str]]:
    billed, cut = result.possibly_billed_texts, result.shortened
    return [
        ("output", str(result.output)),
        ("vectors", f"{counted(result.rows, 'row')} of {result.dimensions:,} numbers, {result.model}"),
        ("models", _models(result.models)),
        ("bill", f"{_bill(result.usage, result.requests)}, in all runs"),
        ("in doubt", f"{counted(billed, 'text')}, possibly billed twice" if billed else ""),
        ("too long", f"{counted(cut, 'text')} cut or split, see {result.shortened_path}" if cut else ""),
        ("errors", f"{counted(result.errors, 'row')}, see {result.errors_path}" if result.errors else ""),
    ]


@click.command(epilog=f"\b\nexample:\n  {PROGRAM} status notes.parquet")
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(output: Path, as_json: bool) -> None:
    """Show the progress of a job, also while it runs.

    OUTPUT is the file that the job writes, or the folder of the job, OUTPUT.job.
    """
    found = status_of(output)
    if as_json:
        print_json(attrs.asdict(found))
    else:
        print_facts(_status_facts(found))


def _status_facts(found: CorpusStatus) -> Iterator[tuple[str, str]]:
    process = f", process {found.pid}" if found.state == "running" else ""
    about = "" if found.state == "finished" else "about "
    yield "state", f"{found.state}{process}"
    yield "error", found.error or ""
    yield "source", found.source
    yield "output", found.output
    yield "done", f"{found.rows_done:,} of {about}{counted(found.rows_total, 'row')}"
    yield "failed", counted(found.errors, "row")
    yield "models", _models(found.models)
    yield "spent", _bill(found.usage, found.requests)
    if found.possibly_billed_texts:
        yield "", f"{counted(found.possibly_billed_texts, 'text')} in failed requests that may be billed"
    yield "rate", f"{found.rows_per_second:,.0f} rows/s"
    yield "time left", "" if found.seconds_left is None else duration(found.seconds_left)
    yield "in doubt", f"{counted(len(found.doubts), 'request')}{' that may be billed twice' if found.doubts else ''}"
    for doubt in found.doubts:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(doubt.sent_at))
        most = "" if doubt.max_cost_usd is None else f", at most {dollars(doubt.max_cost_usd)}"
        rows = ", ".join(f"{first}-{last}" for first, last in doubt.rows)
        yield "", f"{when}: {counted(doubt.texts, 'text')}, {'rows ' + rows if rows else 'the three fixed texts'}{most}"
    for batch in found.batches:
        yield "batch", f"{batch.id or '(not known yet)'}: {batch.state}, {counted(batch.texts, 'text')}"
