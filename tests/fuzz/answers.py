"""Fuzz the path of an answer: python tests/fuzz/answers.py --seconds 60.

Inputs that reach something new are kept in corpus/, beside the ones written by hand; what fails is written there as
`crash-...`, and from then on fails in test_corpus.py until it is mended.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any

CORPUS = Path(__file__).parent / "corpus"
MOST_BYTES = 4096
Step = tuple[str, int, int]
WORDS = [  # what chance alone would not find
    *(f'"{name}"' for name in ("data", "embedding", "index", "error", "code", "message", "metadata", "raw")),
    *("availability", "null", "true", "NaN", "-Infinity", "1e999", r"\ud800", "[[[[[[[[", "]]]]]]]]", "{}"),
    *("content-length: ", "content-type: ", "location: ", "retry-after: ", "\n\n", ": \n"),
    *("AAAAPwAAAD8=", "\xef\xbb\xbf", "\x1f\x8b\x08"),
]


def fuzz(seconds: int, finds: str) -> int:
    """Run libFuzzer over a copy of the corpus; its exit status."""
    with tempfile.NamedTemporaryFile("w", suffix=".dict") as words:
        for word in WORDS:
            escaped = "".join(f"\\x{byte:02x}" for byte in word.encode("latin-1"))
            words.write(f'"{escaped}"\n')
        words.flush()
        command = [sys.executable, __file__, "--child", "--", finds, str(CORPUS)]
        options = [f"-max_total_time={seconds}", f"-max_len={MOST_BYTES}", f"-dict={words.name}", "-timeout=10"]
        limits = ["-rss_limit_mb=1024", f"-artifact_prefix={CORPUS}/", "-print_final_stats=1"]
        return subprocess.run([*command, *options, *limits], check=False).returncode


def _child(options: list[str]) -> None:
    """Fuzz in this process, which libFuzzer ends."""
    import atheris

    with atheris.instrument_imports(include=["openrouter"]):
        import target

    logging.disable()
    atheris.Setup([sys.argv[0], *options], target.check)
    atheris.Fuzz()


def keep(finds: str) -> int:
    """Take over into the corpus, shortest first, what takes a way through the package that nothing there takes."""
    known = set[Step]().union(*(steps(path.read_bytes()) for path in CORPUS.iterdir()))
    kept = 0
    for path in sorted(Path(finds).iterdir(), key=lambda path: path.stat().st_size):
        data = path.read_bytes()
        if new := steps(data) - known:
            known |= new
            kept += 1
            (CORPUS / hashlib.sha256(data).hexdigest()[:12]).write_bytes(data)
    return kept


def steps(data: bytes) -> set[Step]:
    """Which line followed which while an input was read."""
    import target

    taken: set[Step] = set()
    last: dict[FrameType, int] = {}

    def trace(frame: FrameType, event: str, _: object) -> Any:
        if "openrouter/" not in frame.f_code.co_filename:
            return None
        if event == "line":
            taken.add((frame.f_code.co_filename, last.get(frame, 0), frame.f_lineno))
            last[frame] = frame.f_lineno
        return trace

    sys.settrace(trace)
    try:
        with suppress(Exception):  # a crash is reported by the fuzzer
            target.check(data)
    finally:
        sys.settrace(None)
    return taken


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz the path of an answer.")
    parser.add_argument("--seconds", type=int, default=60)
    if find_spec("atheris") is None:
        sys.exit(
            "make fuzz needs atheris, which has wheels for Python 3.11 on Linux, x86-64; test_corpus.py runs anywhere"
        )
    with tempfile.TemporaryDirectory() as finds:
        status = fuzz(parser.parse_args().seconds, finds)
        logging.disable()
        print(f"{keep(finds)} inputs kept, exit status {status}")
    return status


if __name__ == "__main__":
    if "--child" in sys.argv:
        _child(sys.argv[sys.argv.index("--") + 1 :])
    sys.exit(main())
