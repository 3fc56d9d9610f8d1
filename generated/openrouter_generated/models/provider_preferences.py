# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Which providers may serve the request, and in what order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from attrs import define

from ..reading import array, by_kind, getter, map_of, mapping, one
from ..types import ApiModel

if TYPE_CHECKING:
    from ..params import (
        DataCollection,
        MaxPriceTypedDict,
        PercentileLatencyCutoffsTypedDict,
        PercentileThroughputCutoffsTypedDict,
        ProviderSort,
        ProviderSortConfigTypedDict,
        Quantization,
    )


@define(kw_only=True, eq=False, repr=False)
class ProviderPreferences(ApiModel):
    """Which providers may serve the request, and in what order."""

    allow_fallbacks: bool | None = None
    """Whether another provider may step in when the first is unavailable; true unless set. With false the provider's
    own error is returned.
    """
    require_parameters: bool | None = None
    """Whether a provider must support every parameter of the request; false unless set, and parameters that a
    provider lacks are then not passed to it.
    """
    data_collection: DataCollection | None = None
    """Whether providers that store or train on data may be used."""
    zdr: bool | None = None
    """With true, only endpoints that retain no data."""
    enforce_distillable_text: bool | None = None
    """With true, only models whose author allows distillation from their text."""
    order: Sequence[str] | None = None
    """Slugs of providers to try, the first first. Example: ["openai", "azure"]"""
    only: Sequence[str] | None = None
    """Slugs of the only providers allowed, added to those of the account."""
    ignore: Sequence[str] | None = None
    """Slugs of providers to leave out, added to those of the account."""
    quantizations: Sequence[Quantization] | None = None
    """The only quantization levels allowed."""
    sort: ProviderSort | ProviderSortConfig | ProviderSortConfigTypedDict | None = None
    """What to rank providers by when `order` is not given. Switches load balancing off."""
    max_price: MaxPrice | MaxPriceTypedDict | None = None
    """Highest prices to pay, in USD."""
    preferred_min_throughput: float | PercentileThroughputCutoffs | PercentileThroughputCutoffsTypedDict | None = None
    """Slowest throughput wanted. Slower endpoints come last, but are not excluded."""
    preferred_max_latency: float | PercentileLatencyCutoffs | PercentileLatencyCutoffsTypedDict | None = None
    """Longest latency wanted. Slower endpoints come last, but are not excluded."""
    options: Mapping[str, Mapping[str, Any]] | None = None
    """Settings for single providers, by slug. Only those of the provider that serves the request are passed on;
    slugs that the server does not know are dropped by it.
    """

    _NAMES = {
        "allow_fallbacks": "allow_fallbacks",
        "require_parameters": "require_parameters",
        "data_collection": "data_collection",
        "zdr": "zdr",
        "enforce_distillable_text": "enforce_distillable_text",
        "order": "order",
        "only": "only",
        "ignore": "ignore",
        "quantizations": "quantizations",
        "sort": "sort",
        "max_price": "max_price",
        "preferred_min_throughput": "preferred_min_throughput",
        "preferred_max_latency": "preferred_max_latency",
        "options": "options",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.allow_fallbacks = get("allow_fallbacks")
        model.require_parameters = get("require_parameters")
        model.data_collection = get("data_collection")
        model.zdr = get("zdr")
        model.enforce_distillable_text = get("enforce_distillable_text")
        model.order = one("order", array, get("order"))
        model.only = one("only", array, get("only"))
        model.ignore = one("ignore", array, get("ignore"))
        model.quantizations = one("quantizations", array, get("quantizations"))
        model.sort = one("sort", _READ_10, get("sort"))
        model.max_price = one("max_price", _READ_11, get("max_price"))
        model.preferred_min_throughput = one("preferred_min_throughput", _READ_12, get("preferred_min_throughput"))
        model.preferred_max_latency = one("preferred_max_latency", _READ_13, get("preferred_max_latency"))
        model.options = one("options", _READ_14, get("options"))
        model._settle(data)
        return model


# At the end, because models may refer to each other.
from ..models import MaxPrice, PercentileLatencyCutoffs, PercentileThroughputCutoffs, ProviderSortConfig

_READ_10 = by_kind("string or object", ProviderSortConfig.from_dict, None)
_READ_11 = MaxPrice.from_dict
_READ_12 = by_kind("number or object", PercentileThroughputCutoffs.from_dict, None)
_READ_13 = by_kind("number or object", PercentileLatencyCutoffs.from_dict, None)
_READ_14 = map_of(mapping)
