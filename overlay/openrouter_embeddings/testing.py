"""Helpers for tests of your own program: an embedded server that returns faults, and types to build results.

    from openrouter_embeddings.testing import Fault, serve

    def test_search_survives_a_busy_service():
        faults = [Fault(429, retry_after=0.1), None, Fault(503), Fault(delay_seconds=2), Fault(torn=True)]
        with serve(faults=faults) as server, server.client() as client:  # the first response is a 429
            assert search(client, "a text") == ["the best match"]

Needs the extra `local` for `serve`. `EmbedResult`, `TextError` and `Usage` are the types of `embed`'s results.
"""

from .embed import EmbedResult, TextError, Usage
from .local import Fault, serve

__all__ = ["EmbedResult", "Fault", "TextError", "Usage", "serve"]
