# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""What callers may pass, as typed dictionaries and literals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

from openrouter_generated.models import (
    ContentImageURL,
    ContentPartInputAudio,
    ContentPartInputFile,
    ContentPartInputVideo,
    ContentText,
    ImageURL,
    Input,
    MaxPrice,
    MultimodalMedia,
    PercentileLatencyCutoffs,
    PercentileThroughputCutoffs,
    ProviderSortConfig,
)


class ContentTextTypedDict(TypedDict):
    """
    A part that is text.

    Attributes:
        type: Marks a text part.
        text: The text. Not empty.
    """

    type: Literal["text"]
    text: str


class ImageURLTypedDict(TypedDict):
    """
    Where the image is.

    Attributes:
        url: An http(s) URL, or the image itself as a data URL.
    """

    url: str


class MultimodalMediaTypedDict(TypedDict):
    """
    Content of a media part.

    Attributes:
        data: The media as a data URL.
        format: Format of the media.
    """

    data: str
    format: NotRequired[str]


EncodingFormat: TypeAlias = Literal["float", "base64"]
"""
How vectors are written, as a list of numbers or as base64 of little-endian float32.
"""


class TraceConfigTypedDict(TypedDict):
    """
    Names and ids under which observability tools file the request. Keys of your own may be added.

    Attributes:
        trace_id: Identifies the trace to which the request belongs.
        trace_name: Name of the trace.
        span_name: Name of the span within the trace.
        generation_name: Name of this model call.
        parent_span_id: Identifies the span above this one.
    """

    trace_id: NotRequired[str]
    trace_name: NotRequired[str]
    span_name: NotRequired[str]
    generation_name: NotRequired[str]
    parent_span_id: NotRequired[str]


DataCollection: TypeAlias = Literal["deny", "allow"]
"""
Whether providers that store or train on data may be used; allow unless set.
"""


Quantization: TypeAlias = Literal[
    "int4", "int8", "fp4", "mxfp4", "nvfp4", "fp6", "fp8", "mxfp8", "fp16", "bf16", "fp32", "unknown"
]
"""
Number format of a model's weights.
"""


ProviderSort: TypeAlias = Literal["price", "throughput", "latency", "exacto"]
"""
What providers are ranked by.
"""


Partition: TypeAlias = Literal["model", "none"]
"""
Ranking within each model, which is the default, or over all endpoints.
"""


class MaxPriceTypedDict(TypedDict):
    """
    Highest prices to pay, in USD.

    Attributes:
        prompt: USD per million tokens of the input.
        completion: USD per million tokens of the output.
        image: USD per image.
        audio: USD per unit of audio.
        request: USD per request.
    """

    prompt: NotRequired[str | float]
    completion: NotRequired[str | float]
    image: NotRequired[str | float]
    audio: NotRequired[str | float]
    request: NotRequired[str | float]


class PercentileThroughputCutoffsTypedDict(TypedDict):
    """
    Slowest throughput wanted at each percentile, in tokens per second.

    Attributes:
        p50: At the median.
        p75: At the 75th percentile.
        p90: At the 90th percentile.
        p99: At the 99th percentile.
    """

    p50: NotRequired[float | None]
    p75: NotRequired[float | None]
    p90: NotRequired[float | None]
    p99: NotRequired[float | None]


class PercentileLatencyCutoffsTypedDict(TypedDict):
    """
    Longest latency wanted at each percentile, in seconds.

    Attributes:
        p50: At the median.
        p75: At the 75th percentile.
        p90: At the 90th percentile.
        p99: At the 99th percentile.
    """

    p50: NotRequired[float | None]
    p75: NotRequired[float | None]
    p90: NotRequired[float | None]
    p99: NotRequired[float | None]


BatchEndpoint: TypeAlias = Literal["/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/embeddings"]
"""
The endpoint that the requests of a batch are for.
"""


class BatchProviderTypedDict(TypedDict):
    """
    Which provider may process a batch.

    Attributes:
        only: Slugs of the providers to choose from.
        allow_fallbacks: Whether another provider may serve the batch. No source says what that means for a batch.
    """

    only: NotRequired[Sequence[str] | None]
    allow_fallbacks: NotRequired[bool | None]


BatchListStatus: TypeAlias = Literal["validating", "in_progress", "completed", "failed", "expired", "cancelled"]
"""
A status to look for; finalizing and cancelling count as in_progress.
"""


JsonObject: TypeAlias = Mapping[str, Any]
"""
A JSON object with whatever members.
"""


class ContentImageURLTypedDict(TypedDict):
    """
    A part that is an image.

    Attributes:
        type: Marks an image part.
        image_url: Where the image is.
    """

    type: Literal["image_url"]
    image_url: ImageURL | ImageURLTypedDict


class ContentPartInputAudioTypedDict(TypedDict):
    """
    A part that is audio.

    Attributes:
        type: Marks an audio part.
        input_audio: Content of a media part.
    """

    type: Literal["input_audio"]
    input_audio: MultimodalMedia | MultimodalMediaTypedDict


