"""Mutation testing: changes one place of a module at a time, and runs the module's fast tests on each change.

    python tests/mutants/run.py [--sample N] [--seed S] [MODULE ...]

Prints the mutants with which all tests pass, and the share of killed mutants per module. The exit status is 1 if the
share of a module is below 90 %, except for `embed.job`, which is tested mostly over sockets.
"""

from __future__ import annotations

import argparse
import importlib
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Iterator
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType
from typing import Any, NoReturn

import pytest
from mutations import Mutant, mutants

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "openrouter_embeddings"
TESTS = {
    "caller": "client/test_caller.py client/test_arguments.py client/test_client.py client/test_batches.py "
    "telemetry/test_telemetry.py properties/test_calls.py",
    "retries": "client/test_retries.py client/test_caller.py",
    "redaction": "client/test_messages.py client/test_caller.py client/test_arguments.py response/test_envelope.py",
    "config": "client/test_config.py request/test_prepared_call.py",
    "request.validation": "request properties/test_inputs.py",
    "request.prepared_call": "request",
    "response.envelope": "response/test_envelope.py response/test_embeddings.py properties/test_responses.py",
    "response.embeddings": "response/test_embeddings.py response/test_envelope.py properties/test_responses.py",
    "response.stream_decoder": "response/test_stream_decoder.py response/test_embeddings.py "
    "properties/test_responses.py",
    "response.vectors": "response/test_vectors.py response/test_stream_decoder.py response/test_embeddings.py "
    "properties/test_responses.py",
    "response.retry_after": "response/test_retry_after.py properties/test_retry_after.py",
    "embed.packing": "embed/test_packing.py properties/test_packing.py embed/test_options.py embed/test_job.py",
    "embed.rejections": "embed/test_rejections.py embed/test_job.py",
    "embed.job": "embed/test_job.py embed/test_options.py embed/test_progress.py",
    "embed.limiter": "embed/test_limiter.py embed/test_job.py",
    "embed.suspects": "embed/test_suspects.py embed/test_job.py",
}
REQUIRED_SHARE = 0.9
NOT_REQUIRED = {"embed.job"}  # most of its tests use sockets, which takes too long here
PROCESSES = 2
MEMORY_BYTES = 4 << 30
# Imported once, before the processes fork.
PRELOADED = ["attrs", "httpx", "hypothesis.stateful", "jsonschema", "msgspec", "numpy", "pybase64", "respx", "yaml"]


class Loader(SourceFileLoader):
    """Loads a module from the given source instead of its file."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self.source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.source, self.path, "exec")


class Finder(MetaPathFinder):
    """Finds one module, and loads it from the given source."""

    def __init__(self, module: str, source: str) -> None:
        self.name, self.source = f"{PACKAGE}.{module}", source
        self.path = str(file_of(module))

    def find_spec(self, fullname: str, *_: Any) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        return spec_from_file_location(fullname, self.path, loader=Loader(fullname, self.path, self.source))


def file_of(module: str) -> Path:
    return ROOT / "overlay" / PACKAGE / f"{module.replace('.', '/')}.py"


def run_tests(module: str, source: str, cpu_seconds: int, wait_seconds: float) -> NoReturn:
    """Run the tests of a module and exit this process, with status 0 if they pass."""
    status = 1
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        signal.setitimer(signal.ITIMER_REAL, wait_seconds)  # its default action ends this process
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        if "MUTANTS_SHOW" not in os.environ:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(1, 2)
        os.chdir(ROOT)
        sys.meta_path.insert(0, Finder(module, source))
        tests = [f"tests/{name}" for name in TESTS[module].split()]
        status = int(pytest.main(["-x", "-q", "--tb=no", "-p", "no:cacheprovider", *tests]))
    finally:
        os._exit(status)


def survivors(module: str, chosen: list[Mutant], cpu_seconds: int, wait_seconds: float) -> Iterator[Mutant]:
    """Yield the mutants with which all tests pass."""
    waiting, running = list(chosen), dict[int, Mutant]()
    while waiting or running:
        while waiting and len(running) < PROCESSES:
            mutant = waiting.pop()
            pid = os.fork()
            if pid == 0:
                run_tests(module, mutant.source, cpu_seconds, wait_seconds)
            running[pid] = mutant
        pid, status = os.wait()
        mutant = running.pop(pid)
        if status == 0:
            yield mutant


def killed_share(module: str, sample: int | None, seed: int) -> float:
    """Test the mutants of a module or a random sample, print the survivors, and return the share of killed mutants."""
    source, started = file_of(module).read_text("utf-8"), time.monotonic()
    found = list(mutants(source))
    unchanged, before = Mutant(0, "", "", source), resource.getrusage(resource.RUSAGE_CHILDREN)
    if not list(survivors(module, [unchanged], 300, 600)):
        sys.exit(f"{module}: its tests fail without a mutant (MUTANTS_SHOW=1 shows them)")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Generous, so that a busy machine kills no mutant.
    cpu_seconds = 5 + 4 * int(used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime)
    wait_seconds = 60 + 10 * (time.monotonic() - started)
    chosen = random.Random(seed).sample(found, min(sample or len(found), len(found)))
    alive = list(survivors(module, chosen, cpu_seconds, wait_seconds))
    for mutant in sorted(alive):
        print(f"{module}:{mutant.line}: {mutant.before} -> {mutant.after}")
    share, seconds = 1 - len(alive) / len(chosen), time.monotonic() - started
    print(f"{module}: {share:.0%} of {len(chosen)} killed, {len(found)} in all, {seconds:.0f} s", flush=True)
    return share


def main() -> int:
    parser = argparse.ArgumentParser(description="Mutation testing of the modules without I/O.")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"of {', '.join(TESTS)}; all by default")
    parser.add_argument("--sample", type=int, help="test at most this many mutants of a module, chosen at random")
    parser.add_argument("--seed", type=int, default=0, help="the seed of the sample")
    arguments = parser.parse_args()
    for name in PRELOADED:
        importlib.import_module(name)
    shares = {module: killed_share(module, arguments.sample, arguments.seed) for module in arguments.modules or TESTS}
    return int(any(share < REQUIRED_SHARE for module, share in shares.items() if module not in NOT_REQUIRED))


if __name__ == "__main__":
    sys.exit(main())
