"""The command line of the generator: `python -m codegen --help`."""

from __future__ import annotations

import argparse
import difflib
import itertools
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import package, rules
from .document import Finding, Source, SpecificationError
from .operations import normalize

ROOT = Path(__file__).resolve().parent.parent
RUFF = ["--isolated", "--no-cache", "--quiet", "--target-version", "py311", "--line-length", "120"]
STAMP = "# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.\n"
SHOWN_LINES = 12


def main(arguments: Sequence[str] | None = None) -> int:
    """Generate the package, compare it (--check) or check the document (--lint); return the exit code, 0 or 1."""
    options = _options(arguments)
    source = Source(options.spec)
    try:
        spec = source.read()
        if options.lint:
            if findings := rules.check(spec, options.overlay, style=True):
                raise SpecificationError(*findings)
            return 0
        with tempfile.TemporaryDirectory(prefix="codegen-") as scratch:
            fresh = Path(scratch) / options.out.name
            generate(spec, fresh, options.overlay)
            if options.check:
                differences = compare(options.out, fresh)
                print(differences or f"{options.out.name} is up to date with {options.spec.name}.")
                return 1 if differences else 0
            shutil.rmtree(options.out, ignore_errors=True)
            shutil.copytree(fresh, options.out)
    except SpecificationError as error:
        print(source.report(error.findings), file=sys.stderr)
        done = "" if options.lint else "; nothing was generated"
        print(f"{options.spec}: errors: {len(set(error.findings))}{done}", file=sys.stderr)
        return 1
    if findings := rules.check_style(spec):
        print(source.report(findings[:1], "warning"), file=sys.stderr)
        print(f"{options.spec}: `make lint` will fail; findings: {len(findings)}, the first is above", file=sys.stderr)
    return 0


def generate(spec: Mapping[str, Any], out: Path, overlay: Path | None = None) -> None:
    """Write the package for a document to `out`, a folder that does not exist yet.

    Args:
        overlay: the folder of the hand-written package, if the document must have what this package needs.

    Raises:
        SpecificationError: the document is not valid or not supported, or a generator or the formatter reports a
            problem.
    """
    if findings := rules.check(spec, overlay):
        raise SpecificationError(*findings)
    package.write(out, normalize(spec))
    # ruff removes unused imports from an __init__.py only with --unsafe-fixes and --preview.
    unused = ["check", "--fix", "--unsafe-fixes", "--preview", "--select", "F,I"]
    for command in (unused, ["format"]):
        ruff = [sys.executable, "-m", "ruff", *command, *RUFF, str(out)]
        done = subprocess.run(ruff, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SpecificationError(Finding((), f"ruff {command[0]}: {done.stdout}{done.stderr}"))
    for path in out.rglob("*.py"):
        path.write_text(STAMP + path.read_text("utf-8"), "utf-8")


def compare(committed: Path, fresh: Path) -> str:
    """Return the files that differ, with the first lines of each difference; empty without a difference."""
    old, new = ({path.relative_to(top): path.read_text("utf-8") for path in files(top)} for top in (committed, fresh))
    found = []
    for name in sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name)):
        state = "is missing" if name not in old else "should not exist" if name not in new else "differs"
        before, after = (texts.get(name, "").splitlines() for texts in (old, new))
        lines = difflib.unified_diff(before, after, lineterm="", n=1)
        found += [f"{name}: {state}", *(f"    {line}" for line in itertools.islice(lines, SHOWN_LINES))]
    return "\n".join([*found, "Run `make generate`. Do not edit generated files."] if found else [])


def files(folder: Path) -> Iterator[Path]:
    """Return every file of a folder, sorted by path."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m codegen", description="Generate the package from openapi.yaml.")
    parser.add_argument("--spec", type=Path, default=ROOT / "openapi.yaml", help="the document (%(default)s)")
    parser.add_argument("--out", type=Path, default=ROOT / "generated/openrouter_generated", help="folder: %(default)s")
    overlay = ROOT / "overlay" / "openrouter_embeddings"
    parser.add_argument("--overlay", type=Path, default=overlay, help="the hand-written package (%(default)s)")
    parser.add_argument("--no-overlay", dest="overlay", action="store_const", help="check no hand-written package")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if the folder is out of date")
    parser.add_argument("--lint", action="store_true", help="check the rules of the document, and generate nothing")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
