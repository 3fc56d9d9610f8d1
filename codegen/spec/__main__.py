"""The commands `python -m codegen.spec diff` and `python -m codegen.spec pull`; `--help` explains each."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .. import document
from ..__main__ import ROOT, generate
from ..document import SpecificationError
from . import python_api, report
from .changes import Level, compare
from .versions import Repository, RevisionError, due, parse

CONTRACT = "openapi.yaml"
DIFF = """exit codes:
  0  nothing breaks users, or the version in pyproject.toml says so
  1  something breaks users and the version does not say so
  2  wrong usage, or a document cannot be read"""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    try:
        return diff(options)
    except (SpecificationError, RevisionError) as error:
        print(f"{options.command}: {error}", file=sys.stderr)
        return 2


def diff(options: argparse.Namespace) -> int:
    """Compare openapi.yaml with that of a revision; the exit code."""
    repository = Repository(ROOT)
    base = options.base or repository.last_release()
    if base is None:
        print("spec-diff: no release tag (v*) before this commit, so there is nothing to compare with.")
        return 0
    result = _result(repository, base)
    bad = not result.enough and any(change.level == Level.BREAKING for change in result.changes)
    if options.json:
        print(report.for_machines(result))
    elif options.check and not bad:
        print(f"spec-diff: {result.version} is a right version after {base}; due is {result.due} or later.")
    else:
        print(report.for_people(result))
    return 1 if bad else 0


def _result(repository: Repository, base: str) -> report.Result:
    new = document.load(ROOT / CONTRACT)
    with tempfile.TemporaryDirectory(prefix="spec-diff-") as scratch:
        folders = Path(scratch) / "old", Path(scratch) / "new"
        for folder in folders:
            folder.mkdir()
        path = folders[0] / CONTRACT
        path.write_bytes(repository.read(base, CONTRACT))
        old = document.load(path)
        changes = compare(old, new)
        repository.extract(base, python_api.FOLDERS, folders[0])
        # The package in `generated` may be older than the document: the comparison generates it anew.
        (folders[1] / "generated").mkdir()
        generate(new, folders[1] / "generated" / python_api.GENERATED)
        (folders[1] / "overlay").symlink_to(ROOT / "overlay")
        changes += python_api.beyond(python_api.breaking(*folders), changes)
    versions = repository.version(base), repository.version()
    wanted = due(parse(versions[0]), {change.level for change in changes})
    enough = parse(versions[1]) >= wanted
    ordered = sorted(changes, key=lambda change: list(Level).index(change.level))
    return report.Result(base, *versions, wanted, enough, ordered)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m codegen.spec", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    form = argparse.RawDescriptionHelpFormatter
    found = commands.add_parser("diff", help="say what an edit of openapi.yaml means", epilog=DIFF, formatter_class=form)
    found.add_argument("--base", help="the revision to compare with (the last release tag, v*)")
    found.add_argument("--json", action="store_true", help="print JSON")
    found.add_argument("--check", action="store_true", help="print the report only if the version is too low")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
