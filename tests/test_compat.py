"""Ordinary programs written for the official SDK run unchanged, against the embedded server."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from openrouter_embeddings.local import serve
from openrouter_embeddings.local.server import Server

KEY = "sk-or-v1-9a7c5e3b1d0f2a4c6e8b0d2f4a6c8e0b"
EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve(api_key=KEY, max_inputs=50) as server:
        yield server


Run = Callable[[str], dict[str, Any]]


@pytest.fixture
def run(server: Server, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a program as its own `__main__`, given the key and the base URL; its names when it ends."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)

    def run(program: str) -> dict[str, Any]:
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(textwrap.dedent(program), "<program>", "exec", dont_inherit=True), names)
        return names

    return run


# ---- the documented examples ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("example", "says"), [("generate.py", "CreateEmbeddingsResponse("), ("list_models.py", "ModelsListResponse(")]
)
def test_documented_example_runs_given_a_key_and_a_base_url(example: str, says: str, server: Server) -> None:
    path = EXAMPLES / example
    ran = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, env=os.environ | server.environment, timeout=60
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith(says)
    assert KEY not in ran.stdout


def test_documented_example_leads_to_production_where_no_base_url_is_set() -> None:
    """Without a key it ends before anything is sent, in a sentence that says what to set."""
    ran = subprocess.run([sys.executable, str(EXAMPLES / "generate.py")], capture_output=True, text=True, timeout=60)

    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1] == (
        "openrouter.errors.ConfigurationError: "
        "no API key: pass OpenRouter(api_key=...) or set the environment variable OPENROUTER_API_KEY"
    )


# ---- answers --------------------------------------------------------------------------------------------------


def test_answer_is_read_as_the_official_models_are(run: Run) -> None:
    names = run(
        """
        import json
        from openrouter_embeddings import OpenRouter
        from openrouter_embeddings.operations import CreateEmbeddingsResponse, CreateEmbeddingsResponseBody

        with OpenRouter() as open_router:
            res = open_router.embeddings.generate(
                input=["The quick brown fox", "jumps over the lazy dog"],
                model="openai/text-embedding-3-small",
                encoding_format="float",
            )
            is_body = isinstance(res, CreateEmbeddingsResponseBody)
            first = res.data[0]
            width, index, kind = len(first.embedding), first.index, first.object
            total = res.usage.total_tokens
            dumped = res.model_dump()
            text = json.loads(res.model_dump_json())
            again = CreateEmbeddingsResponse.from_dict(dumped)
        """
    )

    assert names["is_body"]
    assert (names["width"], names["index"], names["kind"]) == (1536, 0, "embedding")
    assert names["total"] == names["dumped"]["usage"]["total_tokens"] > 0
    assert [row["index"] for row in names["dumped"]["data"]] == [0, 1]
    assert names["text"] == names["dumped"]
    assert names["again"] == names["res"]


def test_every_documented_argument_may_be_given(run: Run) -> None:
    names = run(
        """
        from openrouter_embeddings import OpenRouter, components, operations, utils

        with OpenRouter(http_referer="<value>", x_open_router_title="<value>") as open_router:
            res = open_router.embeddings.generate(
                input="The quick brown fox jumps over the lazy dog",
                model="openai/text-embedding-3-small",
                http_referer="https://example.com",
                x_open_router_title="My App",
                x_open_router_categories="cli-agent,cloud-agent",
                dimensions=256,
                encoding_format="float",
                input_type="search_query",
                provider={"allow_fallbacks": True},
                user="user-1234",
                retries=utils.RetryConfig("backoff", utils.BackoffStrategy(1, 50, 1.1, 100), False),
            )
            models = open_router.embeddings.list_models(
                http_referer="https://example.com",
                x_open_router_title="My App",
                x_open_router_categories="cli-agent",
                retries=utils.RetryConfig("backoff", utils.BackoffStrategy(1, 50, 1.1, 100), False),
            )
        """
    )

    assert len(names["res"].data[0].embedding) == 256
    assert "openai/text-embedding-3-small" in [model.id for model in names["models"].data]


def test_preferences_may_be_a_model_or_a_dict(run: Run) -> None:
    names = run(
        """
        from openrouter_embeddings import OpenRouter, components

        preferences = components.ProviderPreferences(
            allow_fallbacks=True,
            data_collection="deny",
            order=["openai", "azure"],
            sort="price",
            max_price=components.MaxPrice(prompt="0.1"),
        )
        with OpenRouter() as client:
            one = client.embeddings.generate(input="a", model="openai/text-embedding-3-small", provider=preferences)
            two = client.embeddings.generate(
                input="a", model="openai/text-embedding-3-small", provider={"order": ["openai"], "zdr": True}
            )
            three = client.embeddings.generate(input="a", model="openai/text-embedding-3-small", provider=None)
        """
    )

    assert names["one"].data == names["two"].data == names["three"].data


def test_inputs_of_every_kind_are_taken(run: Run) -> None:
    names = run(
        """
        from openrouter_embeddings import OpenRouter, operations

        inputs: list[operations.InputUnion] = [
            "hello world",
            ["hello world"],
            [22172, 3186],
            [[22172, 3186]],
            [{"content": [{"type": "text", "text": "hello world"}]}],
        ]
        with OpenRouter() as client:
            answers = [client.embeddings.generate(input=x, model="local/wordllama-l2-supercat-256") for x in inputs]
        vectors = [answer.data[0].embedding for answer in answers]
        """
    )

    assert len(names["vectors"]) == 5
    assert all(vector == pytest.approx(names["vectors"][0]) for vector in names["vectors"])


def test_base64_is_left_as_it_came(run: Run) -> None:
    names = run(
        """
        import base64, struct
        from openrouter_embeddings import OpenRouter

        with OpenRouter() as client:
            ask = dict(input="a", model="local/wordllama-l2-supercat-256")
            text = client.embeddings.generate(**ask, encoding_format="base64").data[0].embedding
            numbers = client.embeddings.generate(**ask).data[0].embedding
        raw = base64.b64decode(text)
        unpacked = list(struct.unpack(f"<{len(raw) // 4}f", raw))
        """
    )

    assert names["unpacked"] == pytest.approx(names["numbers"])


def test_async_programs_run(run: Run) -> None:
    names = run(
        """
        import asyncio
        from openrouter_embeddings import OpenRouter

        async def main():
            async with OpenRouter() as open_router:
                res = await open_router.embeddings.generate_async(input="a", model="openai/text-embedding-3-small")
                many = await asyncio.gather(*(
                    open_router.embeddings.generate_async(input=f"text {i}", model="openai/text-embedding-3-small")
                    for i in range(5)
                ))
                models = await open_router.embeddings.list_models_async()
                return res, many, models

        res, many, models = asyncio.run(main())
        """
    )

    assert len(names["res"].data) == 1
    assert len(names["many"]) == 5
    assert len(names["models"].data) > 0


def test_annotations_of_the_documentation_resolve(run: Run) -> None:
    names = run(
        """
        import typing
        from typing import Optional
        from openrouter_embeddings import OpenRouter, components, errors, operations, utils
        from openrouter_embeddings.types import UNSET, OptionalNullable

        def embed(
            client: OpenRouter,
            input: operations.InputUnion,
            encoding_format: Optional[operations.EncodingFormat] = None,
            provider: Optional[components.ProviderPreferences] = None,
            retries: OptionalNullable[utils.RetryConfig] = UNSET,
        ) -> operations.CreateEmbeddingsResponse:
            return client.embeddings.generate(
                input=input, model="openai/text-embedding-3-small", encoding_format=encoding_format,
                provider=provider, retries=retries,
            )

        def models(client: OpenRouter) -> components.ModelsListResponse:
            return client.embeddings.list_models()

        hints = typing.get_type_hints(embed)
        with OpenRouter() as client:
            res = embed(client, "a")
            listed = models(client)
            right = [
                isinstance(res, operations.CreateEmbeddingsResponse), isinstance(listed, components.ModelsListResponse)
            ]
        """
    )

    assert names["right"] == [True, True]
    assert set(names["hints"]) == {"client", "input", "encoding_format", "provider", "retries", "return"}


# ---- errors ---------------------------------------------------------------------------------------------------


def test_errors_are_caught_and_read_as_ever(run: Run) -> None:
    names = run(
        """
        from openrouter_embeddings import OpenRouter, errors

        def caught(kind, **arguments):
            try:
                client.embeddings.generate(**{"input": "a", "model": "openai/text-embedding-3-small", **arguments})
            except kind as e:
                return (
                    e.message, e.status_code, e.headers.get("content-type"), e.data.error.code, e.data.error.message,
                    e.body.startswith("{"), e.raw_response is not None, str(e) == e.message,
                )

        with OpenRouter(api_key="wrong") as client:
            unauthorized = caught(errors.UnauthorizedResponseError)
        with OpenRouter() as client:
            not_found = caught(errors.NotFoundResponseError, model="no/such-model")
            bad = caught(errors.BadRequestResponseError, input=[f"text {i}" for i in range(51)])
            also_caught = caught(errors.OpenRouterError, model="no/such-model")
        """
    )

    for name, status in (("unauthorized", 401), ("not_found", 404), ("bad", 400)):
        message, code, content_type, inner_code, inner_message, *rest = names[name]
        assert (code, content_type, inner_code) == (status, "application/json", status)
        assert message == inner_message != ""
        assert rest == [True, True, True]
    assert names["also_caught"] == names["not_found"]


def test_errors_of_the_network_are_caught_by_the_old_names(run: Run) -> None:
    """The official SDK lets httpx's own errors escape."""
    names = run(
        """
        import httpx
        from openrouter_embeddings import OpenRouter, errors

        caught = []
        for kind in (httpx.ConnectError, httpx.TransportError, httpx.HTTPError, errors.OpenRouterError):
            with OpenRouter(server_url="http://127.0.0.1:9/api/v1", retry_config=None) as client:
                try:
                    client.embeddings.generate(input="a", model="m")
                except kind as error:
                    caught.append(type(error).__name__)
        """
    )

    assert names["caught"] == ["ConnectError"] * 4


