"""The embedder: its requests for documents and queries, its copies, and the lifetime of its client."""

from __future__ import annotations

import asyncio
import copy
import pickle
from typing import Any

import pytest
from faults.server import FaultServer
from faults.steps import respond
from openrouter_embeddings import Embedder, errors

OPTIONS: dict[str, Any] = {"document_prefix": "passage: ", "query_prefix": "query: ", "query_type": None}


def always() -> Any:
    while True:
        yield respond()


def key() -> str:
    return "sk-or-a-key"


def test_documents_and_queries_are_sent_with_their_types_and_prefixes() -> None:
    with FaultServer(always) as server:
        embedder = Embedder("m", client={"server_url": server.url, "api_key": key}, **OPTIONS)
        embedder.documents(["a", "b"])
        embedder.queries(["a"])
        asyncio.run(embedder.documents_async(["c"]))
        asyncio.run(embedder.queries_async(["c"]))
        with pytest.raises(errors.InvalidInputError, match=r"texts\[1\]: must not be empty"):
            embedder.queries(["a", ""])
        sent = [(request.inputs, request.json.get("input_type")) for request in server.ledger.requests]

    assert sent == [
        (["passage: a", "passage: b"], "search_document"),
        (["query: a"], None),
        (["passage: c"], "search_document"),
        (["query: c"], None),
    ]


def test_client_is_shared_by_copies_and_closed_after_the_last() -> None:
    with FaultServer(always) as server:
        embedder = Embedder("m", client={"server_url": server.url, "api_key": key})
        copies = [copy.deepcopy(embedder), pickle.loads(pickle.dumps(embedder))]
        client = embedder.client
        embedder.queries(["a"])
        del embedder
        assert [each.client is client for each in copies] == [True, True]
        copies.pop().queries(["a"])
        copies.clear()

        with pytest.raises(errors.ClosedClientError):
            client.embeddings.generate(input="a", model="m")
        assert server.ledger.connection_count == 1
