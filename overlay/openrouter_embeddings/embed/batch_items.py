"""Builds the embeddings requests of a Batch API job, and validates and decodes their responses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from openrouter_generated.api.embeddings import GENERATE
from openrouter_generated.types import CallOptions

from ..caller import Caller
from ..errors import ConfigurationError
from ..messages import TIMEOUTS, Headers, Response
from ..request import PreparedCall, prepare
from ..response import EmbeddingBatch, read_embeddings
from .inputs import json_inputs
from .options import checked_options

_OF_THE_BATCH = ("model", "provider")
_PROVIDER_FIELDS = {"only", "allow_fallbacks"}


class BatchItems:
    """The embeddings requests of one Batch API job.

    Args:
        options: the options of `embed`.

    Raises:
        ConfigurationError: the Batch API does not support an option.
    """

    def __init__(self, caller: Caller, options: Mapping[str, Any]) -> None:
        self._caller, self._chosen = caller, checked_options(options, "corpus")
        chosen = self._chosen
        self._options = CallOptions(extra_body=chosen["extra_body"])
        self.provider = chosen["provider"]
        if chosen["on_long"] != "raise":
            raise ConfigurationError(f"batches do not support on_long={chosen['on_long']!r}: shorten the texts first")
        if chosen["input_type"] is not None:
            raise ConfigurationError("the Batch API does not accept input_type: omit it, or embed without batches")
        if unknown := sorted((self.provider or {}).keys() - _PROVIDER_FIELDS):
            accepted = " and ".join(sorted(_PROVIDER_FIELDS, reverse=True))
            raise ConfigurationError(f"the Batch API accepts only {accepted} in provider=, got {', '.join(unknown)}")
        self._prepared = lru_cache(8)(self._prepare_count)

    def body(self, texts: Sequence[str]) -> dict[str, Any]:
        """Return the body of a request for these texts; model and provider are set on the batch."""
        fields = self._prepare(json_inputs(texts)).fields
        return {name: value for name, value in fields.items() if name not in _OF_THE_BATCH}

    def read(self, count: int, status: int, body: Any) -> EmbeddingBatch:
        """Return the vectors in the response to a request with `count` texts.

        Raises:
            ResponseError: the response is an error, or does not match the request.
        """
        return read_embeddings(Response(status, Headers(), msgspec.json.encode(body)), self._prepared(count))

    def _prepare_count(self, count: int) -> PreparedCall:
        return self._prepare(["x"] * count)  # only the number of texts matters to validate a response

    def _prepare(self, texts: Sequence[str]) -> PreparedCall:
        return prepare(GENERATE, {**self._chosen, "input": texts}, self._options, self._caller.config, TIMEOUTS)
