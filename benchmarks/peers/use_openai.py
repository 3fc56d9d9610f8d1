"""The `openai` client with the server as its base URL: it asks for base64 by default and returns lists."""

from client import Client
from texts import MODEL


def load() -> None:
    import openai  # noqa: F401


class Peer(Client):
    def __init__(self, url: str) -> None:
        from openai import OpenAI

        self.url = url
        self.client = OpenAI(api_key="key", base_url=url)
        self.async_client = None

    def lists(self, texts: list[str]) -> list[list[float]]:
        return [row.embedding for row in self.client.embeddings.create(input=texts, model=MODEL).data]

    async def lists_async(self, texts: list[str]) -> list[list[float]]:
        if self.async_client is None:
            from openai import AsyncOpenAI

            self.async_client = AsyncOpenAI(api_key="key", base_url=self.url)
        response = await self.async_client.embeddings.create(input=texts, model=MODEL)
        return [row.embedding for row in response.data]
