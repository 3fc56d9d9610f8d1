"""What the documents show happens: the reference page's examples, ordinary programs, and every block and link of ours."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.environments import ROOT, SHELL, Environment

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```\n(?:\n```output\n(?P<output>.*?)^```$)?", re.MULTILINE | re.DOTALL)
BLOCKS = {
    f"{document.name}-{number}": (found["code"], found["output"] or "")
    for document in DOCUMENTS
    for number, found in enumerate(BLOCK.finditer(document.read_text()), 1)
}
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")

# Programs written for the official SDK, and what they print.
PROGRAMS = {
    """
import typing
from openrouter import OpenRouter, components, operations, utils
from openrouter.types import UNSET, OptionalNullable

def embed(client: OpenRouter, input: operations.InputUnion,
          encoding_format: typing.Optional[operations.EncodingFormat] = None,
          provider: OptionalNullable[components.ProviderPreferences] = UNSET,
          retries: OptionalNullable[utils.RetryConfig] = UNSET) -> operations.CreateEmbeddingsResponse:
    return client.embeddings.generate(
        input=input, model="openai/text-embedding-3-small", http_referer="https://example.com", x_open_router_title="A",
        x_open_router_categories="cli-agent", dimensions=256, encoding_format=encoding_format, input_type="search_query",
        provider=provider, user="user-1234", retries=retries)

retries = utils.RetryConfig("backoff", utils.BackoffStrategy(1, 50, 1.1, 100), False)
with OpenRouter(http_referer="<value>", retry_config=retries) as client:
    res = embed(client, ["a", "b"], "float", components.ProviderPreferences(zdr=True), retries)
    models: components.ModelsListResponse = client.embeddings.list_models(retries=retries)
print(len(typing.get_type_hints(embed)), isinstance(res, operations.CreateEmbeddingsResponse), len(res.data[1].embedding))
print(res.usage.total_tokens == res.model_dump()["usage"]["total_tokens"], models.data[0].id in str(models))
    """: "6 True 256\nTrue True\n",
    """
import httpx
from openrouter import OpenRouter, errors

try:
    OpenRouter(api_key="wrong").embeddings.generate(input="a", model="openai/text-embedding-3-small")
except errors.UnauthorizedResponseError as e:
    print(e.status_code, e.data.error.code, e.message == e.data.error.message == str(e), e.headers["content-type"], e.body[0])
for kind in (httpx.ConnectError, httpx.HTTPError, errors.OpenRouterError):
    try:
        OpenRouter(server_url="http://127.0.0.1:9", retry_config=None).embeddings.generate(input="a", model="m")
    except kind as error:
        print(type(error).__name__)
    """: "401 401 True application/json {\n" + "ConnectError\n" * 3,
    """
import asyncio, logging, os, httpx
from openrouter import OpenRouter

async def main():
    async with OpenRouter(async_client=httpx.AsyncClient(), debug_logger=logging.getLogger("openrouter")) as client:
        calls = [client.embeddings.generate_async(input=f"text {i}", model="openai/text-embedding-3-small") for i in (1, 2)]
        return len(await asyncio.gather(*calls)), len((await client.embeddings.list_models_async()).data) > 0

client = OpenRouter(os.environ["OPENROUTER_API_KEY"], "https://example.com", "title", client=httpx.Client())
print(asyncio.run(main()), client.embeddings.generate(input="a", model="openai/text-embedding-3-small").data[0].index)
client.close()
    """: "(2, True) 0\n",
}


@pytest.mark.parametrize(("example", "output"), [("generate", "CreateEmbeddingsR"), ("list_models", "ModelsListR")])
def test_example_of_the_reference_page_runs(
    example: str, output: str, alone: Environment, settings: dict[str, str]
) -> None:
    program = (ROOT / f"examples/{example}.py").read_text()
    printed = alone.run(program, settings)

    assert printed.startswith(output)
    assert settings["OPENROUTER_API_KEY"] not in printed
    with pytest.raises(AssertionError, match=r"ConfigurationError: no API key: .* OPENROUTER_API_KEY\n$"):
        alone.run(program)


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_program_for_the_official_sdk_runs(program: str, alone: Environment, settings: dict[str, str]) -> None:
    assert alone.run(program, settings) == PROGRAMS[program]


@pytest.mark.parametrize("block", BLOCKS)
def test_block_prints_what_stands_below_it(block: str, settings: dict[str, str]) -> None:
    code, output = BLOCKS[block]
    environment = SHELL | settings
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stderr, done.stdout) == (0, "", output)


def test_readme_shows_blocks_and_is_short() -> None:
    text = (ROOT / "README.md").read_text()

    assert (len(BLOCK.findall(text)) >= 3, len(text.splitlines()) <= 150) == (True, True)


@pytest.mark.parametrize(
    "document", [*DOCUMENTS, *ROOT.glob("[!R]*.md"), *ROOT.glob("codegen/*.md")], ids=lambda p: p.name
)
def test_links_lead_to_files(document: Path) -> None:
    links = LINK.findall(document.read_text())

    assert [link for link in links if not (document.parent / link).exists()] == []
