"""No client: `httpx`, `json`, `base64` and `numpy`, the dozen lines that one writes oneself. Nothing is checked."""

from __future__ import annotations

from texts import MODEL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def load() -> None:
    import httpx  # noqa: F401


def connect(url: str) -> Peer:
    return Peer(url)


def vector(answer: Any) -> Any:
    return answer[0]


def decoded(content: bytes) -> Any:
    import base64
    import json

    import numpy as np

    rows = [np.frombuffer(base64.b64decode(row["embedding"]), np.float32) for row in json.loads(content)["data"]]
    return np.stack(rows)


class Peer:
    def __init__(self, url: str) -> None:
        import httpx

        self.url = f"{url}/embeddings"
        self.options: dict[str, Any] = {
            "headers": {"authorization": "Bearer key"},
            "limits": httpx.Limits(max_connections=100, max_keepalive_connections=100),
            "timeout": 60.0,
        }
        self.client = httpx.Client(**self.options)

    def body(self, texts: list[str], form: str = "base64") -> dict[str, Any]:
        return {"input": texts, "model": MODEL, "encoding_format": form}

    def one(self, text: str) -> Any:
        return self.matrix([text])

    def lists(self, texts: list[str]) -> list[list[float]]:
        answer = self.client.post(self.url, json=self.body(texts, "float")).raise_for_status().json()
        return [row["embedding"] for row in answer["data"]]

    def matrix(self, texts: list[str]) -> Any:
        return decoded(self.client.post(self.url, json=self.body(texts)).raise_for_status().content)

    def floats(self, texts: list[str]) -> Any:
        import numpy as np

        return np.array(self.lists(texts), np.float32)

    def threads(self, texts: list[str], batch: int, in_flight: int) -> Any:
        from loops import in_threads

        return in_threads(self.matrix, texts, batch, in_flight)

    async def tasks(self, texts: list[str], batch: int, in_flight: int) -> Any:
        import httpx
        from loops import in_tasks

        async with httpx.AsyncClient(**self.options) as client:

            async def block(part: list[str]) -> Any:
                return decoded((await client.post(self.url, json=self.body(part))).raise_for_status().content)

            return await in_tasks(block, texts, batch, in_flight)
