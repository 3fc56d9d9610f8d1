"""Every number that a user may ask about, with its unit and the reason for it.

An argument (`timeout_ms=`, `retries=`, `batch_size=`, ...) always wins over these.
"""

from typing import Final

# One attempt of one call: see `messages.Timeouts`.
CONNECT_SECONDS: Final = 5.0
POOL_SECONDS: Final = 120.0  # waiting for one of the client's own connections says nothing about the server
WRITE_SECONDS: Final = 30.0
READ_SECONDS: Final = 60.0
ATTEMPT_SECONDS: Final = 120.0
MAX_CONNECTIONS: Final = 100
KEEPALIVE_SECONDS: Final = 30.0

# Retries of one call: see `retries.Policy`.
ATTEMPTS: Final = 4
MAYBE_BILLED_RETRIES: Final = 1  # the input may be paid for again
BACKOFF_SECONDS: Final = 0.5
OVERLOADED_BACKOFF_SECONDS: Final = 1.0
BACKOFF_CAP_SECONDS: Final = 8.0
RETRY_AFTER_CAP_SECONDS: Final = 60.0
TOTAL_SECONDS: Final = 120.0
MAX_REDIRECTS: Final = 3  # all on the same origin

# The retry budget, a token bucket that all calls of a client share: when everything fails, retrying stops.
RETRY_BUDGET: Final = 100
RETRY_COST: Final = 5  # a successful call gives as much back
MAYBE_BILLED_RETRY_COST: Final = 10

# What an error keeps of a response.
ERROR_BODY_BYTES: Final = 64 << 10
MESSAGE_CHARS: Final = 1_000
