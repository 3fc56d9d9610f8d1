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

# The retry budget, which all calls of a client share: when everything fails, retrying stops.
RETRY_BUDGET: Final = 20  # retries; a successful call gives one back
MAYBE_BILLED_RETRY_COST: Final = 2

# What an error keeps of a response. The rest of a longer body is not read.
ERROR_BODY_BYTES: Final = 64 << 10
MESSAGE_CHARS: Final = 1_000

# Size of a response, decompressed: of one without inputs, and of one with vectors, which may also echo the request.
MAX_RESPONSE_BYTES: Final = 32 << 20
MAX_VECTORS_OVERHEAD_BYTES: Final = 1 << 20
MAX_BYTES_PER_VECTOR: Final = 512 << 10  # of unknown length: 16,384 numbers take about as much as indented JSON
MAX_BYTES_PER_NUMBER: Final = 64  # where `dimensions` is given
MAX_BYTES_PER_ROW: Final = 16 << 10  # what stands beside such a vector
MAX_HEADER_BYTES: Final = 96 << 10
MAX_HEADER_COUNT: Final = 500
MAX_COMPRESSION_RATIO: Final = 100  # beyond the first MiB: no JSON compresses as well
COMPRESSION_FREE_BYTES: Final = 1 << 20

# Jobs (`embed` and its variants).
BATCH_INPUTS: Final = 96  # texts in a request to a model that is not known yet: nearly all providers accept as many
BATCH_TOKENS: Final = 240_000  # estimated; the largest documented limit is 300,000, less a margin for the estimate
BATCH_BYTES: Final = 8 << 20  # of token ids and media, as JSON
MAX_MEDIA_BYTES: Final = 20 << 20  # of a file for `media.part`
SHORTEN_TRIES: Final = 12  # rejections in a row of one text as too long; each makes it at least 30 % shorter
START_CONCURRENCY: Final = 8  # requests in flight, once a model has responded
MAX_CONCURRENCY: Final = 32  # unless the caller asks for more
REJECTED_ALONE: Final = 8  # single-text requests rejected before any succeeds: then the request is wrong, not the texts
RETRY_LARGER_AFTER: Final = 8  # successes before twice a limit is tried that no message named; doubles on each failure
JOB_ATTEMPTS: Final = 8  # waits in a row without a response before a job ends
JOB_PATIENCE_SECONDS: Final = 60.0  # a server that says how long to wait is obeyed for at least as long as this
JOB_BACKOFF_CAP_SECONDS: Final = 60.0
JOB_RETRY_AFTER_CAP_SECONDS: Final = 600.0
JOB_ENDING_SECONDS: Final = 30.0  # requests in flight may finish, for they are paid for, when a job ends early
JOB_INTERRUPT_SECONDS: Final = 3.0  # the same after Ctrl-C or a cancellation: a person, or a time limit, is waiting
JOB_READ_SECONDS: Final = 120.0
JOB_ATTEMPT_SECONDS: Final = 300.0

# Batches. Sources: documentation of OpenRouter (requests, bytes) and of OpenAI (inputs).
BATCH_MAX_REQUESTS: Final = 5_000
BATCH_MAX_BYTES: Final = 200_000_000
BATCH_MAX_INPUTS: Final = 50_000
BATCH_JOB_INPUTS: Final = 5_000  # of a batch of a job: its results are about 150 MB of JSON if they come at once
BATCH_REQUEST_BYTES: Final = 240_000  # of texts in a request of a batch: no text has more tokens than bytes
BATCH_FOUND_SECONDS: Final = 60.0  # until a batch that was submitted must be found; about 15 s were seen
BATCH_POLL_SECONDS: Final = 5.0  # grows to the next number
BATCH_MAX_POLL_SECONDS: Final = 300.0
BATCH_RESPONSE_BYTES: Final = 1 << 30  # of a batch with its results, or of a page of them

# Corpus jobs.
DRIFT_DISTANCE: Final = 1e-3  # cosine distance: above what hardware and rounding make of one model

# The embedded server.
LOCAL_SERVER_PORT: Final = 8787  # of the command; `local.serve()` takes a free port
LOCAL_SERVER_MAX_INPUTS: Final = 2048  # the API documents no limit; this is the largest among the large providers
LOCAL_SERVER_MAX_BODY_BYTES: Final = 32 << 20
LOCAL_SERVER_CONTEXT_TOKENS: Final = 8192  # the model has no limit; clients need one to be tested against
LOCAL_SERVER_STOP_SECONDS: Final = 5
