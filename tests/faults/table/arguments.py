"""Invalid arguments, which are rejected before sending, and arguments that are converted."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from typing import Any

from openrouter_embeddings import errors

from ..fault import KEY, OTHER_KEY, Fault, Outcome
from ..steps import echo, once

PROVIDER = {"zdr": True, "data_collection": "deny", "max_price": {"prompt": 0.1, "completion": 2, "request": 1e-7}}
CONVERTED = {
    "zdr": True,
    "data_collection": "deny",
    "max_price": {"prompt": "0.1", "completion": "2", "request": "0.0000001"},
}
INVALID_VALUES = {
    "CR": "a\rb",
    "LF": "a\nb",
    "NUL": "a\0b",
    "CRLF": "a\r\nX-Injected: yes",
    "Café": "Café",
    "emoji": "🚀",
}
HEADERS = {
    "http_referer": "HTTP-Referer",
    "x_open_router_title": "X-OpenRouter-Title",
    "x_open_router_categories": "X-OpenRouter-Categories",
}


def unsent(number: int, name: str, error_class: type[errors.OpenRouterError], *message: str, **more: Any) -> Fault:
    """Return a row whose call is rejected before any request."""
    return Fault(number, name, once(), error_class, 0, 0, message=message, **more)


def invalid(number: int, name: str, *message: str, **arguments: Any) -> Fault:
    return unsent(number, name, errors.InvalidInputError, *message, arguments=arguments)


def body_has(**fields: Any) -> Callable[[Outcome], None]:
    """Return a check that the request body contains these fields."""

    def check(outcome: Outcome) -> None:
        body = outcome.ledger.requests[0].json
        assert {name: body.get(name) for name in fields} == fields

    return check


def header_is(name: str, value: str) -> Callable[[Outcome], None]:
    def check(outcome: Outcome) -> None:
        assert outcome.ledger.requests[0].all(name) == [value]

    return check


def hides_the_override(outcome: Outcome) -> None:
    assert isinstance(outcome.error, errors.APIStatusError)
    assert "Cannot serve" in str(outcome.error)
    assert OTHER_KEY.encode() not in pickle.dumps(outcome.error)


def in_client_and_call(name: str, value: str) -> list[Mapping[str, Any]]:
    """Return a value as an option of the client and as an argument of the call."""
    return [{"options": {name: value}}, {"arguments": {name: value}}]


FAULTS = [
    *(
        unsent(38, f"{kind} in {name} of the {next(iter(where))}", errors.ConfigurationError, name, **where)
        for name in HEADERS
        for kind, value in INVALID_VALUES.items()
        for where in in_client_and_call(name, value)
    ),
    *(
        Fault(
            38,
            f"blanks around {name} of the {next(iter(where))}",
            once(),
            check=header_is(wire, "https://a.example"),
            **where,
        )
        for name, wire in HEADERS.items()
        for where in in_client_and_call(name, "  https://a.example\t ")
    ),
    unsent(
        38,
        "CRLF in http_headers",
        errors.ConfigurationError,
        "http_headers",
        arguments={"http_headers": {"X-A": "b\r\nc: d"}},
    ),
    Fault(39, "newline after the key", once(), options={"api_key": f"{KEY}\n"}),
    Fault(39, "blanks around the key", once(), options={"api_key": f" \t{KEY}\r\n"}),
    unsent(39, "empty key", errors.ConfigurationError, "OPENROUTER_API_KEY", options={"api_key": ""}),
    unsent(39, "blank key", errors.ConfigurationError, "OPENROUTER_API_KEY", options={"api_key": " \n"}),
    unsent(39, "missing key", errors.ConfigurationError, "OPENROUTER_API_KEY", options={"api_key": None}),
    unsent(39, "non-ASCII key", errors.ConfigurationError, "api_key", options={"api_key": f"{KEY}é"}),
    unsent(
        39,
        "newline in the key",
        errors.ConfigurationError,
        "api_key",
        options={"api_key": f"{KEY}\nX-Injected: yes"},
    ),
    unsent(39, "key of bytes", errors.ConfigurationError, "api_key", options={"api_key": KEY.encode()}),
    unsent(
        39,
        "a callable returns None",
        errors.ConfigurationError,
        "OPENROUTER_API_KEY",
        options={"api_key": lambda: None},
    ),
    unsent(
        39,
        "a callable returns non-ASCII",
        errors.ConfigurationError,
        "api_key",
        options={"api_key": lambda: f"{KEY}é"},
    ),
    *(
        Fault(
            40,
            f"override by {name}",
            once(),
            arguments={"http_headers": {name: f"Bearer {OTHER_KEY}"}},
            authorization=f"Bearer {OTHER_KEY}",
            secrets=(KEY, OTHER_KEY),
        )
        for name in ("authorization", "Authorization", "AUTHORIZATION")
    ),
    Fault(
        40,
        "override that an error echoes",
        once(echo(401)),
        errors.UnauthorizedResponseError,
        1,
        0,
        arguments={"http_headers": {"authorization": f"Bearer {OTHER_KEY}"}},
        authorization=f"Bearer {OTHER_KEY}",
        check=hides_the_override,  # locals of the caller contain this argument, so `secrets` excludes it
    ),
    Fault(
        41,
        "numbers as decimal strings",
        once(),
        arguments={"provider": PROVIDER},
        check=body_has(provider=CONVERTED),
    ),
    invalid(41, "unknown name", "provider", "zrd", "zdr", provider={"zrd": True}),
    invalid(41, "unknown nested name", "max_price", "promt", "prompt", provider={"max_price": {"promt": "1"}}),
    invalid(41, "text instead of a list", "provider.order", provider={"order": "openai"}),
    invalid(41, "text instead of a list of enums", "provider.quantizations", provider={"quantizations": "fp8"}),
    invalid(41, "text instead of a boolean", "provider.zdr", provider={"zdr": "yes"}),
    invalid(41, "a list instead of an object", "provider", provider=["zdr"]),
    invalid(41, "NaN as a price", "provider.max_price.prompt", provider={"max_price": {"prompt": float("nan")}}),
    Fault(
        41,
        "extra fields",
        once(),
        arguments={"extra_body": {"truncate": "END", "provider": {"zrd": True}}},
        check=body_has(truncate="END", provider={"zrd": True}),
    ),
    Fault(
        41,
        "extra fields beside known ones",
        once(),
        arguments={"provider": {"zdr": True}, "extra_body": {"provider": {"new": 1}}},
        check=body_has(provider={"zdr": True, "new": 1}),
    ),
    invalid(42, "empty text", "input", input=""),
    invalid(42, "empty list", "input", input=[]),
    invalid(42, "an empty text in a list", "input[1]", input=["confidential", ""]),
    invalid(42, "two empty texts in a list", "input[0]", "2", input=["", "confidential", ""]),
    invalid(42, "a number among texts", "input[1]", input=["confidential", 7]),
    invalid(42, "None among texts", "input[1]", input=["confidential", None]),
]
