"""Calls operations that are not in the overlay with a server on loopback, and prints requests and results.

Runs in a new process, which imports a package generated from a changed document.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from openrouter_embeddings import OpenRouter, components, errors

BOOK = {"id": "b1", "title": "T", "cover": {"kind": "paper", "pages": 3, "smell": "old"}, "language": "eo"}
PAGES: dict[str | None, Any] = {
    None: {"data": [BOOK], "next_cursor": "c2"},
    "c2": {"data": [{"id": "b2", "title": "U", "cover": {"kind": "glass"}}], "next_cursor": None},
}
ROW = {"object": "embedding", "embedding": [0.5, 0.25, 0.125], "index": 0}
ANSWER = {"object": "list", "model": "m", "data": [ROW], "region": "eu"}
MISSING = {"error": {"code": 404, "message": "No such shelf"}}


class Handler(BaseHTTPRequestHandler):
    """Answers from the tables above and records the requests."""

    protocol_version = "HTTP/1.1"
    seen: list[dict[str, Any]]

    def reply(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.seen.append({"request": f"{self.command} {self.path}", "body": body})
        status, answer = self.answer()
        text = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        if answer is not None:
            self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_DELETE = reply

    def answer(self) -> tuple[int, Any]:
        if "/shelves/nowhere" in self.path:
            return 404, MISSING
        if self.command == "DELETE":
            return 204, None
        if self.path.endswith("/tags"):
            return 200, ["new", "old"]
        if self.path.endswith("/embeddings"):
            return 200, ANSWER
        if self.command == "POST":
            return 201, BOOK
        return 200, PAGES["c2" if "cursor=c2" in self.path else None]

    def log_message(self, format: str, *args: Any) -> None:
        pass


Call = Callable[[str, dict[str, Any]], Awaitable[Any]]


async def scenario(call: Call) -> list[Any]:
    """The calls of one scenario; `call` makes them sync or async."""
    results: list[Any] = []
    cover = components.Paper(pages=3)
    book = await call(
        "library_books.add",
        {
            "shelf_id": "a/b",
            "title": "T",
            "cover": cover,
            "authors": [{"name": "y"}],
            "language": None,
            "price": 1.5,
        },
    )
    results.append([type(book).__name__, type(book.cover).__name__, book.cover["smell"], book.language])
    cursor, found = None, []
    while True:
        arguments = {"shelf_id": "s", "tag": ["old", "red"], "order": "title", "signed": True, "cursor": cursor}
        page = await call("library_books.search", arguments)
        found += [one.id for one in page.data]
        cursor = page.next_cursor
        if cursor is None:
            break
    results += [found, page.data[0].cover, page.http_meta.attempts]
    results.append(await call("library_books.remove_book", {"shelf_id": "s", "n": 2}))
    results.append(await call("library_books.rename_tags", {"body": [{"from": "a", "to": "new"}]}))
    arguments = {"input": "a", "model": "m", "provider": {"zero_retention": True}, "truncate": True}
    results.append((await call("embeddings.generate", arguments)).region)
    for refused in (
        {"shelf_id": "nowhere"},
        {"shelf_id": "s", "min_pages": 0},
        {"shelf_id": None},
    ):
        try:
            await call("library_books.search", refused)
        except (errors.NotFoundResponseError, errors.InvalidInputError, errors.OpenRouterError) as error:
            results.append([type(error).__name__, str(error)])
    try:
        await call("library_books.add", {"shelf_id": "s", "title": "T", "cover": {"kind": "cloth", "color": "red"}})
    except errors.InvalidInputError as error:
        results.append([type(error).__name__, error.path])
    return results


def run_both(url: str) -> dict[str, Any]:
    def method(client: OpenRouter, name: str) -> Any:
        tag, _, operation = name.partition(".")
        return getattr(getattr(client, tag), operation)

    async def synchronous() -> list[Any]:
        with OpenRouter(api_key="k", server_url=url) as client:

            async def call(name: str, arguments: dict[str, Any]) -> Any:
                return method(client, name)(**arguments)

            return await scenario(call)

    async def asynchronous() -> list[Any]:
        async with OpenRouter(api_key="k", server_url=url) as client:
            return await scenario(lambda name, arguments: method(client, f"{name}_async")(**arguments))

    made: dict[str, Any] = {}
    for name, run in (("sync", synchronous), ("async", asynchronous)):
        Handler.seen = []
        made[name] = {"results": asyncio.run(run()), "requests": Handler.seen}
    return made


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps(run_both(f"http://127.0.0.1:{server.server_port}/api/v1")))
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    main()
