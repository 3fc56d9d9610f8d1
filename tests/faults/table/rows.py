"""Rows that are too few, misplaced, misshapen, or no vectors at all."""

from __future__ import annotations

import base64
import random
from array import array
from collections.abc import Callable
from typing import Any

from openrouter_embeddings import errors

from ..fault import TEXTS, Fault, Outcome, right_vectors
from ..replies import answer, once
from ..right import DIMENSIONS, in_base64, vector

Answer = dict[str, Any]
BASE64 = {"encoding_format": "base64"}
ROW, POSITION = 2, 5
NAN = in_base64([0.5] * POSITION + [float("nan")] + [0.5] * (DIMENSIONS - POSITION - 1))
INFINITE = in_base64([0.5] * POSITION + [float("inf")] + [0.5] * (DIMENSIONS - POSITION - 1))
NO_EMBEDDINGS: tuple[object, ...] = (None, [], "", {}, 7)
TOO_LARGE = 1.25e300  # stands for a number that Python would not write
ODD = base64.b64encode(bytes(4 * DIMENSIONS - 1)).decode()


def refused(number: int, name: str, change: Callable[[Answer], object], *says: str, **more: Any) -> Fault:
    """Computed, billed, and no answer to what was asked: named at once, since asking again costs again."""
    return Fault(number, name, once(answer(change)), errors.ResponseValidationError, 1, 1, says=says, **more)


def understood(number: int, name: str, change: Callable[[Answer], object], **more: Any) -> Fault:
    return Fault(number, name, once(answer(change)), **more)


def indexes(*values: Any) -> Callable[[Answer], None]:
    def change(answer: Answer) -> None:
        for row, value in zip(answer["data"], values, strict=True):
            row["index"] = value

    return change


def drop_indexes(*rows: int) -> Callable[[Answer], None]:
    def change(answer: Answer) -> None:
        for row in rows:
            del answer["data"][row]["index"]

    return change


def shuffled(answer: Answer) -> None:
    random.Random(1).shuffle(answer["data"])


def number(value: Any) -> Callable[[Answer], None]:
    """One number of one row is this instead."""

    def change(answer: Answer) -> None:
        answer["data"][ROW]["embedding"][POSITION] = value

    return change


def embedding(value: Any) -> Callable[[Answer], None]:
    """One row's embedding is this instead."""

    def change(answer: Answer) -> None:
        answer["data"][ROW]["embedding"] = value

    return change


def every_embedding(make: Callable[[str], Any]) -> Callable[[Answer], None]:
    def change(answer: Answer) -> None:
        for row, text in zip(answer["data"], TEXTS, strict=True):
            row["embedding"] = make(text)

    return change


def names_place(outcome: Outcome) -> None:
    words = "".join(c if c.isdigit() else " " for c in str(outcome.error)).split()
    assert {str(ROW), str(POSITION)} <= set(words), str(outcome.error)


def with_zeros(texts: tuple[str, ...]) -> list[array[float]]:
    vectors = right_vectors(texts)
    vectors[ROW] = array("f", [0.0] * DIMENSIONS)
    return vectors


def as_1e400(body: bytes) -> bytes:
    return body.replace(repr(TOO_LARGE).encode(), b"1e400")


def unpadded(answer: Answer) -> None:
    answer["data"][ROW]["embedding"] = answer["data"][ROW]["embedding"].rstrip("=")


FAULTS = [
    refused(30, "too few", lambda answer: answer["data"].pop(), "3", "4"),
    refused(30, "too many", lambda answer: answer["data"].append({**answer["data"][0], "index": 4}), "5", "4"),
    refused(30, "one more of the same", lambda answer: answer["data"].append(answer["data"][0]), "5", "4"),
    refused(30, "empty data", lambda answer: answer["data"].clear(), "4"),
    refused(30, "no data", lambda answer: answer.pop("data"), "data"),
    refused(30, "data: null", lambda answer: answer.update(data=None), "data"),
    refused(30, "data is an object", lambda answer: answer.update(data={"0": answer["data"][0]}), "data"),
    refused(30, "a row is a list", lambda answer: answer["data"].__setitem__(ROW, [0.5] * DIMENSIONS), "data"),
    understood(31, "reversed", lambda answer: answer["data"].reverse()),
    understood(31, "shuffled", shuffled),
    understood(31, "shuffled, base64", shuffled, arguments=BASE64),
    refused(32, "index twice", indexes(0, 1, 1, 3), "index"),
    refused(32, "index skips one", indexes(0, 1, 2, 4), "index"),
    refused(32, "one row has none", drop_indexes(ROW), "index"),
    refused(32, "negative", indexes(-1, 0, 1, 2), "index"),
    refused(32, "from one", indexes(1, 2, 3, 4), "index"),
    refused(32, "index is text", indexes("0", "1", "2", "3"), "index"),
    refused(32, "index is huge", indexes(0, 1, 2, 10**30), "index"),
    understood(32, "no index at all", drop_indexes(0, 1, 2, 3)),
    *(
        refused(33, f"{value} among the numbers", number(value), check=names_place)
        for value in (float("nan"), float("inf"), float("-inf"))
    ),
    *(
        refused(33, f"{value!r} among the numbers", number(value), check=names_place)
        for value in (None, "0.5", True, [0.5])
    ),
    Fault(
        33,
        "1e400 among the numbers",
        once(answer(number(TOO_LARGE), encode=as_1e400)),
        errors.ResponseValidationError,
        check=names_place,
    ),
    *(refused(33, f"embedding {value!r}", embedding(value), str(ROW)) for value in NO_EMBEDDINGS),
    refused(33, "NaN in base64", embedding(NAN), arguments=BASE64, check=names_place),
    refused(33, "Infinity in base64", embedding(INFINITE), arguments=BASE64, check=names_place),
    refused(34, "one row is longer", embedding([0.5] * 9), str(ROW), "9", "8"),
    refused(34, "one row is shorter, base64", embedding(in_base64([0.5] * 7)), str(ROW), "7", "8", arguments=BASE64),
    refused(
        34,
        "not the dimensions asked for",
        every_embedding(lambda text: list(vector(text))),
        "6",
        "8",
        arguments={"dimensions": 6},
    ),
    understood(34, "a row of zeros", embedding([0.0] * DIMENSIONS), vectors=with_zeros, warnings=1),
    refused(35, "base64 of an odd length", embedding(ODD), str(ROW), arguments=BASE64),
    refused(35, "not base64", embedding("~~ no base64 ~~"), str(ROW), arguments=BASE64),
    refused(35, "wrong padding", unpadded, str(ROW), arguments=BASE64),
    understood(35, "base64 unasked", every_embedding(lambda text: in_base64(vector(text)))),
    understood(35, "floats unasked", every_embedding(lambda text: list(vector(text))), arguments=BASE64),
]
