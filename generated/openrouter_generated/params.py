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
    """

    type: Literal["text"]
    """
    Marks a text part.
    """
    text: str
    """
    The text.
    """


class ImageURLTypedDict(TypedDict):
    """
    Where the image is.
    """

    url: str
    """
    An http(s) URL, or the image itself as a data URL.
    """


class MultimodalMediaTypedDict(TypedDict):
    """
    Content of a media part.
    """

    data: str
    """
    The media as a data URL.
    """
    format: NotRequired[str]
    """
    Format of the media.
    """


EncodingFormat: TypeAlias = Literal["float", "base64"]
"""
How vectors are written, as a list of numbers or as base64 of little-endian float32.
"""


class TraceConfigTypedDict(TypedDict):
    """
    Names and ids under which observability tools file the request. Keys of your own may be added.
    """

    trace_id: NotRequired[str]
    """
    Identifies the trace to which the request belongs.
    """
    trace_name: NotRequired[str]
    """
    Name of the trace.
    """
    span_name: NotRequired[str]
    """
    Name of the span within the trace.
    """
    generation_name: NotRequired[str]
    """
    Name of this model call.
    """
    parent_span_id: NotRequired[str]
    """
    Identifies the span above this one.
    """


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
    """

    prompt: NotRequired[str | float]
    """
    USD per million tokens of the input.
    """
    completion: NotRequired[str | float]
    """
    USD per million tokens of the output.
    """
    image: NotRequired[str | float]
    """
    USD per image.
    """
    audio: NotRequired[str | float]
    """
    USD per unit of audio.
    """
    request: NotRequired[str | float]
    """
    USD per request.
    """


class PercentileThroughputCutoffsTypedDict(TypedDict):
    """
    Slowest throughput wanted at each percentile, in tokens per second.
    """

    p50: NotRequired[float | None]
    """
    At the median.
    """
    p75: NotRequired[float | None]
    """
    At the 75th percentile.
    """
    p90: NotRequired[float | None]
    """
    At the 90th percentile.
    """
    p99: NotRequired[float | None]
    """
    At the 99th percentile.
    """


class PercentileLatencyCutoffsTypedDict(TypedDict):
    """
    Longest latency wanted at each percentile, in seconds.
    """

    p50: NotRequired[float | None]
    """
    At the median.
    """
    p75: NotRequired[float | None]
    """
    At the 75th percentile.
    """
    p90: NotRequired[float | None]
    """
    At the 90th percentile.
    """
    p99: NotRequired[float | None]
    """
    At the 99th percentile.
    """


JsonObject: TypeAlias = Mapping[str, Any]
"""
A JSON object with whatever members.
"""


class ContentImageURLTypedDict(TypedDict):
    """
    A part that is an image.
    """

    type: Literal["image_url"]
    """
    Marks an image part.
    """
    image_url: ImageURL | ImageURLTypedDict


class ContentPartInputAudioTypedDict(TypedDict):
    """
    A part that is audio.
    """

    type: Literal["input_audio"]
    """
    Marks an audio part.
    """
    input_audio: MultimodalMedia | MultimodalMediaTypedDict


class ContentPartInputVideoTypedDict(TypedDict):
    """
    A part that is video.
    """

    type: Literal["input_video"]
    """
    Marks a video part.
    """
    input_video: MultimodalMedia | MultimodalMediaTypedDict


class ContentPartInputFileTypedDict(TypedDict):
    """
    A part that is a document, such as a PDF.
    """

    type: Literal["input_file"]
    """
    Marks a file part.
    """
    input_file: MultimodalMedia | MultimodalMediaTypedDict


class ProviderSortConfigTypedDict(TypedDict):
    """
    What providers are ranked by, and within which groups.
    """

    by: NotRequired[ProviderSort | None]
    """
    What providers are ranked by.
    """
    partition: NotRequired[Partition | None]
    """
    Whether endpoints are ranked within each model or all together.
    """


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
    """

    content: Sequence[Content]
    """
    The parts, in order.
    """


class ProviderPreferencesTypedDict(TypedDict):
    """
    Which providers may serve the request, and in what order.
    """

    allow_fallbacks: NotRequired[bool | None]
    """
    Whether another provider may step in when the first is unavailable; true unless set. With false the provider's
    own error is returned.
    """
    require_parameters: NotRequired[bool | None]
    """
    Whether a provider must support every parameter of the request; false unless set, and parameters that a provider
    lacks are then not passed to it.
    """
    data_collection: NotRequired[DataCollection | None]
    """
    Whether providers that store or train on data may be used.
    """
    zdr: NotRequired[bool | None]
    """
    With true, only endpoints that retain no data.
    """
    enforce_distillable_text: NotRequired[bool | None]
    """
    With true, only models whose author allows distillation from their text.
    """
    order: NotRequired[Sequence[str] | None]
    """
    Slugs of providers to try, the first first.
    """
    only: NotRequired[Sequence[str] | None]
    """
    Slugs of the only providers allowed, added to those of the account.
    """
    ignore: NotRequired[Sequence[str] | None]
    """
    Slugs of providers to leave out, added to those of the account.
    """
    quantizations: NotRequired[Sequence[Quantization] | None]
    """
    The only quantization levels allowed.
    """
    sort: NotRequired[ProviderPreferencesSort | None]
    """
    What to rank providers by when `order` is not given. Switches load balancing off.
    """
    max_price: NotRequired[MaxPrice | MaxPriceTypedDict]
    preferred_min_throughput: NotRequired[PreferredMinThroughput | None]
    """
    Slowest throughput wanted. Slower endpoints come last, but are not excluded.
    """
    preferred_max_latency: NotRequired[PreferredMaxLatency | None]
    """
    Longest latency wanted. Slower endpoints come last, but are not excluded.
    """
    options: NotRequired[ProviderOptions]


InputUnion: TypeAlias = str | Sequence[str | int | Sequence[int] | Input | InputTypedDict]
"""
One text, several texts, the token ids of one or of several texts, or a list of multimodal inputs.
"""
