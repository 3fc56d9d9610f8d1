"""Is a request what the API describes? The description's own JSON Schemas, judged by the `jsonschema` library.

Deliberately not the check that the client makes before sending: the two are independent, so each tests the other.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend
from openrouter_generated.schemas import SCHEMAS
from openrouter_generated.types import Operation, Parameter

from .refusals import Refusal, bad_request

_KINDS = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}
_ENOUGH_ERRORS = 20
"""Errors read per branch of a union: enough to tell which branch was meant, few enough for a long list."""


def read_json(body: bytes) -> Any:
    """The decoded body, or a 400."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad_request(f"The request body is not valid JSON: {error}") from None


class Checker:
    """The checks of one operation, compiled once."""

    def __init__(self, operation: Operation) -> None:
        self._query = [parameter for parameter in operation.parameters if parameter.location == "query"]
        self._validators = {parameter.name: _validator(parameter.schema) for parameter in self._query}
        fields = [parameter for parameter in operation.parameters if parameter.location == "body"]
        self._body = _validator(_body_schema(fields))

    def body(self, value: Any) -> None:
        """Refuse a body that the description does not allow."""
        _refuse_first(self._body, value, "")

    def query(self, given: Mapping[str, str]) -> dict[str, Any]:
        """The query parameters in their declared types. Names that are not declared are ignored, as by the API."""
        values: dict[str, Any] = {}
        for parameter in self._query:
            if parameter.name in given:
                values[parameter.name] = _typed(given[parameter.name], parameter)
                _refuse_first(self._validators[parameter.name], values[parameter.name], parameter.name)
            elif parameter.required:
                raise bad_request(f"{parameter.name}: required in the query, but missing")
        return values


def _body_schema(fields: Sequence[Parameter]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {field.name: field.schema for field in fields},
        "required": [field.name for field in fields if field.required],
    }


def _typed(text: str, parameter: Parameter) -> Any:
    """A query value as the integer that it is declared to be; anything else stays text, for the schema to judge."""
    kinds = parameter.schema.get("type")
    if "integer" in ([kinds] if isinstance(kinds, str) else kinds or []) and re.fullmatch(r"-?[0-9]{1,18}", text):
        return int(text)
    return text


def _union(again: bool) -> Callable[..., Iterator[ValidationError]]:
    """A union keyword that reads few errors per branch; with `again`, a second matching branch is an error."""

    def judge(validator: Any, branches: Sequence[Any], value: Any, _: Any) -> Iterator[ValidationError]:
        failures: list[ValidationError] = []
        matches = 0
        for index, branch in enumerate(branches):
            errors = list(itertools.islice(validator.descend(value, branch, schema_path=index), _ENOUGH_ERRORS))
            failures += errors
            matches += not errors
            if matches and not again:
                return
        if matches > 1:
            yield ValidationError("fits more than one of the allowed forms")
        elif not matches:
            yield ValidationError("fits none of the allowed forms", context=failures)

    return judge


_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"anyOf": _union(again=False), "oneOf": _union(again=True)}
)


def _validator(schema: Mapping[str, Any]) -> Any:
    """References point into the description's components, so the schema takes them along."""
    return _Validator({**_with_decimals(schema), "components": {"schemas": _components()}})


@functools.cache
def _components() -> Any:
    return _with_decimals(SCHEMAS)


def _with_decimals(schema: Any) -> Any:
    """The schema, with numbers allowed where it wants a decimal string: the API's guide shows them as numbers."""
    if isinstance(schema, Mapping):
        copy = {name: _with_decimals(part) for name, part in schema.items()}
        return {**copy, "type": ["string", "number"]} if copy.get("x-decimal-string") is True else copy
    return [_with_decimals(part) for part in schema] if isinstance(schema, list | tuple) else schema


def _refuse_first(validator: Any, value: Any, name: str) -> None:
    error = next(validator.iter_errors(value), None)
    if error is not None:
        raise _refusal(error, name)


def _refusal(error: ValidationError, name: str) -> Refusal:
    """The 400 for an error: the innermost one of the branch of each union that was most likely meant."""
    while error.context:
        error = _meant(error.context)
    path = name
    for step in error.absolute_path:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return bad_request(f"{path or 'body'}: {_sentence(error)}")


def _meant(errors: Sequence[ValidationError]) -> ValidationError:
    """The error of the likeliest branch: of those with the right `type` member, the one that understood the most.

    That is the one whose first error lies deepest, or furthest along a list. Branches that got equally far and each
    wanted another type are told as one error.
    """
    branches = [list(group) for _, group in itertools.groupby(errors, key=lambda error: error.relative_schema_path[0])]
    named = [branch[0] for branch in branches if not any(map(_names_another, branch))]
    if not named:
        return _joined([error for error in errors if _names_another(error)], "const")
    furthest = max(map(_reach, named))
    candidates = [error for error in named if _reach(error) == furthest]
    return _joined(candidates, "type") if candidates[0].validator == "type" else candidates[0]


def _names_another(error: ValidationError) -> bool:
    return error.validator == "const" and list(error.relative_path) == ["type"]


def _reach(error: ValidationError) -> tuple[int, int, bool]:
    steps = list(error.relative_path)
    return len(steps), steps[0] if steps and isinstance(steps[0], int) else 0, error.validator != "type"


def _joined(errors: Sequence[ValidationError], validator: str) -> ValidationError:
    """Errors that each allow something else at one place, as one that allows any of it."""
    allowed: list[Any] = []
    for error in errors:
        rule: Any = error.validator_value
        allowed += [name for name in (rule if isinstance(rule, list) else [rule]) if name not in allowed]
    joined = ValidationError("", validator, instance=errors[0].instance, validator_value=allowed)
    joined.path.extend(errors[0].absolute_path)
    return joined


def _sentence(error: ValidationError) -> str:
    """What is wrong, in few words, and never the whole value: it may be megabytes."""
    value: Any = error.instance
    rule: Any = error.validator_value
    schema: Any = error.schema
    match error.validator:
        case "type":
            return f"expected {_either(rule if isinstance(rule, list) else [rule])}, got {_KINDS[type(value)]}"
        case "required":
            return f"missing {', '.join(repr(name) for name in rule if name not in value)}"
        case "additionalProperties":
            known = schema.get("properties", {})
            return f"unknown field {', '.join(repr(name)[:80] for name in value if name not in known)}"
        case "enum" | "const":
            allowed = rule if isinstance(rule, list) else [rule]
            return f"expected {_either([repr(name) for name in allowed])}, got {repr(value)[:80]}"
        case "minLength" | "minItems" if rule == 1:
            return "must not be empty"
        case "minimum":
            return f"must be at least {rule}"
        case "maximum":
            return f"must be at most {rule}"
        case "maxLength":
            return f"must have at most {rule} characters"
    return error.message[:200]


def _either(names: Sequence[str]) -> str:
    """`a, b or c`."""
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
