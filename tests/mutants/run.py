"""Does a test fail for every small fault? Mutants of the modules that decide, each against its fast tests.

    python tests/mutants/run.py [MODULE ...]

Prints the survivors and a figure per file; the exit status is 1 where less than 90 % were killed.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from mutations import Mutant, mutants

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "overlay/openrouter"
TESTS = {
    "retries": ["test_retries.py", "mutants/test_retries.py", "test_call.py", "properties/test_waits.py"],
    "call": ["test_call.py", "mutants/test_call.py", "properties/test_calls.py"],
    "envelopes": ["test_envelopes.py", "mutants/test_envelopes.py", "test_answers.py", "properties/test_answers.py"],
    "answers": ["test_answers.py", "mutants/test_answers.py", "properties/test_answers.py"],
    "carving": ["test_carving.py", "test_answers.py", "properties/test_answers.py"],
    "vectors": ["test_vectors.py", "test_carving.py"],
}
WANTED = 0.9
PROCESSES = 2
COPIED = ["overlay", "generated", "codegen", "tests", "openapi.yaml", "pyproject.toml"]
PRELOADED = ["attrs", "httpx", "hypothesis.stateful", "jsonschema", "msgspec", "numpy", "pytest", "yaml"]
_FAILED = 1  # pytest's exit status for failed tests


class Task(NamedTuple):
    """One mutant, and how long its tests may take."""

    module: str
    mutant: Mutant
    seconds: float


Outcome = tuple[Task, bool]  # whether it was killed


class Tree:
    """A copy of the project, to be spoiled. The project itself stays as it is."""

    def __init__(self, origin: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mutants-"))
        for name in COPIED:
            if (origin / name).is_dir():
                left_out = shutil.ignore_patterns("node_modules", "__pycache__", ".*")
                shutil.copytree(origin / name, self.folder / name, ignore=left_out)
            else:
                shutil.copy(origin / name, self.folder)

    def __enter__(self) -> Tree:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def source(self, module: str) -> str:
        return (self.folder / PACKAGE / f"{module}.py").read_text("utf-8")

    def passes(self, module: str, source: str | None = None, seconds: float = 300) -> bool:
        """Whether the module's tests pass with this as its text; too slow is a failure."""
        path = self.folder / PACKAGE / f"{module}.py"
        original = path.read_text("utf-8")
        # A compiled file is told by size and seconds, which two mutants may share: none is kept of this module.
        for compiled in path.parent.glob(f"__pycache__/{module}.*"):
            compiled.unlink()
        path.write_text(original if source is None else source, "utf-8")
        try:
            return self._run(module, source is None, seconds) == 0
        finally:
            path.write_text(original, "utf-8")

    def _run(self, module: str, keep_compiled: bool, seconds: float) -> int:
        pid = os.fork()
        if pid == 0:
            _child(self.folder, module, keep_compiled)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return _FAILED


def _child(folder: Path, module: str, keep_compiled: bool) -> None:
    """Run the tests in this process, which then ends. Everything but the project is imported already."""
    status = _FAILED
    try:
        os.setsid()
        os.chdir(folder)
        sys.dont_write_bytecode = not keep_compiled
        sys.path[:0] = [str(folder / name) for name in ("overlay", "generated", "tests", ".")]
        nowhere = os.open(os.devnull if not os.environ.get("MUTANTS_SHOW") else "/dev/stderr", os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        import pytest

        tests = [f"tests/{name}" for name in TESTS[module] if (folder / "tests" / name).exists()]
        status = int(pytest.main(["-x", "-q", "--tb=no", "-p", "no:cacheprovider", *tests]))
    finally:
        os._exit(status)


def _work(origin: Path, tasks: list[Task], results: multiprocessing.Queue[Outcome | None]) -> None:
    """Judge these mutants in a tree of one's own. Without mutants its tests must pass, at first and at last."""
    with Tree(origin) as tree:
        for module in {task.module for task in tasks}:
            fit = tree.passes(module)  # compiles the tests, once
        for task in tasks:
            results.put((task, not tree.passes(task.module, task.mutant.source, task.seconds)))
        fit = fit and all(tree.passes(module) for module in {task.module for task in tasks})
    results.put(None)
    sys.exit(not fit)


def _seconds(tree: Tree, module: str) -> float:
    """How long a mutant may take: several times what the tests of the unspoiled module do."""
    start = time.monotonic()
    if not tree.passes(module):
        sys.exit(f"{module}: its tests fail as it is")
    return 10 + 5 * (time.monotonic() - start)


def _outcomes(origin: Path, tasks: list[Task]) -> Iterator[Outcome]:
    """Each task and whether its mutant was killed, as they come."""
    results: multiprocessing.Queue[Outcome | None] = multiprocessing.Queue()
    shares = [tasks[number::PROCESSES] for number in range(PROCESSES)]
    workers = [multiprocessing.Process(target=_work, args=(origin, share, results)) for share in shares]
    for worker in workers:
        worker.start()
    for _ in workers:
        while (result := results.get()) is not None:
            yield result
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        sys.exit("the tests fail without any mutant too: what was killed tells nothing")


def _killed_share(tree: Tree, module: str) -> float:
    """Judge every mutant of a module; prints the survivors and the figure."""
    seconds, start = _seconds(tree, module), time.monotonic()
    tasks = [Task(module, mutant, seconds) for mutant in mutants(tree.source(module))]
    survived = 0
    for task, killed in _outcomes(tree.folder, tasks):
        if not killed:
            survived += 1
            print(f"{PACKAGE}/{module}.py:{task.mutant.line} {task.mutant.old} -> {task.mutant.new}", flush=True)
    share = 1 - survived / len(tasks)
    took = time.monotonic() - start
    print(f"{module}.py: {len(tasks) - survived} of {len(tasks)} killed, {share:.1%}, {took:.0f} s", flush=True)
    return share


def main() -> int:
    parser = argparse.ArgumentParser(description="Mutation testing of the modules that decide.")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"of {', '.join(TESTS)}; all by default")
    chosen = parser.parse_args().modules or list(TESTS)
    for name in PRELOADED:
        importlib.import_module(name)
    with Tree(ROOT) as tree:  # so that edits made meanwhile take no part
        shares = [_killed_share(tree, module) for module in chosen]
    return int(min(shares) < WANTED)


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    sys.exit(main())
