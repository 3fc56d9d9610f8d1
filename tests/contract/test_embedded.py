"""Responses of the embedded server to generated requests are declared in openapi.yaml."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support.environments import ROOT


def test_every_response_is_declared() -> None:
    """Runs in one process, because Schemathesis prepares requests at collection, which each pytest process repeats."""
    program = Path(__file__).with_name("generated_requests.py")
    command = [sys.executable, "-m", "pytest", "-p", "schemathesis", "-p", "no:cacheprovider", str(program)]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=300, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
