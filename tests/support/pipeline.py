"""Runs the generator for tests, and generates the package of wide.yaml."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from support.openapi import LOADER

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = (
    'She said "hi" \'there\'\\ """ + __import__("os").mkdir("{sentinel}") + """ {{{{ 7 * 7 }}}} {{% raise %}} {{x}} '
    "\\N{{BULLET}} \x07\x85\u2028 # noqa\n\n{{{{ '''}}}} end\\"
)


def generate(spec: Path, out: Path, *options: str, seed: str = "0") -> subprocess.CompletedProcess[str]:
    """Run the generator as `make generate` does, for another document and folder."""
    command = [sys.executable, "-m", "codegen", "--spec", str(spec), "--out", str(out), *options]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)


def replaced(value: Any, old: str, new: str) -> Any:
    """The document with a text replaced everywhere, keys included."""
    if isinstance(value, dict):
        return {replaced(key, old, new): replaced(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, old, new) for item in value]
    return new if value == old else value


class Wide:
    """wide.yaml with a hostile text in it, generated with two hash seeds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sentinel = folder / "sentinel"
        self.hostile = HOSTILE.format(sentinel=self.sentinel)
        self.spec = folder / "openapi.yaml"
        document = yaml.load((ROOT / "tests" / "codegen" / "wide.yaml").read_text("utf-8"), LOADER)
        text = yaml.safe_dump(replaced(document, "HOSTILE", self.hostile), sort_keys=False)
        self.spec.write_text(text, "utf-8")
        self.package = folder / "one" / "wide_generated"
        self.other = folder / "two" / "wide_generated"
        self.other.mkdir(parents=True)
        (self.other / "old.py").touch()
        folders = {"1": self.package, "2": self.other}
        self.runs = [generate(self.spec, out, "--no-overlay", seed=seed) for seed, out in folders.items()]
