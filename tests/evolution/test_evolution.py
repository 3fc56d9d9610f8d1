"""A change of openapi.yaml needs no other edit: new operations and fields work, and removed ones are rejected."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.pipeline import ROOT

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def outcomes(environment: dict[str, str]) -> dict[str, Any]:
    """The requests and results of scenario.py, sync and async."""
    command = [sys.executable, "-W", "error::ResourceWarning", str(HERE / "scenario.py")]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)
    assert (run.returncode, run.stderr) == (0, "")
    made: dict[str, Any] = json.loads(run.stdout)
    return made


TAGS = "tag=old&tag=red&order=title&signed=true"
REQUESTS = [
    {
        "request": "POST /api/v1/shelves/a%2Fb/books",
        "body": {
            "title": "T",
            "cover": {"kind": "paper", "pages": 3},
            "authors": [{"name": "y"}],
            "price": "1.5",
        },
    },
    {"request": f"GET /api/v1/shelves/s/books?{TAGS}", "body": None},
    {"request": f"GET /api/v1/shelves/s/books?{TAGS}&cursor=c2", "body": None},
    {"request": "DELETE /api/v1/shelves/s/books/2", "body": None},
    {"request": "PUT /api/v1/tags", "body": [{"from": "a", "to": "new"}]},
    {
        "request": "POST /api/v1/embeddings",
        "body": {"input": "a", "model": "m", "provider": {"zero_retention": True}, "truncate": True},
    },
    {"request": "GET /api/v1/shelves/nowhere/books", "body": None},
]


@pytest.mark.parametrize("side", ["sync", "async"])
def test_new_operations_send_the_declared_requests(side: str, outcomes: dict[str, Any]) -> None:
    """Invalid calls are not sent."""
    assert outcomes[side]["requests"] == REQUESTS


@pytest.mark.parametrize("side", ["sync", "async"])
def test_new_operations_return_models_and_raise_named_errors(side: str, outcomes: dict[str, Any]) -> None:
    book, ids, glass, attempts, gone, tags, region, missing, *refused = outcomes[side]["results"]
    assert book == ["Book", "Paper", "old", "eo"]
    assert (ids, glass, attempts) == (["b1", "b2"], {"kind": "glass"}, 1)
    assert (gone, tags, region) == (None, ["new", "old"], "eu")
    assert [missing[0], missing[1].partition(";")[0]] == ["NotFoundResponseError", "No such shelf"]
    assert [name for name, _ in refused] == ["InvalidInputError"] * 3
    assert [text.split(" ")[0].rstrip(":") for _, text in refused] == ["min_pages", "shelf_id", "cover.color"]


def wrong_lines() -> set[int]:
    lines = (HERE / "user.py").read_text("utf-8").splitlines()
    return {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}


def mypy(evolved: Path) -> list[str]:
    ini = evolved / "mypy.ini"
    ini.write_text(f"[mypy]\nstrict = true\nfollow_imports = silent\nmypy_path = {evolved}:{ROOT / 'overlay'}\n")
    return ["mypy", "--config-file", str(ini), "--python-version", "3.11", "user.py"]


def pyright(evolved: Path) -> list[str]:
    config = evolved / "pyrightconfig.json"
    paths = [str(evolved), str(ROOT / "overlay")]
    config.write_text(json.dumps({"include": ["user.py"], "extraPaths": paths, "pythonVersion": "3.11"}))
    return ["pyright", "--project", str(config), "--pythonpath", sys.executable]


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_type_checkers_refuse_the_wrong_lines_only(checker: Any, evolved: Path) -> None:
    """Among the wrong lines of user.py is the old name of a renamed field."""
    shutil.copy(HERE / "user.py", evolved)
    command = [sys.executable, "-m", *checker(evolved)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=evolved)
    refused = {int(number) for number in re.findall(r"user\.py:(\d+).*error", run.stdout)}
    assert refused == wrong_lines(), run.stdout
