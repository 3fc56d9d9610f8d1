"""Writes corpus files, and runs corpus jobs in this process or in a process that a test can kill."""

from __future__ import annotations

import functools
import multiprocessing
import sys
from pathlib import Path
from typing import Any

import msgspec
from openrouter_embeddings import OpenRouter, errors
from support.provider_server import KEY, MODEL


@functools.cache
def _processes() -> Any:
    """Return a fork server whose processes have already imported all that a job needs."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["support.corpus_job", "openrouter_embeddings.corpus", "pyarrow.parquet"])
    return context


def write_corpus(path: Path, texts: list[Any]) -> Path:
    """Write a JSONL file with one id per text."""
    rows = [{"id": f"id {row}", "text": text} for row, text in enumerate(texts)]
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    return path


def embed_corpus(url: str, source: Path, output: Path, **options: Any) -> Any:
    """Run a job in this process."""
    with OpenRouter(KEY, server_url=url) as client:
        return client.embeddings.corpus(source, output=output, **{"model": MODEL, **options})


def _run(url: str, source: Path, output: Path, max_file_bytes: int, options: dict[str, Any]) -> None:
    import resource  # exists on POSIX only

    resource.setrlimit(resource.RLIMIT_FSIZE, (max_file_bytes, resource.RLIM_INFINITY))
    try:
        embed_corpus(url, source, output, **options)
    except KeyboardInterrupt:
        sys.exit(130)
    except errors.CorpusError:
        sys.exit(1)


def start_job(url: str, source: Path, output: Path, *, max_file_bytes: int = -1, **options: Any) -> Any:
    """Start a job in a new process, which cannot write files larger than `max_file_bytes` (-1: no limit)."""
    process = _processes().Process(target=_run, args=(url, source, output, max_file_bytes, options))
    process.start()
    return process
