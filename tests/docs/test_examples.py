"""Every example of the guides runs against the embedded server and prints the output that the page shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.documents import blocks, run_block
from support.environments import ROOT

NEED_FRAMEWORKS = {"integrations", "scale"}
"""Pages whose examples are run by tests/engines."""
GUIDES = {
    f"{page.stem}-{number}": block
    for page in sorted((ROOT / "docs").glob("*.md"))
    if page.stem not in NEED_FRAMEWORKS
    for number, block in enumerate(blocks(page.read_text()), 1)
}


@pytest.mark.parametrize("name", GUIDES)
def test_example_prints_the_output_on_its_page(name: str, settings: dict[str, str], tmp_path: Path) -> None:
    block = GUIDES[name]

    assert run_block(block, settings, tmp_path) == (0, "", block.output)
