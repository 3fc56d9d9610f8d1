"""The embedded model: related texts have similar vectors, which do not depend on the batch."""

from __future__ import annotations

import numpy as np
import pytest
from openrouter_embeddings.local.model import StaticModel, load_model, to_token_ids


@pytest.fixture(scope="module")
def model() -> StaticModel:
    return load_model()


TEXTS = [
    ("I forgot my password", "I cannot log in to my account", "The recipe needs two eggs"),
    ("How tall is Mount Everest?", "the height of the highest mountain", "sort a list of numbers"),
]


@pytest.mark.parametrize("dimensions", [64, 256, 1024])
@pytest.mark.parametrize(("text", "near", "far"), TEXTS)
def test_related_texts_are_more_similar(model: StaticModel, text: str, near: str, far: str, dimensions: int) -> None:
    query, first, second = model.embed(model.tokenize([text, near, far]), dimensions)

    assert float(query @ first) > float(query @ second) + 0.15


def test_vector_does_not_depend_on_its_batch(model: StaticModel) -> None:
    texts = ["a", "another text that is longer", "x" * 5000, "émigré 🤷 \x00"]
    together = model.embed(model.tokenize(texts), 256)
    alone = [model.embed(model.tokenize([text]), 256) for text in texts]

    np.testing.assert_array_equal(np.concatenate(alone), together)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, rtol=1e-6)
    assert np.dtype("<f4") == together.dtype


def test_weights_of_another_model_are_rejected() -> None:
    with pytest.raises(ImportError, match="another model"):
        StaticModel(np.zeros((10, 256), np.float32), None)  # type: ignore[arg-type]


def test_token_ids_of_larger_vocabularies_wrap_around() -> None:
    assert to_token_ids([1.0, 31_999], "input", wrap=False) == [1, 31_999]
    assert to_token_ids([32_001, 100_000], "input", wrap=True) == [1, 4_000]
