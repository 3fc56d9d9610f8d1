"""The demo finds the expected functions, and the example files equal the documented page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


EXPECTED = {
    "send an email": {"smtplib.SMTP.sendmail", "smtplib.SMTP.send_message"},
    "compress a file": {"gzip.compress", "bz2.compress", "lzma.compress"},
    "convert text to a date": {"datetime.date.fromisoformat"},
    "copy a directory tree": {"shutil.copytree"},
    "split a shell command into words": {"shlex.split"},
}


def test_demo_finds_functions() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENROUTER_")}
    environment["HTTP_PROXY"] = environment["http_proxy"] = "http://127.0.0.1:9"  # not used on loopback
    command = [sys.executable, str(EXAMPLES / "demo.py")]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "CreateEmbeddingsResponse(" in done.stdout
    assert "ModelsListResponse(" in done.stdout
    for question, functions in EXPECTED.items():
        _, _, results = done.stdout.partition(f"\n{question}\n")
        assert functions.intersection(re.findall(r"^  0\.\d\d  (\S+)", results, re.MULTILINE)[:3]), question


TEXT = "The quick brown fox jumps over the lazy dog"
CALLS = {
    "generate.py": f'generate(input="{TEXT}", model="openai/text-embedding-3-small")',
    "list_models.py": "list_models()",
}
PAGE = """\
from openrouter import OpenRouter
import os

with OpenRouter(
 http_referer="<value>",
 x_open_router_title="<value>",
 x_open_router_categories="<value>",
 api_key=os.getenv("OPENROUTER_API_KEY", ""),
) as open_router:

 res = open_router.embeddings.{call}

 # Handle response
 print(res)
"""


@pytest.mark.parametrize("name", CALLS)
def test_example_equals_the_documented_page(name: str) -> None:
    assert PAGE.format(call=CALLS[name]) == (EXAMPLES / name).read_text("utf-8")
