"""Arguments of public functions: each mistake raises an error that names the fix, and no traceback has a secret."""

from __future__ import annotations

import asyncio
import inspect
import traceback
from collections.abc import Callable
from typing import Any
from unittest.mock import create_autospec

import openrouter_embeddings
import pytest
from faults.server import FaultServer
from faults.steps import hang, once, reject, respond, respond_with
from openrouter_embeddings import Embedder, OpenRouter, Policy, errors, testing, vectors
from openrouter_embeddings.corpus import BatchOptions
from openrouter_embeddings.embeddings import Embeddings
from support.sides import Session, Side, both_sides

KEY, PASSWORD = "sk-or-v1-5f0c2b7e9d1a4c3886e0d2f4b6a8c0e1", "correct-horse-battery"
CALL: dict[str, Any] = {"input": "a", "model": "m"}
HTML = respond_with(200, "<!doctype html>", headers=(("Content-Type", "text/html"),))
MISTAKES: dict[str, tuple[Any, Callable[[Session], Any], str]] = {
    # the response of the server, the mistake, and the part of the message that names the fix
    "no key": (
        respond(),
        lambda s: s.client.with_options(api_key="").embeddings.generate(**CALL),
        "OPENROUTER_API_KEY",
    ),
    "wrong key": (reject(401), lambda s: s.generate(**CALL), "check api_key"),
    "no credits": (reject(402), lambda s: s.generate(**CALL), "https://openrouter.ai/settings/credits"),
    "wrong model": (reject(404), lambda s: s.generate(**CALL), "embeddings.list_models()"),
    "no model": (respond(), lambda s: s.generate(input="a"), "model"),
    "wrong type": (respond(), lambda s: s.generate(input=5, model="m"), "input: expected str or list, got int"),
    "misspelt option": (respond(), lambda s: s.generate(**CALL, dimension=5), "use dimensions"),
    "misspelt member": (respond(), lambda s: s.generate(**CALL, provider={"zrd": True}), "did you mean 'zdr'?"),
    "empty text": (respond(), lambda s: s.generate(input=["a", ""], model="m"), "input[1]: must not be empty"),
    "by position": (respond(), lambda s: s.client.embeddings.generate("a", "m"), "generate(input=..., model=...)"),
    "model by position": (respond(), lambda s: s.client.embeddings.embed(["a"], "m"), "embed(texts, model=...)"),
    "too slow": (hang, lambda s: s.generate(**CALL, timeout_ms=400, retries=0), "(0.4 s; timeout_ms changes it)"),
    "server down": (None, lambda s: s.generate(**CALL, server_url="http://127.0.0.1:9/v1", retries=0), "127.0.0.1:9"),
    "website": (HTML, lambda s: s.generate(**CALL, retries=0), "such as https://openrouter.ai/api/v1"),
    "not a URL": (None, lambda s: s.generate(**CALL, server_url="openrouter.ai"), "like https://openrouter.ai/api/v1"),
    "create": (None, lambda s: s.client.embeddings.create(**CALL), "generate(input=..., model=...)"),
    "embed of the client": (None, lambda s: s.client.embed(["a"], model="m"), "embeddings.embed(...)"),
    "models of the client": (None, lambda s: s.client.models.list(), "embeddings.list_models()"),
    "base_url": (None, lambda s: OpenRouter(KEY, base_url="https://h"), "use server_url"),
    "timeout": (None, lambda s: OpenRouter(KEY, timeout=5), "use timeout_ms=..., in milliseconds"),
    "http_headers": (None, lambda s: OpenRouter(KEY, http_headers={}), "use `http_headers=...` in each call"),
    "openai's class": (None, lambda s: errors.BadRequestError, "use BadRequestResponseError"),
    "default_headers": (None, lambda s: OpenRouter(KEY, default_headers={}), "use `http_headers=...` in each call"),
    "documents": (None, lambda s: s.client.embeddings.embed(documents=["a"], model="m"), "use texts"),
    "max_retries": (None, lambda s: OpenRouter(KEY, max_retries=5), "use retry_config="),
    "max_retries of a variant": (None, lambda s: s.client.with_options(max_retries=5), "use retry_config="),
    "max_retries of a call": (None, lambda s: s.generate(**CALL, max_retries=5), "use retries="),
    "timeout of a job": (None, lambda s: s.embed(["a"], model="m", timeout=5), "use timeout_ms=..., in milliseconds"),
    "input of a job": (None, lambda s: s.embed(None, input=["a"], model="m"), "use texts"),
    "corpus by position": (
        None,
        lambda s: s.client.embeddings.corpus("a.jsonl", "a.npy"),
        "corpus(source, output=..., model=...)",
    ),
    "for over tasks": (None, lambda s: list(s.client.embeddings.embed_iter_async([], model="m")), "call embed_iter"),
    "async for a stream": (None, lambda s: aiter(s.client.embeddings.embed_iter([], model="m")), "embed_iter_async"),
    "texts of a corpus": (None, lambda s: s.client.embeddings.corpus(texts=["a"], output="a.npy"), "use source"),
    "poll of a batch": (None, lambda s: BatchOptions(poll=3), "use poll_seconds"),
    "attempt of a Policy": (None, lambda s: Policy(attempt=3), "argument 'attempt'; use attempts"),
    "delay of a Fault": (None, lambda s: testing.Fault(delay=3), "use delay_seconds"),
    "fault of serve": (None, lambda s: testing.serve(fault=[503]), "use faults"),
    "type of quantize": (None, lambda s: vectors.quantize([1.0], type="int8"), "use dtype"),
    "dimension of an Embedder": (None, lambda s: Embedder("m", dimension=5), "use dimensions"),
    "input_type of an Embedder": (None, lambda s: Embedder("m", input_type="a"), "use document_type and query_type"),
    "top_k": (None, lambda s: s.client.embeddings.search("a.npy", "b", top_k=4), "use count"),
    "option of a batch": (None, lambda s: s.client.batches.create(modle="m"), "use model"),
    "wait of batches": (None, lambda s: s.client.batches.wait("id"), "the names are: create, "),
    "policy by position": (None, lambda s: Policy(3), "use Policy(attempts=...)"),
    "key of an Embedder": (None, lambda s: Embedder("m", api_key="a"), "use client={"),
    "retries of a Policy": (None, lambda s: Policy(retries=3), "use attempts=..., the number of retries plus 1"),
    "text of a call": (None, lambda s: s.generate(text="a", model="m"), "use input"),
    "completions": (None, lambda s: s.client.completions, "the names are: aclose, batches, "),
    "chat": (None, lambda s: s.client.chat, "the names are: aclose, batches, close, embeddings, with_options"),
    "AsyncOpenRouter": (None, lambda s: openrouter_embeddings.AsyncOpenRouter, "use OpenRouter; for asyncio"),
    "RateLimitError": (
        None,
        lambda s: exec("from openrouter_embeddings.errors import RateLimitError"),
        "use TooManyRequestsResponseError",
    ),
    "extra_headers": (None, lambda s: s.generate(**CALL, extra_headers={}), "use http_headers"),
}  # fmt: skip