class ContentPartInputVideoTypedDict(TypedDict):
    """
    A part that is video.

    Attributes:
        type: Marks a video part.
        input_video: Content of a media part.
    """

    type: Literal["input_video"]
    input_video: MultimodalMedia | MultimodalMediaTypedDict


class ContentPartInputFileTypedDict(TypedDict):
    """
    A part that is a document, such as a PDF.

    Attributes:
        type: Marks a file part.
        input_file: Content of a media part.
    """

    type: Literal["input_file"]
    input_file: MultimodalMedia | MultimodalMediaTypedDict


class ProviderSortConfigTypedDict(TypedDict):
    """
    What providers are ranked by, and within which groups.

    Attributes:
        by: What providers are ranked by.
        partition: Whether endpoints are ranked within each model or all together.
    """

    by: NotRequired[ProviderSort | None]
    partition: NotRequired[Partition | None]


PreferredMinThroughput: TypeAlias = float | PercentileThroughputCutoffs | PercentileThroughputCutoffsTypedDict
"""
Tokens per second, as a median or for each percentile.
"""


PreferredMaxLatency: TypeAlias = float | PercentileLatencyCutoffs | PercentileLatencyCutoffsTypedDict
"""
Seconds, as a median or for each percentile.
"""


ProviderOptions: TypeAlias = Mapping[str, JsonObject]
"""
Settings for single providers, by slug. Only those of the provider that serves the request are passed on; slugs
that the server does not know are dropped by it.
"""


class BatchRequestTypedDict(TypedDict):
    """
    One request of a batch.

    Attributes:
        custom_id: Your name of the request, unique in the batch; its result has it too. Some providers take 64
            characters of A-Z, a-z, 0-9, _ and - at most. Not empty.
        body: A JSON object with whatever members.
    """

    custom_id: str
    body: JsonObject


Content: TypeAlias = (
    ContentText
    | ContentTextTypedDict
    | ContentImageURL
    | ContentImageURLTypedDict
    | ContentPartInputAudio
    | ContentPartInputAudioTypedDict
    | ContentPartInputVideo
    | ContentPartInputVideoTypedDict
    | ContentPartInputFile
    | ContentPartInputFileTypedDict
)
"""
One part of a multimodal input.
"""


ProviderPreferencesSort: TypeAlias = ProviderSort | ProviderSortConfig | ProviderSortConfigTypedDict
"""
A ranking, by name or with its details.
"""


class InputTypedDict(TypedDict):
    """
    One multimodal input. All its parts go into one vector.

    Attributes:
        content: The parts, in order. Not empty.
    """

    content: Sequence[Content]


class ProviderPreferencesTypedDict(TypedDict):
    """
    Which providers may serve the request, and in what order.

    Attributes:
        allow_fallbacks: Whether another provider may step in when the first is unavailable; true unless set. With
            false the provider's own error is returned.
        require_parameters: Whether a provider must support every parameter of the request; false unless set, and
            parameters that a provider lacks are then not passed to it.
        data_collection: Whether providers that store or train on data may be used.
        zdr: With true, only endpoints that retain no data.
        enforce_distillable_text: With true, only models whose author allows distillation from their text.
        order: Slugs of providers to try, the first first.
        only: Slugs of the only providers allowed, added to those of the account.
        ignore: Slugs of providers to leave out, added to those of the account.
        quantizations: The only quantization levels allowed.
        sort: What to rank providers by when `order` is not given. Switches load balancing off.
        max_price: Highest prices to pay, in USD.
        preferred_min_throughput: Slowest throughput wanted. Slower endpoints come last, but are not excluded.
        preferred_max_latency: Longest latency wanted. Slower endpoints come last, but are not excluded.
        options: Settings for single providers, by slug. Only those of the provider that serves the request are
            passed on; slugs that the server does not know are dropped by it.
    """

    allow_fallbacks: NotRequired[bool | None]
    require_parameters: NotRequired[bool | None]
    data_collection: NotRequired[DataCollection | None]
    zdr: NotRequired[bool | None]
    enforce_distillable_text: NotRequired[bool | None]
    order: NotRequired[Sequence[str] | None]
    only: NotRequired[Sequence[str] | None]
    ignore: NotRequired[Sequence[str] | None]
    quantizations: NotRequired[Sequence[Quantization] | None]
    sort: NotRequired[ProviderPreferencesSort | None]
    max_price: NotRequired[MaxPrice | MaxPriceTypedDict]
    preferred_min_throughput: NotRequired[PreferredMinThroughput | None]
    preferred_max_latency: NotRequired[PreferredMaxLatency | None]
    options: NotRequired[ProviderOptions]


InputUnion: TypeAlias = str | Sequence[str | int | Sequence[int] | Input | InputTypedDict]
"""
One text, several texts, the token ids of one or of several texts, or a list of multimodal inputs.
"""
