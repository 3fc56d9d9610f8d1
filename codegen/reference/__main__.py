"""The command that builds the documentation: `python -m codegen.reference --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ..document import SpecificationError
from .site import SiteError, build

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the site; 0 on success, 1 if a page or the document has a problem."""
    parser = argparse.ArgumentParser(prog="python -m codegen.reference", description="Build the documentation.")
    parser.add_argument("--spec", type=Path, default=ROOT / "openapi.yaml", help="the document (%(default)s)")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "docs", help="folder to write to (%(default)s)")
    options = parser.parse_args(arguments)
    try:
        site = build(ROOT, options.out.resolve(), options.spec)
    except (SpecificationError, SiteError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{sum(1 for _ in site.rglob('index.html'))} pages in {site}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
