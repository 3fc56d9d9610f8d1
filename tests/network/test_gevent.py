"""Programs with gevent, which replaces threads and waits of the standard library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("gevent")

PROGRAM = """
import sys
sys.path[:0] = [{tests!r}]
{before}
import gevent.monkey
gevent.monkey.patch_all()
import gevent
from openrouter_embeddings import OpenRouter
from support.provider_server import ProviderServer, matrix_of, texts_of

with ProviderServer(seconds=0.1) as server:
    client = {client}.with_options(server_url=server.url)
    ask = lambda text: list(client.embeddings.generate(input=text, model="m").data[0].embedding)
    ask("a")
    found = [greenlet.get() for greenlet in [gevent.spawn(ask, text) for text in texts_of(20)]]
    assert found == matrix_of(texts_of(20)).tolist()
    assert server.most_at_once > 1, "one after the other"
    embedded = client.embeddings.embed(texts_of(100), model="m", batch_size=10)
    assert embedded.vectors.tolist() == matrix_of(texts_of(100)).tolist()
print("well")
"""


USE = """
from openrouter_embeddings import OpenRouter
from support.provider_server import ProviderServer, texts_of
used = OpenRouter("k")
with ProviderServer() as server:
    used.embeddings.embed(texts_of(100), model="m", batch_size=10, server_url=server.url)
"""
WHEN = {"first": ("", 'OpenRouter("k")'), "after a client was used": (USE, "used")}


@pytest.mark.parametrize(("before", "client"), WHEN.values(), ids=WHEN)
def test_calls_and_jobs_work_on_greenlets(before: str, client: str, tmp_path: Path) -> None:
    program = tmp_path / "greenlets.py"
    program.write_text(PROGRAM.format(before=before, client=client, tests=str(Path(__file__).parents[1])))
    ran = subprocess.run([sys.executable, "-W", "ignore", str(program)], capture_output=True, text=True, timeout=120)

    assert (ran.stdout, ran.returncode) == ("well\n", 0), ran.stderr
