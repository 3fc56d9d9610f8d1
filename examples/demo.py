"""`make demo`: the package on one machine, without a network or a key.

It starts the embedded server, runs the two examples in this folder against it, embeds the docstrings of the Python
standard library, and finds the functions nearest to five questions.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import textwrap
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from openrouter_embeddings import OpenRouter
from openrouter_embeddings.local import serve
from tqdm import tqdm

MODEL = "local/wordllama-l2-supercat-256"
QUESTIONS = (
    "send an email",
    "compress a file",
    "convert text to a date",
    "copy a directory tree",
    "split a shell command into words",
)
NEAREST = 3
EXAMPLES = ("generate.py", "list_models.py")
# Modules that define what other modules publish.
PUBLIC_NAMES = {"_pydatetime": "datetime", "_pydecimal": "decimal", "_pyio": "io"}
SKIPPED_FOLDERS = {"test", "tests", "idlelib", "lib2to3", "turtledemo", "site-packages", "dist-packages"}

WIDTH = min(max(shutil.get_terminal_size((110, 24)).columns, 80), 140)


@dataclass(frozen=True)
class Function:
    """A documented function or method, by its full name."""

    name: str
    summary: str

    @property
    def text(self) -> str:
        """The text to embed: the words of the name, and the first paragraph of the docstring."""
        return f"{re.sub(r'[._]+', ' ', self.name)}: {self.summary}"


def main() -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace", line_buffering=True)
    # A proxy of the environment must not be used for this machine's own address.
    os.environ["no_proxy"] = ",".join(filter(None, [os.getenv("no_proxy") or os.getenv("NO_PROXY"), "127.0.0.1"]))
    with serve() as server:
        heading(f"The embedded server listens on {server.url}")
        for example in EXAMPLES:
            run_example(example, server.environment)
        with server.client() as client:
            search(client)
    return 0


def run_example(name: str, environment: dict[str, str]) -> None:
    """Run an example of the documentation unchanged, with these additional environment variables."""
    heading(f"python examples/{name}")
    path = Path(__file__).with_name(name)
    done = subprocess.run(
        [sys.executable, str(path)], env=os.environ | environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{name} failed:\n{done.stderr}")
    print(textwrap.shorten(done.stdout, 4 * WIDTH, placeholder=" …"))


def search(client: OpenRouter) -> None:
    """Embed the standard library, then search it."""
    heading(f"The standard library of Python {platform.python_version()}")
    functions = list(standard_library())
    started = time.perf_counter()
    library = client.embeddings.embed([function.text for function in functions], model=MODEL, progress=True)
    seconds = time.perf_counter() - started
    print(
        f"{len(library):,} docstrings embedded in {seconds:.1f} s, {len(library) / seconds:,.0f} a second: "
        f"{library.vectors.shape[1]} dimensions, {library.requests} requests, {library.usage.total_tokens:,} tokens.\n"
        f"At the price in the models list this would cost ${library.usage.cost or 0:.6f}; here it is free."
    )
    similarities = client.embeddings.embed(QUESTIONS, model=MODEL).vectors @ library.vectors.T
    for question, row in zip(QUESTIONS, similarities, strict=True):
        heading(question)
        for index in np.argsort(-row, kind="stable")[:NEAREST]:
            name, summary = functions[index].name, functions[index].summary
            print(f"  {row[index]:.2f}  {name:<34}  {textwrap.shorten(summary, WIDTH - 44, placeholder=' …')}")


def standard_library() -> Iterator[Function]:
    """Every documented public function and method, read from the source files without importing them."""
    root = Path(sysconfig.get_path("stdlib"))
    modules = {path: module_name(path.relative_to(root)) for path in sorted(root.rglob("*.py"))}
    public = {path: name for path, name in modules.items() if name is not None}
    if not public:
        sys.exit(f"there are no source files of the standard library in {root}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old modules use deprecated syntax
        for path, name in tqdm(public.items(), desc="reading", unit=" files"):
            with contextlib.suppress(SyntaxError):
                yield from documented(ast.parse(path.read_bytes()), name)


def module_name(path: Path) -> str | None:
    """The name under which a file is imported; None if it is not public."""
    name = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
    name = PUBLIC_NAMES.get(name, name)
    is_private = SKIPPED_FOLDERS.intersection(path.parts) or re.search(r"(^|\.)_", name)
    return None if is_private else name


def documented(node: ast.Module | ast.ClassDef, prefix: str) -> Iterator[Function]:
    """The documented public functions in a module or class, including nested classes."""
    for child in node.body:
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and child.name[0] != "_":
            name = f"{prefix}.{child.name}"
            if isinstance(child, ast.ClassDef):
                yield from documented(child, name)
            elif docstring := ast.get_docstring(child):
                yield Function(name, " ".join(docstring.split("\n\n")[0].split()))


def heading(text: str) -> None:
    bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() and "NO_COLOR" not in os.environ else ("", "")
    print(f"\n{bold}{text}{plain}")


if __name__ == "__main__":
    sys.exit(main())
