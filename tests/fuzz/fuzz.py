"""Fuzzes the decoding of responses: python tests/fuzz/fuzz.py --seconds 60.

Inputs that reach new code are added to corpus/. A failing input is added as `crash-...`, and test_corpus.py fails with
it until the code is fixed.
"""

from __future__ import annotations

import argparse
import logging
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
MAX_BYTES = 4096
TOKENS = [  # tokens that random bytes rarely form
    *(f'"{name}"' for name in ("data", "embedding", "index", "error", "code", "message", "metadata", "raw")),
    *("availability", "null", "true", "NaN", "-Infinity", "1e999", r"\ud800", "[[[[[[[[", "]]]]]]]]", "{}"),
    *("content-length: ", "content-type: ", "location: ", "retry-after: ", "\n\n", ": \n"),
    *("AAAAPwAAAD8=", "\x7f", r"\u007f", "\xef\xbb\xbf", "\x1f\x8b\x08"),
]


def run(*arguments: str) -> int:
    """Run libFuzzer, which ends its process, in a new process, and return the exit status."""
    command = [sys.executable, __file__, "--child", f"-max_len={MAX_BYTES}", "-rss_limit_mb=1024", *arguments]
    return subprocess.run(command, check=False).returncode


def fuzz(seconds: int) -> int:
    with tempfile.NamedTemporaryFile("w", suffix=".dict") as tokens, tempfile.TemporaryDirectory() as new:
        for token in TOKENS:
            tokens.write('"' + "".join(f"\\x{byte:02x}" for byte in token.encode("latin-1")) + '"\n')
        tokens.flush()
        limits = [
            f"-max_total_time={seconds}",
            f"-dict={tokens.name}",
            "-timeout=10",
            f"-artifact_prefix={CORPUS}/",
        ]
        status = run(*limits, "-print_final_stats=1", new, str(CORPUS))
        return run("-merge=1", "-use_counters=0", str(CORPUS), new) or status


def child() -> None:
    """Fuzz in this process."""
    import atheris

    with atheris.instrument_imports(include=["openrouter_embeddings"]):
        import target

    logging.disable()
    command = f"{sys.executable} {__file__} --child"  # libFuzzer starts this command again to merge
    atheris.Setup([command, *sys.argv[2:]], target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child()
    parser = argparse.ArgumentParser(description="Fuzz the decoding of responses.")
    parser.add_argument("--seconds", type=int, default=60)
    if find_spec("atheris") is None:
        sys.exit("make fuzz needs atheris, which has wheels for Python 3.11 on Linux, x86-64")
    sys.exit(fuzz(parser.parse_args().seconds))
