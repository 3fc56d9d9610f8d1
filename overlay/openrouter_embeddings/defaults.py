"""Every number that a user may ask about."""

from typing import Final

# ---- request ----

MAX_RESPONSE_BYTES: Final = 32 << 20
"""Largest response that is read, decompressed. It is held twice in memory while it is decoded."""

MAX_RESPONSE_BYTES_PER_INPUT: Final = 256 << 10
"""Added to MAX_RESPONSE_BYTES for each input. A vector of 4,096 numbers takes about 90 KiB as JSON text."""
