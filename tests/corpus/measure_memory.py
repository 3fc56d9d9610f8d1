"""Measures memory and rate of corpus jobs of growing size, with the embedded server.

`python tests/corpus/measure_memory.py 100000 300000` prints one line per number of rows, and finally how much of a
budget of half its cost a job of the last size spends.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from openrouter_embeddings import OpenRouter, errors
from openrouter_embeddings.corpus import status

MODEL = "openai/text-embedding-3-small"  # has 1,536 dimensions


def job(url: str, source: Path, output: Path, max_cost_usd: float | None) -> None:
    """Run a job in this process, and print its time and memory."""
    started, tenths = time.monotonic(), dict[int, tuple[int, float]]()  # rows and CPU seconds per tenth

    def progress(now: Any) -> None:
        tenths.setdefault(10 * now.texts_done // now.texts_total, (now.texts_done, time.process_time()))

    with OpenRouter("key", server_url=url) as client:
        try:
            client.embeddings.corpus(source, output=output, model=MODEL, max_cost_usd=max_cost_usd, progress=progress)
        except errors.BudgetError as error:
            print(f"budget of ${max_cost_usd}: {error}")
    seconds, cpu_seconds, peak = time.monotonic() - started, time.process_time(), peak_mb()
    found = status(output.with_name(f"{output.name}.job"))
    rows = found.rows_done
    print(
        f"{rows:>9,} rows  peak {peak:.0f} MB  {rows / seconds:>7,.0f} rows/s  "
        f"{1000 * cpu_seconds / rows:.3f} s of CPU for 1,000 rows  ${found.usage.cost}",
        flush=True,
    )
    pairs = itertools.pairwise(tenths.values())
    used = [1000 * (after[1] - before[1]) / (after[0] - before[0]) for before, after in pairs]
    print("CPU for 1,000 rows in each tenth:", " ".join(f"{seconds:.3f}" for seconds in used), flush=True)


def peak_mb() -> float:
    """Return the peak memory of this process in MB; `getrusage` would include the parent process."""
    lines = Path("/proc/self/status").read_text().splitlines()  # exists on Linux only
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def run(*arguments: Any) -> None:
    """Run a job in a new process."""
    environment = {**os.environ, "MEASURED": json.dumps(arguments, default=str)}
    subprocess.run([sys.executable, __file__], env=environment, check=True)


def main() -> None:
    from openrouter_embeddings.testing import serve

    with serve() as server, tempfile.TemporaryDirectory() as name:
        url, folder, rows = server.url, Path(name), 0
        for rows in map(int, sys.argv[1:]):
            source = folder / f"{rows}.jsonl"
            with source.open("w") as file:
                for i in range(rows):
                    file.write(f'{{"id": {i}, "text": "a text of usual length, with the number {i}, for a job"}}\n')
            output = folder / f"{rows}.parquet"
            run(url, source, output, None)
            print("; ".join(f"{path.name} {path.stat().st_size:,} bytes" for path in sorted(folder.glob(f"{rows}.*"))))
            output.unlink()
        half = (status(folder / f"{rows}.parquet.job").usage.cost or 0.0) / 2
        run(url, folder / f"{rows}.jsonl", folder / "budget.parquet", half)


if __name__ == "__main__":
    if "MEASURED" in os.environ:
        url, source, output, max_cost_usd = json.loads(os.environ["MEASURED"])
        job(url, Path(source), Path(output), max_cost_usd)
    else:
        main()
