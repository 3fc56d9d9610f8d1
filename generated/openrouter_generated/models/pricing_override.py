# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Prices in USD that hold under a condition, and the condition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from attrs import define

from ..reading import array, getter, one
from ..types import ApiModel

if TYPE_CHECKING:
    from ..models import UtcDay


@define(kw_only=True, eq=False, repr=False)
class PricingOverride(ApiModel):
    """Prices in USD that hold under a condition, and the condition.

    Attributes:
        prompt: USD per prompt token.
        completion: USD per completion token.
        audio: USD per audio token.
        input_audio_cache: USD per cached audio token.
        input_cache_read: USD per token read from the cache.
        input_cache_write: USD per token written to the cache.
        input_cache_write_1h: USD per token written to the cache for an hour.
        min_prompt_tokens: Holds for prompts of this many tokens or more.
        utc_start: Holds from this time of day, UTC, written as HHMM.
        utc_end: Holds until this time of day, UTC, written as HHMM.
        utc_days: Holds on these days, UTC.
    """

    prompt: str | None = None
    completion: str | None = None
    audio: str | None = None
    input_audio_cache: str | None = None
    input_cache_read: str | None = None
    input_cache_write: str | None = None
    input_cache_write_1h: str | None = None
    min_prompt_tokens: float | None = None
    utc_start: float | None = None
    utc_end: float | None = None
    utc_days: list[UtcDay] | None = None

    _NAMES = {
        "prompt": "prompt",
        "completion": "completion",
        "audio": "audio",
        "input_audio_cache": "input_audio_cache",
        "input_cache_read": "input_cache_read",
        "input_cache_write": "input_cache_write",
        "input_cache_write_1h": "input_cache_write_1h",
        "min_prompt_tokens": "min_prompt_tokens",
        "utc_start": "utc_start",
        "utc_end": "utc_end",
        "utc_days": "utc_days",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.prompt = get("prompt")
        model.completion = get("completion")
        model.audio = get("audio")
        model.input_audio_cache = get("input_audio_cache")
        model.input_cache_read = get("input_cache_read")
        model.input_cache_write = get("input_cache_write")
        model.input_cache_write_1h = get("input_cache_write_1h")
        model.min_prompt_tokens = get("min_prompt_tokens")
        model.utc_start = get("utc_start")
        model.utc_end = get("utc_end")
        model.utc_days = one("utc_days", array, get("utc_days"))
        model._settle(data)
        return model
