"""This project, default install: `embed` for jobs, `generate` where the API itself is measured."""

from __future__ import annotations

from texts import MODEL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


def load() -> None:
    import openrouter_embeddings as openrouter  # noqa: F401


def connect(url: str) -> Peer:
    return Peer(url)


def vector(answer: Any) -> Any:
    return answer.vectors[0]


class Peer:
    def __init__(self, url: str) -> None:
        from openrouter_embeddings import OpenRouter

        self.url = url
        self.client = OpenRouter(api_key="key", server_url=url)
        self.embeddings: Any = self.client.embeddings

    def verb(self, name: str) -> Any:
        found = getattr(self.embeddings, name, None)
        if found is None:
            raise NotImplementedError(f"embeddings.{name} does not exist yet")
        return found

    def one(self, text: str) -> Any:
        return self.verb("embed")(text, model=MODEL)

    def lists(self, texts: list[str]) -> list[list[float]]:
        answer = self.embeddings.generate(input=texts, model=MODEL, encoding_format="float")
        return [row.embedding for row in answer.data]

    def matrix(self, texts: list[str]) -> Any:
        return self.verb("embed")(texts, model=MODEL, batch_size=2048).vectors

    floats = matrix

    def threads(self, texts: list[str], batch: int, in_flight: int) -> Any:
        return self.verb("embed")(texts, model=MODEL, batch_size=batch, concurrency=in_flight).vectors

    async def tasks(self, texts: list[str], batch: int, in_flight: int) -> Any:
        async with self.client:
            embed = self.verb("embed_async")
            return (await embed(texts, model=MODEL, batch_size=batch, concurrency=in_flight)).vectors

    def stream(self, texts: Iterable[str], batch: int, in_flight: int) -> int:
        """How many rows came; none is kept."""
        rows = 0
        for _, block in self.verb("embed_iter")(texts, model=MODEL, batch_size=batch, concurrency=in_flight):
            rows += len(block)
        return rows
