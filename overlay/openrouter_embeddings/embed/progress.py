"""The bar that `progress=True` shows, in a terminal or a notebook."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any, cast

from ..errors import ConfigurationError
from .results import Progress, dollars


class Bar:
    """Shows texts, cost, time left and rate of a job when it is called. Raises ConfigurationError: tqdm is missing."""

    def __init__(self, model: str) -> None:
        try:  # without ipywidgets `tqdm.auto` warns in a notebook, and then shows the same
            self._tqdm: Any = import_module("tqdm.auto" if find_spec("ipywidgets") else "tqdm").tqdm
        except ImportError:
            message = "progress=True needs tqdm: pip install 'openrouter-embeddings[progress]'"
            raise ConfigurationError(message) from None
        self._name, self._bar, self._works = model.replace("{", "{{").replace("}", "}}"), None, True

    def __call__(self, progress: Progress) -> None:
        try:
            if self._works:
                self._show(progress)
        except Exception:  # `sys.stderr` is None or broken, which must not end a job that is paid for
            self._works = False

    def _show(self, progress: Progress) -> None:
        total, usage = progress.texts_total, progress.usage
        if self._bar is None:
            self._bar = self._tqdm(total=total, unit=" texts", dynamic_ncols=True, bar_format=" ")
        bar: Any = self._bar
        known = total and progress.texts_done <= total
        count = "{percentage:3.0f}% {n_fmt}/{total_fmt}" if known else "{n_fmt} texts"
        cost = f", {dollars(usage.cost)}" if usage.cost else ""  # early: a narrow terminal cuts the end off
        wait = f", waits {progress.wait_seconds:.0f} s: {progress.wait_reason}" if progress.wait_seconds else ""
        time = "{remaining} left" if known else "{elapsed}"
        rest = f"{wait}, {{rate_noinv_fmt}}, {usage.total_tokens:,} tokens] {self._name}"
        bar.bar_format = f"{count}{cost} [{time}{rest}"
        bar.update(progress.texts_done - bar.n)
        if progress.wait_seconds or not progress.texts_done:
            bar.refresh()

    def close(self) -> None:
        """Leave the last line as it is; twice is safe."""
        with suppress(Exception):
            cast(Any, self._bar).close()
