"""Schemathesis generates valid and invalid requests for the embedded server; every response must be declared.

test_embedded.py runs this file with pytest in a process of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from openrouter_embeddings.local import serve
from schemathesis.checks import CHECKS
from schemathesis.generation import GenerationMode
from support.openapi import DOCUMENT, PATH

from . import description

SCHEMA = schemathesis.openapi.from_path(PATH)
SCHEMA.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
KEY = "sk-or-contract"
OWN_CHECKS = [CHECKS.get_one("negative_data_rejection"), CHECKS.get_one("positive_data_acceptance")]  # asserted below
LIMITS = (  # valid in the document, but beyond a limit of this server
    "No endpoints found for ",
    ": the embedded server embeds text only",
    ": an empty list of token ids",
    "outside this model's vocabulary",
    " here, not ",
    "but the context length is",
    "No batch has the id ",
    "there is no such ",
    "endpoint: the embedded server accepts only batches for",
    "requests: each custom_id must be unique",
    "requests: the model of a body",
    "endpoint and model must come before requests",
)


@pytest.fixture(scope="module")
def embedded_url() -> Iterator[str]:
    with serve(api_key=KEY) as server:
        yield server.url


@SCHEMA.parametrize()
@settings(max_examples=15, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_response_is_declared(case: schemathesis.Case, embedded_url: str) -> None:
    if not is_served(embedded_url, case.operation.method, case.path):
        pytest.skip("the embedded server does not implement this operation")
    headers = {"Authorization": f"Bearer {KEY}"}
    response = case.call_and_validate(base_url=embedded_url, headers=headers, excluded_checks=OWN_CHECKS)
    accepted = response.status_code < 300
    assert case.meta is not None
    if case.meta.generation.mode is GenerationMode.POSITIVE:
        message = "" if accepted else response.json()["error"]["message"]
        assert accepted or any(reason in message for reason in LIMITS), message
    else:
        assert not accepted or has_undeclared_names(case) or has_numeric_prices(case.body)


@cache
def is_served(url: str, method: str, path: str) -> bool:
    """Return whether the server implements an operation: without a key its status is not 404 or 405."""
    return httpx.request(method, url + path.replace("{", "").replace("}", ""), timeout=60).status_code not in (404, 405)


def has_undeclared_names(case: schemathesis.Case) -> bool:
    """Return whether the document lacks a header or a query parameter; the server ignores those."""
    parameters: list[Any] = DOCUMENT["paths"][case.path][case.method.lower()]["parameters"]
    declared = {description.resolve(one)["name"].lower() for one in parameters} | {"authorization"}
    return any(name.lower() not in declared for name in [*(case.headers or {}), *(case.query or {})])


def has_numeric_prices(body: Any) -> bool:
    """Return whether a price is a number, as in the guide of the API; the document requires a decimal string."""
    prices = body["provider"]["max_price"] if isinstance(body, dict) and body.get("provider") else {}
    return any(isinstance(price, int | float) for price in prices.values())
