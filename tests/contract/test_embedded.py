"""The embedded server against openapi.yaml: requests made up from the document, right ones and wrong ones alike.

Every answer has a status, a content type and a body that the document declares, and no request breaks the server.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from openrouter_embeddings.local import serve
from schemathesis.checks import CHECKS
from schemathesis.generation import GenerationMode

from . import description

SCHEMA = schemathesis.openapi.from_path(description.PATH)
SCHEMA.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
KEY = "sk-or-contract"
JUDGED_HERE = [CHECKS.get_one("negative_data_rejection"), CHECKS.get_one("positive_data_acceptance")]
EXAMPLES = 40  # of each operation, beside those that cover its edges
REFUSALS = (  # what the document allows and this server does not do; it must say so
    "No endpoints found for ",
    ": the embedded server embeds text only",
    ": an empty list of token ids embeds nothing",
    "outside this model's vocabulary",
    " at most here, not ",
    "but the context length is",
)


@pytest.fixture(scope="module")
def embedded_url() -> Iterator[str]:
    with serve(api_key=KEY) as server:
        yield server.url


@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
def test_every_answer_is_one_that_the_document_declares(case: schemathesis.Case, embedded_url: str) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    response = case.call_and_validate(base_url=embedded_url, headers=headers, excluded_checks=JUDGED_HERE)
    accepted = response.status_code == 200
    if is_right(case):
        said = "" if accepted else response.json()["error"]["message"]
        assert accepted or any(reason in said for reason in REFUSALS), said
    else:
        assert not accepted or has_undeclared_names(case) or has_prices_as_numbers(case.body)


def is_right(case: schemathesis.Case) -> bool:
    """Whether the request was made up to be what the document allows."""
    assert case.meta is not None
    return case.meta.generation.mode is GenerationMode.POSITIVE


def has_undeclared_names(case: schemathesis.Case) -> bool:
    """Whether there is a header or a query parameter that the document does not have: those are ignored."""
    parameters: list[Any] = description.DOCUMENT["paths"][case.path][case.method.lower()]["parameters"]
    declared = {description.resolved(one)["name"].lower() for one in parameters} | {"authorization"}
    return any(name.lower() not in declared for name in [*(case.headers or {}), *(case.query or {})])


def has_prices_as_numbers(body: Any) -> bool:
    """Whether a price stands as a number, as the API's guide writes it, and not as the document's decimal string."""
    prices = body["provider"]["max_price"] if isinstance(body, dict) and body.get("provider") else {}
    return any(isinstance(price, int | float) for price in prices.values())
