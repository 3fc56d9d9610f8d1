"""Our client under cProfile, in its own environment: `profiled.py JOB URL TOP`. See hotspots.py."""

from __future__ import annotations

import asyncio
import cProfile
import pstats
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from texts import text
from use_ours import Peer

# Texts and repetitions of each job.
_JOBS = {"one": (1, 300), "matrix": (2048, 5), "tasks": (8192, 1)}


def library(file: str, function: str) -> str:
    """Who the time belongs to: a package, the standard library, or the interpreter's built-ins by their module."""
    parts = PurePath(file).parts
    if "site-packages" in parts:
        return parts[parts.index("site-packages") + 1].removesuffix(".py")
    for ours in ("openrouter_generated", "openrouter"):
        if ours in parts:
            return "ours"
    if file == "~":
        for name in ("msgspec", "numpy", "socket", "ssl", "select"):
            if name in function:
                return f"built-in: {name}"
        return "built-in: other"
    return "this script" if "peers" in parts else "standard library"


def main() -> None:
    job, url, top = sys.argv[1], sys.argv[2], int(sys.argv[3])
    count, repeat = _JOBS[job]
    texts, peer = [text(index) for index in range(count)], Peer(url)
    works: dict[str, Callable[[], Any]] = {
        "one": lambda: peer.one(texts[0]),
        "matrix": lambda: peer.matrix(texts),
        "tasks": lambda: asyncio.run(Peer(url).tasks(texts, 128, 32)),
    }
    work = works[job]
    work()
    begun = time.perf_counter()
    for _ in range(repeat):
        work()
    unwatched = (time.perf_counter() - begun) / repeat
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(repeat):
        work()
    profile.disable()
    show(job, count, repeat, unwatched, profile, top)


def show(job: str, count: int, repeat: int, unwatched: float, profile: cProfile.Profile, top: int) -> None:
    """Own time by library, then by function, a repetition."""
    stats: dict[tuple[str, int, str], tuple[int, int, float, float, Any]] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    total = sum(own for _, _, own, _, _ in stats.values())
    print(f"\n{job}: {count:,} texts, {1000 * unwatched:.3f} ms; watched {1000 * total / repeat:.3f} ms, of which")
    owned: defaultdict[str, float] = defaultdict(float)
    for (file, _, function), (_, _, own, _, _) in stats.items():
        owned[library(file, function)] += own
    for name, own in sorted(owned.items(), key=lambda item: -item[1]):
        print(f"  {100 * own / total:5.1f} %  {1e6 * own / repeat:9.1f} µs  {name}")
    print("by function: own time, calls, where")
    for (file, line, function), (_, calls, own, _, _) in sorted(stats.items(), key=lambda item: -item[1][2])[:top]:
        where = "" if file == "~" else f" {'/'.join(PurePath(file).parts[-2:])}:{line}"
        print(f"  {1e6 * own / repeat:9.1f} µs {calls / repeat:9.1f}  {function}{where}")


if __name__ == "__main__":
    main()
