"""Batches contain each text once and in order, and each batch is full."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from openrouter_embeddings.defaults import REQUEST_INPUTS, REQUEST_TOKENS
from openrouter_embeddings.embed.packing import ModelLimits, Packer, estimate_tokens

LETTERS = st.sampled_from("aé你🦊")
SHORT = st.builds(lambda letter, count: letter * count, LETTERS, st.integers(1, 40))
LONG = st.builds(lambda letter, count: letter * count, LETTERS, st.integers(1_000, 400_000))
TEXTS = st.builds(
    lambda runs: [text for text, times in runs for _ in range(times)],
    st.lists(st.tuples(SHORT, st.integers(1, 200)) | st.tuples(LONG, st.integers(1, 3)), max_size=8),
)


@given(TEXTS, st.sampled_from([None, 1, 2, 63, 64, 65, 128, 2_048]), st.sampled_from([None, 500, 2_000]))
@example(["é" * 100] * 2_048, 2_048, None)
@example(["a" * 345] * 2_100, 2_100, None)
def test_batches_are_ordered_complete_and_full(
    texts: list[str], batch_size: int | None, max_tokens: int | None
) -> None:
    limits = ModelLimits()
    limits.max_tokens = max_tokens or REQUEST_TOKENS
    packer = Packer(enumerate(texts), limits, batch_size)
    most, most_texts = max_tokens or REQUEST_TOKENS, batch_size or REQUEST_INPUTS

    position = 0
    while (batch := packer.next()) is not None:
        assert batch.positions == tuple(range(position, position + len(batch)))
        assert batch.texts == tuple(texts[position : position + len(batch)])
        position += len(batch)
        assert len(batch) <= most_texts
        tokens = sum(map(estimate_tokens, batch.texts))
        assert len(batch) == 1 or tokens <= most
        assert position == len(texts) or len(batch) == most_texts or tokens + estimate_tokens(texts[position]) > most, (
            "the batch could contain one more text"
        )
    assert position == len(texts)
    assert packer.exhausted
