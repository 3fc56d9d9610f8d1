# Generated from openapi.yaml by codegen/generate.py. Do not edit: change openapi.yaml or codegen/templates.
"""Highest prices to pay, in USD."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class MaxPrice(ApiModel):
    """Highest prices to pay, in USD."""

    prompt: str | float | None = None
    """Per million prompt tokens. Example: "0.05"
    """
    completion: str | float | None = None
    """Per million completion tokens. Example: "2"
    """
    image: str | float | None = None
    """Per image."""
    audio: str | float | None = None
    """Per unit of audio."""
    request: str | float | None = None
    """Per request."""

    _NAMES = {
        "prompt": "prompt",
        "completion": "completion",
        "image": "image",
        "audio": "audio",
        "request": "request",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.prompt = get("prompt")
        model.completion = get("completion")
        model.image = get("image")
        model.audio = get("audio")
        model.request = get("request")
        model._settle(data)
        return model
