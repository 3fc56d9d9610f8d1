"""This project: `embed` for vectors, `generate` where lists of floats are measured."""

from client import Client
from texts import MODEL


def load() -> None:
    import openrouter_embeddings  # noqa: F401


class Peer(Client):
    def __init__(self, url: str) -> None:
        from openrouter_embeddings import OpenRouter

        self.embeddings = OpenRouter(api_key="key", server_url=url).embeddings

    def lists(self, texts: list[str]) -> list[list[float]]:
        response = self.embeddings.generate(input=texts, model=MODEL, encoding_format="float")
        return [row.embedding for row in response.data]

    async def lists_async(self, texts: list[str]) -> list[list[float]]:
        response = await self.embeddings.generate_async(input=texts, model=MODEL, encoding_format="float")
        return [row.embedding for row in response.data]

    def one(self, texts: list[str]):
        return self.embeddings.embed(texts[0], model=MODEL).vectors[0]

    async def one_async(self, texts: list[str]):
        return (await self.embeddings.embed_async(texts[0], model=MODEL)).vectors[0]

    def matrix(self, texts: list[str]):
        return self.embeddings.embed(texts, model=MODEL, batch_size=2048).vectors

    def corpus(self, texts: list[str], batch: int, in_flight: int):
        return self.embeddings.embed(texts, model=MODEL, batch_size=batch, concurrency=in_flight).vectors

    async def corpus_async(self, texts: list[str], batch: int, in_flight: int):
        result = await self.embeddings.embed_async(texts, model=MODEL, batch_size=batch, concurrency=in_flight)
        return result.vectors

    def stream(self, texts, batch: int, in_flight: int) -> int:
        """The number of vectors that `embed_iter` yields; none is kept."""
        stream = self.embeddings.embed_iter(texts, model=MODEL, batch_size=batch, concurrency=in_flight)
        return sum(len(vectors) for _, vectors in stream)
