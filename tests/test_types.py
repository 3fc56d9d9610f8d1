"""What type checkers say of a user's file: right calls pass, each wrong one is refused, answers have their types."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

BIN = Path(sysconfig.get_path("scripts"))
HEAD = """\
from collections.abc import Callable, Iterable
import httpx
import openrouter_embeddings as openrouter
from openrouter_embeddings import OpenRouter, Policy, components, errors, operations, utils
from openrouter_embeddings.types import UNSET, EmbedResult, EmbedStream, EmbedStreamAsync, Progress, TextError, Usage

def tell(progress: Progress) -> None: ...
async def tell_later(progress: Progress) -> None: ...

client = OpenRouter("key")
embeddings = client.embeddings
RETRIES = utils.RetryConfig("backoff", utils.BackoffStrategy(500, 60_000, 1.5, 3_600_000), True)
texts: list[str] = ["a", "b"]
tokens: list[int] = [1, 2]
"""

RIGHT = {
    "positional constructor": "OpenRouter('key', None, 'title', None, None, None, 'https://h', None, None, UNSET, 5)",
    "callable key": 'OpenRouter(api_key=lambda: "key", retry_config=RETRIES)',
    "no retry": "OpenRouter(retry_config=None)",
    "own policy": "OpenRouter(retry_config=Policy(attempts=2))",
    "own HTTP clients": "OpenRouter(client=httpx.Client(), async_client=httpx.AsyncClient())",
    "a text": 'embeddings.generate(input="a", model="m")',
    "texts": "embeddings.generate(input=texts, model='m')",
    "token ids": "embeddings.generate(input=tokens, model='m')",
    "lists of token ids": "embeddings.generate(input=[tokens], model='m')",
    "content": "embeddings.generate(input=[{'content': [{'type': 'text', 'text': 'a'}]}], model='m')",
    "base64": "embeddings.generate(input='a', model='m', encoding_format='base64', dimensions=5)",
    "provider as a dict": (
        "embeddings.generate(input='a', model='m', provider={'zdr': True, 'order': ['a'], 'sort': 'price'})"
    ),
    "provider as a model": (
        "embeddings.generate(input='a', model='m', provider=components.ProviderPreferences(zdr=True))"
    ),
    "prices as numbers": "embeddings.generate(input='a', model='m', provider={'max_price': {'prompt': 0.1}})",
    "options": (
        "embeddings.generate(input='a', model='m', retries=RETRIES, server_url='https://h', timeout_ms=5, "
        "http_headers={'a': 'b'}, extra_body={'new': [1]})"
    ),
    "no retries of a call": "embeddings.generate(input='a', model='m', retries=None)",
    "models": "embeddings.list_models(limit=5)",
    "embed": "embeddings.embed(texts, model='m')",
    "embed one": "embeddings.embed('a', model='m', dimensions=5, input_type='search_query')",
    "embed a generator": "embeddings.embed((t for t in texts), model='m', batch_size=5, concurrency='auto')",
    "embed with care": "embeddings.embed(texts, model='m', on_error='record', on_empty='skip', progress=True)",
    "embed and tell": "embeddings.embed(texts, model='m', progress=lambda told: print(told.texts_done))",
    "embed and tell a function": "embeddings.embed(texts, model='m', progress=tell)",
    "result by its name": "result: EmbedResult = embeddings.embed(texts, model='m')",
    "parts of a result by their names": "parts: tuple[Usage, list[TextError]] = (result.usage, result.errors)",
    "streams by their names": "streams: tuple[type[EmbedStream], type[EmbedStreamAsync]]",
    "embed with limits": "embeddings.embed(texts, model='m', requests_per_minute=60, tokens_per_minute=1e6)",
    "embed with preferences": "embeddings.embed(texts, model='m', provider={'zdr': True}, retries=RETRIES)",
    "variant": "client.with_options(timeout_ms=5, retry_config=None).embeddings",
}

WRONG = {
    "unknown provider key": "embeddings.generate(input='a', model='m', provider={'zrd': True})",
    "provider value of a wrong type": "embeddings.generate(input='a', model='m', provider={'zdr': 'yes'})",
    "unknown field of the model": "components.ProviderPreferences(zrd=True)",
    "wrong literal": "embeddings.generate(input='a', model='m', encoding_format='float32')",
    "missing model": "embeddings.generate(input='a')",
    "missing input": "embeddings.generate(model='m')",
    "unknown argument": "embeddings.generate(input='a', model='m', inputs='b')",
    "positional input": "embeddings.generate('a', 'm')",
    "input of a wrong type": "embeddings.generate(input=5, model='m')",
    "content of an unknown kind": "embeddings.generate(input=[{'content': [{'type': 'smell'}]}], model='m')",
    "dimensions as text": "embeddings.generate(input='a', model='m', dimensions='5')",
    "retries of a wrong type": "embeddings.generate(input='a', model='m', retries=3)",
    "timeout as text": "embeddings.generate(input='a', model='m', timeout_ms='5')",
    "unknown option of embed": "embeddings.embed(texts, model='m', batchsize=5)",
    "embed without a model": "embeddings.embed(texts)",
    "embed numbers": "embeddings.embed([1, 2], model='m')",
    "wrong word for on_error": "embeddings.embed(texts, model='m', on_error='ignore')",
    "wrong word for batch_size": "embeddings.embed(texts, model='m', batch_size='all')",
    "wrong progress": "embeddings.embed(texts, model='m', progress='bar')",
    "progress that is awaited": "embeddings.embed(texts, model='m', progress=tell_later)",
    "unknown name of a type": "openrouter.types.EmbedAnswer",
    "unknown provider key of embed": "embeddings.embed(texts, model='m', provider={'zrd': True})",
    "embed_iter without a model": "embeddings.embed_iter(texts)",
    "limit as text": "embeddings.list_models(limit='5')",
    "key as a number": "OpenRouter(5)",
    "unknown option of the client": "OpenRouter(token='key')",
    "retry_config as a number": "OpenRouter(retry_config=5)",
    "unknown option of a variant": "client.with_options(model='m')",
    "unknown name of the package": "openrouter.Client()",
    "unknown component": "components.ProviderPreference()",
    "unknown field of an answer": "embeddings.generate(input='a', model='m').vectors",
    "unknown field of a row": "embeddings.generate(input='a', model='m').data[0].vector",
    "unknown field of a result": "embeddings.embed(texts, model='m').embeddings",
    "answer that is not awaited": "embeddings.generate_async(input='a', model='m').data",
    "strategy of a wrong type": "utils.RetryConfig('backoff', 5, True)",
}

REVEALED = {
    "embeddings.generate(input='a', model='m')": "CreateEmbeddingsResponse",
    "embeddings.generate(input='a', model='m').data": "list[CreateEmbeddingsData]",
    "embeddings.generate(input='a', model='m').model": "str",
    "embeddings.list_models()": "ModelsListResponse",
    "embeddings.list_models().data[0].id": "str",
    "embeddings.embed(texts, model='m')": "EmbedResult",
    "embeddings.embed(texts, model='m').vectors": "ndarray[tuple[Any, ...], dtype[floating[_32Bit]]]",
    "embeddings.embed(texts, model='m').usage.cost_usd": "float | None",
    "embeddings.embed(texts, model='m').errors[0].position": "int",
    "embeddings.embed_iter(texts, model='m')": "EmbedStream",
    "next(embeddings.embed_iter(texts, model='m'))[0]": "Sequence[int]",
    "embeddings.embed_iter(texts, model='m').model": "str | None",
    "embeddings.embed_iter(texts, model='m').usage": "Usage",
    "embeddings.embed_iter(texts, model='m').possibly_billed_attempts": "int",
    "embeddings.embed_iter_async(texts, model='m')": "EmbedStreamAsync",
    "client.with_options(timeout_ms=5)": "OpenRouter",
    "client.__enter__()": "OpenRouter",
    "errors.TooManyRequestsResponseError().data": "ErrorResponse | None",
    "errors.TooManyRequestsResponseError().retry_after": "float | None",
}
AWAITED = {
    "await embeddings.generate_async(input='a', model='m')": "CreateEmbeddingsResponse",
    "await embeddings.embed_async(texts, model='m')": "EmbedResult",
    "await embeddings.list_models_async()": "ModelsListResponse",
    "await client.__aenter__()": "OpenRouter",
}


class Program(NamedTuple):
    """A file's text, and which of its lines is which case."""

    text: str
    cases: Mapping[int, str]


