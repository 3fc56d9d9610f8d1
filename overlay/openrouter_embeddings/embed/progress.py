"""The progress bar of `progress=True`, for terminals and notebooks."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any, cast

from ..errors import ConfigurationError
from .results import Progress, dollars


class Bar:
    """A callable that displays a job's texts, cost, time left and rate. Raises ConfigurationError without tqdm."""

    def __init__(self, model: str) -> None:
        try:  # without ipywidgets, `tqdm.auto` warns in a notebook and shows a text bar
            self._tqdm: Any = import_module("tqdm.auto" if find_spec("ipywidgets") else "tqdm").tqdm
        except ImportError:
            message = "progress=True needs tqdm: pip install 'openrouter-embeddings[progress]'"
            raise ConfigurationError(message) from None
        self._name, self._bar, self._works = model.replace("{", "{{").replace("}", "}}"), None, True

    def __call__(self, progress: Progress) -> None:
        try:
            if self._works:
                self._show(progress)
        except Exception:  # a missing or broken `sys.stderr` must not end a billed job
            self._works = False

    def _show(self, progress: Progress) -> None:
        total, usage = progress.texts_total, progress.usage
        if self._bar is None:
            self._bar = self._tqdm(total=total, unit=" texts", dynamic_ncols=True, bar_format=" ")
        bar: Any = self._bar
        known = total and progress.texts_done <= total
        count = "{percentage:3.0f}% {n_fmt}/{total_fmt}" if known else "{n_fmt} texts"
        cost = f", {dollars(usage.cost)}" if usage.cost else ""  # near the start: narrow terminals cut the end off
        wait = f", waits {progress.wait_seconds:.0f} s: {progress.wait_reason}" if progress.wait_seconds else ""
        time = "{remaining} left" if known else "{elapsed}"
        rest = f"{wait}, {{rate_noinv_fmt}}, {usage.total_tokens:,} tokens] {self._name}"
        bar.bar_format = f"{count}{cost} [{time}{rest}"
        bar.update(progress.texts_done - bar.n)
        if progress.wait_seconds or not progress.texts_done:
            bar.refresh()

    def close(self) -> None:
        """Close the bar and keep its last line. May be called twice."""
        with suppress(Exception):
            cast(Any, self._bar).close()
