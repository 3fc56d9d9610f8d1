"""Each adapter in its real framework: search, empty input, usage and a configuration without the key."""

from __future__ import annotations

import asyncio
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from openrouter_embeddings import Embedder, errors
from support.counting import COST, DIMENSIONS, KEY, TOKENS, CountingServer, vector, vectors

MODEL = "openai/text-embedding-3-small"
# The frameworks do not close their embedding functions, and some leave files open.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
TEXTS = ["forgot my password", "the cat sleeps", "a recipe of bread"]


class TestLangChain:
    def embeddings(self) -> Any:
        from openrouter_embeddings.integrations.langchain import OpenRouterEmbeddings

        return OpenRouterEmbeddings(MODEL)

    @pytest.mark.parametrize("asynchronous", [False, True])
    def test_store_finds_the_document(self, asynchronous: bool, server: CountingServer) -> None:
        from langchain_core.vectorstores import InMemoryVectorStore

        store = InMemoryVectorStore(self.embeddings())
        if asynchronous:
            asyncio.run(store.aadd_texts(TEXTS))
            found = asyncio.run(store.asimilarity_search(TEXTS[1], k=1))
        else:
            store.add_texts(TEXTS)
            found = store.similarity_search(TEXTS[1], k=1)

        assert found[0].page_content == TEXTS[1]
        assert server.input_types == {"search_document": 3, "search_query": 1}

    def test_conforms_to_the_tests_of_langchain(self) -> None:
        from langchain_tests.integration_tests import EmbeddingsIntegrationTests

        suite: Any = type("Suite", (EmbeddingsIntegrationTests,), {"embeddings_class": None})()
        tests = [getattr(suite, name) for name in dir(suite) if name.startswith(("test_embed", "test_aembed"))]
        for test in tests:
            result = test(self.embeddings())
            if asyncio.iscoroutine(result):
                asyncio.run(result)

        assert len(tests) >= 4

    def test_usage_empty_input_and_pickle(self) -> None:
        embeddings = self.embeddings()

        assert embeddings.embed_documents([]) == []
        assert embeddings.embed_documents(TEXTS) == vectors(TEXTS).tolist()
        assert embeddings.embedder.usage.total_tokens == 3 * TOKENS
        assert embeddings.embedder.usage.cost == pytest.approx(3 * COST)
        assert pickle.loads(pickle.dumps(embeddings)).embed_query("a") == vector("a").tolist()
        with pytest.raises(errors.InvalidInputError, match=r"texts\[1\]"):
            embeddings.embed_documents(["a", "", "b"])

    def test_works_beside_the_official_sdk(self) -> None:
        program = (
            "import openrouter, langchain_openrouter, openrouter_embeddings.integrations.langchain as ours;"
            "print(openrouter.__file__ != ours.__file__, hasattr(langchain_openrouter, 'ChatOpenRouter'),"
            f" len(ours.OpenRouterEmbeddings({MODEL!r}).embed_query('a')))"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120)

        assert (done.stdout, done.returncode) == (f"True True {DIMENSIONS}\n", 0), done.stderr


class TestLlamaIndex:
    def embedding(self, **options: Any) -> Any:
        from openrouter_embeddings.integrations.llama_index import OpenRouterEmbedding

        return OpenRouterEmbedding(MODEL, **options)

    def test_index_finds_the_document(self, server: CountingServer) -> None:
        from llama_index.core import VectorStoreIndex
        from llama_index.core.schema import TextNode

        index = VectorStoreIndex([TextNode(text=text) for text in TEXTS], embed_model=self.embedding())
        retriever = index.as_retriever(similarity_top_k=1)

        assert retriever.retrieve(TEXTS[2])[0].text == TEXTS[2]
        assert asyncio.run(retriever.aretrieve(TEXTS[0]))[0].text == TEXTS[0]
        assert server.input_types["search_query"] == 2

    def test_batches_configuration_and_pickle(self, server: CountingServer) -> None:
        embedding = self.embedding(query_prefix="query: ", document_type=None)
        texts = [f"text {n}" for n in range(3000)]
        rows = embedding.get_text_embedding_batch(texts)
        state = embedding.to_dict()
        copy = type(embedding).from_dict(json.loads(json.dumps(state)))

        assert np.array_equal(np.float32(rows), vectors(texts))
        assert server.paid_twice == 0
        assert copy.get_query_embedding("a") == vector("query: a").tolist()
        assert pickle.loads(pickle.dumps(embedding)).get_query_embedding("a") == vector("query: a").tolist()
        assert KEY not in json.dumps(state)
        assert embedding.embedder.usage.total_tokens == 3002 * TOKENS  # including one query of each copy


class TestChroma:
    def test_collection_is_reopened(self, tmp_path: Path) -> None:
        import chromadb
        from openrouter_embeddings.integrations.chroma import OpenRouterEmbeddingFunction

        function: Any = OpenRouterEmbeddingFunction(MODEL, document_prefix="passage: ")
        collection = chromadb.PersistentClient(str(tmp_path)).create_collection("notes", embedding_function=function)
        collection.add(ids=["0", "1", "2"], documents=TEXTS)
        stored = collection.get(ids=["0", "1", "2"], include=["embeddings"])["embeddings"]
        again = chromadb.PersistentClient(str(tmp_path)).get_collection("notes")
        found = again.query(query_texts=["passage: " + TEXTS[1]], n_results=1)["documents"]

        # Chroma changes the last bit of a number.
        assert np.allclose(stored, vectors(["passage: " + text for text in TEXTS]), rtol=1e-6)
        assert found == [[TEXTS[1]]]
        assert function.embedder.usage.total_tokens == 4 * TOKENS  # including the query of the reopened collection
        # Index files may contain old memory, so the test reads only the database with the configuration.
        assert KEY.encode() not in (tmp_path / "chroma.sqlite3").read_bytes()
        for name in ("dimensions", "document_prefix"):
            with pytest.raises(ValueError, match=f"{name} of a collection cannot change"):
                function.validate_config_update({"model": MODEL}, {"model": MODEL, name: 3})


