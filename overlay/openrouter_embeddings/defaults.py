"""Every number that a user may ask about."""

from __future__ import annotations

from typing import Final

# ---- embed: any number of texts ---------------------------------------------------------------------------------

BATCH_INPUTS: Final = 96
"""Texts in one request, until a model is known: all but the smallest providers accept so many."""
BATCH_TOKENS: Final = 240_000
"""Estimated tokens in one request: the largest documented limit is 300,000, less a margin for the estimate."""
START_CONCURRENCY: Final = 8
"""Requests in flight at first, once a model has answered."""
MAX_CONCURRENCY: Final = 32
"""Requests in flight at most, unless the caller asks for more."""
REJECTED_ALONE: Final = 8
"""Single-text requests that are rejected before any succeeds: then the request is wrong, not the texts."""
RETRY_LARGER_AFTER: Final = 8
"""Requests that succeed before twice a limit that no message named is tried; twice as many after each failure."""
JOB_ATTEMPTS: Final = 8
"""Waits in a row without any answer before a job ends."""
JOB_PATIENCE_SECONDS: Final = 60.0
"""A server that says how long to wait is obeyed for at least so long, however many waits that takes."""
JOB_BACKOFF_CAP_SECONDS: Final = 60.0
"""The longest wait of a job that the server did not ask for."""
JOB_RETRY_AFTER_CAP_SECONDS: Final = 600.0
"""The longest wait that a server may ask a job for."""
JOB_READ_SECONDS: Final = 120.0
"""Silence of a server that one request of a job accepts."""
JOB_ATTEMPT_SECONDS: Final = 300.0
"""Duration of one request of a job."""
