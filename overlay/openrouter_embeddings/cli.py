"""The command line. A command is one function that adds its arguments and one that runs it."""

from __future__ import annotations

import argparse
import contextlib
import errno
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

from .config import as_secret, validate_key, version
from .defaults import LOCAL_SERVER_PORT
from .errors import ConfigurationError

PROGRAM = "openrouter-embeddings"  # the name of the distribution, and of the script that no other package installs
SUCCESS, FAILURE, INTERRUPTED = 0, 1, 130  # argparse exits with 2 for wrong usage
_SERVE_EXAMPLES = f"""\
The model, local/wordllama-l2-supercat-256, answers for the model ids of the API's
documentation and for each --model. Ctrl-C stops the server.

examples:
  {PROGRAM} serve --port 0 --api-key sk-or-test
  {PROGRAM} serve --model qwen/qwen3-embedding-8b=4096

Needs: pip install '{PROGRAM}[local]'."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command, with the arguments of the process by default, and return its exit code."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Embeddings through OpenRouter, from the command line.",
        epilog=f"example:\n  {PROGRAM} serve\n\nExit codes: 0 success, 1 failure, 2 wrong usage, 130 interrupted.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {version()}")
    _add_serve(parser.add_subparsers(title="commands", metavar="COMMAND", required=True))
    arguments = parser.parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except KeyboardInterrupt:
        return INTERRUPTED


def _add_serve(commands: Any) -> None:
    command = commands.add_parser(
        "serve",
        help="run the embeddings API on this machine, with a small real model",
        description="Run the embeddings API on this machine, with a small real model and no network.",
        epilog=_SERVE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = command.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=_port, default=LOCAL_SERVER_PORT, help="port; 0 takes a free one (default: %(default)s)")
    add("--api-key", metavar="KEY", type=_key, help="the only accepted key (default: every key is accepted)")
    model_help = "an additional model id with its vector length; may be repeated"
    add("--model", metavar="ID=DIMENSIONS", type=_model, action="append", default=[], help=model_help)
    command.set_defaults(run=_serve)


def _serve(arguments: argparse.Namespace) -> int:
    for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a shell starts background commands with it ignored
        signal.signal(number, signal.default_int_handler)
    host, port, models = arguments.host, arguments.port, dict(arguments.model)
    try:
        from .local import serve

        with serve(host=host, port=port, api_key=arguments.api_key, models=models) as server:
            print(f"The embeddings API listens on {server.url}. Ctrl-C stops it. To use it:\n")
            for name, value in server.environment.items():
                print(f"export {name}={shlex.quote(value)}", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                while True:  # in short steps, since a signal that another thread receives does not end a sleep
                    time.sleep(0.2)
        return SUCCESS
    except (ImportError, ValueError) as error:
        reason = str(error)
    except OSError as error:
        hint = "; --port 0 takes a free one" if error.errno == errno.EADDRINUSE else ""
        reason = f"cannot listen on {host}, port {port}: {error.strerror}{hint}"
    print(f"{PROGRAM} serve: {reason}", file=sys.stderr)
    return FAILURE


def _key(text: str) -> str:
    try:
        key = validate_key(as_secret(text), "KEY")
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if key is None:
        raise argparse.ArgumentTypeError("KEY is empty")
    return key.reveal()


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text} is not a port: 0 to 65535")
    return int(text)


def _model(text: str) -> tuple[str, int]:
    name, _, dimensions = text.rpartition("=")
    if not name or not dimensions.isdecimal() or int(dimensions) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not ID=DIMENSIONS, such as qwen/qwen3-embedding-8b=4096")
    return name, int(dimensions)
