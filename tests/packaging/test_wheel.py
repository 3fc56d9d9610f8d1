"""The files of the wheel and of the sdist, and the commands without extras."""

from __future__ import annotations

import subprocess
import tarfile
import zipfile
from pathlib import Path

from support.environments import SHELL, UV, Environment, run


def test_wheel_contains_the_typed_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    packages = {"openrouter-stubs", "openrouter_embeddings", "openrouter_generated"}

    assert tops == {"openrouter.py", *packages}
    assert {name for name in names if name.endswith("py.typed")} == {f"{package}/py.typed" for package in packages}


def test_sdist_builds_the_same_wheel(dist: Path, wheel: Path, tmp_path: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        tops = {name.split("/")[1] for name in archive.getnames() if "/" in name}
    run(UV, "build", "--quiet", "--wheel", "--out-dir", tmp_path, sdist)

    assert {"openapi.yaml", "codegen", "generated", "overlay", "tests", "pyproject.toml", "README.md"} <= tops
    assert {".venv", "dist", "node_modules"} & tops == set()
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


def test_command_names_the_missing_extra(alone: Environment) -> None:
    for script in ("openrouter", "openrouter-embeddings"):
        done = subprocess.run([alone.bin / script, "serve"], capture_output=True, text=True, timeout=120, env=SHELL)

        assert done.returncode == 1
        assert "openrouter-embeddings[local]" in done.stderr
        assert "Traceback" not in done.stderr
