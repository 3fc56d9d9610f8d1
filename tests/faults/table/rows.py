"""Rows of a response: wrong number, order, length or encoding, and values that are not finite numbers."""

from __future__ import annotations

import base64
import random
from array import array
from collections.abc import Callable
from typing import Any

from openrouter_embeddings import errors

from ..expected import DIMENSIONS, to_base64, vector
from ..fault import TEXTS, Fault, Outcome, expected_vectors
from ..steps import once, respond

Body = dict[str, Any]
BASE64 = {"encoding_format": "base64"}
ROW, POSITION = 2, 5
NAN = to_base64([0.5] * POSITION + [float("nan")] + [0.5] * (DIMENSIONS - POSITION - 1))
INFINITE = to_base64([0.5] * POSITION + [float("inf")] + [0.5] * (DIMENSIONS - POSITION - 1))
NO_EMBEDDINGS: tuple[object, ...] = (None, [], "", {}, 7)
TOO_LARGE = 1.25e300  # placeholder for 1e400, which Python cannot write
ODD = base64.b64encode(bytes(4 * DIMENSIONS - 1)).decode()


def rejected(number: int, name: str, change: Callable[[Body], object], *message: str, **more: Any) -> Fault:
    """Return a row whose response is wrong: the call raises without a retry, because each retry is billed."""
    return Fault(number, name, once(respond(change)), errors.ResponseValidationError, 1, 1, message=message, **more)


def accepted(number: int, name: str, change: Callable[[Body], object], **more: Any) -> Fault:
    return Fault(number, name, once(respond(change)), **more)


def set_indexes(*values: Any) -> Callable[[Body], None]:
    def change(response: Body) -> None:
        for row, value in zip(response["data"], values, strict=True):
            row["index"] = value

    return change


def drop_indexes(*rows: int) -> Callable[[Body], None]:
    def change(response: Body) -> None:
        for row in rows:
            del response["data"][row]["index"]

    return change


def shuffle(response: Body) -> None:
    random.Random(1).shuffle(response["data"])


def set_number(value: Any) -> Callable[[Body], None]:
    """Return a change that replaces one number of one row."""

    def change(response: Body) -> None:
        response["data"][ROW]["embedding"][POSITION] = value

    return change


def set_embedding(value: Any) -> Callable[[Body], None]:
    """Return a change that replaces the embedding of one row."""

    def change(response: Body) -> None:
        response["data"][ROW]["embedding"] = value

    return change


def set_every_embedding(make: Callable[[str], Any]) -> Callable[[Body], None]:
    def change(response: Body) -> None:
        for row, text in zip(response["data"], TEXTS, strict=True):
            row["embedding"] = make(text)

    return change


def names_position(outcome: Outcome) -> None:
    numbers = "".join(c if c.isdigit() else " " for c in str(outcome.error)).split()
    assert {str(ROW), str(POSITION)} <= set(numbers), str(outcome.error)


def with_zeros(texts: tuple[str, ...]) -> list[array[float]]:
    vectors = expected_vectors(texts)
    vectors[ROW] = array("f", [0.0] * DIMENSIONS)
    return vectors


def write_1e400(body: bytes) -> bytes:
    return body.replace(repr(TOO_LARGE).encode(), b"1e400")


def remove_padding(response: Body) -> None:
    response["data"][ROW]["embedding"] = response["data"][ROW]["embedding"].rstrip("=")


FAULTS = [
    rejected(30, "too few", lambda response: response["data"].pop(), "3", "4"),
    rejected(30, "too many", lambda response: response["data"].append({**response["data"][0], "index": 4}), "5", "4"),
    rejected(30, "duplicate row", lambda response: response["data"].append(response["data"][0]), "5", "4"),
    rejected(30, "empty data", lambda response: response["data"].clear(), "4"),
    rejected(30, "no data", lambda response: response.pop("data"), "data"),
    rejected(30, "data: null", lambda response: response.update(data=None), "data"),
    rejected(30, "data is an object", lambda response: response.update(data={"0": response["data"][0]}), "data"),
    rejected(30, "a row is a list", lambda response: response["data"].__setitem__(ROW, [0.5] * DIMENSIONS), "data"),
    accepted(31, "reversed", lambda response: response["data"].reverse()),
    accepted(31, "shuffled", shuffle),
    accepted(31, "shuffled, base64", shuffle, arguments=BASE64),
    rejected(32, "duplicate index", set_indexes(0, 1, 1, 3), "index"),
    rejected(32, "index skips one", set_indexes(0, 1, 2, 4), "index"),
    rejected(32, "one row has no index", drop_indexes(ROW), "index"),
    rejected(32, "negative index", set_indexes(-1, 0, 1, 2), "index"),
    rejected(32, "indexes start at one", set_indexes(1, 2, 3, 4), "index"),
    rejected(32, "index is text", set_indexes("0", "1", "2", "3"), "index"),
    rejected(32, "index is huge", set_indexes(0, 1, 2, 10**30), "index"),
    accepted(32, "no index at all", drop_indexes(0, 1, 2, 3)),
    *(
        rejected(33, f"{value} among the numbers", set_number(value), check=names_position)
        for value in (float("nan"), float("inf"), float("-inf"))
    ),
    *(
        rejected(33, f"{value!r} among the numbers", set_number(value), check=names_position)
        for value in (None, "0.5", True, [0.5])
    ),
    Fault(
        33,
        "1e400 among the numbers",
        once(respond(set_number(TOO_LARGE), encode=write_1e400)),
        errors.ResponseValidationError,
        check=names_position,
    ),
    *(rejected(33, f"embedding {value!r}", set_embedding(value), str(ROW)) for value in NO_EMBEDDINGS),
    rejected(33, "NaN in base64", set_embedding(NAN), arguments=BASE64, check=names_position),
    rejected(33, "Infinity in base64", set_embedding(INFINITE), arguments=BASE64, check=names_position),
    rejected(34, "longer row", set_embedding([0.5] * 9), str(ROW), "9", "8"),
    rejected(34, "shorter base64 row", set_embedding(to_base64([0.5] * 7)), str(ROW), "7", "8", arguments=BASE64),
    rejected(
        34,
        "not the requested dimensions",
        set_every_embedding(lambda text: list(vector(text))),
        "6",
        "8",
        arguments={"dimensions": 6},
    ),
    accepted(34, "a row of zeros", set_embedding([0.0] * DIMENSIONS), vectors=with_zeros, warnings=1),
    rejected(35, "base64 of an odd length", set_embedding(ODD), str(ROW), arguments=BASE64),
    rejected(35, "not base64", set_embedding("~~ not base64 ~~"), str(ROW), arguments=BASE64),
    rejected(35, "base64 without padding", remove_padding, str(ROW), arguments=BASE64),
    accepted(35, "base64 instead of floats", set_every_embedding(lambda text: to_base64(vector(text)))),
    accepted(35, "floats instead of base64", set_every_embedding(lambda text: list(vector(text))), arguments=BASE64),
]
