"""The examples on the pages about frameworks and engines print the output that the pages show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from openrouter_embeddings.local import serve
from support.documents import Block, blocks, run_block

DOCS = Path(__file__).parents[2] / "docs"
BLOCKS = {
    f"{name}-{number}": block
    for name in ("integrations.md", "scale.md")
    for number, block in enumerate(blocks((DOCS / name).read_text()), 1)
}


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    with serve(api_key="sk-or-v1-0123456789abcdef") as server:
        yield server.environment


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_block_prints_the_output_below_it(block: Block, environment: dict[str, str], tmp_path: Path) -> None:
    code = re.sub(r'"/tmp/[^"]*"', repr(str(tmp_path / "cache.sqlite")), block.code)
    done = run_block(block._replace(code=code), environment, tmp_path)

    assert (done.code, done.stdout) == (0, block.output), done.stderr
