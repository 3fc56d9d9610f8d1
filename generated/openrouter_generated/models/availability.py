# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Why no endpoint served the request, and whether to try again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from attrs import define

from ..reading import array, getter, one
from ..types import ApiModel

if TYPE_CHECKING:
    from ..models import AvailabilityCode


@define(kw_only=True, eq=False, repr=False)
class Availability(ApiModel):
    """Why no endpoint served the request, and whether to try again.

    Attributes:
        code: Why no endpoint served the request.
        retryable: Whether the same request may succeed later.
        retry_after: Seconds to wait before that.
        requested_models: Slugs of the models asked for.
        affected_providers: Providers that could not serve.
        excluded_by: Settings that excluded endpoints.
        fallback_models: Slugs of models to use instead.
        constraint: The setting that left no endpoint.
        docs_url: Page that explains the error.
    """

    code: AvailabilityCode | None = None
    retryable: bool | None = None
    retry_after: float | None = None
    requested_models: list[str] | None = None
    affected_providers: list[str] | None = None
    excluded_by: list[str] | None = None
    fallback_models: list[str] | None = None
    constraint: AvailabilityConstraint | None = None
    docs_url: str | None = None

    _NAMES = {
        "code": "code",
        "retryable": "retryable",
        "retry_after": "retry_after",
        "requested_models": "requested_models",
        "affected_providers": "affected_providers",
        "excluded_by": "excluded_by",
        "fallback_models": "fallback_models",
        "constraint": "constraint",
        "docs_url": "docs_url",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.code = get("code")
        model.retryable = get("retryable")
        model.retry_after = get("retry_after")
        model.requested_models = one("requested_models", array, get("requested_models"))
        model.affected_providers = one("affected_providers", array, get("affected_providers"))
        model.excluded_by = one("excluded_by", array, get("excluded_by"))
        model.fallback_models = one("fallback_models", array, get("fallback_models"))
        model.constraint = one("constraint", _READ_8, get("constraint"))
        model.docs_url = get("docs_url")
        model._settle(data)
        return model


# At the end, because models may refer to each other.
from ..models import AvailabilityConstraint

_READ_8 = AvailabilityConstraint.from_dict
