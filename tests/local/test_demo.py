"""`make demo` runs to its end, the examples of the reference page in it are what the page prints, and it finds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def demo() -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENROUTER_")}
    # Whatever this machine's proxy is, its own address must not go through it.
    environment["HTTP_PROXY"] = environment["http_proxy"] = "http://127.0.0.1:9"
    command = [sys.executable, str(EXAMPLES / "demo.py")]
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=300, check=False)


def test_demo_says_what_it_did(demo: subprocess.CompletedProcess[str]) -> None:
    assert demo.returncode == 0, demo.stderr
    assert "\033" not in demo.stdout
    assert "CreateEmbeddingsResponse(" in demo.stdout
    assert "ModelsListResponse(" in demo.stdout
    told = re.search(r"([\d,]+) docstrings embedded in [\d.]+ s, .* ([\d,]+) tokens\.", demo.stdout)
    assert told is not None
    texts, tokens = (int(number.replace(",", "")) for number in told.groups())
    assert texts > 2000
    assert tokens > 10 * texts
    assert "100%" in demo.stderr


@pytest.mark.parametrize(
    ("question", "functions"),
    [
        ("send an email", {"smtplib.SMTP.sendmail", "smtplib.SMTP.send_message"}),
        ("compress a file", {"gzip.compress", "bz2.compress", "lzma.compress"}),
        ("convert text to a date", {"datetime.date.fromisoformat"}),
        ("copy a directory tree", {"shutil.copytree"}),
        ("split a shell command into words", {"shlex.split"}),
    ],
)
def test_demo_finds(demo: subprocess.CompletedProcess[str], question: str, functions: set[str]) -> None:
    _, _, after = demo.stdout.partition(f"\n{question}\n")
    nearest = re.findall(r"^  0\.\d\d  (\S+)", after, re.MULTILINE)[:3]
    assert functions.intersection(nearest)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        (
            "generate.py",
            'generate(input="The quick brown fox jumps over the lazy dog", model="openai/text-embedding-3-small")',
        ),
        ("list_models.py", "list_models()"),
    ],
)
def test_examples_are_those_of_the_reference_page(name: str, call: str) -> None:
    """Letter for letter, one blank of indentation included; only the call differs between the two."""
    assert (EXAMPLES / name).read_text("utf-8") == (
        "from openrouter import OpenRouter\n"
        "import os\n"
        "\n"
        "with OpenRouter(\n"
        ' http_referer="<value>",\n'
        ' x_open_router_title="<value>",\n'
        ' x_open_router_categories="<value>",\n'
        ' api_key=os.getenv("OPENROUTER_API_KEY", ""),\n'
        ") as open_router:\n"
        "\n"
        f" res = open_router.embeddings.{call}\n"
        "\n"
        " # Handle response\n"
        " print(res)\n"
    )
