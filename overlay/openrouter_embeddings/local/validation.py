"""Validates requests of the embedded server against the specification's JSON Schemas, with `jsonschema`.

It shares no code with the client's validation on purpose, so that each one tests the other.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend
from openrouter_generated.schemas import SCHEMAS
from openrouter_generated.types import Operation, Parameter
from starlette.datastructures import QueryParams

from .errors import ApiError

_SCALARS: Mapping[type, str] = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
_JSON_TYPES: Mapping[type, str] = {**_SCALARS, dict: "object", list: "array"}
_MAX_BRANCH_ERRORS = 20
"""Most errors collected per branch of a union: enough to find the intended branch, few enough for long lists."""


def decode_json(body: bytes) -> Any:
    """Decode the body, or raise a 400."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError(f"The request body is not valid JSON: {error}") from None


class RequestValidator:
    """Validates the requests of one operation."""

    def __init__(self, operation: Operation) -> None:
        self._query = [parameter for parameter in operation.parameters if parameter.location == "query"]
        self._query_validators = {parameter.name: _create_validator(parameter.schema) for parameter in self._query}
        fields = [parameter for parameter in operation.parameters if parameter.location == "body"]
        required = [field.name for field in fields if field.required]
        properties = {field.name: field.schema for field in fields}
        self._body_validator = _create_validator({"type": "object", "properties": properties, "required": required})

    def validate_body(self, value: Any) -> None:
        """Raise a 400 if the specification does not allow a body."""
        _raise_first_error(self._body_validator, value, "")

    def parse_query(self, given: QueryParams) -> dict[str, Any]:
        """Convert query parameters to their declared types. As in the API, unknown names are ignored."""
        values: dict[str, Any] = {}
        for parameter in self._query:
            if texts := given.getlist(parameter.name):
                is_list = "array" in parameter.schema.get("type", ())
                values[parameter.name] = texts if is_list else _parse_integer(texts[-1], parameter)
                _raise_first_error(self._query_validators[parameter.name], values[parameter.name], parameter.name)
        return values


def _parse_integer(text: str, parameter: Parameter) -> Any:
    """Convert a text to an integer if the schema declares one. Other text stays; the schema then validates it."""
    declared = "integer" in parameter.schema.get("type", ())
    return int(text) if declared and re.fullmatch(r"-?[0-9]{1,100}", text) else text


def _validate_union(validator: Any, branches: Sequence[Any], value: Any, _: Any) -> Iterator[ValidationError]:
    """Validate anyOf and oneOf alike, since at most one branch of a union matches. Limits the errors per branch."""
    failures: list[ValidationError] = []
    for index, branch in enumerate(branches):
        errors = list(itertools.islice(validator.descend(value, branch, schema_path=index), _MAX_BRANCH_ERRORS))
        if not errors:
            return
        failures += errors
    yield ValidationError("matches none of the allowed forms", context=failures)


def _allow_numeric_prices(schema: Any) -> Any:
    """Return the schema with numbers allowed for decimal strings, because the API's guide shows prices as numbers."""
    if isinstance(schema, Mapping):
        copy = {name: _allow_numeric_prices(part) for name, part in schema.items()}
        return {**copy, "type": ["string", "number"]} if copy.get("x-decimal-string") is True else copy
    return [_allow_numeric_prices(part) for part in schema] if isinstance(schema, list | tuple) else schema


_UNIONS = {"anyOf": _validate_union, "oneOf": _validate_union}
_Validator: Any = extend(Draft202012Validator, _UNIONS)  # type: ignore[no-untyped-call]
_COMPONENTS = {"schemas": _allow_numeric_prices(SCHEMAS)}


def _create_validator(schema: Mapping[str, Any]) -> Any:
    return _Validator({**_allow_numeric_prices(schema), "components": _COMPONENTS})


def _raise_first_error(validator: Any, value: Any, name: str) -> None:
    """Raise a 400 for the first error; in a union, for the innermost error of the branch most likely intended."""
    error = next(validator.iter_errors(value), None)
    if error is None:
        return
    while error.context:
        error = _select_error(error.context)
    path = name
    for step in error.absolute_path:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    raise ApiError(f"{path or 'body'}: {_describe(error)}")


def _select_error(errors: Sequence[ValidationError]) -> ValidationError:
    """Return the error of the branch most likely intended: its `type` matches, and its first error is the deepest.

    Branches that are equally likely and expect different types are reported as one error.
    """
    branches = [list(group) for _, group in itertools.groupby(errors, key=lambda error: error.relative_schema_path[0])]
    candidates = [branch[0] for branch in branches if not any(map(_is_other_tag, branch))]
    if not candidates:
        return _join([error for error in errors if _is_other_tag(error)], "const")
    deepest = max(map(_depth, candidates))
    candidates = [error for error in candidates if _depth(error) == deepest]
    return _join(candidates, "type") if candidates[0].validator == "type" else candidates[0]


def _is_other_tag(error: ValidationError) -> bool:
    return error.validator == "const" and list(error.relative_path) == ["type"]


def _depth(error: ValidationError) -> tuple[int, int, bool]:
    path = list(error.relative_path)
    return len(path), path[0] if path and isinstance(path[0], int) else 0, error.validator != "type"


def _join(errors: Sequence[ValidationError], keyword: str) -> ValidationError:
    """Merge errors of one keyword into an error with all allowed values."""
    allowed = list(dict.fromkeys(name for error in errors for name in _as_list(error.validator_value)))
    joined = ValidationError("", keyword, instance=errors[0].instance, validator_value=allowed)
    joined.path.extend(errors[0].absolute_path)
    return joined


def _describe(error: ValidationError) -> str:
    """Describe an error briefly. The message never contains the whole value, which may be megabytes long."""
    value: Any = error.instance
    rule: Any = error.validator_value
    match error.validator:
        case "type":
            return f"expected {' or '.join(_as_list(rule))}, got {_JSON_TYPES[type(value)]}"
        case "required":
            return f"missing {', '.join(repr(name) for name in rule if name not in value)}"
        case "additionalProperties":
            schema: Any = error.schema
            known = schema.get("properties", {})
            return f"unknown field {', '.join(repr(name)[:80] for name in value if name not in known)}"
        case "enum" | "const":
            return f"expected {' or '.join(map(repr, _as_list(rule)))}, got {repr(value)[:80]}"
        case "minLength" | "minItems" if rule == 1:
            return "must not be empty"
        case "minimum":
            return f"must be at least {rule}"
        case "maximum":
            return f"must be at most {rule}"
        case "maxLength":
            return f"must have at most {rule} characters"
    return error.message[:200]


def _as_list(rule: Any) -> list[Any]:
    return rule if isinstance(rule, list) else [rule]