class TestLanceDB:
    def test_table_is_reopened(self, tmp_path: Path) -> None:
        import lancedb
        import openrouter_embeddings.integrations.lancedb
        from lancedb.embeddings import get_registry
        from lancedb.pydantic import LanceModel, Vector

        function = get_registry().get("openrouter").create(model=MODEL)
        fields = {"text": function.SourceField(), "vector": function.VectorField()}
        hints = {"text": str, "vector": Vector(function.ndims())}
        row = type("Row", (LanceModel,), {"__annotations__": hints, **fields})
        table = lancedb.connect(tmp_path).create_table("notes", schema=row)
        table.add([{"text": text} for text in TEXTS])
        found = lancedb.connect(tmp_path).open_table("notes").search(TEXTS[1]).limit(1).to_list()

        assert function.ndims() == DIMENSIONS
        assert found[0]["text"] == TEXTS[1]
        assert function.embedder.usage.total_tokens == 5 * TOKENS  # dimensions, three documents, query
        assert [p for p in tmp_path.rglob("*") if p.is_file() and KEY.encode() in p.read_bytes()] == []
        assert openrouter_embeddings.integrations.lancedb.__all__ == ["OpenRouterFunction"]


class TestHaystack:
    def test_pipeline_finds_the_document(self) -> None:
        from haystack import Document, Pipeline
        from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
        from haystack.document_stores.in_memory import InMemoryDocumentStore
        from openrouter_embeddings.integrations.haystack import OpenRouterDocumentEmbedder, OpenRouterTextEmbedder

        store = InMemoryDocumentStore(embedding_similarity_function="cosine")
        embedder = OpenRouterDocumentEmbedder(MODEL)  # keeps the usage that equal adapters share
        made = embedder.run([Document(content=text) for text in TEXTS])
        store.write_documents(made["documents"])
        pipeline = Pipeline()
        pipeline.add_component("embedder", OpenRouterTextEmbedder(MODEL))
        pipeline.add_component("retriever", InMemoryEmbeddingRetriever(store, top_k=1))
        pipeline.connect("embedder.embedding", "retriever.query_embedding")
        copy = Pipeline.loads(pipeline.dumps(), allowed_modules=["openrouter_embeddings.*"])
        result = copy.run({"embedder": {"text": TEXTS[0]}}, include_outputs_from={"embedder"})

        assert result["retriever"]["documents"][0].content == TEXTS[0]
        assert result["embedder"]["meta"]["usage"]["total_tokens"] == 4 * TOKENS  # usage of this model before the test
        assert made["meta"]["usage"]["total_tokens"] == 3 * TOKENS
        assert OpenRouterDocumentEmbedder(MODEL).run([])["documents"] == []
        assert asyncio.run(OpenRouterTextEmbedder(MODEL).run_async("a"))["embedding"] == vector("a").tolist()
        assert KEY not in pipeline.dumps()


class TestDSPy:
    def test_retriever_finds_the_passage(self, server: CountingServer) -> None:
        from dspy.retrievers import Embeddings
        from openrouter_embeddings.integrations.dspy import embedder

        made = embedder(MODEL, caching=False)
        found = Embeddings(corpus=TEXTS, embedder=made, k=1)(TEXTS[2])

        assert found.passages == [TEXTS[2]]
        assert np.array_equal(asyncio.run(made.acall(["a", "b"])), vectors(["a", "b"]))
        assert np.array_equal(asyncio.run(made.acall("a")), vector("a"))
        assert made.model.usage.total_tokens == sum(server.texts.values()) * TOKENS
        assert set(server.input_types) == {None}


class TestLLM:
    def test_command_finds_the_document(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LLM_USER_PATH", str(tmp_path))
        monkeypatch.setenv("OPENROUTER_LLM_MODELS", f"{MODEL}, qwen/qwen3-embedding-8b")

        def llm(*arguments: str) -> str:
            done = subprocess.run(
                [sys.executable, "-m", "llm", *arguments], capture_output=True, text=True, check=False, timeout=120
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        files = [tmp_path / f"{n}.txt" for n in range(3)]
        for path, text in zip(files, TEXTS, strict=True):
            path.write_text(text)
        llm("embed-multi", "notes", "--files", str(tmp_path), "*.txt", "-m", f"openrouter/{MODEL}")
        found = json.loads(llm("similar", "notes", "-c", TEXTS[1], "-n", "1"))

        assert "openrouter/qwen/qwen3-embedding-8b" in llm("embed-models")
        assert found["id"] == "1.txt"


class TestEmbedder:
    def test_config_makes_an_equal_object(self) -> None:
        client = {"timeout_ms": 9000, "api_key": lambda: KEY}
        embedder = Embedder(MODEL, dimensions=8, query_prefix="q: ", client=client)
        copy = Embedder(**json.loads(json.dumps(embedder.config())))

        assert copy.config() == embedder.config()
        assert Embedder(MODEL) == Embedder(MODEL) != Embedder(MODEL, dimensions=8)
        assert KEY not in repr(embedder) + json.dumps(embedder.config())
