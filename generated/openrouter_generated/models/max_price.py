# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Highest prices to pay, in USD."""

from __future__ import annotations

from attrs import define

from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class MaxPrice(ApiModel):
    """Highest prices to pay, in USD.

    Attributes:
        prompt: USD per million tokens of the input.
        completion: USD per million tokens of the output.
        image: USD per image.
        audio: USD per unit of audio.
        request: USD per request.
    """

    prompt: str | float | None = None
    completion: str | float | None = None
    image: str | float | None = None
    audio: str | float | None = None
    request: str | float | None = None

    _NAMES = {
        "prompt": "prompt",
        "completion": "completion",
        "image": "image",
        "audio": "audio",
        "request": "request",
    }
