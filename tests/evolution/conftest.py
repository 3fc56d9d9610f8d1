"""The specification as it may be next year, generated once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.pipeline import ROOT, generate


def changed(spec: dict[str, Any]) -> None:
    """A renamed field, a new one on either side, a new enum value."""
    schemas = spec["components"]["schemas"]
    body = schemas["CreateEmbeddingsRequestBody"]["properties"]
    body["dims"] = body.pop("dimensions")
    body["truncate"] = {"type": "boolean", "description": "Whether to cut what is too long."}
    schemas["EncodingFormat"]["enum"].append("int8")
    schemas["CreateEmbeddingsResponse"]["properties"]["region"] = {
        "type": "string",
        "description": "Where it was made.",
    }


@pytest.fixture(scope="session")
def evolved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds the package generated from it."""
    folder = tmp_path_factory.mktemp("evolved")
    spec = yaml.safe_load((ROOT / "openapi.yaml").read_text("utf-8"))
    unseen = yaml.safe_load((Path(__file__).parent / "unseen.yaml").read_text("utf-8"))
    changed(spec)
    spec["paths"] |= unseen["paths"]
    spec["components"]["schemas"] |= unseen["components"]["schemas"]
    (folder / "openapi.yaml").write_text(yaml.safe_dump(spec, sort_keys=False), "utf-8")
    run = generate(folder / "openapi.yaml", folder / "openrouter_generated")
    assert run.returncode == 0, run.stderr
    return folder


@pytest.fixture(scope="session")
def path_of_evolved(evolved: Path) -> dict[str, str]:
    """The environment of a process that imports it in place of what is committed."""
    return {"PYTHONPATH": f"{evolved}:{ROOT / 'overlay'}", "PATH": str(Path(sys.executable).parent)}
