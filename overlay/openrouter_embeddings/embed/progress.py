"""The bar that `progress=True` shows, in a terminal or a notebook."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ..errors import ConfigurationError
from .job import Job
from .results import Progress, dollars

_WIDE_COLUMNS, _NARROW_COLUMNS = 100, 60


@contextlib.contextmanager
def bar(job: Job, model: str) -> Iterator[None]:
    """Show texts, time left, rate and cost of a job.

    Raises:
        ConfigurationError: the extra `progress` is not installed.
    """
    try:  # without ipywidgets `tqdm.auto` warns in a notebook, and then shows the same
        tqdm: Any = import_module("tqdm.auto" if find_spec("ipywidgets") else "tqdm").tqdm
    except ImportError:
        raise ConfigurationError("progress=True needs tqdm: pip install 'openrouter-embeddings[progress]'") from None
    with contextlib.ExitStack() as stack:

        def report(progress: Progress) -> None:
            try:
                shown.bar_format = _line(progress, model, shown.format_dict["ncols"] or _WIDE_COLUMNS)
                shown.update(progress.texts_done - shown.n)
                if progress.wait_seconds:
                    shown.refresh()
            except Exception:
                hide()

        def hide() -> None:
            job.report = None
            with contextlib.suppress(Exception):
                stack.close()

        try:
            total = job.progress().texts_total
            shown = stack.enter_context(tqdm(total=total, unit=" texts", dynamic_ncols=True, bar_format=" "))
            job.report = report
            report(job.progress())
            shown.refresh()
        except Exception:  # `sys.stderr` is None or broken, which must not end a job that is paid for
            hide()
        try:
            yield
        finally:
            hide()


def _line(progress: Progress, model: str, columns: int) -> str:
    """What fits, the cost always: an amount that is cut off would be another amount."""
    name = model if columns >= _WIDE_COLUMNS else model.rpartition("/")[2][: max(0, columns - _NARROW_COLUMNS)]
    cost = f", {dollars(progress.usage.cost)}" if progress.usage.cost else ""
    tokens = f", {progress.usage.total_tokens:,} tokens" if columns >= _WIDE_COLUMNS else ""
    rate = ", {rate_noinv_fmt}" if columns >= _NARROW_COLUMNS else ""
    start = (name + ": " if name else "").replace("{", "{{").replace("}", "}}")
    if progress.wait_seconds:
        rate += f", waits {progress.wait_seconds:.0f} s: {progress.wait_reason}"[: max(0, columns - _NARROW_COLUMNS)]
    if not progress.texts_total or progress.texts_done > progress.texts_total:
        return f"{start}{{n_fmt}} texts [{{elapsed}}{rate}{tokens}{cost}]"
    return f"{start}{{percentage:3.0f}}%|{{bar}}| {{n_fmt}}/{{total_fmt}} [{{remaining}} left{rate}{tokens}{cost}]"
