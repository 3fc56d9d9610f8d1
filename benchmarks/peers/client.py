"""The interface of a measured client, and what a user writes around a client that has no `embed`.

Imports stand inside functions: what a client imports is part of what is measured.
"""


class Client:
    """A measured client. A subclass defines `lists` and `lists_async`: one request, one list of floats per text."""

    def one(self, texts: list[str]):
        """The vector of one text."""
        return self.lists(texts)[0]

    async def one_async(self, texts: list[str]):
        return (await self.lists_async(texts))[0]

    def matrix(self, texts: list[str]):
        """One request; a float32 matrix with one row per text."""
        import numpy as np

        return np.array(self.lists(texts), np.float32)

    async def matrix_async(self, texts: list[str]):
        import numpy as np

        return np.array(await self.lists_async(texts), np.float32)

    def matrix_from_floats(self, texts: list[str]):
        """`matrix` for a server that sends floats even where base64 is requested."""
        return self.matrix(texts)

    def corpus(self, texts: list[str], batch: int, in_flight: int):
        """All texts to one float32 matrix, with a pool of threads."""
        from concurrent.futures import ThreadPoolExecutor

        import numpy as np

        result = np.empty((len(texts), 1536), np.float32)

        def embed(start: int) -> None:
            result[start : start + batch] = self.matrix(texts[start : start + batch])

        with ThreadPoolExecutor(in_flight) as pool:
            list(pool.map(embed, range(0, len(texts), batch)))
        return result

    async def corpus_async(self, texts: list[str], batch: int, in_flight: int):
        """All texts to one float32 matrix, with asyncio tasks and a semaphore."""
        import asyncio

        import numpy as np

        result = np.empty((len(texts), 1536), np.float32)
        semaphore = asyncio.Semaphore(in_flight)

        async def embed(start: int) -> None:
            async with semaphore:
                result[start : start + batch] = await self.matrix_async(texts[start : start + batch])

        await asyncio.gather(*(embed(start) for start in range(0, len(texts), batch)))
        return result


class ArrayClient(Client):
    """A client that decodes base64 into arrays. A subclass defines `matrix` and `matrix_async` too."""

    def one(self, texts: list[str]):
        return self.matrix(texts)[0]

    async def one_async(self, texts: list[str]):
        return (await self.matrix_async(texts))[0]

    def matrix_from_floats(self, texts: list[str]):
        import numpy as np

        return np.array(self.lists(texts), np.float32)