@both_sides
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_raises_an_error_that_names_the_fix(mistake: str, side: Side) -> None:
    step, do, fix = MISTAKES[mistake]
    with FaultServer(once(step or respond())) as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        with pytest.raises((errors.OpenRouterError, TypeError, AttributeError, ImportError)) as caught:
            do(session)

        assert fix in str(caught.value)


OWN = {"Authorization": f"Bearer {KEY}", "X-Api-Key": KEY}
SECRETS: dict[str, tuple[Callable[[Session], Any], type[Exception]]] = {
    "unknown argument": (lambda s: OpenRouter(KEY, base_url="x"), TypeError),
    "too many arguments": (lambda s: OpenRouter(KEY, *[None] * 20), TypeError),
    "bad key": (lambda s: OpenRouter(f"{KEY} {KEY}"), errors.ConfigurationError),
    "bad argument beside a key": (lambda s: OpenRouter(KEY, timeout_ms=0), errors.ConfigurationError),
    "headers of a call": (lambda s: s.generate(**CALL, http_headers=OWN), errors.BadRequestResponseError),
    "headers of a list": (lambda s: s.list_models(http_headers=OWN), errors.BadRequestResponseError),
    "headers of a job": (lambda s: s.embed(["a"], model="m", http_headers=OWN), errors.BadRequestResponseError),
    "key of an embedder": (lambda s: Embedder("m", api_key=KEY), TypeError),
    "key of its client": (lambda s: Embedder("m", client={"api_key": KEY}), errors.ConfigurationError),
    "bad header": (lambda s: s.generate(**CALL, http_headers={"Cookie": f"{KEY}é"}), errors.ConfigurationError),
    "URL": (lambda s: OpenRouter(KEY, server_url=f"https://me:{PASSWORD}@h/v1"), errors.ConfigurationError),
    "URL of a call": (lambda s: s.generate(**CALL, server_url=f"https://h?key={PASSWORD}"), errors.ConfigurationError),
    "URL of a job": (lambda s: s.embed(["a"], model="m", server_url=f"http://{PASSWORD}@h"), errors.ConfigurationError),
}


