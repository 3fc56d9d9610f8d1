"""`make spec-pull`: comparison with another document of the service, and import of its operations into openapi.yaml."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from support.pipeline import ROOT, generate, run_command

from codegen import document, rules
from codegen.document import pointer
from codegen.spec import upstream, writer
from codegen.spec.__main__ import main
from codegen.spec.excerpt import Excerpt

UPSTREAM = Path(__file__).parent / "upstream.yaml"
OURS, THEIRS = document.load(ROOT / "openapi.yaml"), document.load(UPSTREAM)


def excerpt(identity: str, theirs: dict[str, Any] = THEIRS) -> Excerpt:
    operation = next(item for item in document.operations(theirs) if item.value["operationId"] == identity)
    return Excerpt(OURS, theirs, operation, "The document")


def test_comparison_lists_what_each_document_lacks_and_where_they_differ() -> None:
    first, second, *_ = upstream.compare(OURS, THEIRS)
    assert first.operation == "POST /embeddings, `client.embeddings.generate()`"
    assert first.missing == [
        "- `body truncate`: string, optional. Which end to cut.",
        "- the statuses 422",
        "- `body encoding_format`: the value `int8`",
        "- `body provider.data_collection`: the value `ask`",
    ]
    assert first.different == [
        "- `body input`: minItems 1, minLength 1 here, no such limit in the document",
        "- `body input[]`: array or integer or object or string here, number or string in the document",
        "- `body input[]`: minLength 1, minimum 0 here, no such limit in the document",
        "- `body model`: minLength 1 here, no such limit in the document",
        "- `result.data[].index`: optional here, required in the document",
    ]
    shown = (
        "- `body provider.only`: array or null, optional. Slugs of the only providers allowed, added to those of the"
    )
    assert [line for line in first.only_here if "`body provider.only`" in line] == [f"{shown} account."]
    assert (second.missing, second.only_here, second.different) == ([], ["- the operation"], [])


def test_document_does_not_differ_from_itself() -> None:
    assert all(found[1:] == ([], [], []) for found in upstream.compare(OURS, OURS))


EXPECTED: dict[str, Any] = {
    "paths/~1keys/post/x-python-method": "create",
    "paths/~1keys/post/x-source": "The document, POST /keys",
    "paths/~1keys/post/parameters/3/x-python-name": "query_timeout_ms",
    "paths/~1keys/post/parameters/3/schema": {"type": "integer", "minimum": 1},
    "paths/~1keys/post/responses/415": {"$ref": "#/components/responses/UnsupportedMediaTypeResponse"},
    "components/responses/UnsupportedMediaTypeResponse/x-python-error": "UnsupportedMediaTypeResponseError",
    "components/schemas/CreateKeysRequestBody/properties/name": {
        "type": "string",
        "minLength": 1,
        "description": "Name of the key.",
    },
    "components/schemas/CreateKeysRequestBody/properties/limit": {
        "type": ["number", "null"],
        "description": "Spending limit in USD.",
        "examples": [50],
    },
    "components/schemas/CreateKeysRequestBody/properties/limit_reset": {
        "description": "When the limit is reset.",
        "oneOf": [{"$ref": "#/components/schemas/CreateKeysLimitReset"}, {"type": "null"}],
    },
    "components/schemas/CreateKeysLimitReset/enum": ["daily", "weekly"],
    "components/schemas/CreateKeysRequestBody/properties/owner": {
        "description": "Who owns it.",
        "oneOf": [{"$ref": "#/components/schemas/Owner"}, {"type": "null"}],
    },
    "components/schemas/CreateKeysRequestBody/properties/quantization": {"$ref": "#/components/schemas/Quantization"},
    "components/schemas/CreateKeysRequestBody/properties/metadata": {"$ref": "#/components/schemas/JsonObject"},
    "components/schemas/User/properties/type/const": "user",
    "components/schemas/CreatedKey/required": ["hash", "name", "key"],
    "components/schemas/Quantization": OURS["components"]["schemas"]["Quantization"],
}


def at(spec: Any, where: str) -> Any:
    for step in document.steps(f"#/{where}"):
        spec = spec[int(step) if isinstance(spec, list) else step]
    return spec


@pytest.mark.parametrize("where", EXPECTED)
def test_operation_has_the_form_of_our_document(where: str) -> None:
    assert at(excerpt("createKeys").merged(), where) == EXPECTED[where]


def test_notes_say_what_was_left_out_or_decided() -> None:
    notes = "\n".join(excerpt("createKeys").notes + excerpt("list").notes)
    for expected in (
        "body.name: `pattern: ^[a-z]+$` is left out",
        "Quantization: openapi.yaml has it, without int2",
        "header X-Trace: optional, so it is left out",
        "result: text/event-stream is left out",
        "status 4XX: it is left out",
        "User/properties/id: its example does not fit",
    ):
        assert expected in notes


def test_schema_of_the_same_name_with_other_values_is_not_used() -> None:
    theirs = THEIRS | {
        "components": THEIRS["components"]
        | {
            "schemas": THEIRS["components"]["schemas"]
            | {"Quantization": {"type": "string", "enum": ["fine", "coarse"], "description": "A grid."}}
        }
    }
    found = excerpt("createKeys", theirs).document()["components"]["schemas"]
    assert found["CreateKeysQuantization"]["enum"] == ["fine", "coarse"]


def test_only_missing_descriptions_are_left_to_write() -> None:
    findings = [rules.check(excerpt(identity).merged(), style=True) for identity in ("createKeys", "list")]
    assert [[pointer(found.where) for found in some] for some in findings] == [
        ["#/components/schemas/Organization/properties/slug"],
        [],
    ]


def test_two_operations_are_written_and_generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command adds them to openapi.yaml, changes no other line, and the result is generated."""
    shutil.copytree(ROOT / "overlay", tmp_path / "overlay", ignore=shutil.ignore_patterns("__pycache__"))
    contract = tmp_path / "openapi.yaml"
    shutil.copy(ROOT / "openapi.yaml", contract)
    monkeypatch.setattr("codegen.spec.__main__.ROOT", tmp_path)
    run = run_command(main, "pull", str(UPSTREAM), "--operation", "createKeys", "--operation", "GET /keys", "--write")
    assert (run.returncode, "createKeys: to write by hand (2)" in run.stderr) == (0, True), run.stderr
    before, after = ((folder / "openapi.yaml").read_text("utf-8").splitlines() for folder in (ROOT, tmp_path))
    rest = iter(after)
    assert all(line in rest for line in before)
    assert [line for line in after if line != line.rstrip()] == []
    code = next(line for line in run.stderr.splitlines() if "there is no class" in line).partition("errors.py: ")[2]
    errors = tmp_path / "overlay" / "openrouter_embeddings" / "errors.py"
    errors.write_text(f"{errors.read_text('utf-8')}\n\n{code}\n", "utf-8")
    made = generate(contract, tmp_path / "keys_generated", "--overlay", str(errors.parent))
    assert made.returncode == 0, made.stderr
    source = (tmp_path / "keys_generated" / "api" / "api_keys" / "__init__.py").read_text("utf-8")
    assert "    def create(" in source
    assert "    async def list_async(" in source


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ((), 1, "Missing here (4):"),
        (("--operation", "gone"), 2, "has no operation gone"),
        (("--operation", "createEmbeddings"), 2, "has POST /embeddings already"),
    ],
)
def test_exit_code(options: tuple[str, ...], code: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert (main(["pull", str(UPSTREAM), *options]), message in "".join(capsys.readouterr())) == (code, True)


TEXTS = ["short", "a: b", "null", "200", "on", "word " * 40 + "end", "two  spaces " * 12, "first\n\n- second\n", "# no"]


@pytest.mark.parametrize("text", TEXTS)
def test_text_is_written_so_that_it_is_read_back(text: str, tmp_path: Path) -> None:
    path = tmp_path / "text.yaml"
    path.write_text(writer.dumped({"a": {"b": [text, {"c": text, "d": [None, 1.5, True]}]}}), "utf-8")
    assert document.load(path) == {"a": {"b": [text, {"c": text, "d": [None, 1.5, True]}]}}
