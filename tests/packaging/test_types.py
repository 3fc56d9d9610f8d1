"""Type checks of user code: valid calls pass, invalid calls fail, and results have the documented types."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openrouter_embeddings
import pytest
from support.environments import ROOT, SHELL, Environment

HEAD = """\
from typing import assert_type
import httpx
import numpy
import openrouter_embeddings
from openrouter_embeddings import OpenRouter, Policy, components, errors, operations, utils
from openrouter_embeddings.types import UNSET, EmbedResult, EmbedStream, EmbedStreamAsync, Progress, TextError, Usage

async def async_callback(progress: Progress) -> None: ...

client = OpenRouter("key")
embeddings = client.embeddings
retries = utils.RetryConfig("backoff", utils.BackoffStrategy(500, 60_000, 1.5, 3_600_000), True)
texts: list[str] = ["a", "b"]
tokens: list[int] = [1, 2]
"""
VALID = """\
OpenRouter('key', None, 'title', None, None, None, 'https://h', None, None, UNSET, 5)
OpenRouter(api_key=lambda: 'key', retry_config=retries)
OpenRouter(client=httpx.Client(), async_client=httpx.AsyncClient(), retry_config=Policy(attempts=2))
client.with_options(timeout_ms=5, retry_config=None).embeddings
embeddings.generate(input='a', model='m', encoding_format='base64', dimensions=5, retries=None)
embeddings.generate(input=texts, model='m')
embeddings.generate(input=tokens, model='m')
embeddings.generate(input=[tokens], model='m')
embeddings.generate(input=[{'content': [{'type': 'text', 'text': 'a'}]}], model='m')
embeddings.generate(input='a', model='m', provider={'zdr': True, 'max_price': {'prompt': 0.1}})
embeddings.generate(input='a', model='m', provider=components.ProviderPreferences(zdr=True))
embeddings.generate(input='a', model='m', retries=retries, timeout_ms=5, http_headers={'a': 'b'})
embeddings.list_models(limit=5, retries=3, http_headers={'Authorization': None})
embeddings.embed((text for text in texts), model='m', concurrency='auto', tokens_per_minute=1e6)
embeddings.embed(texts, model='m', on_error='record', provider={'zdr': True}, retries=retries)
result = embeddings.embed(texts, model='m', progress=lambda progress: print(progress.texts_done))
response = embeddings.generate(input='a', model='m')
assert_type(response, operations.CreateEmbeddingsResponse)
assert_type((response.model, response.data[0].index), tuple[str, int | None])
assert_type(embeddings.list_models(), components.ModelsListResponse)
assert_type(result, EmbedResult)
assert_type(result.vectors, numpy.typing.NDArray[numpy.float32])
assert_type((result.usage, result.errors, result.usage.cost), tuple[Usage, list[TextError], float | None])
assert_type(embeddings.embed_iter(texts, model='m'), EmbedStream)
assert_type(embeddings.embed_iter_async(texts, model='m'), EmbedStreamAsync)
assert_type(client.with_options(timeout_ms=5), OpenRouter)
assert_type(errors.TooManyRequestsResponseError().retry_after, float | None)
assert_type(errors.TooManyRequestsResponseError().status_code, int)
async def main() -> None:
    assert_type(await embeddings.generate_async(input='a', model='m'), operations.CreateEmbeddingsResponse)
    assert_type(await embeddings.embed_async(texts, model='m'), EmbedResult)
    assert_type((await embeddings.search_async('a.npy', 'a', count=3))[0].similarity, float)
    assert_type((await embeddings.check_async('a.npy')).has_drifted, bool)
