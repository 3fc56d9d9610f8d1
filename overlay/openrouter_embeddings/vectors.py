"""Makes finished vectors smaller: fewer dimensions, or another number type (float16, int8, binary)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from .arguments import suggest_names
from .errors import InvalidInputError

VectorDtype = Literal["float32", "float16", "int8", "binary"]
_LARGEST_FLOAT16 = 65_504.0


@suggest_names
def truncate_dimensions(matrix: Any, n: int) -> Any:
    """Keep the first `n` numbers of each vector, and scale the vector to length 1.

    Use it only with models that are trained for it (Matryoshka). A vector of zeros is not scaled.

    Args:
        matrix: numbers, `(rows, dimensions)` or one vector `(dimensions,)`; an `EmbedResult` too.
        n: 1 to `dimensions`.

    Returns:
        float32 `(rows, n)`, or `(n,)`, in the order of the rows.

    Raises:
        InvalidInputError: `n` is out of range, or the matrix has another number of axes.

    Source: `x[:n] / norm(x[:n])` for a row `x`.
    """
    vectors = _float32(matrix)
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or not 1 <= n <= vectors.shape[-1]:
        raise InvalidInputError(f"n must be 1 to {vectors.shape[-1]}, got {n!r}", "n")
    cut = vectors[..., :n]
    lengths = np.sqrt(np.sum(np.square(cut, dtype=np.float64), axis=-1, keepdims=True))
    return (cut / np.where(lengths > 0, lengths, 1)).astype(np.float32)


@suggest_names
def quantize(matrix: Any, dtype: Literal["float16", "int8", "binary"]) -> Any:
    """Convert vectors to 2 bytes, 1 byte or 1 bit per number, row by row.

    Args:
        matrix: numbers, `(rows, dimensions)` or one vector `(dimensions,)`; an `EmbedResult` too.
        dtype: the number type. For a row `x`:
            "float16": the nearest half-precision numbers.
            "int8": `rint(127 * x / max(abs(x)))`, so -127 to 127, with a scale for each row. Cosine similarities change
            by about 1 % at most; dot products and lengths are lost.
            "binary": one bit per number, 1 if `x > 0`, packed as in `numpy.packbits`: the most significant
            bit first, the last byte filled with zeros.

    Returns:
        float16 or int8 of the same shape, or uint8 `(rows, ceil(dimensions / 8))`, in the order of the rows.

    Raises:
        InvalidInputError: the dtype or number of axes is wrong, or the dtype cannot represent a number (NaN: float16).
    """
    vectors = _float32(matrix)
    if dtype == "float16":
        if (np.abs(vectors) > _LARGEST_FLOAT16).any():
            raise InvalidInputError(f"matrix: a number exceeds the float16 maximum {_LARGEST_FLOAT16:,.0f}", "matrix")
        return vectors.astype(np.float16)
    if dtype not in ("int8", "binary"):
        raise InvalidInputError(f"dtype must be float16, int8 or binary, got {dtype!r}", "dtype")
    if not np.isfinite(vectors).all():
        raise InvalidInputError(f"matrix: {dtype} cannot represent NaN or infinity; remove those rows", "matrix")
    if dtype == "binary":
        return np.packbits(vectors > 0, axis=-1)
    largest = np.max(np.abs(vectors), axis=-1, keepdims=True, initial=0.0)
    return np.rint(vectors * (127 / np.where(largest > 0, largest, 1).astype(np.float64))).astype(np.int8)


def _float32(matrix: Any) -> Any:
    vectors = np.asarray(matrix, np.float32)
    if vectors.ndim not in (1, 2):
        raise InvalidInputError(f"matrix: expected 1 or 2 axes, got {vectors.ndim}", "matrix")
    return vectors
