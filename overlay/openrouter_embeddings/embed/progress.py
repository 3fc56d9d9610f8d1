"""The bar that `progress=True` shows, in a terminal or a notebook."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ..errors import ConfigurationError
from .results import Progress, dollars

_WIDE_COLUMNS, _NARROW_COLUMNS = 100, 60


class Bar:
    """Shows texts, time left, rate and cost of a job when it is called.

    Raises:
        ConfigurationError: the extra `progress` is not installed.
    """

    def __init__(self, model: str) -> None:
        try:  # without ipywidgets `tqdm.auto` warns in a notebook, and then shows the same
            self._tqdm: Any = import_module("tqdm.auto" if find_spec("ipywidgets") else "tqdm").tqdm
        except ImportError:
            message = "progress=True needs tqdm: pip install 'openrouter-embeddings[progress]'"
            raise ConfigurationError(message) from None
        self._model, self._shown, self._works = model, None, True

    def __call__(self, progress: Progress) -> None:
        try:
            if self._works:
                self._show(progress)
        except Exception:  # `sys.stderr` is None or broken, which must not end a job that is paid for
            self._works = False

    def _show(self, progress: Progress) -> None:
        if self._shown is None:
            self._shown = self._tqdm(total=progress.texts_total, unit=" texts", dynamic_ncols=True, bar_format=" ")
        shown = self._shown
        shown.bar_format = _line(progress, self._model, shown.format_dict["ncols"] or _WIDE_COLUMNS)
        shown.update(progress.texts_done - shown.n)
        if progress.wait_seconds or not progress.texts_done:
            shown.refresh()

    def close(self) -> None:
        """Leave the last line as it is; twice is safe."""
        with suppress(Exception):
            self._shown.close()


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
