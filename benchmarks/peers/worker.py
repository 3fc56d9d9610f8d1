"""One peer doing one job, in the peer's own environment: `worker.py PEER JOB key=value ...`.

Nothing but `sys` and `time` is imported before the job, so that a peer's import is measured whole. The worker makes
ready, says so on standard output, waits for a line on standard input, works, and prints one line of JSON.
"""

from __future__ import annotations

import sys
import time

from texts import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def memory_mb(field: str) -> float:
    """A figure of this process from the kernel: VmHWM, the highest resident size so far, or VmRSS, the present one."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith(field))
    except OSError:  # not Linux: only the highest is to be had
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


class Worker:
    """The jobs. Each returns seconds, one entry a repetition, and what came of it, for the check sum."""

    def __init__(self, peer: str, options: dict[str, str]) -> None:
        self.module = __import__(f"use_{peer}")
        self.options = options
        self.before_mb = 0.0
        self.started = self.ended = self.cpu = 0.0

    def number(self, name: str, default: int = 0) -> int:
        return int(self.options.get(name, default))

    def connect(self) -> Any:
        return self.module.connect(self.options["url"])

    def texts(self) -> list[str]:
        return [text(index) for index in range(self.number("texts", 1))]

    def timed(self, work: Callable[[], Any]) -> tuple[list[float], Any]:
        """Warm up, wait for the start, repeat."""
        for _ in range(self.number("warm")):
            work()
        self.wait()
        seconds = []
        result = None
        for _ in range(self.number("repeat", 1)):
            result = None  # the memory of the last one is free again, as for a user who is done with it
            begun = time.perf_counter()
            result = work()
            seconds.append(time.perf_counter() - begun)
        return seconds, result

    def wait(self) -> None:
        self.before_mb = memory_mb("VmRSS")
        print("ready", flush=True)
        if not sys.stdin.readline():
            sys.exit("the benchmark is gone")
        self.cpu = time.process_time()
        self.started = time.perf_counter()

    # -- jobs ------------------------------------------------------------------------------------------------

    def load(self) -> tuple[list[float], Any]:
        return self.timed(self.module.load)

    def ready(self) -> tuple[list[float], Any]:
        return self.timed(self.connect)[0], None

    def first(self) -> tuple[list[float], Any]:
        """From import to the first vector."""
        seconds, answer = self.timed(lambda: self.connect().one(text(0)))
        return seconds, self.module.vector(answer)

    def one(self) -> tuple[list[float], Any]:
        peer = self.connect()
        seconds, answer = self.timed(lambda: peer.one(text(0)))
        return seconds, self.module.vector(answer)

    def api(self) -> tuple[list[float], Any]:
        """One call of the method that is the API one to one, with floats."""
        texts, peer = self.texts(), self.connect()
        return self.timed(lambda: peer.lists(texts))

    lists = api

    def matrix(self) -> tuple[list[float], Any]:
        texts, peer = self.texts(), self.connect()
        peer.one(text(0))  # connected, and everything imported
        return self.timed(lambda: peer.matrix(texts))

    def floats(self) -> tuple[list[float], Any]:
        texts, peer = self.texts(), self.connect()
        peer.lists([text(0)])
        return self.timed(lambda: peer.floats(texts))

    def threads(self) -> tuple[list[float], Any]:
        texts, peer = self.texts(), self.connect()
        peer.one(text(0))
        return self.timed(lambda: peer.threads(texts, self.number("batch"), self.number("in_flight")))

    def tasks(self) -> tuple[list[float], Any]:
        import asyncio

        texts, peer = self.texts(), self.connect()
        peer.one(text(0))
        return self.timed(lambda: asyncio.run(peer.tasks(texts, self.number("batch"), self.number("in_flight"))))

    def stream(self) -> tuple[list[float], Any]:
        """Blocks as they come, none kept; where a peer has no such thing, the whole matrix."""
        peer = self.connect()
        if not hasattr(peer, "stream"):
            return self.threads()
        peer.one(text(0))
        texts = (text(index) for index in range(self.number("texts")))
        seconds, rows = self.timed(lambda: peer.stream(texts, self.number("batch"), self.number("in_flight")))
        if rows != self.number("texts"):
            sys.exit(f"{rows} rows came")
        return seconds, None

    def report(self, seconds: list[float], result: Any) -> dict[str, Any]:
        peak = memory_mb("VmHWM")
        self.ended, self.cpu = time.perf_counter(), time.process_time() - self.cpu
        return {
            "seconds": seconds,
            "started": self.started,
            "ended": self.started + sum(seconds),
            "cpu_seconds": self.cpu,
            "peak_mb": peak,
            "before_mb": self.before_mb,
            "crc": _crc(result),
        }


def _crc(result: Any) -> int | None:
    """CRC-32 of the float32 numbers of a matrix, a vector or lists; nothing where there are none."""
    import zlib
    from array import array

    if result is None or isinstance(result, int | float):
        return None
    if not isinstance(result, list):
        if str(getattr(result, "dtype", "")) != "float32":
            sys.exit(f"not a float32 array: {type(result)}")
        return zlib.crc32(result)
    crc = 0
    for row in result if isinstance(result[0], list) else [result]:
        crc = zlib.crc32(array("f", row).tobytes(), crc)
    return crc


def main() -> None:
    peer, job, *rest = sys.argv[1:]
    worker = Worker(peer, dict(pair.split("=", 1) for pair in rest))
    try:
        report = worker.report(*getattr(worker, job)())
    except NotImplementedError as missing:
        report = {"missing": str(missing)}
    import json

    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