def program(lines: Mapping[str, str], awaited: Mapping[str, str] | None = None) -> Program:
    text = HEAD.splitlines()
    cases = {}
    for name, line in lines.items():
        cases[len(text) + 1] = name
        text.append(line)
    if awaited:
        text.append("async def main() -> None:")
        for name, line in awaited.items():
            cases[len(text) + 1] = name
            text.append(f"    {line}")
    return Program("\n".join(text) + "\n", cases)


def revealing(expressions: Mapping[str, str]) -> dict[str, str]:
    return {expression: f"reveal_type({expression})" for expression in expressions}


PROGRAMS = {
    "right": program(RIGHT),
    "wrong": program(WRONG),
    "revealed": program(revealing(REVEALED), revealing(AWAITED)),
}


README = (Path(__file__).parents[1] / "README.md").read_text()
SHOWN = {
    f"readme_{n}": Program(text, {}) for n, text in enumerate(re.findall(r"```python\n(.*?)```", README, re.DOTALL))
}
PROGRAMS |= SHOWN


class StatedLimits(NamedTuple):
    """One thing that a checker says."""

    file: str
    line: int
    is_error: bool
    message: str


def mypy(folder: Path) -> list[StatedLimits]:
    command = [
        BIN / "mypy",
        "--strict",
        "--python-executable",
        sys.executable,
        "--no-error-summary",
        "--show-error-end",
    ]
    files = [f"{name}.py" for name in PROGRAMS]
    ran = subprocess.run([*map(str, command), *files], capture_output=True, text=True, cwd=folder, check=False)
    assert ran.stderr == ""
    found = re.findall(r"^(\w+)\.py:(\d+):\d+:\d+:\d+: (\w+): (.*)$", ran.stdout, re.MULTILINE)
    return [StatedLimits(file, int(line), kind == "error", message) for file, line, kind, message in found]


