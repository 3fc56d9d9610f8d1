"""Shared by all commands: the program name, the exit codes, JSON options and output."""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import IntEnum
from typing import Any

import click

PROGRAM = "openrouter-embeddings"  # name of the distribution and of its main script
ALIAS = "openrouter"  # shorter name of the same script


class ExitCode(IntEnum):
    """The exit code of a command. 2 means wrong usage, as in click."""

    SUCCESS = 0
    FAILURE = 1
    SOME_ERRORS = 3
    BUDGET = 4
    INTERRUPTED = 130


EXIT_CODES = """\
Exit codes: 0 success, 1 failure, 2 wrong usage, 3 done but some rows have
errors, 4 stopped by --max-cost, 130 interrupted."""


def json_object(ctx: click.Context, parameter: click.Parameter, value: str | None) -> Any:  # noqa: ARG001
    """Parse an option whose value is a JSON object (a click callback)."""
    try:
        found = None if value is None else json.loads(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not JSON: {error}") from None
    if not isinstance(found, dict | None):
        raise click.BadParameter(f"{value!r} is not a JSON object")
    return found


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print names and values in two columns. A fact with an empty value is not printed; an empty name repeats none."""
    for name, value in facts:
        if value:
            print(f"{f'{name}:' if name else '':10} {value}")


def print_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    print(json.dumps(value, default=str))
