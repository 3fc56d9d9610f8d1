"""Models convert JSON to objects and back without a change, and can be pickled."""

from __future__ import annotations

import copy
import pickle

from hypothesis import event, given
from hypothesis import strategies as st
from openrouter_embeddings import components, operations
from openrouter_generated.types import ApiModel
from properties.values import near
from support.openapi import SCHEMAS

MODELS: dict[str, type[ApiModel]] = {
    name: model
    for namespace in (components, operations)
    for name in namespace.__all__
    if name in SCHEMAS and isinstance(model := getattr(namespace, name), type) and issubclass(model, ApiModel)
}


def test_schemas_have_models() -> None:
    assert set(MODELS) >= {"CreateEmbeddingsResponse", "Model", "ErrorResponse", "ProviderPreferences"}
    assert len(MODELS) > 30


@given(st.data())
def test_to_dict_inverts_from_dict(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(MODELS)))
    value = data.draw(near(SCHEMAS[name], wrong=60).filter(lambda drawn: isinstance(drawn, dict)))
    before = copy.deepcopy(value)

    model, error = read(MODELS[name], value)

    event("invalid" if error else "valid")
    assert value == before
    if model is None:
        assert ": expected " in str(error)
    else:
        assert model.to_dict() == value
        copied = pickle.loads(pickle.dumps(model))
        assert (copied, copied.to_dict()) == (model, value)


def read(model: type[ApiModel], value: object) -> tuple[ApiModel | None, ValueError | None]:
    """Return the model of a value, or the error."""
    try:
        return model.from_dict(value), None
    except ValueError as error:
        return None, error
