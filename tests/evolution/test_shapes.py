"""Every construct of shapes.yaml is generated and called without another edit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_every_operation_goes_through() -> None:
    command = [sys.executable, str(HERE / "drive.py"), str(HERE / "shapes.yaml"), "--together"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    lines = run.stdout.splitlines()
    assert (run.returncode, lines[:1]) == (0, ["9 operations: 9 called, 0 refused, 0 failed"]), run.stdout + run.stderr
    right, total = lines[1].split(" objects")[0].split(" of ")
    assert right == total
