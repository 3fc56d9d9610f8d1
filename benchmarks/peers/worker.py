"""One client doing one job in its own environment: `worker.py MODULE JOB key=value ...`.

It imports only `sys` and `time` before the job, so that the whole import of a client is measured. It prints "ready",
waits for a line on standard input, runs the job, and prints one line of JSON.
"""

import sys
import time

from texts import text


def memory_peak_mb() -> float:
    """The highest resident size of this process so far, interpreter and imports included."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


def checksum(result) -> int | None:
    """CRC-32 of the float32 numbers of a matrix, a vector or lists; None where the job returns no vectors."""
    import zlib
    from array import array

    if result is None:
        return None
    if not isinstance(result, list):
        if result.dtype != "float32":
            sys.exit(f"expected a float32 array, got {result.dtype}")
        return zlib.crc32(result)
    crc = 0
    for row in result if isinstance(result[0], list) else [result]:
        crc = zlib.crc32(array("f", row).tobytes(), crc)
    return crc


class Worker:
    """The jobs. Each repeats a piece of work and keeps the vectors of the last repetition, if there are any."""

    def __init__(self, module: str, options: dict[str, str]) -> None:
        self.module = __import__(f"use_{module}")
        self.url, self.profile = options.pop("url"), options.pop("profile", None)
        numbers = {name: int(value) for name, value in options.items()}
        self.count, self.warm, self.repeat = numbers.get("texts", 1), numbers.get("warm", 0), numbers.get("repeat", 1)
        self.batching = (numbers.get("batch", 0), numbers.get("in_flight", 0))
        self.started = 0.0
        self.seconds: list[float] = []  # of each repetition
        self.result = None  # of the last repetition

    def repetitions(self):
        """Warm up, wait for the start, and measure each repetition. A result is freed before the next repetition."""
        for number in range(-self.warm, self.repeat):
            if number == 0:
                print("ready", flush=True)
                if not sys.stdin.readline():
                    sys.exit("the benchmark has ended")
                self.started = time.perf_counter()
                if self.profile:
                    profiler = __import__("cProfile").Profile()
                    profiler.enable()
            self.result = None
            begin = time.perf_counter()
            yield
            if number >= 0:
                self.seconds.append(time.perf_counter() - begin)
        if self.profile:
            profiler.disable()
            profiler.dump_stats(self.profile)

    def plain(self, work) -> None:
        for _ in self.repetitions():
            work()

    def method(self, name: str, *arguments) -> None:
        """A method of the client, which has sent one text before, so it is connected and has imported what it needs."""
        method = getattr(self.module.Peer(self.url), name)
        texts = [text(index) for index in range(self.count)]
        method(texts[:1], *arguments)
        for _ in self.repetitions():
            self.result = method(texts, *arguments)

    async def method_async(self, name: str, *arguments) -> None:
        method = getattr(self.module.Peer(self.url), name)
        texts = [text(index) for index in range(self.count)]
        await method(texts[:1], *arguments)
        for _ in self.repetitions():
            self.result = await method(texts, *arguments)

    def stream(self) -> None:
        peer = self.module.Peer(self.url)
        for _ in self.repetitions():
            vectors = peer.stream(map(text, range(self.count)), *self.batching)
            if vectors != self.count:
                sys.exit(f"expected {self.count} vectors, got {vectors}")


def main() -> None:
    module, job, *pairs = sys.argv[1:]
    worker = Worker(module, dict(pair.split("=", 1) for pair in pairs))
    arguments = worker.batching if job.startswith("corpus") else ()
    if job == "load":
        worker.plain(worker.module.load)
    elif job == "ready":
        worker.plain(lambda: worker.module.Peer(worker.url))
    elif job == "stream":
        worker.stream()
    elif job.endswith("_async"):
        import asyncio

        asyncio.run(worker.method_async(job, *arguments))
    else:
        worker.method(job, *arguments)
    peak_mb, libraries = memory_peak_mb(), [name for name in ("httpx", "httpx2") if name in sys.modules]
    import json

    report = {
        "seconds": worker.seconds,
        "started": worker.started,
        "ended": worker.started + sum(worker.seconds),
        "peak_mb": peak_mb,
        "http_libraries": libraries,
        "crc": checksum(worker.result),
    }
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
