"""What type checkers find in a user's file: right calls pass, wrong calls fail, results have their types."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import openrouter_embeddings
import pytest
from support.environments import ROOT, SHELL, Environment

HEAD = """\
import httpx
import openrouter_embeddings
from openrouter_embeddings import OpenRouter, Policy, components, errors, operations, utils
from openrouter_embeddings.types import UNSET, EmbedResult, EmbedStream, EmbedStreamAsync, Progress, TextError, Usage

async def show_later(progress: Progress) -> None: ...

client = OpenRouter("key")
embeddings = client.embeddings
retries = utils.RetryConfig("backoff", utils.BackoffStrategy(500, 60_000, 1.5, 3_600_000), True)
texts: list[str] = ["a", "b"]
tokens: list[int] = [1, 2]
"""
RIGHT = """\
OpenRouter('key', None, 'title', None, None, None, 'https://h', None, None, UNSET, 5)
OpenRouter(api_key=lambda: 'key', retry_config=retries)
OpenRouter(retry_config=Policy(attempts=2))
OpenRouter(client=httpx.Client(), async_client=httpx.AsyncClient())
client.with_options(timeout_ms=5, retry_config=None).embeddings
embeddings.generate(input='a', model='m', encoding_format='base64', dimensions=5, retries=None)
embeddings.generate(input=texts, model='m')
embeddings.generate(input=tokens, model='m')
embeddings.generate(input=[tokens], model='m')
embeddings.generate(input=[{'content': [{'type': 'text', 'text': 'a'}]}], model='m')
embeddings.generate(input='a', model='m', provider={'zdr': True, 'max_price': {'prompt': 0.1}})
embeddings.generate(input='a', model='m', provider=components.ProviderPreferences(zdr=True))
embeddings.generate(input='a', model='m', retries=retries, timeout_ms=5, http_headers={'a': 'b'})
embeddings.list_models(limit=5)
embeddings.embed('a', model='m', dimensions=5, input_type='search_query')
embeddings.embed((text for text in texts), model='m', concurrency='auto', tokens_per_minute=1e6)
embeddings.embed(texts, model='m', on_error='record', progress=True, provider={'zdr': True}, retries=retries)
embeddings.embed(texts, model='m', progress=lambda progress: print(progress.texts_done))
result: EmbedResult = embeddings.embed(texts, model='m')
parts: tuple[Usage, list[TextError]] = (result.usage, result.errors)
streams: tuple[type[EmbedStream], type[EmbedStreamAsync]]
"""
WRONG = """\
OpenRouter(5)
OpenRouter(token='key')
OpenRouter(retry_config=5)
openrouter_embeddings.Client()
components.ProviderPreferences(zrd=True)
utils.RetryConfig('backoff', 5, True)
embeddings.generate('a', 'm')
embeddings.generate(input='a')
embeddings.generate(input=5, model='m')
embeddings.generate(input='a', model='m', inputs='b')
embeddings.generate(input=[{'content': [{'type': 'smell'}]}], model='m')
embeddings.generate(input='a', model='m', provider={'zrd': True})
embeddings.generate(input='a', model='m', provider={'zdr': 'yes'})
embeddings.generate(input='a', model='m', encoding_format='float32')
embeddings.generate(input='a', model='m', dimensions='5')
embeddings.generate(input='a', model='m', retries=3)
embeddings.generate(input='a', model='m').vectors
embeddings.generate_async(input='a', model='m').data
embeddings.list_models(limit='5')
embeddings.embed(texts)
embeddings.embed([1, 2], model='m')
embeddings.embed(texts, model='m', batchsize=5)
embeddings.embed(texts, model='m', on_error='ignore')
embeddings.embed(texts, model='m', progress='bar')
embeddings.embed(texts, model='m', progress=show_later)
embeddings.embed(texts, model='m').embeddings
"""
REVEALED = {
    "embeddings.generate(input='a', model='m')": "CreateEmbeddingsResponse",
    "embeddings.generate(input='a', model='m').data": "list[CreateEmbeddingsData]",
    "embeddings.list_models()": "ModelsListResponse",
    "embeddings.list_models().data[0].id": "str",
    "embeddings.embed(texts, model='m')": "EmbedResult",
    "embeddings.embed(texts, model='m').vectors": "ndarray[tuple[Any, ...], dtype[floating[_32Bit]]]",
    "embeddings.embed(texts, model='m').usage.cost_usd": "float | None",
    "embeddings.embed(texts, model='m').errors[0].position": "int",
    "embeddings.embed_iter(texts, model='m')": "EmbedStream",
    "next(embeddings.embed_iter(texts, model='m'))[0]": "Sequence[int]",
    "embeddings.embed_iter_async(texts, model='m')": "EmbedStreamAsync",
    "client.with_options(timeout_ms=5)": "OpenRouter",
    "client.__enter__()": "OpenRouter",
    "errors.TooManyRequestsResponseError().retry_after": "float | None",
    "await embeddings.generate_async(input='a', model='m')": "CreateEmbeddingsResponse",
    "await embeddings.embed_async(texts, model='m')": "EmbedResult",
    "await client.__aenter__()": "OpenRouter",
}
REVEALING = "async def main() -> None:\n" + "".join(f"    reveal_type({expression})\n" for expression in REVEALED)
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
    "right": HEAD + RIGHT,
    "wrong": HEAD + WRONG,
    "revealed": HEAD + REVEALING,
    "both_names": BOTH_NAMES,
    **{f"readme_{number}": text for number, text in enumerate(README)},
}


class Finding(NamedTuple):
    """One message of a type checker, and the line of code that it is about."""

    file: str
    code: str
    is_error: bool
    message: str


def finding(folder: Path, file: str, line: int, kind: str, message: str) -> Finding:
    code = (folder / file).read_text().splitlines()[line - 1].strip()
    return Finding(Path(file).stem, code, kind == "error", message)


def mypy(folder: Path, python: Path) -> list[Finding]:
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python), "--show-error-end", "."]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=SHELL)
    assert done.stderr == ""
    found = re.findall(r"^(\w+\.py):(\d+):\d+:\d+:\d+: (\w+): (.*)$", done.stdout, re.MULTILINE)
    return [finding(folder, file, int(line), kind, message) for file, line, kind, message in found]


def pyright(folder: Path, python: Path) -> list[Finding]:
    off = dict.fromkeys(("reportUnusedExpression", "reportUnusedCoroutine", "reportUnusedImport"), False)
    (folder / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict", **off}))
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", str(python)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=SHELL)
    return [
        finding(folder, Path(d["file"]).name, d["range"]["start"]["line"] + 1, d["severity"], d["message"])
        for d in json.loads(done.stdout)["generalDiagnostics"]
    ]


CHECKERS: dict[str, Callable[[Path, Path], list[Finding]]] = {"mypy": mypy, "pyright": pyright}
Findings = dict[str, list[Finding]]


def check(folder: Path, python: Path, *files: str) -> Findings:
    """What each checker finds in the files, for the packages that are installed for that Python."""
    for checker in CHECKERS:
        (folder / checker).mkdir(parents=True)
        for file in files:
            (folder / checker / f"{file}.py").write_text(PROGRAMS[file])
    with ThreadPoolExecutor(len(CHECKERS)) as pool:
        found = pool.map(lambda checker: CHECKERS[checker](folder / checker, python), CHECKERS)
        return dict(zip(CHECKERS, found, strict=True))


def errors(findings: Findings, file: str) -> dict[str, set[str]]:
    """The lines that each checker refuses in a file."""
    return {name: {f.code for f in found if f.file == file and f.is_error} for name, found in findings.items()}


def by_both(*lines: str) -> dict[str, set[str]]:
    return {name: set(lines) for name in CHECKERS}


@pytest.fixture(scope="module")
def editable(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """What the checkers find in all programs, for the editable install in the running Python's environment."""
    return check(tmp_path_factory.mktemp("editable"), Path(sys.executable), *PROGRAMS)


