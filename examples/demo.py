"""`make demo`: starts the embedded server, runs the two examples, and searches the Python standard library by meaning.

It needs no network and no key: the embedded server has a small model of its own.
"""

from __future__ import annotations

import ast
import contextlib
import os
import platform
import re
import subprocess
import sys
import sysconfig
import textwrap
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from openrouter_embeddings import OpenRouter
from openrouter_embeddings.local import serve

MODEL = "local/wordllama-l2-supercat-256"
QUESTIONS = (
    "send an email",
    "compress a file",
    "convert text to a date",
    "copy a directory tree",
    "split a shell command into words",
)
RESULTS_PER_QUESTION = 3
# Modules that define what other modules publish.
PUBLIC_NAMES = {"_pydatetime": "datetime", "_pydecimal": "decimal", "_pyio": "io"}
SKIPPED_FOLDERS = {"test", "tests", "idlelib", "lib2to3", "turtledemo", "site-packages", "dist-packages"}


class Function(NamedTuple):
    """A documented function or method: its full name, and the first paragraph of its docstring."""

    name: str
    summary: str


def main() -> None:
    # Requests to this machine must not go through a proxy.
    os.environ["no_proxy"] = ",".join(filter(None, [os.getenv("no_proxy") or os.getenv("NO_PROXY"), "127.0.0.1"]))
    with serve() as server, server.client() as client:
        print(f"The embedded server listens on {server.url}")
        for example in ("generate.py", "list_models.py"):
            run_example(example, server.environment)
        search(client)


def run_example(name: str, environment: dict[str, str]) -> None:
    """Run an example of the documentation with these additional environment variables."""
    print(f"\npython examples/{name}")
    path = Path(__file__).with_name(name)
    done = subprocess.run([sys.executable, path], env=os.environ | environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{name} failed:\n{done.stderr}")
    print(textwrap.shorten(done.stdout, 400, placeholder=" ..."))


def search(client: OpenRouter) -> None:
    """Embed the docstrings of the standard library, and print the nearest functions to each question."""
    print(f"\nThe standard library of Python {platform.python_version()}")
    functions = list(standard_library())
    # A name such as `shutil.copytree` becomes words.
    texts = [f"{re.sub(r'[._]+', ' ', function.name)}: {function.summary}" for function in functions]
    started = time.perf_counter()
    library = client.embeddings.embed(texts, model=MODEL, progress=True)
    seconds = time.perf_counter() - started
    print(
        f"{len(library):,} docstrings embedded in {seconds:.1f} s, {len(library) / seconds:,.0f} per second: "
        f"{library.vectors.shape[1]} dimensions, {library.requests} requests, {library.usage.total_tokens:,} tokens.\n"
        f"Cost at the price in the models list: ${library.usage.cost or 0:.6f}; here it is free."
    )
    similarities = client.embeddings.embed(QUESTIONS, model=MODEL).vectors @ library.vectors.T
    for question, row in zip(QUESTIONS, similarities, strict=True):
        print(f"\n{question}")
        for index in np.argsort(-row, kind="stable")[:RESULTS_PER_QUESTION]:
            name, summary = functions[index]
            print(f"  {row[index]:.2f}  {name:<34}  {textwrap.shorten(summary, 70, placeholder=' …')}")


def standard_library() -> Iterator[Function]:
    """Every documented public function and method, read from the source files without importing them."""
    root = Path(sysconfig.get_path("stdlib"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old modules use deprecated syntax
        for path in sorted(root.rglob("*.py")):
            if module := public_module(path.relative_to(root)):
                with contextlib.suppress(SyntaxError):
                    yield from documented(ast.parse(path.read_bytes()), module)


def public_module(path: Path) -> str | None:
    """The name under which a file is imported; None if it is not public."""
    name = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
    name = PUBLIC_NAMES.get(name, name)
    return None if SKIPPED_FOLDERS.intersection(path.parts) or re.search(r"(^|\.)_", name) else name


def documented(node: ast.Module | ast.ClassDef, prefix: str) -> Iterator[Function]:
    """The documented public functions of a module or class, and of the classes in it."""
    for child in node.body:
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and child.name[0] != "_":
            name = f"{prefix}.{child.name}"
            if isinstance(child, ast.ClassDef):
                yield from documented(child, name)
            elif docstring := ast.get_docstring(child):
                yield Function(name, " ".join(docstring.split("\n\n")[0].split()))


if __name__ == "__main__":
    main()
