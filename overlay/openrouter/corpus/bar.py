"""The bar that `progress=True` draws, in a terminal or a notebook."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ..errors import ConfigurationError
from .job import Job, Progress


@contextlib.contextmanager
def bar(job: Job, model: str) -> Iterator[None]:
    """Draw a job: texts, rate, time left, cost so far.

    Raises:
        ConfigurationError: the extra `progress` is not installed.
    """
    try:
        from tqdm.auto import tqdm
    except ImportError:
        raise ConfigurationError("progress=True needs tqdm: pip install 'openrouter-embeddings[progress]'") from None
    with tqdm(total=job.progress().texts_total, desc=model, unit=" texts") as drawn:

        def report(progress: Progress) -> None:
            cost = progress.usage.cost_usd
            shown = f", ${cost:.4f}" if cost and cost >= 0.00005 else ""
            drawn.set_postfix_str(f"{progress.usage.total_tokens:,} tokens{shown}", False)
            drawn.update(progress.texts_done - drawn.n)

        job.report = report
        yield
