"""No SDK: `httpx`, `json`, `base64` and `numpy`, in the few lines that a user would write. It checks nothing."""

from client import ArrayClient
from texts import MODEL


def load() -> None:
    import httpx  # noqa: F401


def decode(content: bytes):
    """A float32 matrix from a response with base64."""
    import base64
    import json

    import numpy as np

    rows = json.loads(content)["data"]
    return np.stack([np.frombuffer(base64.b64decode(row["embedding"]), np.float32) for row in rows])


class Peer(ArrayClient):
    def __init__(self, url: str) -> None:
        import httpx

        self.url = f"{url}/embeddings"
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
        self.options = {"headers": {"authorization": "Bearer key"}, "limits": limits, "timeout": 60.0}
        self.client = httpx.Client(**self.options)
        self.async_client = None

    def body(self, texts: list[str], encoding: str) -> dict:
        return {"input": texts, "model": MODEL, "encoding_format": encoding}

    def lists(self, texts: list[str]) -> list[list[float]]:
        response = self.client.post(self.url, json=self.body(texts, "float")).raise_for_status()
        return [row["embedding"] for row in response.json()["data"]]

    def matrix(self, texts: list[str]):
        return decode(self.client.post(self.url, json=self.body(texts, "base64")).raise_for_status().content)

    async def matrix_async(self, texts: list[str]):
        if self.async_client is None:
            import httpx

            self.async_client = httpx.AsyncClient(**self.options)
        response = await self.async_client.post(self.url, json=self.body(texts, "base64"))
        return decode(response.raise_for_status().content)
