"""The commands `python -m codegen.spec diff` and `python -m codegen.spec pull`; `--help` explains each."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .. import document, rules
from ..__main__ import ROOT, generate
from ..document import Finding, Json, Place, SpecificationError, pointer
from . import python_api, report, upstream, writer
from .changes import Level, compare
from .excerpt import Excerpt
from .versions import Repository, UsageError, due, parse

CONTRACT = "openapi.yaml"
DIFF = """exit codes:
  0  nothing breaks users, or the version in pyproject.toml is high enough
  1  something breaks users, and the version is too low
  2  wrong usage, or a document cannot be read"""
PULL = """exit codes:
  0  no difference; with --operation: the operation is written
  1  the document differs
  2  wrong usage, or a document cannot be read"""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    try:
        return diff(options) if options.command == "diff" else pull(options)
    except (SpecificationError, UsageError) as error:
        print(f"spec-{options.command}: {error}", file=sys.stderr)
        return 2


def diff(options: argparse.Namespace) -> int:
    """Compare openapi.yaml with that of a revision; return the exit code."""
    repository = Repository(ROOT)
    base = options.base or repository.last_release()
    if base is None:
        print("spec-diff: no release tag (v*) before this commit; BASE=<revision> names another.", file=sys.stderr)
        return 0
    result = _result(repository, base)
    bad = not result.enough and any(change.level == Level.BREAKING for change in result.changes)
    if options.json:
        print(report.to_json(result))
    elif options.check and not bad:
        print(f"spec-diff: {result.version} is high enough for the changes since {base}.")
    else:
        print(report.to_text(result))
    return 1 if bad else 0


def _result(repository: Repository, base: str) -> report.Result:
    new = document.load(ROOT / CONTRACT)
    notes = []
    with tempfile.TemporaryDirectory(prefix="spec-diff-") as scratch:
        folders = Path(scratch) / "old", Path(scratch) / "new"
        for folder in folders:
            folder.mkdir()
        path = folders[0] / CONTRACT
        path.write_bytes(repository.read(base, CONTRACT))
        changes = compare(document.load(path), new)
        repository.extract(base, python_api.FOLDERS, folders[0])
        try:
            # The package in `generated` may be older than the document: the comparison generates it anew.
            (folders[1] / "generated").mkdir()
            generate(new, folders[1] / "generated" / python_api.GENERATED)
        except SpecificationError as error:
            notes.append(f"The Python interface is not compared, as openapi.yaml cannot be generated: {error}")
        else:
            shutil.copytree(ROOT / "overlay", folders[1] / "overlay")
            changes += python_api.unexplained(python_api.breaking(*folders), changes)
    versions = repository.version(base), repository.version()
    wanted = due(parse(versions[0]), {change.level for change in changes})
    enough = parse(versions[1]) >= wanted
    ordered = sorted(changes, key=lambda change: list(Level).index(change.level))
    return report.Result(base, *versions, wanted, enough, ordered, notes)


def pull(options: argparse.Namespace) -> int:
    """Compare openapi.yaml with another document, or take operations from it; return the exit code."""
    ours, theirs = document.load(ROOT / CONTRACT), document.load(options.file)
    name = f"{theirs['info'].get('title', options.file.name)} {theirs['info'].get('version', '')}".strip()
    if not options.operation:
        found = upstream.compare(ours, theirs)
        missing = len(upstream.missing_operations(ours, theirs))
        print(upstream.to_markdown(found, f"{name} ({options.file.name})", missing))
        return 1 if any(any(parts) for _, *parts in found) else 0
    known = _findings(ours)
    for wanted in options.operation:
        excerpt = Excerpt(ours, theirs, _operation(ours, theirs, wanted), name)
        part = excerpt.document()
        if options.write:
            (ROOT / CONTRACT).write_text(writer.added(ROOT / CONTRACT, part), "utf-8")
        else:
            print(writer.dumped(part))
        ours = excerpt.merged()
        before, known = known, _findings(ours)
        findings = [finding for finding in known if finding not in before]
        lines = [f"# {excerpt.id}: to read", *(f"- {note}" for note in excerpt.notes)]
        lines += [f"# {excerpt.id}: to write by hand ({len(findings)})", *map(_line, findings)]
        print("\n".join(lines), file=sys.stderr)
    return 0


def _findings(spec: Json) -> list[Finding]:
    """Return what is missing or wrong in the document, or missing in the hand-written package."""
    return rules.check(spec, ROOT / "overlay" / python_api.OVERLAY, style=True)


def _line(finding: Finding) -> str:
    """Format a finding about an operation that is not in the file yet."""
    where, problem, fix = finding
    return f"- {pointer(where)}: {'; '.join(filter(None, (problem, fix)))}"


def _operation(ours: Json, theirs: Json, wanted: str) -> Place:
    """Return the operation of an id, or of a method and a path."""
    for place in document.operations(theirs):
        _, path, method = place.where
        if wanted in (place.value.get("operationId"), f"{method.upper()} {path}"):
            if method in ours["paths"].get(path, {}):
                raise UsageError(f"{CONTRACT} has {method.upper()} {path} already; compare without OPERATION")
            return place
    raise UsageError(f"the document has no operation {wanted}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m codegen.spec", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    form = argparse.RawDescriptionHelpFormatter
    found = commands.add_parser(
        "diff", help="report what an edit of openapi.yaml means for users", epilog=DIFF, formatter_class=form
    )
    found.add_argument("--base", help="the revision to compare with (the last release tag, v*)")
    found.add_argument("--json", action="store_true", help="print JSON")
    found.add_argument("--check", action="store_true", help="print the report only if the version is too low")
    found = commands.add_parser(
        "pull", help="compare with another document of the service", epilog=PULL, formatter_class=form
    )
    found.add_argument("file", type=Path, help="the other document, YAML or JSON")
    found.add_argument("--operation", action="append", help="an operationId or `METHOD /path` to take; may be repeated")
    found.add_argument("--write", action="store_true", help="add the operation to openapi.yaml; else print it")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
