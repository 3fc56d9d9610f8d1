"""The bar that `progress=True` draws, in a terminal or a notebook."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ..errors import ConfigurationError
from .job import Job, Progress

_WIDE = 100  # columns from which everything is shown, if there is room for the name too
_NARROW = 60  # columns that texts, time left, rate and cost take; what is more goes to the name, then to the bar
_SMALL = 45  # that texts, time left and cost take


@contextlib.contextmanager
def bar(job: Job, model: str) -> Iterator[None]:
    """Draw a job: texts, time left, rate, cost so far.

    Raises:
        ConfigurationError: the extra `progress` is not installed.
    """
    try:  # without ipywidgets `tqdm.auto` would warn in a notebook, and then draw the same
        tqdm: Any = import_module("tqdm.auto" if find_spec("ipywidgets") else "tqdm").tqdm
    except ImportError:
        raise ConfigurationError("progress=True needs tqdm: pip install 'openrouter-embeddings[progress]'") from None
    with tqdm(total=job.progress().texts_total, unit=" texts", dynamic_ncols=True, bar_format=" ") as drawn:

        def fit(progress: Progress) -> None:
            """Lay the line out for the terminal as wide as it is now: the bar gives way first, then the name."""
            columns = drawn.format_dict["ncols"]
            wide = not columns or (columns >= _WIDE and columns - _WIDE + 10 >= len(model.rpartition("/")[2]))
            drawn.desc = _named(model, columns - (_WIDE - 10 if wide else _NARROW) if columns else len(model))
            drawn.unit = " texts" if wide else ""
            drawn.bar_format = _format(progress, wide, columns or _WIDE)
            tokens = f"{progress.usage.total_tokens:,} tokens" if wide else ""
            drawn.set_postfix_str(", ".join(filter(None, (tokens, _dollars(progress.usage.cost_usd)))), False)

        def report(progress: Progress) -> None:
            fit(progress)
            drawn.update(progress.texts_done - drawn.n)

        fit(job.progress())
        drawn.refresh()
        job.report = report
        yield


def _format(progress: Progress, wide: bool, columns: int) -> str:
    """What there is room for: an amount that is cut off would be another one."""
    passed = "{elapsed}, " if wide else ""
    told = (", {rate_noinv_fmt}" if columns >= _NARROW - 1 else "") + "{postfix}"
    if not progress.texts_total or progress.texts_done > progress.texts_total:
        return "{desc}{n_fmt} texts" + (" [{elapsed}" + told + "]" if columns >= _SMALL else "")
    share = "{desc}{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}"
    return f"{share} [{passed}{{remaining}} left{told}]" if columns >= _SMALL else share


def _named(model: str, room: int) -> str:
    """The model's name as far as there is room for it, without its maker where that does not fit."""
    shown = model if len(model) <= room else model.rpartition("/")[2][: max(0, room)]
    return f"{shown}: " if shown else ""


def _dollars(cost: float | None) -> str:
    """An amount in few characters, however small; nothing where nothing was billed."""
    if not cost:
        return ""
    if cost < 0.00005:
        return "$" + f"{float(f'{cost:.1g}'):.10f}".rstrip("0").rstrip(".")
    return f"${cost:.4f}" if cost < 10 else f"${cost:,.2f}"