def test_each_wrong_call_fails(editable: Findings) -> None:
    assert errors(editable, "wrong") == by_both(*WRONG.splitlines())


@pytest.mark.parametrize("file", [name for name in PROGRAMS if name not in ("wrong", "both_names")])
def test_right_calls_pass(file: str, editable: Findings) -> None:
    assert errors(editable, file) == by_both()


@pytest.mark.parametrize("checker", CHECKERS)
def test_results_have_their_types(checker: str, editable: Findings) -> None:
    found = [f for f in editable[checker] if f.file == "revealed"]
    # Without the names of the modules, which the checkers print differently.
    types = {f.code: re.sub(r"[\w.]+\.(?=\w)", "", re.findall(r'"(.*?)"', f.message)[-1]) for f in found}

    assert types == {f"reveal_type({expression})": name for expression, name in REVEALED.items()}


def test_both_names_are_typed(editable: Findings, alone: Environment, wheel: Path, tmp_path: Path) -> None:
    """The wheel gives types under both names, and leaves the official SDK its own types where that is installed."""
    beside = Environment(tmp_path / "venv")
    beside.install(wheel, "openrouter==1.3.84")
    found = [editable, *(check(tmp_path / str(at), env.python, "both_names") for at, env in enumerate((alone, beside)))]

    assert [errors(one, "both_names") for one in found] == [
        by_both(line) for line in (OFFICIAL_ONLY, OFFICIAL_ONLY, OURS_ONLY)
    ]
