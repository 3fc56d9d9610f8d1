"""Truncated and quantized vectors, compared with numpy and with values computed by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from openrouter_embeddings import errors
from openrouter_embeddings.types import EmbedResult
from openrouter_embeddings.vectors import quantize, truncate_dimensions

MATRIX = np.random.default_rng(7).standard_normal((50, 21)).astype(np.float32)


@pytest.mark.parametrize("n", [1, 8, 21])
def test_truncated_vectors_are_normalized(n: int) -> None:
    shorter = truncate_dimensions(MATRIX, n)
    assert (shorter.dtype, shorter.shape) == (np.float32, (50, n))
    np.testing.assert_allclose(shorter, MATRIX[:, :n] / np.linalg.norm(MATRIX[:, :n], axis=1, keepdims=True), rtol=1e-6)
    np.testing.assert_array_equal(truncate_dimensions(MATRIX[3], n), shorter[3])
    np.testing.assert_array_equal(truncate_dimensions(EmbedResult(MATRIX), n), shorter)


FORMS: dict[str, tuple[Any, Any]] = {
    "float16": ([[0.1, -2.0]], np.array([[0.1, -2.0]], np.float16)),
    "float16 of NaN": ([[np.nan, 1.0]], np.array([[np.nan, 1.0]], np.float16)),
    "int8": ([[0.5, -1.0, 0.25], [3.0, 0.0, -2.0], [0.0, 0.0, 0.0]], np.int8([[64, -127, 32], [127, 0, -85], [0] * 3])),
    "int8 of small numbers": ([1e-40, -1e-40], np.int8([127, -127])),
    "binary": ([[1, -1, 0.5, 0, 2, -0.0, 3, 4, 1]], np.uint8([[0b10101011, 0b10000000]])),
    "binary vector": ([1, 1, -1], np.uint8([0b11000000])),
    "int8 without rows": (np.empty((0, 3)), np.empty((0, 3), np.int8)),
    "binary without rows": (np.empty((0, 9)), np.empty((0, 2), np.uint8)),
}


@pytest.mark.parametrize("name", FORMS)
def test_quantized_values(name: str) -> None:
    given, expected = FORMS[name]
    found = quantize(given, name.partition(" ")[0])  # type: ignore[arg-type]
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_quantized_vectors_keep_their_similarities() -> None:
    def cosines(rows: Any) -> Any:
        rows = rows.astype(np.float64)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows @ rows.T

    for form, tolerance in (("float16", 1e-3), ("int8", 1e-2)):
        np.testing.assert_allclose(cosines(quantize(MATRIX, form)), cosines(MATRIX), atol=tolerance)  # type: ignore[arg-type]
    np.testing.assert_array_equal(np.unpackbits(quantize(MATRIX, "binary"), axis=1, count=21), MATRIX > 0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: truncate_dimensions(MATRIX, 22),
        lambda: truncate_dimensions(MATRIX, 0),
        lambda: truncate_dimensions(MATRIX, True),
        lambda: truncate_dimensions(MATRIX, 2.0),  # type: ignore[arg-type]
        lambda: truncate_dimensions([[[1.0]]], 1),
        lambda: quantize(MATRIX, "int4"),  # type: ignore[arg-type]
        lambda: quantize([[np.nan]], "int8"),
        lambda: quantize([[np.inf]], "binary"),
        lambda: quantize([[1e6]], "float16"),
    ],
)
def test_invalid_arguments_are_rejected(call: Any) -> None:
    with pytest.raises(errors.InvalidInputError):
        call()
