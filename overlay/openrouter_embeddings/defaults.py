"""All default numbers: timeouts, retries, response limits, batch sizes, concurrency, server port.

An argument (`timeout_ms=`, `retries=`, `batch_size=`, ...) always overrides its default.
"""

from typing import Final

# One attempt of one call: see `messages.Timeouts`.
CONNECT_SECONDS: Final = 5.0
POOL_SECONDS: Final = 120.0  # long, because waiting for the client's own pool says nothing about the server
WRITE_SECONDS: Final = 30.0
READ_SECONDS: Final = 60.0
ATTEMPT_SECONDS: Final = 120.0
MAX_CONNECTIONS: Final = 100
KEEPALIVE_SECONDS: Final = 30.0

# Retries of one call: see `retries.Policy`.
ATTEMPTS: Final = 4
POSSIBLY_BILLED_RETRIES: Final = 1  # each may bill the same input again
BACKOFF_SECONDS: Final = 0.5
OVERLOADED_BACKOFF_SECONDS: Final = 1.0
BACKOFF_CAP_SECONDS: Final = 8.0
RETRY_AFTER_CAP_SECONDS: Final = 60.0
TOTAL_SECONDS: Final = 120.0
MAX_REDIRECTS: Final = 3  # all on the same origin

# The retry budget that all calls of a client share: retrying stops while most calls fail.
RETRY_BUDGET: Final = 20  # retries; a successful call gives one back
POSSIBLY_BILLED_RETRY_COST: Final = 2

# The parts of a response that an error keeps. The rest of a longer body is not read.
ERROR_BODY_BYTES: Final = 64 << 10
MESSAGE_CHARS: Final = 1_000

# Size limits of a decompressed response: without vectors, and with vectors, which may also echo the request.
MAX_RESPONSE_BYTES: Final = 32 << 20
MAX_VECTORS_OVERHEAD_BYTES: Final = 1 << 20
MAX_DIMENSIONS: Final = 16_384  # while the dimensions are unknown; embedding models have at most 12,288
MAX_NUMBER_BYTES: Final = 24  # the longest float64 as JSON, and a comma
MAX_BYTES_PER_VECTOR: Final = MAX_NUMBER_BYTES * MAX_DIMENSIONS  # while the dimensions are unknown
MAX_BYTES_PER_NUMBER: Final = 40  # once they are known, in indented JSON
MAX_BYTES_PER_ROW: Final = 4 << 10  # the other members of a row

# Limits of the values in the JSON of a response, without vectors: each takes up to 50 times its bytes in memory.
MAX_VALUES: Final = 200_000
MAX_VALUES_WITH_VECTORS: Final = 10_000  # for one input
MAX_VALUES_PER_INPUT: Final = 32  # for each further one
MAX_HEADER_BYTES: Final = 96 << 10
MAX_HEADER_COUNT: Final = 500
MAX_COMPRESSION_RATIO: Final = 100  # after the first MiB; real JSON compresses less
COMPRESSION_FREE_BYTES: Final = 1 << 20

# Jobs (`embed` and its variants).
REQUEST_INPUTS: Final = 96  # texts in a request while a model's limit is unknown; nearly all providers accept 96
REQUEST_TOKENS: Final = 240_000  # estimated tokens in a request: the largest documented limit, 300,000, less a margin
REQUEST_BYTES: Final = 8 << 20  # token ids and media in a request, as JSON
MAX_MEDIA_BYTES: Final = 20 << 20  # size of a file for `media.part`
SHORTEN_TRIES: Final = 12  # consecutive rejections of one text as too long; each shortens it by at least 30 %
START_CONCURRENCY: Final = 8  # requests in flight after a model's first response
MAX_CONCURRENCY: Final = 32  # unless the caller asks for more
FAILED_ALONE: Final = 8  # failed single-text requests before the first success that end a job
RETRY_LARGER_AFTER: Final = 8  # successes before a request of twice a learned limit; doubles when that fails
JOB_ATTEMPTS: Final = 8  # consecutive waits without a response before a job ends
JOB_PROBE_FAILURES: Final = 8  # failed requests without a success after which a job sends a probe
JOB_PROBE_PAUSES: Final = 2  # pauses without a success after which a job sends a probe
JOB_REJECTIONS: Final = 3  # rejections of the same texts, while others succeed, that are no accident
JOB_REJECTIONS_IF_FLAKY: Final = 16  # the same if requests of the model have failed by accident
JOB_SUSPECTS: Final = 100  # texts rejected alone that end a round, if other texts are left
JOB_PATIENCE_SECONDS: Final = 60.0  # a job without a policy of the caller follows Retry-After at least so long
JOB_BACKOFF_CAP_SECONDS: Final = 60.0
JOB_RETRY_AFTER_CAP_SECONDS: Final = 600.0
JOB_ENDING_SECONDS: Final = 30.0  # grace period of billed requests in flight when a job ends early
JOB_INTERRUPT_SECONDS: Final = 3.0  # grace period after Ctrl-C or a cancellation, because a person may be waiting
JOB_READ_SECONDS: Final = 120.0
JOB_ATTEMPT_SECONDS: Final = 300.0

# Batch API. Source: documentation of OpenRouter (requests, bytes).
BATCH_API_MAX_REQUESTS: Final = 5_000
BATCH_API_MAX_BYTES: Final = 200_000_000
BATCH_API_JOB_INPUTS: Final = 5_000  # texts in one batch of a corpus job; the results are about 150 MB of JSON
BATCH_API_REQUEST_BYTES: Final = 240_000  # bytes of text in one request of a batch; a text has at most a token per byte
BATCH_API_FOUND_SECONDS: Final = 60.0  # time in which a submitted batch must be listed; 15 s were observed
BATCH_API_POLL_SECONDS: Final = 5.0  # first interval, which grows to BATCH_API_MAX_POLL_SECONDS
BATCH_API_MAX_POLL_SECONDS: Final = 300.0
BATCH_API_RESPONSE_BYTES: Final = 1 << 30  # size of a batch with its results, or of a page of results

# Corpus jobs.
DRIFT_DISTANCE: Final = 1e-3  # cosine distance; hardware and rounding differences of one model stay below it

# The embedded server.
LOCAL_SERVER_PORT: Final = 8787  # of the command `serve`; `local.serve()` takes a free port
LOCAL_SERVER_MAX_INPUTS: Final = 2048  # the largest limit of the large providers; the API documents none
LOCAL_SERVER_MAX_BODY_BYTES: Final = 32 << 20
LOCAL_SERVER_CONTEXT_TOKENS: Final = 8192  # for tests of long texts; the model itself has no limit
LOCAL_SERVER_STOP_SECONDS: Final = 5