def pyright(folder: Path) -> list[StatedLimits]:
    unasked = ("reportUnusedExpression", "reportUnusedCoroutine", "reportUnusedImport", "reportUnusedCallResult")
    config = {"typeCheckingMode": "strict", **dict.fromkeys(unasked, False)}
    (folder / "pyrightconfig.json").write_text(json.dumps(config))
    command = [str(BIN / "pyright"), "--outputjson", "--pythonpath", sys.executable]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    return [
        StatedLimits(
            Path(found["file"]).stem,
            found["range"]["start"]["line"] + 1,
            found["severity"] == "error",
            found["message"],
        )
        for found in json.loads(ran.stdout)["generalDiagnostics"]
    ]


CHECKERS = {"mypy": mypy, "pyright": pyright}
Said = dict[str, list[StatedLimits]]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Said:
    """What both checkers say of all programs, each run once, side by side."""

    def run(name: str) -> list[StatedLimits]:
        folder = tmp_path_factory.mktemp(name)
        for file, written in PROGRAMS.items():
            (folder / f"{file}.py").write_text(written.text)
        return CHECKERS[name](folder)

    with ThreadPoolExecutor(len(CHECKERS)) as pool:
        return dict(zip(CHECKERS, pool.map(run, CHECKERS), strict=True))


both_checkers = pytest.mark.parametrize("checker", CHECKERS)


def cases_of(file: str, told: list[StatedLimits], is_error: bool) -> set[str]:
    """The cases of a file of which something is said."""
    cases = PROGRAMS[file].cases
    return {cases.get(t.line, f"line {t.line}: {t.message}") for t in told if t.file == file and t.is_error is is_error}


@both_checkers
def test_right_calls_pass(checker: str, said: Said) -> None:
    assert [told for told in said[checker] if told.file == "right" and told.is_error] == []


@both_checkers
def test_what_the_readme_shows_passes(checker: str, said: Said) -> None:
    assert len(SHOWN) >= 3
    assert [told for told in said[checker] if told.file in SHOWN and told.is_error] == []


@both_checkers
def test_each_wrong_call_is_refused(checker: str, said: Said) -> None:
    assert cases_of("wrong", said[checker], True) == set(WRONG)


@both_checkers
def test_answers_have_their_types(checker: str, said: Said) -> None:
    told = {t.line: t.message for t in said[checker] if t.file == "revealed" and not t.is_error}
    cases = PROGRAMS["revealed"].cases

    assert {cases[line]: plain(message) for line, message in told.items()} == REVEALED | AWAITED
    assert cases_of("revealed", said[checker], True) == set()


def plain(message: str) -> str:
    """A revealed type without the modules that names come from, which checkers tell differently."""
    quoted = re.findall(r'"(.*?)"', message)[-1]
    return re.sub(r"[\w.]+\.(?=\w)", "", quoted)
