"""Fixtures: a changed openapi.yaml and its package, generated once per run."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.openapi import DOCUMENT, LOADER
from support.pipeline import ROOT, generate


def edit_document(spec: dict[str, Any]) -> None:
    """Rename a field, add a field to request and response, add an enum value."""
    schemas = spec["components"]["schemas"]
    body = schemas["CreateEmbeddingsRequestBody"]["properties"]
    preferences = schemas["ProviderPreferences"]["properties"]
    preferences["zero_retention"] = preferences.pop("zdr")
    body["truncate"] = {"type": "boolean", "description": "Whether to cut a text that is too long."}
    schemas["EncodingFormat"]["enum"].append("int8")
    schemas["CreateEmbeddingsResponse"]["properties"]["region"] = {
        "type": "string",
        "description": "The region of the server.",
    }


@pytest.fixture(scope="session")
def evolved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the package generated from the changed document."""
    folder = tmp_path_factory.mktemp("evolved")
    spec = copy.deepcopy(DOCUMENT)
    added = yaml.load((Path(__file__).parent / "unseen.yaml").read_text("utf-8"), LOADER)
    edit_document(spec)
    spec["paths"] |= added["paths"]
    spec["components"]["schemas"] |= added["components"]["schemas"]
    (folder / "openapi.yaml").write_text(yaml.safe_dump(spec, sort_keys=False), "utf-8")
    run = generate(folder / "openapi.yaml", folder / "openrouter_generated")
    assert run.returncode == 0, run.stderr
    return folder


@pytest.fixture(scope="session")
def environment(evolved: Path) -> dict[str, str]:
    """The environment of a process that imports this package in place of the committed one."""
    return {"PYTHONPATH": f"{evolved}:{ROOT / 'overlay'}", "PATH": str(Path(sys.executable).parent)}
