# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Prices in USD, as decimal strings. "0" is free."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter, list_of, one
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class PublicPricing(ApiModel):
    """Prices in USD, as decimal strings. "0" is free.

    Attributes:
        prompt: USD per prompt token.
        completion: USD per completion token.
        audio: USD per audio token of the input.
        audio_output: USD per audio token of the output.
        image: USD per image of the input.
        image_output: USD per image of the output.
        image_token: USD per image token.
        input_audio_cache: USD per cached audio token.
        input_cache_read: USD per token read from the cache.
        input_cache_write: USD per token written to the cache.
        input_cache_write_1h: USD per token written to the cache for an hour.
        internal_reasoning: USD per reasoning token.
        request: USD per request.
        web_search: USD per web search.
        discount: Discount on the prices.
        overrides: Other prices, each under its condition.
    """

    prompt: str
    completion: str
    audio: str | None = None
    audio_output: str | None = None
    image: str | None = None
    image_output: str | None = None
    image_token: str | None = None
    input_audio_cache: str | None = None
    input_cache_read: str | None = None
    input_cache_write: str | None = None
    input_cache_write_1h: str | None = None
    internal_reasoning: str | None = None
    request: str | None = None
    web_search: str | None = None
    discount: float | None = None
    overrides: list[PricingOverride] | None = None

    _NAMES = {
        "prompt": "prompt",
        "completion": "completion",
        "audio": "audio",
        "audio_output": "audio_output",
        "image": "image",
        "image_output": "image_output",
        "image_token": "image_token",
        "input_audio_cache": "input_audio_cache",
        "input_cache_read": "input_cache_read",
        "input_cache_write": "input_cache_write",
        "input_cache_write_1h": "input_cache_write_1h",
        "internal_reasoning": "internal_reasoning",
        "request": "request",
        "web_search": "web_search",
        "discount": "discount",
        "overrides": "overrides",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.prompt = get("prompt")
        model.completion = get("completion")
        model.audio = get("audio")
        model.audio_output = get("audio_output")
        model.image = get("image")
        model.image_output = get("image_output")
        model.image_token = get("image_token")
        model.input_audio_cache = get("input_audio_cache")
        model.input_cache_read = get("input_cache_read")
        model.input_cache_write = get("input_cache_write")
        model.input_cache_write_1h = get("input_cache_write_1h")
        model.internal_reasoning = get("internal_reasoning")
        model.request = get("request")
        model.web_search = get("web_search")
        model.discount = get("discount")
        model.overrides = one("overrides", _READ_16, get("overrides"))
        model._settle(data)
        return model


# At the end, because models may refer to each other.
from ..models import PricingOverride

_READ_16 = list_of(PricingOverride.from_dict)
