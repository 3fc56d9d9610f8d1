"""The command `openrouter`. Each subcommand is one function that adds its arguments and one that runs it."""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib.metadata
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

DISTRIBUTION = "openrouter-embeddings"

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    parser = _parser()
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        arguments.parser.error(f"unrecognized arguments: {' '.join(unknown)}")  # with the usage of the command it is of
    if arguments.run is None:
        parser.print_help()
        return WRONG_USAGE
    try:
        return int(arguments.run(arguments))
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="openrouter",
        description="Embeddings through OpenRouter, from the command line.",
        epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"{DISTRIBUTION} {_version()}")
    parser.set_defaults(run=None, parser=parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for add in (_add_serve,):
        add(commands)
    return parser


def _version() -> str:
    try:
        return importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


def _fail(command: str, reason: object) -> int:
    print(f"openrouter {command}: {reason}", file=sys.stderr)
    return FAILED


# ---------------------------------------------------------------------------------------------------- serve


def _add_serve(commands: Any) -> None:
    command = commands.add_parser(
        "serve",
        help="run the embeddings API on this machine, with a small real model and no network",
        description="Run the embeddings API on this machine, with a small real model and no network. "
        "It answers for every --model with the vectors of local/wordllama-l2-supercat-256.",
        epilog="Needs: pip install 'openrouter-embeddings[local]'. Ctrl-C stops it.",
    )
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    command.add_argument(
        "--port", type=_port, default=8787, help="port to listen on; 0 takes a free one (default: %(default)s)"
    )
    command.add_argument("--api-key", metavar="KEY", type=_key, help="the only key to accept (default: any)")
    command.add_argument(
        "--model",
        metavar="ID=DIMENSIONS",
        type=_model,
        action="append",
        default=[],
        help="answer for this model id too, with vectors of this length; may be repeated",
    )
    command.set_defaults(run=_serve, parser=command)


def _serve(arguments: argparse.Namespace) -> int:
    for number in (signal.SIGINT, signal.SIGTERM):  # both: a shell starts background commands deaf to SIGINT
        signal.signal(number, signal.default_int_handler)
    try:
        from .local import serve

        models = dict(arguments.model)
        with serve(host=arguments.host, port=arguments.port, api_key=arguments.api_key, models=models) as server:
            print(f"The embeddings API listens on {server.url}. Ctrl-C stops it. To use it:\n")
            for name, value in server.environment.items():
                print(f"export {name}={shlex.quote(value)}", flush=True)
            _sleep_until_interrupted()
    except (ImportError, ValueError) as error:
        return _fail("serve", error)
    except OSError as error:
        hint = "; --port 0 takes a free one" if error.errno == errno.EADDRINUSE else ""
        return _fail("serve", f"cannot listen on {arguments.host}, port {arguments.port}: {error.strerror}{hint}")
    return DONE


def _sleep_until_interrupted() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        while True:  # in short steps: a signal that reaches another thread does not wake this one
            time.sleep(0.2)


def _key(text: str) -> str:
    from .config import as_secret, checked_key
    from .errors import ConfigurationError

    try:
        key = checked_key(as_secret(text), "KEY")
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if key is None:
        raise argparse.ArgumentTypeError("KEY is empty")
    return key.reveal()


def _port(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= number <= 65_535:
        raise argparse.ArgumentTypeError(f"{text} is no port: 0 to 65535")
    return number


def _model(text: str) -> tuple[str, int]:
    name, _, dimensions = text.rpartition("=")
    if not name or not dimensions.isdecimal() or int(dimensions) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not ID=DIMENSIONS, such as qwen/qwen3-embedding-8b=4096")
    return name, int(dimensions)
