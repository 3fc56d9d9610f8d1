"""Measures memory and rate of corpus jobs of growing size: `python tests/corpus/measure_memory.py 100000 300000`."""

from __future__ import annotations

import base64
import itertools
import json
import os
import resource
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

DIMENSIONS = 1536
NUMBERS = itertools.count()  # no response is a copy of another
VECTOR = base64.b64encode(b"\0\0\x80\x3f" * DIMENSIONS).decode()


class Handler(BaseHTTPRequestHandler):
    """Answers with the same vector for each text."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        inputs = json.loads(self.rfile.read(int(self.headers["content-length"])))["input"]
        rows = ",".join(f'{{"object":"embedding","embedding":"{VECTOR}","index":{i}}}' for i in range(len(inputs)))
        usage = f'{{"prompt_tokens":{len(inputs)},"total_tokens":{len(inputs)},"cost":0.001}}'
        body = f'{{"object":"list","data":[{rows}],"model":"a/b","usage":{usage}}}'.encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("x-generation-id", f"gen-{next(NUMBERS)}")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


def job(url: str, source: Path, output: Path) -> None:
    """Run a job in this process; print its seconds, rows and memory."""
    from openrouter_embeddings import OpenRouter

    began = time.monotonic()
    with OpenRouter("key", server_url=url) as client:
        result = client.embeddings.corpus(source, output=output, model="a/b")
    seconds, used = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF)
    cpu_seconds = used.ru_utime + used.ru_stime
    print(
        f"{result.rows:>9,} rows  peak {used.ru_maxrss / 1024:.0f} MB  {result.rows / seconds:>7,.0f} rows/s  "
        f"{1000 * cpu_seconds / result.rows:.3f} s of CPU for 1,000 rows",
        flush=True,
    )


def main() -> None:
    with Server(("127.0.0.1", 0), Handler) as server, tempfile.TemporaryDirectory() as folder:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        for rows in map(int, sys.argv[1:]):
            source = Path(folder, f"{rows}.jsonl")
            with source.open("w") as file:
                for i in range(rows):
                    file.write(f'{{"id": {i}, "text": "a text of usual length, with the number {i}, for a job"}}\n')
            environment = {**os.environ, "MEASURED": json.dumps([url, str(source), f"{source}.parquet"])}
            subprocess.run([sys.executable, __file__], env=environment, check=True)
            Path(f"{source}.parquet").unlink()


if __name__ == "__main__":
    if "MEASURED" in os.environ:
        url, source, output = json.loads(os.environ["MEASURED"])
        job(url, Path(source), Path(output))
    else:
        main()
