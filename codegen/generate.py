"""openapi.yaml -> generated/openrouter_generated/. Run it with --help."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUFF = ["--isolated", "--no-cache", "--quiet", "--target-version", "py311", "--line-length", "120"]


def main(arguments: list[str] | None = None) -> int:
    """Generate, or with --check compare; 0 if all is well, 1 if not."""
    options = _options(arguments)
    import compare
    from normal import SpecificationError

    with tempfile.TemporaryDirectory(prefix="codegen-") as scratch:
        fresh = Path(scratch) / options.out.name
        try:
            generate(options.spec, fresh)
        except SpecificationError as error:
            print(f"{options.spec}: nothing was generated.\n{error}", file=sys.stderr)
            return 1
        if options.check:
            report = compare.report(options.out, fresh)
            print(report or f"{options.out.name} is what {options.spec.name} gives.")
            return 1 if report else 0
        compare.swap(fresh, options.out)
    return 0


def generate(spec_path: Path, out: Path) -> None:
    """Write the package for a specification to `out`, which does not exist yet.

    Raises:
        SpecificationError: the specification is not valid, or a generator or formatter complains.
    """
    with _step("load"):
        import assemble
        import build
    with _step("check"):
        spec = assemble.checked(spec_path)
    with _step("plan, types of inputs"):
        plan = assemble.plan(spec)
    with _step("write"):
        build.write(out, plan.schemas, plan.calls, plan.contents)
    with _step("format, stamp"):
        _finish(out)
    findings = assemble.findings(spec)
    if findings:
        print(f"`make lint` has {len(findings)} findings; the first: {findings[0]}", file=sys.stderr)


def _finish(out: Path) -> None:
    """Drop unused imports, format, and stamp line 1 of every file."""
    import build
    from normal import SpecificationError

    for command in (["check", "--fix", "--select", "F,I"], ["format"]):
        ruff = [sys.executable, "-m", "ruff", *command, *RUFF, str(out)]
        done = subprocess.run(ruff, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SpecificationError(f"ruff {command[0]}: {done.stdout}{done.stderr}")
    for path in build.files(out):
        if path.suffix == ".py":
            path.write_text(build.STAMP + path.read_text("utf-8"), "utf-8")


@contextmanager
def _step(name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    print(f"{name:<24}{time.perf_counter() - started:6.2f} s", file=sys.stderr, flush=True)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="generate.py", description="Make the generated package from openapi.yaml.")
    parser.add_argument("--spec", type=Path, default=ROOT / "openapi.yaml", help="the specification (%(default)s)")
    out = ROOT / "generated" / "openrouter_generated"
    parser.add_argument("--out", type=Path, default=out, help="the package's folder (%(default)s)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the folder is not up to date")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
