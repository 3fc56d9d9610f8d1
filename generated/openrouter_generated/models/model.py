# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""A model, what it takes, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from attrs import define

from ..reading import array, getter, one
from ..types import ApiModel

if TYPE_CHECKING:
    from ..models import Parameter


@define(kw_only=True, eq=False, repr=False)
class Model(ApiModel):
    """A model, what it takes, and what it costs.

    Attributes:
        id: Slug by which requests name the model.
        canonical_slug: Canonical slug of the model.
        name: Name to show.
        created: When the model was added, in Unix seconds.
        pricing: Prices in USD, as decimal strings. "0" is free.
        context_length: Longest input, in tokens.
        architecture: What goes in, what comes out, and how text is cut into tokens.
        top_provider: The provider that serves the model first.
        per_request_limits: Limits of a single request.
        supported_parameters: Parameters that the model understands. Often empty for embedding models.
        default_parameters: Values used for parameters that are not given.
        supported_voices: Voices, for models that speak.
        links: Where to read on about a model.
        description: What the model is for.
        hugging_face_id: Id on Hugging Face, if the model is there.
        knowledge_cutoff: Date up to which the training data reaches, as YYYY-MM-DD.
        expiration_date: Date from which the model may be gone, as YYYY-MM-DD.
        alias_target: The model for which an alias stands.
        benchmarks: Results in public benchmarks.
        reasoning: How a model reasons, if it does.
    """

    id: str
    canonical_slug: str
    name: str
    created: int
    pricing: PublicPricing
    context_length: int | None = None
    architecture: ModelArchitecture
    top_provider: TopProviderInfo
    per_request_limits: PerRequestLimits | None = None
    supported_parameters: list[Parameter]
    default_parameters: DefaultParameters | None = None
    supported_voices: list[str] | None = None
    links: ModelLinks
    description: str | None = None
    hugging_face_id: str | None = None
    knowledge_cutoff: str | None = None
    expiration_date: str | None = None
    alias_target: ModelAliasTarget | None = None
    benchmarks: ModelBenchmarks | None = None
    reasoning: ModelReasoning | None = None

    _NAMES = {
        "id": "id",
        "canonical_slug": "canonical_slug",
        "name": "name",
        "created": "created",
        "pricing": "pricing",
        "context_length": "context_length",
        "architecture": "architecture",
        "top_provider": "top_provider",
        "per_request_limits": "per_request_limits",
        "supported_parameters": "supported_parameters",
        "default_parameters": "default_parameters",
        "supported_voices": "supported_voices",
        "links": "links",
        "description": "description",
        "hugging_face_id": "hugging_face_id",
        "knowledge_cutoff": "knowledge_cutoff",
        "expiration_date": "expiration_date",
        "alias_target": "alias_target",
        "benchmarks": "benchmarks",
        "reasoning": "reasoning",
    }
    _NULLABLE = (
        "context_length",
        "per_request_limits",
        "default_parameters",
        "supported_voices",
    )

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.id = get("id")
        model.canonical_slug = get("canonical_slug")
        model.name = get("name")
        model.created = get("created")
        model.pricing = one("pricing", _READ_5, get("pricing"))
        model.context_length = get("context_length")
        model.architecture = one("architecture", _READ_7, get("architecture"))
        model.top_provider = one("top_provider", _READ_8, get("top_provider"))
        model.per_request_limits = one("per_request_limits", _READ_9, get("per_request_limits"))
        model.supported_parameters = one("supported_parameters", array, get("supported_parameters"))
        model.default_parameters = one("default_parameters", _READ_11, get("default_parameters"))
        model.supported_voices = one("supported_voices", array, get("supported_voices"))
        model.links = one("links", _READ_13, get("links"))
        model.description = get("description")
        model.hugging_face_id = get("hugging_face_id")
        model.knowledge_cutoff = get("knowledge_cutoff")
        model.expiration_date = get("expiration_date")
        model.alias_target = one("alias_target", _READ_18, get("alias_target"))
        model.benchmarks = one("benchmarks", _READ_19, get("benchmarks"))
        model.reasoning = one("reasoning", _READ_20, get("reasoning"))
        model._settle(data)
        return model


# At the end, because models may refer to each other.
from ..models import (
    DefaultParameters,
    ModelAliasTarget,
    ModelArchitecture,
    ModelBenchmarks,
    ModelLinks,
    ModelReasoning,
    PerRequestLimits,
    PublicPricing,
    TopProviderInfo,
)

_READ_5 = PublicPricing.from_dict
_READ_7 = ModelArchitecture.from_dict
_READ_8 = TopProviderInfo.from_dict
_READ_9 = PerRequestLimits.from_dict
_READ_11 = DefaultParameters.from_dict
_READ_13 = ModelLinks.from_dict
_READ_18 = ModelAliasTarget.from_dict
_READ_19 = ModelBenchmarks.from_dict
_READ_20 = ModelReasoning.from_dict
