# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""One request of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define

from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class BatchRequest(ApiModel):
    """One request of a batch.

    Attributes:
        custom_id: Your name of the request, unique in the batch; its result has it too. Some providers take 64
            characters of A-Z, a-z, 0-9, _ and - at most. Not empty.
        body: A JSON object with whatever members.
    """

    custom_id: str
    body: Mapping[str, Any]

    _NAMES = {
        "custom_id": "custom_id",
        "body": "body",
    }
