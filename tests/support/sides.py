"""The two sides of a client, sync and async, with the same interface: one test runs on both sides."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any, Self

import pytest
from openrouter_embeddings import OpenRouter


class SyncSession:
    """The sync side: calls the synchronous methods of a client; use it in a `with` block, which closes the client."""

    name = "sync"

    def __init__(self, client: OpenRouter) -> None:
        self.client = client

    def generate(self, **arguments: Any) -> Any:
        return self.client.embeddings.generate(**arguments)

    def list_models(self, **arguments: Any) -> Any:
        return self.client.embeddings.list_models(**arguments)

    def batches(self, operation: str, **arguments: Any) -> Any:
        """Call a method of `client.batches`."""
        return getattr(self.client.batches, operation)(**arguments)

    def embed(self, texts: Any, **options: Any) -> Any:
        return self.client.embeddings.embed(texts, **options)

    def stream(self, texts: Iterable[Any], **options: Any) -> Any:
        """Return the stream of `embed_iter`."""
        return self.client.embeddings.embed_iter(texts, **options)

    def close(self) -> None:
        self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


async def tasks_left() -> set[asyncio.Task[Any]]:
    """Return the other tasks that do not end soon; a loop closes abandoned generators in short tasks."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    return (await asyncio.wait(others, timeout=20))[1] if others else set()


class AsyncSession(SyncSession):
    """The async side: calls the asynchronous methods on one event loop, so that calls reuse connections."""

    name = "async"

    def __init__(self, client: OpenRouter) -> None:
        super().__init__(client)
        self.runner = asyncio.Runner()

    def generate(self, **arguments: Any) -> Any:
        return self.runner.run(self.client.embeddings.generate_async(**arguments))

    def list_models(self, **arguments: Any) -> Any:
        return self.runner.run(self.client.embeddings.list_models_async(**arguments))

    def batches(self, operation: str, **arguments: Any) -> Any:
        return self.runner.run(getattr(self.client.batches, f"{operation}_async")(**arguments))

    def embed(self, texts: Any, **options: Any) -> Any:
        return self.runner.run(self.client.embeddings.embed_async(texts, **options))

    def stream(self, texts: Iterable[Any], **options: Any) -> Any:
        return _Blocks(self.runner, self.client.embeddings.embed_iter_async(texts, **options))

    def close(self) -> None:
        try:
            self.runner.run(self.client.aclose())
            left = self.runner.run(tasks_left())
            assert not left, f"tasks left behind: {left}"
        finally:
            self.runner.close()


class _Blocks:
    """A synchronous iterator over an asynchronous stream, with the attributes of the stream."""

    def __init__(self, runner: asyncio.Runner, stream: Any) -> None:
        self._runner, self._stream = runner, stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __repr__(self) -> str:
        return repr(self._stream)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return self._runner.run(self._stream.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._runner.run(self._stream.aclose())


Session = SyncSession
Side = type[Session]
SIDES: tuple[Side, ...] = (SyncSession, AsyncSession)
both_sides = pytest.mark.parametrize("side", SIDES, ids=lambda side: side.name)
