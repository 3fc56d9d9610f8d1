"""The official SDK, `openrouter`, as its documentation shows it: it receives floats and returns lists."""

from client import Client
from texts import MODEL


def load() -> None:
    import openrouter  # noqa: F401


class Peer(Client):
    def __init__(self, url: str) -> None:
        from openrouter import OpenRouter

        self.client = OpenRouter(api_key="key", server_url=url)

    def lists(self, texts: list[str]) -> list[list[float]]:
        return [row.embedding for row in self.client.embeddings.generate(input=texts, model=MODEL).data]

    async def lists_async(self, texts: list[str]) -> list[list[float]]:
        response = await self.client.embeddings.generate_async(input=texts, model=MODEL)
        return [row.embedding for row in response.data]