"""
INVALID = """\
OpenRouter(5)
OpenRouter(token='key')
OpenRouter(retry_config='5')
Policy(attempt=2)
openrouter_embeddings.Client()
utils.RetryConfig('backoff', 5, True)
embeddings.generate('a', 'm')
embeddings.generate(input='a')
embeddings.generate(input=5, model='m')
embeddings.generate(input='a', model='m', inputs='b')
embeddings.generate(input=[{'content': [{'type': 'smell'}]}], model='m')
embeddings.generate(input='a', model='m', provider={'zrd': True})
embeddings.generate(input='a', model='m', provider={'zdr': 'yes'})
embeddings.generate(input='a', model='m', encoding_format='float32')
embeddings.generate(input='a', model='m', retries='3')
embeddings.generate_async(input='a', model='m').data
embeddings.list_models(limit='5')
embeddings.search_async('a.npy', 'a', top_k=3)
embeddings.check_async('a.npy').has_drifted
embeddings.embed(texts)
embeddings.embed([1, 2], model='m')
embeddings.embed(texts, model='m', on_error='ignore')
embeddings.embed(texts, model='m', progress=async_callback)
embeddings.embed(texts, model='m').embeddings
"""
OFFICIAL_ONLY = "from openrouter.chat import Chat"
OURS_ONLY = f"from openrouter import {', '.join(openrouter_embeddings.__all__)}"
BOTH_NAMES = f"""\
import openrouter_embeddings.errors
from openrouter import OpenRouter, components, errors, operations, types, utils
from openrouter_embeddings import OpenRouter as Ours
Ours("key").embeddings.embed("a", model="m")
OpenRouter("key").embeddings.generate(input="a", model="m")
{OFFICIAL_ONLY}
{OURS_ONLY}
"""
README = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
PROGRAMS = {
    "valid": HEAD + VALID,
    "invalid": HEAD + INVALID,
    "both_names": BOTH_NAMES,
    **{f"readme_{number}": text for number, text in enumerate(README)},
}


Location = tuple[str, int]  # file name without suffix, line number
Errors = dict[str, dict[str, set[str]]]  # file name: {checker: lines of code with an error}


def mypy(folder: Path, python: Path) -> list[Location]:
    cache = ROOT / ".mypy_cache" / "packaging"  # checking the standard library takes most of the time
    options = ["--strict", "--cache-dir", str(cache), "--python-executable", str(python)]
    command = [sys.executable, "-m", "mypy", *options, "."]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=SHELL)
    assert done.stderr == ""
    return [(file, int(line)) for file, line in re.findall(r"^(\w+)\.py:(\d+): error", done.stdout, re.MULTILINE)]


def pyright(folder: Path, python: Path) -> list[Location]:
    off = dict.fromkeys(("reportUnusedExpression", "reportUnusedCoroutine", "reportUnusedImport"), False)
    (folder / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict", **off}))
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", str(python)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=SHELL)
    found = [d for d in json.loads(done.stdout)["generalDiagnostics"] if d["severity"] == "error"]
    return [(Path(d["file"]).stem, d["range"]["start"]["line"] + 1) for d in found]


def check(folder: Path, python: Path, *files: str) -> Errors:
    """Run mypy and pyright on the files with the packages of an interpreter; return the lines with errors."""
    for file in files:
        (folder / f"{file}.py").write_text(PROGRAMS[file])
    with ThreadPoolExecutor() as pool:
        locations = {checker: pool.submit(checker, folder, python) for checker in (mypy, pyright)}
    found: Errors = {file: {"mypy": set(), "pyright": set()} for file in files}
    for checker, future in locations.items():
        for file, line in future.result():
            found[file][checker.__name__].add(PROGRAMS[file].splitlines()[line - 1])
    return found


def by_both(*lines: str) -> dict[str, set[str]]:
    return {"mypy": set(lines), "pyright": set(lines)}


@pytest.fixture(scope="module")
def editable(tmp_path_factory: pytest.TempPathFactory) -> Errors:
    """Check all programs with the editable install of this checkout."""
    assert len(README) >= 3
    return check(tmp_path_factory.mktemp("editable"), Path(sys.executable), *PROGRAMS)


def test_each_invalid_call_is_an_error(editable: Errors) -> None:
    assert editable["invalid"] == by_both(*INVALID.splitlines())


@pytest.mark.parametrize("file", [name for name in PROGRAMS if name not in ("invalid", "both_names")])
def test_valid_calls_pass_and_have_the_documented_types(file: str, editable: Errors) -> None:
    assert editable[file] == by_both()


def test_both_names_are_typed(editable: Errors, alone: Environment, wheel: Path, tmp_path: Path) -> None:
    """The wheel provides types for both names; beside the official SDK, `openrouter` has the types of that SDK."""
    beside = Environment(tmp_path / "venv")
    beside.install(wheel, "openrouter==1.3.84")
    folder = tmp_path / "consumer"
    folder.mkdir()

    assert editable["both_names"] == by_both(OFFICIAL_ONLY)
    assert check(folder, alone.python, "both_names") == {"both_names": by_both(OFFICIAL_ONLY)}
    assert check(folder, beside.python, "both_names") == {"both_names": by_both(OURS_ONLY)}
