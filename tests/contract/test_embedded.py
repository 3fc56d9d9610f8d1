"""The embedded server against openapi.yaml: requests made up from the document, right ones and wrong ones alike.

Every answer has a status, a content type and a body that the document declares, and no request breaks the server.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from openrouter.local import serve
from schemathesis.checks import CHECKS
from schemathesis.generation import GenerationMode

from . import description

SCHEMA = schemathesis.openapi.from_path(description.PATH)
SCHEMA.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
KEY = "sk-or-contract"
LEFT_OUT = [
    CHECKS.get_one("negative_data_rejection"),  # unknown query parameters pass; decimal strings may be numbers
    CHECKS.get_one("positive_data_acceptance"),  # images, audio and files are valid, but this server embeds text only
]
EXAMPLES = 40  # of each operation, beside those that cover its edges


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
    case.call_and_validate(base_url=embedded_url, headers=headers, excluded_checks=LEFT_OUT)
