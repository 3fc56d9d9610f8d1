# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Tokens by modality. Given for two modalities or more, and only for those that occur."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class PromptTokensDetails(ApiModel):
    """Tokens by modality. Given for two modalities or more, and only for those that occur.

    Attributes:
        text_tokens: Tokens of text.
        image_tokens: Tokens of images.
        audio_tokens: Tokens of audio.
        video_tokens: Tokens of video.
        file_tokens: Tokens of files.
    """

    text_tokens: int | None = None
    image_tokens: int | None = None
    audio_tokens: int | None = None
    video_tokens: int | None = None
    file_tokens: int | None = None

    _NAMES = {
        "text_tokens": "text_tokens",
        "image_tokens": "image_tokens",
        "audio_tokens": "audio_tokens",
        "video_tokens": "video_tokens",
        "file_tokens": "file_tokens",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.text_tokens = get("text_tokens")
        model.image_tokens = get("image_tokens")
        model.audio_tokens = get("audio_tokens")
        model.video_tokens = get("video_tokens")
        model.file_tokens = get("file_tokens")
        model._settle(data)
        return model
