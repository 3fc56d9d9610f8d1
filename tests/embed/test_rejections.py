"""The reason of an error, and the limits in its message: a number is a limit only beside words that say so."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from openrouter_embeddings.embed.rejections import blames_base64, is_rejection, is_too_long, limits_in_message
from openrouter_embeddings.errors import ConnectionLostError, OpenRouterError, ResponseValidationError, error_for
from openrouter_embeddings.messages import Headers, Response
from openrouter_embeddings.response import EmptyEmbeddingsError
from openrouter_generated.models import ErrorResponse


class Words(NamedTuple):
    """The source, the number of inputs and the message of a rejection, and the stated limits of inputs and tokens."""

    who: str
    message: str
    inputs: int | None = None
    tokens: int | None = None
    refused: int = 96


DASHSCOPE = (
    "<400> InternalError.Algo.InvalidParameter: Value error, batch size is invalid, it should not be larger than"
)
WORDS = [
    Words(
        "openai",
        "Invalid 'input': array too long. Expected an array with maximum length 2048, but got an array "
        "with length 4096 instead.",
        2_048,
        refused=4_096,
    ),
    Words("openai", "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-v1."),
    Words("openai", "Requested 346134 tokens, max 300000 tokens per request", None, 300_000),
    Words(
        "openai", "This model's maximum context length is 8192 tokens, however you requested 9001 tokens", None, 8_192
    ),
    Words("azure", "Too many inputs. The max number of inputs is 16.  We hope to increase it soon.", 16),
    Words("azure", "Too many inputs for model None. The max number of inputs is 1.", 1),
    Words("cohere", "invalid request: total number of texts must be at most 95, received 96", 95),
    Words("bedrock", "Malformed input request: #/texts: expected maximum item count: 90, found: 96", 90),
    Words("bedrock", "Malformed input request: #/texts/3: expected maxLength: 50, actual: 60"),
    Words("voyage", "The batch size limit is 64. Your batch size is 96.", 64),
    Words(
        "voyage",
        "Request to model 'voyage-large-2' failed. The max allowed tokens per submitted batch is 120000. "
        "Your batch has 121138 tokens after truncation.",
        None,
        120_000,
    ),
    Words("gemini", "* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch", 100, refused=300),
    Words("vertex", "5 instance(s) is allowed per prediction. Actual: 96", 5),
    Words(
        "vertex",
        "Unable to submit request because the input token count is 21000 but the model supports up to 20000.",
        None,
        20_000,
    ),
    Words("dashscope", f"{DASHSCOPE} 10.: input.contents", 10),
    Words("dashscope", "Range of input length should be [1, 8192]"),
    Words("siliconflow", "input batch size 96 > maximum allowed batch size 64", 64),
    Words("tei", "batch size 96 > maximum allowed batch size 32", 32),
    Words("tei", "Failed to buffer the request body: length limit exceeded"),
    Words(
        "jina",
        "[RID: ec422fa8b74c3c20b493406ac1388555] Validation error: 'body -> jina-embeddings-v4' Each input "
        "list can contain at most 512 items.. Field errors: : Invalid value",
        512,
        refused=1_000,
    ),
    Words("jina", "input length is larger than the largest allowed size 2048", 2_048, refused=3_000),
    Words("nvidia", "Input length 771 exceeds maximum allowed token size 512", None, 512),
    Words("mistral", "Too many tokens in batch. Max is 16384 got 17555", None, 16_384),
    Words("mistral", "Too many inputs in request, split into more batches."),
    Words("mistral", "Too many tokens overall, split into more batches"),
    Words("together", "Input validation error: `inputs` must have less than 65 items. Given: 96", 64),
    Words("together", "Input is too long: 600 tokens, must be <= 512 tokens", None, 512),
    Words("deepinfra", "inputs: List should have at most 90 items after validation, not 96", 90),
    Words("fireworks", "ensure this value has at most 90 items (type=value_error.list.max_items; limit_value=90)", 90),
    Words("cloudflare", "/text must NOT have more than 50 items", 50),
    Words("a range", "batch size must be in [1, 10]", 10),
    Words("a range", "the number of texts must be between 1 and 25", 25),
    Words("a range", "send 1 to 25 texts", 25),
    Words("or fewer", "send 20 or fewer", 20),
    Words("both", "limit of 20 inputs and 8,000 tokens", 20),
    Words("exceeds", "96 inputs exceed the limit of 50", 50),
    Words("strictly", "inputs must be fewer than 11", 10),
    Words("not strictly", "inputs must be less than or equal to 10", 10),
    Words("chinese", "输入数量不能超过10", 10),
    Words("no cap", "1 validation error: input too long"),
    Words("no cap", "1 validation error for EmbedRequest\ninput.3\n  too long"),
    Words("no cap", "failed at 2026-01-02T09:00:12Z req 81"),
    Words("no cap", "texts[3] exceeds the maximum"),
    Words("no cap", "exceeds the maximum: texts[3]"),
    Words("no cap", "input 3 is too large"),
    Words("no cap", "an empty string is not allowed: input 5"),
    Words("no cap", "exceeds the limit at index 7"),
    Words("no cap", "the allowed values are 1 and 2"),
    Words("no cap", "dimensions=5 is not supported by model 3"),
    Words("no cap", "inputs must be greater than or equal to 1"),
    Words("no cap", "inputs must be greater than 1"),
    Words("no cap", "inputs must be >= 1"),
    Words("two bounds", "inputs must be greater than 0 and less than 11", 10),
    Words("compared", "too many inputs (96 > 10)", 10),
    Words("no cap", "request limit exceeded (status 41)"),
    Words("no cap", "limit exceeded, error code 42"),
    Words("no cap", "at most 60 characters"),
    Words("no cap", "at most 20 MB"),
    Words("no cap", "limit: 60 requests per minute"),
    Words("no cap", "maximum 30 seconds"),
    Words("no cap", "model text-embedding-3 allows no input-5"),
]


@pytest.mark.parametrize("case", WORDS, ids=lambda case: f"{case.who}: {case.message[:60]!a}")
def test_only_stated_limits_are_parsed(case: Words) -> None:
    assert limits_in_message(case.message, case.refused) == (case.inputs, case.tokens)


def test_long_message_is_parsed_quickly() -> None:
    assert limits_in_message("at most " * 125, 96) == (None, None)


def error_of(status: int, message: str = "no", **metadata: Any) -> OpenRouterError:
    error = error_for(status, message, Response(status, Headers(), b""))
    if metadata:
        error.data = ErrorResponse.from_dict({"error": {"code": status, "message": message, "metadata": metadata}})
    return error


class Reason(NamedTuple):
    """An error, whether its inputs may be the reason, whether their length, and whether base64."""

    error: OpenRouterError
    inputs: bool = False
    length: bool = False
    base64: bool = False


NAMED = "encoding_format: unknown"
REASONS = [
    *(Reason(error_of(status), inputs=True) for status in (400, 413, 422)),
    *(Reason(error_of(status)) for status in (401, 402, 403, 404, 408, 409, 429, 499, 500, 503)),
    Reason(error_of(429, "Request Too Large"), inputs=True),
    Reason(error_of(403, flagged_input="a"), inputs=True),
    Reason(error_of(403, reasons=[]), inputs=True),
    Reason(error_of(403, region="x")),
    Reason(error_of(404, reasons=[])),
    *(Reason(error_of(400, error_type=name), True, True) for name in ("context_length_exceeded", "string_too_long")),
    Reason(error_of(400, error_type="invalid"), inputs=True),
    Reason(error_of(500, error_type="string_too_long")),
    *(Reason(error_of(400, message), True, True) for message in (
        "maximum Context Length", "the text is too long", "invalid input length", "the sequence length is 9",
        "tokens exceed 512", "over the limit of tokens", "at most 512 tokens", "up to 512 TOKENS",
    )),
    *(Reason(error_of(400, message), inputs=True) for message in ("at most 512 items", "bad tokenizer", "a length")),
    *(Reason(error_of(status, NAMED), inputs=True, base64=True) for status in (400, 413, 422)),
    *(Reason(error_of(status, NAMED), base64=True) for status in (403, 404, 415, 498, 501)),
    *(Reason(error_of(status, NAMED)) for status in (399, 401, 402, 408, 429, 499, 500, 502, 503)),
    Reason(error_of(400, "BASE64 is not supported"), inputs=True, base64=True),
    Reason(ConnectionLostError(NAMED)),
]  # fmt: skip


@pytest.mark.parametrize("case", REASONS, ids=lambda case: f"{case.error.status_code} {case.error.message}")
def test_reason_of_an_error(case: Reason) -> None:
    found = is_rejection(case.error), is_too_long(case.error), blames_base64(case.error, works=True)

    assert found == (case.inputs, case.length, case.base64) == (*found[:2], blames_base64(case.error, works=False))


@pytest.mark.parametrize(
    ("kind", "message", "blamed"),
    [
        (ResponseValidationError, "data[0].embedding: not base64", True),
        (ResponseValidationError, "2 embeddings for 3 inputs", False),
        (EmptyEmbeddingsError, "no embeddings for 3 inputs", True),
    ],
)
def test_base64_is_blamed_for_a_bad_response_until_it_works(kind: Any, message: str, blamed: bool) -> None:
    error = kind(message, Response(200, Headers(), b""))

    assert (blames_base64(error, works=False), blames_base64(error, works=True)) == (blamed, False)