def test_wrong_arguments_are_type_errors_as_ever(run: Run) -> None:
    names = run(
        """
        from openrouter_embeddings import OpenRouter

        said = []
        with OpenRouter() as client:
            for arguments in ({"input": "a"}, {"model": "m"}, {"input": "a", "model": "m", "inputs": "b"}):
                try:
                    client.embeddings.generate(**arguments)
                except TypeError as error:
                    said.append(str(error).partition(" ")[2])
        """
    )

    assert len(names["said"]) == 3
    assert "'model'" in names["said"][0]
    assert "'input'" in names["said"][1]
    assert "'inputs'" in names["said"][2]


# ---- configuration --------------------------------------------------------------------------------------------


def test_client_is_set_up_as_ever(run: Run) -> None:
    names = run(
        """
        import logging, os
        import httpx
        from openrouter_embeddings import OpenRouter
        from openrouter_embeddings.utils import BackoffStrategy, RetryConfig

        url = os.environ["OPENROUTER_BASE_URL"]
        own = httpx.Client(headers={"x-custom-header": "someValue"})
        answers = []
        for client in (
            OpenRouter(api_key=os.getenv("OPENROUTER_API_KEY", "")),
            OpenRouter(os.environ["OPENROUTER_API_KEY"], "https://example.com", "title"),
            OpenRouter(api_key=lambda: os.environ["OPENROUTER_API_KEY"]),
            OpenRouter(server_url=url, retry_config=RetryConfig("backoff", BackoffStrategy(1, 50, 1.1, 100), False)),
            OpenRouter(client=own, debug_logger=logging.getLogger("openrouter"), timeout_ms=30_000),
            OpenRouter(server_url="{base}", url_params={"base": url}),
        ):
            with client as open_router:
                answers.append(open_router.embeddings.generate(
                    input="a", model="openai/text-embedding-3-small", timeout_ms=20_000, http_headers={"x-a": "1"},
                    server_url=url,
                ))
        own.close()
        """
    )

    assert len(names["answers"]) == 6
    assert {answer.model for answer in names["answers"]} == {"openai/text-embedding-3-small"}


def test_client_without_a_block_works_too(run: Run) -> None:
    names = run(
        """
        from openrouter_embeddings import OpenRouter

        client = OpenRouter()
        res = client.embeddings.generate(input="a", model="openai/text-embedding-3-small")
        client.close()
        """
    )

    assert len(names["res"].data) == 1


def test_embedding_learns_the_caps_of_the_embedded_server(run: Run) -> None:
    """Not of the official SDK: what one writes instead of a loop."""
    names = run(
        """
        from openrouter_embeddings import OpenRouter

        with OpenRouter() as client:
            res = client.embeddings.embed((f"text {i}" for i in range(120)), model="local/wordllama-l2-supercat-256")
            one = client.embeddings.embed("text 7", model="local/wordllama-l2-supercat-256")
        """
    )

    assert names["res"].vectors.shape == (120, 256)
    assert names["res"].usage.cost_usd is not None
    assert names["one"].vectors[0].tolist() == names["res"].vectors[7].tolist()
