"""Temporary virtual environments, in which uv or pip installs distributions."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
# Copied at import, before the tests remove the proxy settings: an installer may need them.
SHELL = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
SHELL["UV_SYSTEM_CERTS"] = "1"  # uv then trusts the certificates that pip trusts

Installer = Literal["uv", "pip"]


def run(*command: str | Path, environment: Mapping[str, str] = SHELL, folder: Path | None = None) -> str:
    """Run a command that must succeed, and return its standard output."""
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=600, env=environment, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Environment:
    """A virtual environment of the running Python: a new, empty one unless the folder already contains one."""

    def __init__(self, home: Path, installer: Installer = "uv") -> None:
        seed = ["--seed"] if installer == "pip" else []  # --seed installs the newest pip
        if not (home / "pyvenv.cfg").exists():
            run(UV, "venv", "--quiet", *seed, "--python", sys.executable, home)
        self.bin = home / "bin"
        self.python = self.bin / "python"
        self.installer = installer

    def install(self, *requirements: str | Path) -> None:
        if self.installer == "uv":
            run(UV, "pip", "install", "--quiet", "--python", self.python, *requirements)
        else:
            options = ["--quiet", "--disable-pip-version-check", "--no-compile"]
            run(self.python, "-m", "pip", "install", *options, *requirements)

    def uninstall(self, distribution: str) -> None:
        if self.installer == "uv":
            run(UV, "pip", "uninstall", "--quiet", "--python", self.python, distribution)
        else:
            run(self.python, "-m", "pip", "uninstall", "--quiet", "--yes", distribution)

    def run(self, program: str, environment: Mapping[str, str] | None = None) -> str:
        """Run a program without access to this checkout and to the variables of this shell; return its output."""
        return run(self.python, "-c", program, environment=environment or {}, folder=self.bin)
