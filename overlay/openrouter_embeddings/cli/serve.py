"""The command `serve`: runs the embedded server."""

from __future__ import annotations

import contextlib
import errno
import shlex
import signal
import time
from typing import Any

import click

from ..config import validate_key
from ..defaults import LOCAL_SERVER_PORT
from ..errors import ConfigurationError
from ..redaction import as_secret
from .shared import PROGRAM

_PORT_HINTS = {
    errno.EADDRINUSE: "; --port 0 takes a free one",
    errno.EACCES: "; ports below 1024 may need an administrator, --port 0 takes a free one",
}


def _key(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:  # noqa: ARG001
    try:
        key = validate_key(as_secret(value), "KEY") if value is not None else None
    except ConfigurationError as error:
        raise click.BadParameter(str(error)) from None
    if value is not None and key is None:
        raise click.BadParameter("KEY is empty")
    return None if key is None else key.reveal()


def _models(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, int]:  # noqa: ARG001
    models = {}
    for value in values:
        name, _, dimensions = value.rpartition("=")
        if not name or not dimensions.isdecimal() or int(dimensions) < 1:
            raise click.BadParameter(f"{value!r} is not ID=DIMENSIONS, such as qwen/qwen3-embedding-8b=4096")
        models[name] = int(dimensions)
    return models


@click.command(
    epilog=f"""\b
The model, local/wordllama-l2-supercat-256, answers for the model ids of the API's
documentation and for each --model. Ctrl-C stops the server.

\b
examples:
  {PROGRAM} serve --port 0 --api-key sk-or-test
  {PROGRAM} serve --model qwen/qwen3-embedding-8b=4096

Needs: pip install '{PROGRAM}[local]'.""",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=LOCAL_SERVER_PORT,
    show_default=True,
    help="Port; 0 selects a free one.",
)
@click.option("--api-key", metavar="KEY", callback=_key, help="The only accepted key.  [default: every key]")
@click.option(
    "--model",
    "models",
    metavar="ID=DIMENSIONS",
    callback=_models,
    multiple=True,
    help="An additional model id with its vector length; may be repeated.",
)
@click.option(
    "--batch-seconds", type=click.FloatRange(0), default=5.0, show_default=True, help="How long a batch takes."
)
def serve(host: str, port: int, api_key: str | None, models: dict[str, int], batch_seconds: float) -> None:
    """Run the embeddings API on this machine.

    It uses a small real model, and needs no network and no key.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: shells start background commands with it ignored
        signal.signal(number, signal.default_int_handler)
    try:
        from ..local import serve as start

        with contextlib.suppress(KeyboardInterrupt):
            options: Any = {"api_key": api_key, "models": models, "batch_seconds": batch_seconds}
            with start(host=host, port=port, **options) as server:
                print(f"The embeddings API listens on {server.url}. Ctrl-C stops it. To use it:\n")
                for name, value in server.environment.items():
                    print(f"export {name}={shlex.quote(value)}", flush=True)
                while True:  # short sleeps, because a signal that another thread receives does not end a sleep
                    time.sleep(0.2)
    except (ImportError, ValueError) as error:
        reason = str(error)
    except OSError as error:
        hint = _PORT_HINTS.get(error.errno or 0, "")
        reason = f"cannot listen on {host}, port {port}: {error.strerror}{hint}"
    else:
        return
    raise ConfigurationError(reason)
