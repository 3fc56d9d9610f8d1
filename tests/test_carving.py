"""Vectors cut out of an answer by their bytes: what is ordinary is cut, what could be mistaken is left alone."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from openrouter.carving import MARK, carve

TEXTS = ["AACAPw==", "AAAAQA=="]


class Cut(NamedTuple):
    """An answer, what is cut out of it, and what is left; `@` stands for the mark."""

    content: str
    vectors: list[str]
    rest: str


ROW = '{"object":"embedding","embedding":"AACAPw==","index":0}'
CUT = [
    Cut(f'{{"data":[{ROW}]}}', TEXTS[:1], '{"data":[{"object":"embedding","embedding":"@","index":0}]}'),
    Cut(
        '[{"embedding":"AACAPw=="},{"embedding":"AAAAQA==","index":1}]',
        TEXTS,
        '[{"embedding":"@"},{"embedding":"@","index":1}]',
    ),
    Cut('[{"embedding" :\n "AACAPw=="}]', TEXTS[:1], '[{"embedding" :\n "@"}]'),
    Cut('[{"embedding":[1, 2.5]},{"embedding":[]}]', ["1, 2.5", ""], '[{"embedding":"@"},{"embedding":"@"}]'),
    Cut('[{"embedding": [\n1\n]}]', ["\n1\n"], '[{"embedding": "@"}]'),
    # those that are left are none of the cuts: too short, of another form, with other blanks
    Cut('[{"embedding":"AACAPw=="},{"embedding":"AA"}]', TEXTS[:1], '[{"embedding":"@"},{"embedding":"AA"}]'),
    Cut('[{"embedding":"AACAPw=="},{"embedding":[1]}]', TEXTS[:1], '[{"embedding":"@"},{"embedding":[1]}]'),
    Cut('[{"embedding":[1]},{"embedding":"AA"}]', ["1"], '[{"embedding":"@"},{"embedding":"AA"}]'),
    Cut('[{"embedding":[1]},{"embedding": [1]}]', ["1"], '[{"embedding":"@"},{"embedding": [1]}]'),
]


@pytest.mark.parametrize("kind", [bytes, bytearray])
@pytest.mark.parametrize("case", CUT, ids=lambda case: case.content)
def test_vectors_of_the_form_of_the_first_are_cut_out(case: Cut, kind: type[bytes]) -> None:
    content = kind(case.content.encode())

    carved = carve(content)

    assert [content[a:b].decode() for a, b in zip(carved.starts, carved.ends, strict=True)] == case.vectors
    assert carved.rest.decode() == case.rest.replace("@", MARK)
    assert carved.base64 == (case.vectors[0] == TEXTS[0])


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        '{"embedding"}',
        '{"embedding":null}',
        '{"embedding"\v:"AAAA"}',  # no blank of JSON
        '{"embedding":""}',
        '{"embedding":"AAAA',
        '{"embedding":[1,2',
        '{"embedding":"AAAA","model":"\x7f"}',
        '{"embedding":[1],"model":"\x7f"}',
        r'{"embedding":"AAAA","model":"\u007f"}',
        r'{"embedding":[1],"model":"a\/b"}',
        r'{"x\"embedding":"AAAA"}',
    ],
)
def test_what_could_be_mistaken_is_left_alone(content: str) -> None:
    with pytest.raises(ValueError):
        carve(content.encode())
