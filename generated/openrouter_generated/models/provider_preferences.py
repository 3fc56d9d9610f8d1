# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Which providers may serve the request, and in what order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import define

from ..types import ApiModel

if TYPE_CHECKING:
    from ..models import MaxPrice, PercentileLatencyCutoffs, PercentileThroughputCutoffs, ProviderSortConfig
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
    """Which providers may serve the request, and in what order.

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

    allow_fallbacks: bool | None = None
    require_parameters: bool | None = None
    data_collection: DataCollection | None = None
    zdr: bool | None = None
    enforce_distillable_text: bool | None = None
    order: Sequence[str] | None = None
    only: Sequence[str] | None = None
    ignore: Sequence[str] | None = None
    quantizations: Sequence[Quantization] | None = None
    sort: ProviderSort | ProviderSortConfig | ProviderSortConfigTypedDict | None = None
    max_price: MaxPrice | MaxPriceTypedDict | None = None
    preferred_min_throughput: float | PercentileThroughputCutoffs | PercentileThroughputCutoffsTypedDict | None = None
    preferred_max_latency: float | PercentileLatencyCutoffs | PercentileLatencyCutoffsTypedDict | None = None
    options: Mapping[str, Mapping[str, Any]] | None = None

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
