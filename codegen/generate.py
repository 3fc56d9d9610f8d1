"""openapi.yaml -> generated/openrouter_generated/. Run it with --help."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parent.parent
T = TypeVar("T")


def main(arguments: list[str] | None = None) -> int:
    """Generate, or with --check compare; 0 if all is well, 1 if not."""
    options = _options(arguments)
    import compare
    from normal import SpecificationError

    with tempfile.TemporaryDirectory(prefix="codegen-") as scratch:
        fresh = Path(scratch) / options.out.name
        try:
            generate(options.spec, fresh, _step)
        except SpecificationError as error:
            print(f"\n{options.spec.name}: nothing is generated:\n{error}", file=sys.stderr)
            return 1
        if options.check:
            report = compare.report(options.out, fresh)
            print(report or f"{options.out.name} is what {options.spec.name} says")
            return 1 if report else 0
        compare.swap(fresh, options.out)
    return 0


def generate(spec_path: Path, out: Path, step: Callable[[str, Callable[[], T]], T]) -> None:
    """Write the package for a specification to `out`, which does not exist yet."""
    import assemble
    import build

    spec = step("check", lambda: assemble.checked(spec_path))
    plan = step("types of what goes in", lambda: assemble.plan(spec))
    step("models and operations", lambda: build.write(out, plan.schemas, plan.calls, plan.contents))
    step("format", lambda: finish(out))


def finish(out: Path) -> None:
    """Drop unused imports, format, and stamp line 1 of every file."""
    import build

    ruff = [str(Path(sys.executable).with_name("ruff"))]
    if not Path(ruff[0]).exists():
        ruff = [sys.executable, "-m", "ruff"]
    common = ["--isolated", "--no-cache", "--quiet", "--target-version", "py311", "--line-length", "120"]
    for command in (["check", "--fix", "--select", "F,I"], ["format"]):
        done = subprocess.run([*ruff, *command, *common, str(out)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise build.SpecificationError(f"ruff {command[0]}: {done.stdout}{done.stderr}")
    for path in build.files(out):
        if path.suffix == ".py":
            path.write_text(build.STAMP + path.read_text("utf-8"), "utf-8")


def _step(name: str, work: Callable[[], T]) -> T:
    started = time.perf_counter()
    result = work()
    print(f"{name:<24}{time.perf_counter() - started:6.2f} s", file=sys.stderr, flush=True)
    return result


def _options(arguments: list[str] | None) -> Any:
    parser = argparse.ArgumentParser(prog="generate.py", description="Make the generated package from openapi.yaml.")
    parser.add_argument("--spec", type=Path, default=ROOT / "openapi.yaml", help="the specification (%(default)s)")
    out = ROOT / "generated" / "openrouter_generated"
    parser.add_argument("--out", type=Path, default=out, help="the package folder to write or check (%(default)s)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the folder is not up to date")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
