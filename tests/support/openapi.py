"""openapi.yaml as data, read once in each process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

PATH = Path(__file__).parents[2] / "openapi.yaml"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the loader in C takes a tenth of the time
DOCUMENT: dict[str, Any] = yaml.load(PATH.read_text("utf-8"), LOADER)
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
