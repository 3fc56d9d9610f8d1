# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Highest prices to pay, in USD."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import expecting, getter, one
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class MaxPrice(ApiModel):
    """Highest prices to pay, in USD."""

    prompt: str | float | None = None
    """USD per million tokens of the input. Example: "0.05"
    """
    completion: str | float | None = None
    """USD per million tokens of the output. Example: "2"
    """
    image: str | float | None = None
    """USD per image."""
    audio: str | float | None = None
    """USD per unit of audio."""
    request: str | float | None = None
    """USD per request."""

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
        model.prompt = one("prompt", _READ_1, get("prompt"))
        model.completion = one("completion", _READ_2, get("completion"))
        model.image = one("image", _READ_3, get("image"))
        model.audio = one("audio", _READ_4, get("audio"))
        model.request = one("request", _READ_5, get("request"))
        model._settle(data)
        return model


_READ_1 = expecting("string or number")
_READ_2 = expecting("string or number")
_READ_3 = expecting("string or number")
_READ_4 = expecting("string or number")
_READ_5 = expecting("string or number")
