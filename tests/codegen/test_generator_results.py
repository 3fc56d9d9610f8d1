"""The package depends on the results of the two generators: a change of a result changes the package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.properties import ModelProperty
from openapi_python_client.parser.responses import HTTPStatusPattern
from openapi_python_client.schema.untrusted_string import UntrustedString

from codegen import document, package, param_types
from codegen.operations import normalize

WIDE = normalize(document.load(Path(__file__).parent / "wide.yaml"))


def cat(data: GeneratorData) -> ModelProperty:
    return next(model for model in data.models if model.class_info.name == "Cat")


def endpoint(data: GeneratorData, name: str) -> Any:
    found = (item for collection in data.endpoint_collections_by_tag.values() for item in collection.endpoints)
    return next(item for item in found if item.name == name)


def add_field(data: GeneratorData) -> None:
    new = evolve(cat(data).required_properties[1], name=UntrustedString("added"), required=False)  # type: ignore[index]
    cat(data).optional_properties.append(new)  # type: ignore[union-attr]


def rename_field(data: GeneratorData) -> None:
    lives = cat(data).required_properties[1]  # type: ignore[index]
    cat(data).required_properties[1] = evolve(lives, name=UntrustedString("nine"))  # type: ignore[index]


def change_type(data: GeneratorData) -> None:
    kind, lives = cat(data).required_properties  # type: ignore[misc]
    cat(data).required_properties[:] = [evolve(kind, name=lives.name)]  # type: ignore[index]


def make_optional(data: GeneratorData) -> None:
    lives = cat(data).required_properties.pop()  # type: ignore[union-attr]
    cat(data).optional_properties.append(evolve(lives, required=False))  # type: ignore[union-attr]


def rename_class(data: GeneratorData) -> None:
    data.enums[0].class_info.module_name = type(data.enums[0].class_info.module_name)("moved", "")


def add_parameter(data: GeneratorData) -> None:
    query = endpoint(data, "list_").query_parameters
    query.append(evolve(query[-1], name=UntrustedString("added")))


def drop_body(data: GeneratorData) -> None:
    endpoint(data, "replace_part").bodies.clear()


def change_status(data: GeneratorData) -> None:
    endpoint(data, "delete_part").responses.patterns[0].status_code = HTTPStatusPattern(
        pattern="204", code_range=(204, 205)
    )


def change_result(data: GeneratorData) -> None:
    endpoint(data, "post_animal").responses.patterns[0].prop = endpoint(data, "post_ping").responses.patterns[0].prop


CHANGES: list[tuple[Callable[[GeneratorData], None], str, str]] = [
    (add_field, "models/cat.py", "    added: int | None = None\n"),
    (rename_field, "models/cat.py", "        model.nine = get('nine')\n"),
    (change_type, "models/cat.py", "    lives: Literal['cat'] | str = 'cat'\n"),
    (make_optional, "models/cat.py", "    lives: int | None = None\n"),
    (rename_class, "models/moved.py", "TypeAlias = "),
    (add_parameter, "api/things/__init__.py", "        added: str | None = None,\n"),
    (drop_body, "api/import_/replace_part.py", "    body=None,\n"),
    (change_status, "api/things/delete_part.py", "    success=(204, 205, ),\n"),
    (change_result, "api/beta_animals/__init__.py", ") -> int:\n"),
]


@pytest.mark.parametrize(("change", "file", "text"), CHANGES, ids=lambda value: getattr(value, "__name__", ""))
def test_changed_parse_result_changes_the_package(
    change: Callable[[GeneratorData], None], file: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package.write(tmp_path / "before", WIDE)
    parse = GeneratorData.from_dict

    def changed(data: dict[str, Any], **options: Any) -> Any:
        parsed = parse(data, **options)
        assert isinstance(parsed, GeneratorData)
        change(parsed)
        return parsed

    monkeypatch.setattr(GeneratorData, "from_dict", staticmethod(changed))
    package.write(tmp_path / "after", WIDE)

    before, after = (tmp_path / name / file for name in ("before", "after"))
    assert (before.exists() and text in before.read_text("utf-8"), text in after.read_text("utf-8")) == (False, True)


def test_changed_generator_option_changes_params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """params.py changes, and no other file."""
    package.write(tmp_path / "before" / "p", WIDE)
    generate = param_types.generate
    monkeypatch.setattr(
        param_types, "generate", lambda text, **options: generate(text, **{**options, "use_union_operator": False})
    )
    package.write(tmp_path / "after" / "p", WIDE)

    files = sorted(path.relative_to(tmp_path / "after") for path in (tmp_path / "after").rglob("*.py"))
    texts = [[(tmp_path / name / file).read_text("utf-8") for name in ("before", "after")] for file in files]
    assert [file.name for file, (old, new) in zip(files, texts, strict=True) if old != new] == ["params.py"]
    assert "Optional[" in (tmp_path / "after" / "p" / "params.py").read_text("utf-8")
