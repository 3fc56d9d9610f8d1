"""The model's vectors carry meaning, and one text has one vector whatever stands beside it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from openrouter_embeddings.local.catalog import Catalog
from openrouter_embeddings.local.model import StaticModel, _load_model as _load, to_token_ids as checked_ids, load_model as load
from openrouter_embeddings.local.errors import ApiError as Refusal


@pytest.fixture(scope="module")
def model() -> StaticModel:
    return load()


def similarity(model: StaticModel, one: str, other: str, dimensions: int = 256) -> float:
    left, right = model.embed(model.tokenize([one, other]), dimensions)
    return float(left @ right)


@pytest.mark.parametrize("dimensions", [64, 128, 256, 1024])
@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("I forgot my password", "I cannot log in to my account", "The recipe needs two eggs"),
        ("How tall is Mount Everest?", "the height of the highest mountain", "sort a list of numbers"),
        ("The doctor prescribed medicine", "a physician treats a patient", "the football match was a draw"),
    ],
)
def test_related_texts_are_nearer(model: StaticModel, text: str, near: str, far: str, dimensions: int) -> None:
    assert similarity(model, text, near, dimensions) > similarity(model, text, far, dimensions) + 0.15


def test_vector_does_not_depend_on_its_batch(model: StaticModel) -> None:
    texts = ["a", "another text that is longer", "x" * 5000, "émigré 🤷 \x00"]
    together = model.embed(model.tokenize(texts), 256)
    alone = np.concatenate([model.embed(model.tokenize([text]), 256) for text in texts])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, rtol=1e-6)
    assert together.dtype == np.dtype("<f4")


def test_tokens_count_the_text_alone(model: StaticModel) -> None:
    assert model.tokenize(["hello world", " ", "\n"]) == [[22172, 3186], [259], [29871, 13]]


def test_model_is_loaded_once() -> None:
    assert load() is load()


def test_another_model_in_the_installed_files_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {"embedding.weight": np.zeros((10, 256), np.float16)}
    monkeypatch.setattr("openrouter.local.model.load_file", lambda _: rows)
    with pytest.raises(ImportError, match=r"another model, of shape \(10, 256\)"):
        _load.__wrapped__()


def test_ids_of_a_larger_vocabulary_are_folded_only_where_asked() -> None:
    assert checked_ids([1.0, 31_999], "input", wrap=False) == [1, 31_999]
    assert checked_ids([32_001, 100_000], "input", wrap=True) == [1, 4_000]
    with pytest.raises(Refusal, match=r"^input: token id 32000 is outside"):
        checked_ids([1, 32_000], "input", wrap=False)


@pytest.mark.parametrize("models", [{"a/b": 0}, {"a/b": -1}, {"local/wordllama-l2-supercat-256": 512}])
def test_impossible_lengths_are_refused(models: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="dimensions, not"):
        Catalog(models)


def test_model_files_are_read_without_their_package() -> None:
    """The package's own code wants the network and much memory; only its files are used."""
    code = "import sys; from openrouter_embeddings.local.model import load_model; load_model(); print('wordllama' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
