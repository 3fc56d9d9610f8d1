"""What the documents show is what happens: every Python block runs, and prints what stands below it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from openrouter_embeddings.local import serve

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```\n(?:\n```output\n(?P<output>.*?)^```$)?", re.MULTILINE | re.DOTALL)
BLOCKS = [
    pytest.param(found["code"], found["output"], id=f"{document.name}-{number}")
    for document in DOCUMENTS
    for number, found in enumerate(BLOCK.finditer(document.read_text()), 1)
]


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    with serve() as server:
        yield {**server.environment, "PATH": "/usr/bin:/bin"}


@pytest.mark.parametrize(("code", "output"), BLOCKS)
def test_block_prints_what_stands_below_it(code: str, output: str | None, environment: dict[str, str]) -> None:
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr, ran.stdout) == (0, "", output or "")


def test_readme_has_blocks_at_all() -> None:
    assert len(BLOCK.findall((ROOT / "README.md").read_text())) >= 3


LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


@pytest.mark.parametrize("document", [*DOCUMENTS, *ROOT.glob("*.md"), *ROOT.glob("codegen/*.md")], ids=lambda p: p.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = LINK.findall(document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_readme_is_short_enough_to_be_read() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150
