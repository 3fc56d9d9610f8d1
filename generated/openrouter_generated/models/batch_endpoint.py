# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""The endpoint that the requests of a batch are for."""

from typing import Literal, TypeAlias

BatchEndpoint: TypeAlias = Literal["/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/embeddings"] | str
"""The endpoint that the requests of a batch are for."""
