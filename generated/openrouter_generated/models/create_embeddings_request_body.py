# Generated from openapi.yaml by codegen/generate.py. Do not edit: change openapi.yaml or codegen/templates.
"""What to embed, with which model, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from attrs import define

from ..reading import by_kind, getter, list_of, one
from ..types import ApiModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..params import EncodingFormat, InputUnion, ProviderPreferencesTypedDict, TraceConfigTypedDict


@define(kw_only=True, eq=False, repr=False)
class CreateEmbeddingsRequestBody(ApiModel):
    """What to embed, with which model, and how."""

    input: InputUnion
    """One text, several texts, the token ids of one or of several texts, or a list of multimodal inputs. Example:
    "The quick brown fox jumps over the lazy dog"
    """
    model: str
    """Slug of the model that embeds. Not empty. Example: "openai/text-embedding-3-small"
    """
    dimensions: int | None = None
    """Length of the vectors, for models that can shorten them. At least 1. Example: 1536"""
    encoding_format: EncodingFormat | None = None
    """How vectors are written, as a list of numbers or as base64 of little-endian float32. Example: "float"
    """
    input_type: str | None = None
    """What the input is to the search, such as search_query or search_document; models name their own. Example:
    "search_query"
    """
    provider: ProviderPreferences | ProviderPreferencesTypedDict | None = None
    """Which providers may serve the request, and in what order. Example: {"allow_fallbacks": true}"""
    user: str | None = None
    """Stable identifier of your end user. Example: "user-1234"
    """
    session_id: str | None = None
    """Groups related requests in your logs. Providers never see it. At most 256 characters. Example: "session-1234"
    """
    trace: TraceConfig | TraceConfigTypedDict | Mapping[str, Any] | None = None
    """Names and ids under which observability tools file the request. Keys of your own may be added. Example:
    {"trace_id": "trace-abc123", "trace_name": "my-app-trace"}
    """

    _NAMES = {
        "input": "input",
        "model": "model",
        "dimensions": "dimensions",
        "encoding_format": "encoding_format",
        "input_type": "input_type",
        "provider": "provider",
        "user": "user",
        "session_id": "session_id",
        "trace": "trace",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.input = one("input", _READ_1, get("input"))
        model.model = get("model")
        model.dimensions = get("dimensions")
        model.encoding_format = get("encoding_format")
        model.input_type = get("input_type")
        model.provider = one("provider", _READ_6, get("provider"))
        model.user = get("user")
        model.session_id = get("session_id")
        model.trace = one("trace", _READ_9, get("trace"))
        model._settle(data)
        return model


# Down here, since models may refer to one another in a circle.
from .input import Input  # noqa: E402
from .provider_preferences import ProviderPreferences  # noqa: E402
from .trace_config import TraceConfig  # noqa: E402

_READ_1 = by_kind(
    "string or array", None, list_of(by_kind("string or integer or array or object", Input.from_dict, None))
)
_READ_6 = ProviderPreferences.from_dict
_READ_9 = TraceConfig.from_dict
