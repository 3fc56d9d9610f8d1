"""The command line program: collects the commands, runs one, shows errors, returns the exit code (also for Ctrl-C)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from ..config import version
from ..errors import BudgetError, OpenRouterError
from .corpus import embed, status
from .lookup import check, models, search
from .serve import serve
from .shared import ALIAS, EXIT_CODES, PROGRAM, ExitCode


@click.group(
    commands=[embed, status, search, check, models, serve],
    subcommand_metavar="COMMAND [ARGUMENTS]...",
    epilog=f"""\b
{EXIT_CODES}

\b
examples:
  {PROGRAM} embed notes.jsonl -o notes.parquet -m MODEL
  {PROGRAM} search notes.parquet "how do I reset a password"
  {PROGRAM} serve

\b
MODEL is an id, such as openai/text-embedding-3-small; `models` lists them.
The key is read from OPENROUTER_API_KEY, and the URL of another server from
OPENROUTER_BASE_URL.

\b
Completion in bash (also zsh, fish), and for the shorter name:
  eval "$(_OPENROUTER_EMBEDDINGS_COMPLETE=bash_source {PROGRAM})"
  eval "$(_OPENROUTER_COMPLETE=bash_source {ALIAS})"
""",
)
@click.version_option(version(), "--version", prog_name=PROGRAM, message="%(prog)s %(version)s")
def commands() -> None:
    """Embeddings through OpenRouter, from the command line."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command, with the arguments of the process by default, and return its exit code."""
    name = Path(sys.argv[0]).name if argv is None else ""
    try:
        code = commands.main(argv, name if name == ALIAS else PROGRAM, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return ExitCode.INTERRUPTED
    except OpenRouterError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return ExitCode.BUDGET if isinstance(error, BudgetError) else ExitCode.FAILURE
    except OSError as error:  # for example, a file that may not be read
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return ExitCode.FAILURE
    return int(code or ExitCode.SUCCESS)
