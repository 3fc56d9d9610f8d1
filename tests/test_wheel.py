"""What is published works: built, installed in an empty environment, and the documented example run there."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from openrouter_embeddings.local import serve

ROOT = Path(__file__).parents[1]


def run(command: Sequence[str | Path], **options: object) -> str:
    ran = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300, **options)  # type: ignore[call-overload]
    assert ran.returncode == 0, ran.stderr
    return str(ran.stdout)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dist = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "hatchling", "build", "-d", dist], cwd=ROOT)
    return dist


@pytest.fixture(scope="module")
def empty(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel and what it asks for, and nothing else; from the installer's cache."""
    home = tmp_path_factory.mktemp("environment")
    uv = Path(sys.executable).with_name("uv")
    run([uv, "venv", "--quiet", "--python", sys.executable, home])
    (wheel,) = built.glob("*.whl")
    install = [uv, "pip", "install", "--quiet", "--python", home / "bin" / "python", wheel]
    offline = subprocess.run([*map(str, install), "--offline"], capture_output=True, timeout=120)
    if offline.returncode:
        run(install)
    return home / "bin" / "python"


def test_wheel_holds_both_packages_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0].split("-")[0] for name in names}
    assert tops == {"openrouter", "openrouter_generated", "openrouter_embeddings"}
    assert {"openrouter/py.typed", "openrouter_generated/py.typed"} <= set(names)


def test_sdist_holds_what_builds_it_and_no_environment(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        tops = {name.split("/")[1] for name in archive.getnames() if "/" in name}
    assert {"openapi.yaml", "codegen", "generated", "overlay", "tests", "pyproject.toml", "README.md"} <= tops
    assert not {".venv", "dist", "node_modules"} & tops


@pytest.mark.parametrize("example", ["generate.py", "list_models.py"])
def test_documented_example_runs_where_only_the_wheel_is(empty: Path, example: str) -> None:
    with serve() as server:
        environment = {**server.environment, "PATH": os.environ["PATH"]}
        printed = run([empty, ROOT / "examples" / example], env=environment, cwd=ROOT / "examples")
    assert printed.startswith(("CreateEmbeddingsResponse(", "ModelsListResponse("))


def test_command_says_what_is_missing(empty: Path) -> None:
    """Without the extra, `openrouter serve` names what to install."""
    ran = subprocess.run([empty.with_name("openrouter"), "serve"], capture_output=True, text=True, timeout=60)
    assert ran.returncode != 0
    assert "openrouter-embeddings[local]" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_import_of_both_sdks_is_refused_in_one_sentence(empty: Path, tmp_path: Path) -> None:
    (tmp_path / "openrouter-1.3.84.dist-info").mkdir()
    ran = subprocess.run(
        [empty, "-c", "import openrouter_embeddings as openrouter"],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 1
    assert "are both installed and share the import name 'openrouter'" in ran.stderr.splitlines()[-1]
