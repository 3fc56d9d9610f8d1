"""Every number that a user may ask about."""

from typing import Final

# ---- request ----

MAX_RESPONSE_BYTES: Final = 32 << 20
"""Largest response that is read, decompressed. It is held twice in memory while it is decoded."""

MAX_RESPONSE_BYTES_PER_INPUT: Final = 256 << 10
"""Added to MAX_RESPONSE_BYTES for each input. A vector of 4,096 numbers takes about 90 KiB as JSON text."""

# ---- the embedded server ----

LOCAL_SERVER_PORT: Final = 8787
"""Port of `openrouter-embeddings serve`. `local.serve()` takes a free port."""

LOCAL_SERVER_MAX_INPUTS: Final = 2048
"""Inputs of one request. The API documents no limit; this is the largest among the large providers."""

LOCAL_SERVER_MAX_BODY_BYTES: Final = 32 << 20
"""Largest request body that the embedded server accepts."""

LOCAL_SERVER_CONTEXT_TOKENS: Final = 8192
"""Longest input. The model has no limit; clients need one to be tested against."""

LOCAL_SERVER_STOP_SECONDS: Final = 5
"""How long running requests may take once the embedded server stops."""
