"""Examples of the documented page, of the README and of the official SDK run, and links in documents have targets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.documents import blocks, run_block
from support.environments import ROOT, Environment

BLOCKS = {f"README-{number}": block for number, block in enumerate(blocks((ROOT / "README.md").read_text()), 1)}

# Programs written for the official SDK, with their output.
PROGRAMS = {
    """
import typing
from openrouter import OpenRouter, components, operations, utils
from openrouter.types import UNSET, OptionalNullable

RETRIES = utils.RetryConfig("backoff", utils.BackoffStrategy(1, 50, 1.1, 100), False)

def embed(client: OpenRouter, input: operations.InputUnion, encoding_format: operations.EncodingFormat,
          provider: OptionalNullable[components.ProviderPreferences] = UNSET) -> operations.CreateEmbeddingsResponse:
    return client.embeddings.generate(
        input=input, model="openai/text-embedding-3-small", http_referer="https://example.com", x_open_router_title="A",
        x_open_router_categories="cli-agent", dimensions=256, encoding_format=encoding_format, provider=provider,
        input_type="search_query", user="user-1234", retries=RETRIES)

with OpenRouter(http_referer="<value>", retry_config=RETRIES) as client:
    res = embed(client, ["a", "b"], "float", components.ProviderPreferences(zdr=True))
    models: components.ModelsListResponse = client.embeddings.list_models(retries=RETRIES)
print(len(typing.get_type_hints(embed)), isinstance(res, operations.CreateEmbeddingsResponse))
print(len(res.data[1].embedding), res.model_dump()["usage"]["total_tokens"] == res.usage.total_tokens)
    """: "5 True\n256 True\n",
    """
import httpx
from openrouter import OpenRouter, errors

try:
    OpenRouter(api_key="wrong").embeddings.generate(input="a", model="openai/text-embedding-3-small")
except errors.UnauthorizedResponseError as e:
    print(e.status_code, e.data.error.code, e.data.error.message == e.message, e.headers["content-type"], e.body[0])
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
        return await client.embeddings.generate_async(input="a", model="openai/text-embedding-3-small")

client = OpenRouter(lambda: os.environ["OPENROUTER_API_KEY"], "https://example.com", client=httpx.Client())
print(asyncio.run(main()).data == client.embeddings.generate(input="a", model="openai/text-embedding-3-small").data)
client.close()
    """: "True\n",
}


@pytest.mark.parametrize(("example", "output"), [("generate", "CreateEmbeddingsR"), ("list_models", "ModelsListR")])
def test_example_of_the_documented_page_runs(
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


@pytest.mark.parametrize("name", BLOCKS)
def test_readme_block_prints_the_output_below_it(name: str, settings: dict[str, str], tmp_path: Path) -> None:
    assert run_block(BLOCKS[name], settings, tmp_path) == (0, "", BLOCKS[name].output)


@pytest.mark.parametrize("document", sorted({*ROOT.glob("*.md"), *ROOT.glob("codegen/*.md")}), ids=str)
def test_links_have_targets(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())

    assert [link for link in links if not (document.parent / link).exists()] == []
