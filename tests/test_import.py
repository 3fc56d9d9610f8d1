"""What `import openrouter_embeddings as openrouter` costs and demands: nothing heavy is loaded, and the official SDK is not in its way."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import openrouter_embeddings as openrouter
import openrouter_generated
import pytest
from openrouter_embeddings.config import only_one_sdk

ROOTS = sorted({str(Path(inspect.getfile(module)).parents[1]) for module in (openrouter, openrouter_generated)})
SENTENCE = (
    "openrouter-embeddings and openrouter (the official SDK) are both installed and share the import name "
    "'openrouter': run `pip uninstall openrouter openrouter-embeddings` and install the one you want."
)


def run(program: str, *path: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter, which finds the package and what `path` adds."""
    environment = {"PYTHONPATH": os.pathsep.join([*ROOTS, *path]), "OPENROUTER_API_KEY": "sk-or-v1-x", "PATH": ""}
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)


class Loaded(NamedTuple):
    """A program, and which heavy modules it may not have loaded."""

    program: str
    never: list[str]


LIGHT = ["numpy", "httpx", "httpcore", "anyio", "msgspec", "asyncio", "ssl"]
PROGRAMS = [
    Loaded("import openrouter_embeddings as openrouter", [*LIGHT, "json", "logging", "openrouter_generated"]),
    Loaded("from openrouter_embeddings import OpenRouter, components, errors, operations, types, utils", LIGHT),
    Loaded("from openrouter_embeddings import OpenRouter; OpenRouter()", [*LIGHT, "openrouter_generated.models"]),
    Loaded("import openrouter_embeddings.types as t; dir(t); t.UNSET", LIGHT),
    Loaded(
        "from openrouter_embeddings.types import Progress, TextError, Usage", ["numpy", "httpx", "httpcore", "anyio"]
    ),
    Loaded("from openrouter_embeddings.types import EmbedResult, EmbedStream", ["numpy", "httpx", "httpcore", "anyio"]),
    Loaded("from openrouter_embeddings.errors import TooManyRequestsResponseError", LIGHT),
    Loaded("from openrouter_embeddings.utils import RetryConfig, BackoffStrategy", LIGHT),
    Loaded(
        "from openrouter_embeddings import OpenRouter; OpenRouter().embeddings", ["numpy", "httpx", "httpcore", "anyio"]
    ),
    Loaded("from openrouter_embeddings import OpenRouter; OpenRouter().close()", LIGHT),
]


@pytest.mark.parametrize("case", PROGRAMS, ids=lambda case: case.program)
def test_nothing_heavy_is_loaded_before_it_is_needed(case: Loaded) -> None:
    ran = run(f"{case.program}; import sys; print(*sys.modules)")
    assert ran.stderr == ""

    assert [name for name in case.never if name in ran.stdout.split()] == []


class Environment(NamedTuple):
    """What lies in a folder of `sys.path`, and whether it is the official SDK."""

    entry: str
    official: bool


ENVIRONMENTS = [
    Environment("openrouter-1.3.84.dist-info", True),
    Environment("openrouter-0.0.1.egg-info", True),
    Environment("openrouter_embeddings-0.1.0.dist-info", False),
    Environment("openrouter_client-2.0.dist-info", False),
    Environment("openrouter-notes.txt", False),
    Environment("myopenrouter-1.0.dist-info", False),
]


@pytest.mark.parametrize("case", ENVIRONMENTS, ids=lambda case: case.entry)
def test_official_sdk_beside_this_one_is_refused(
    case: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / case.entry).mkdir()
    monkeypatch.setattr(sys, "path", ["/no/such/folder", str(tmp_path)])

    if case.official:
        with pytest.raises(ImportError) as caught:
            only_one_sdk()
        assert str(caught.value) == SENTENCE
    else:
        only_one_sdk()


def test_folder_of_the_program_itself_is_looked_at_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "openrouter-1.3.84.dist-info").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [""])

    with pytest.raises(ImportError):
        only_one_sdk()


def test_import_ends_with_that_sentence_where_both_are_installed(tmp_path: Path) -> None:
    (tmp_path / "openrouter-1.3.84.dist-info").mkdir()

    ran = run("import openrouter_embeddings as openrouter", str(tmp_path))

    assert (ran.returncode, ran.stderr.splitlines()[-1]) == (1, f"ImportError: {SENTENCE}")


def test_import_works_where_a_path_entry_is_no_folder(tmp_path: Path) -> None:
    archive = tmp_path / "lib.zip"
    archive.write_bytes(b"")

    assert run("import openrouter_embeddings as openrouter", str(archive), str(tmp_path / "gone")).returncode == 0