@both_sides
@pytest.mark.parametrize("case", SECRETS)
def test_no_frame_shows_a_secret(case: str, side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    do, error = SECRETS[case]
    with FaultServer(once(reject(400))) as server, side(OpenRouter("sk-other", server_url=server.url)) as session:
        with pytest.raises(error) as caught:
            do(session)

    frames = [frame for frame, _ in traceback.walk_tb(caught.tb) if "openrouter_" in frame.f_code.co_filename]
    shown = [frame.f_code.co_qualname for frame in frames if any(s in repr(frame.f_locals) for s in (KEY, PASSWORD))]
    assert frames
    assert shown == []
    assert KEY not in str(caught.value)


def test_password_in_the_environment_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_BASE_URL", f"https://me:{PASSWORD}@h/v1")
    with pytest.raises(errors.ConfigurationError, match="OPENROUTER_BASE_URL must not contain credentials") as caught:
        OpenRouter(KEY)

    assert PASSWORD not in repr([frame.f_locals for frame, _ in traceback.walk_tb(caught.tb)][1:])


@both_sides
def test_call_with_its_own_authorization_needs_no_key(side: Side) -> None:
    with FaultServer(once()) as server, side(OpenRouter(server_url=server.url)) as session:
        session.generate(**CALL, http_headers={"authorization": "Bearer own"})
        session.embed(["a"], model="m", http_headers={"Authorization": None})

        assert [request.all("authorization") for request in server.ledger.requests] == [["Bearer own"], []]


def test_public_methods_keep_their_kind_and_signature() -> None:
    assert [name for name in dir(Embeddings) if inspect.iscoroutinefunction(getattr(Embeddings, name))] == [
        *("check_async", "corpus_async", "embed_async", "estimate_async"),
        *("generate_async", "list_models_async", "search_async"),
    ]
    assert list(inspect.signature(Embeddings.list_models).parameters)[:3] == ["self", "offset", "limit"]


@pytest.mark.parametrize("instance", [True, False])
def test_client_can_be_replaced_by_a_mock_with_its_methods(instance: bool) -> None:
    mock: Any = create_autospec(OpenRouter, instance=instance)
    client = mock if instance else mock(KEY)
    client.embeddings.embed.return_value = "vectors"

    assert client.embeddings.embed(["a"], model="m") == "vectors"
    assert client.embeddings.generate(**CALL) is not None
    assert client.batches.get(id="one") is not None
    with pytest.raises(TypeError):
        client.embeddings.list_models(unknown=1)
    with pytest.raises(AttributeError):
        client.embeddings.create(**CALL)
    assert asyncio.run(client.embeddings.generate_async(**CALL)) is not None
