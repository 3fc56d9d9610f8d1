"""Both sides of a client, called alike: a scenario is written once and runs with threads and on an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any, Self

import pytest
from openrouter_embeddings import OpenRouter


class WithThreads:
    """A client and its synchronous methods; leaving the block closes it."""

    name = "sync"

    def __init__(self, client: OpenRouter) -> None:
        self.client = client

    def generate(self, **arguments: Any) -> Any:
        return self.client.embeddings.generate(**arguments)

    def list_models(self, **arguments: Any) -> Any:
        return self.client.embeddings.list_models(**arguments)

    def batches(self, operation: str, **arguments: Any) -> Any:
        """Call one of the batch operations."""
        return getattr(self.client.batches, operation)(**arguments)

    def embed(self, texts: Any, **options: Any) -> Any:
        return self.client.embeddings.embed(texts, **options)

    def stream(self, texts: Iterable[Any], **options: Any) -> Any:
        """The blocks of `embed_iter`, as an iterator with the attributes of the stream."""
        return self.client.embeddings.embed_iter(texts, **options)

    def close(self) -> None:
        self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


async def tasks_left() -> set[asyncio.Task[Any]]:
    """The other tasks that do not end by themselves: a loop closes the library's abandoned generators in tasks."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    return (await asyncio.wait(others, timeout=1))[1] if others else set()


class OnEventLoop(WithThreads):
    """The asynchronous methods, with one loop for all calls, so that connections are kept between them."""

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
    """An asynchronous stream, pulled from outside its loop; its attributes are those of the stream."""

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


Session = WithThreads
Side = type[Session]
SIDES: tuple[Side, ...] = (WithThreads, OnEventLoop)
both_sides = pytest.mark.parametrize("side", SIDES, ids=lambda side: side.name)
