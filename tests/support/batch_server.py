"""The embedded server with a record of its requests and with hooks that change the results of batches."""

from __future__ import annotations

import collections
import json
from collections.abc import Callable, Sequence
from typing import Any

from openrouter_embeddings.local.app import create_app
from openrouter_embeddings.local.catalog import Catalog
from openrouter_embeddings.local.fault import Fault, Faulty
from openrouter_embeddings.local.server import Server

Change = Callable[[list[dict[str, Any]]], object]


class BatchServer(Server):
    """An embedded server; `change` edits the lines of each page of results.

    `accepted` is called with the number of accepted batches after each of them.
    """

    def __init__(
        self,
        *,
        seconds: float = 0.0,
        paged: bool = True,
        faults: Sequence[Fault] = (),
        change: Change | None = None,
        accepted: Callable[[int], object] = lambda _: None,
    ) -> None:
        limits: Any = {"max_inputs": 2048, "max_body_bytes": 1 << 25}
        self._served = create_app(Catalog({}), api_key=None, batch_seconds=seconds, paged_results=paged, **limits)
        self._change, self._accepted = change, accepted
        self.bodies: list[bytes] = []
        """Request bodies of the accepted batches, in order of arrival."""
        self.requests: list[str] = []
        """Method and path of each request, in order of arrival."""
        self.times_sent: collections.Counter[str] = collections.Counter()
        """Number of times that the API accepted each text, in a batch or in a plain request."""
        super().__init__(Faulty(self._record, faults), host="127.0.0.1", port=0, api_key=None)

    async def _record(self, scope: Any, receive: Any, send: Any) -> None:
        request, sent, response = f"{scope['method']} {scope['path']}", bytearray(), bytearray()
        self.requests.append(request)
        started: dict[str, Any] = {}

        async def receive_recorded() -> Any:
            message = await receive()
            sent.extend(message.get("body", b""))
            return message

        async def send_recorded(message: Any) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
                return
            response.extend(message["body"])
            if started["status"] < 300:
                self._count_texts(request, bytes(sent))
            content = self._edit_results(request, bytes(response))
            headers = [(name, value) for name, value in started["headers"] if name != b"content-length"]
            await send({**started, "headers": [*headers, (b"content-length", str(len(content)).encode())]})
            await send({**message, "body": content})

        await self._served(scope, receive_recorded, send_recorded)

    def _count_texts(self, request: str, body: bytes) -> None:
        if request.startswith("POST") and request.endswith("/batches"):
            self.bodies.append(body)
            self._accepted(len(self.bodies))
            inputs = [item["body"]["input"] for item in json.loads(body)["requests"]]
        elif request.startswith("POST"):
            inputs = [json.loads(body)["input"]]
        else:
            return
        self.times_sent.update(str(text) for given in inputs for text in ([given] if isinstance(given, str) else given))

    def _edit_results(self, request: str, body: bytes) -> bytes:
        if self._change is None or not request.endswith("/results"):
            return body
        page = json.loads(body)
        self._change(page.get("data", []))
        return json.dumps(page).encode()
