"""The official SDK, `openrouter`, as its documentation shows it: floats, pydantic, lists."""

from __future__ import annotations

from texts import MODEL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def load() -> None:
    import openrouter_embeddings as openrouter  # noqa: F401


def connect(url: str) -> Peer:
    return Peer(url)


def vector(answer: Any) -> list[float]:
    return answer.data[0].embedding  # type: ignore[no-any-return]


class Peer:
    def __init__(self, url: str) -> None:
        from openrouter_embeddings import OpenRouter

        self.client = OpenRouter(api_key="key", server_url=url)

    def one(self, text: str) -> Any:
        return self.client.embeddings.generate(input=text, model=MODEL)

    def lists(self, texts: list[str]) -> list[list[float]]:
        return [row.embedding for row in self.client.embeddings.generate(input=texts, model=MODEL).data]

    def matrix(self, texts: list[str]) -> Any:
        import numpy as np

        return np.array(self.lists(texts), np.float32)

    floats = matrix

    def threads(self, texts: list[str], batch: int, in_flight: int) -> Any:
        from loops import in_threads

        return in_threads(self.matrix, texts, batch, in_flight)

    async def tasks(self, texts: list[str], batch: int, in_flight: int) -> Any:
        import numpy as np
        from loops import in_tasks

        async with self.client as client:

            async def block(part: list[str]) -> Any:
                answer = await client.embeddings.generate_async(input=part, model=MODEL)
                return np.array([row.embedding for row in answer.data], np.float32)

            return await in_tasks(block, texts, batch, in_flight)
