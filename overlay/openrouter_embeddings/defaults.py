"""Every number that a user may ask about, with its unit and its reason."""

# ---- network -----------------------------------------------------------------------------------------------------

MAX_CONNECTIONS = 100  # of one client, for threads and for each event loop; more requests wait for their turn
KEEPALIVE_SECONDS = 30.0  # an idle connection is kept so long
MAX_HEADER_BYTES = 96 << 10  # of one response
MAX_HEADER_COUNT = 500
MAX_ERROR_BYTES = 64 << 10  # of the body of an error; the rest is not read
MAX_INFLATION = 100  # inflated to received bytes, past INFLATION_FREE_BYTES: no JSON compresses so well
INFLATION_FREE_BYTES = 1 << 20
