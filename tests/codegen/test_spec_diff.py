"""`make spec-diff`: ten edits of openapi.yaml, the command in a git repository, and the required version."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.pipeline import ROOT, run_command

from codegen import document
from codegen.spec import report
from codegen.spec.__main__ import main
from codegen.spec.changes import Change, Level, compare
from codegen.spec.versions import due, parse

CONTRACT = (ROOT / "openapi.yaml").read_text("utf-8")
BASE = document.load(ROOT / "openapi.yaml")
BREAKING, COMPATIBLE, INTERNAL = Level

# An edit of openapi.yaml; the level and the Python name of its first change; the version that is due after 0.1.0.
EDITS = {
    "a method is renamed": (
        [("x-python-method: list_models", "x-python-method: models")],
        (BREAKING, "client.embeddings.list_models()", "0.2.0"),
    ),
    "an argument is renamed": (
        [("        input_type:\n", "        kind:\n"), ("input_type: search_document", "kind: search_document")],
        (BREAKING, "client.embeddings.generate(input_type=)", "0.2.0"),
    ),
    "an argument becomes required": (
        [("required: [input, model]", "required: [input, model, dimensions]")],
        (BREAKING, "client.embeddings.generate(dimensions=)", "0.2.0"),
    ),
    "a type is narrowed": (
        [("          type: integer\n          minimum: 1\n", "          type: integer\n          minimum: 64\n")],
        (BREAKING, "client.embeddings.generate(dimensions=)", "0.2.0"),
    ),
    "a request loses a value of an enum": (
        [("enum: [float, base64]", "enum: [float]")],
        (BREAKING, "operations.EncodingFormat", "0.2.0"),
    ),
    "a status goes": (
        [('        "402":\n          $ref: "#/components/responses/PaymentRequiredResponse"\n', "")],
        (BREAKING, "client.embeddings.generate()", "0.2.0"),
    ),
    "a field of the response is new": (
        [
            ("    ModelLinks:\n", "    ModelLinks: # edited\n"),
            ("        details:\n", "        page: {type: string}\n        details:\n"),
        ],
        (COMPATIBLE, "ModelLinks.page", "0.1.1"),
    ),
    "a response gains a value of an enum": (
        [("enum: [text, image, file, audio, video]", "enum: [text, image, file, audio, video, smell]")],
        (COMPATIBLE, "components.InputModality", "0.1.1"),
    ),
    "an argument takes longer texts": (
        [("maxLength: 256", "maxLength: 512")],
        (COMPATIBLE, "client.embeddings.generate(session_id=)", "0.1.1"),
    ),
    "a description changes": (
        [("Slug of the model that embeds.", "The model that embeds.")],
        (INTERNAL, "client.embeddings.generate(model=)", "0.1.1"),
    ),
}


def edit(text: str, replacements: list[tuple[str, str]]) -> str:
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize("name", EDITS)
def test_edit_of_the_real_document(name: str, tmp_path: Path) -> None:
    replacements, expected = EDITS[name]
    (tmp_path / "openapi.yaml").write_text(edit(CONTRACT, replacements), "utf-8")
    changes = compare(BASE, document.load(tmp_path / "openapi.yaml"))
    version = due(parse("0.1.0"), {change.level for change in changes})
    assert (changes[0].level, changes[0].python, str(version)) == expected


@pytest.mark.parametrize(
    ("base", "levels", "expected"),
    [
        ("0.1.0", set(), "0.1.0"),
        ("0.1.0", {INTERNAL}, "0.1.1"),
        ("0.1.4", {COMPATIBLE}, "0.1.5"),
        ("0.1.4", {COMPATIBLE, BREAKING}, "0.2.0"),
        ("1.2.3", {INTERNAL}, "1.2.4"),
        ("1.2.3", {COMPATIBLE, INTERNAL}, "1.3.0"),
        ("v1.2.3rc1", {BREAKING}, "2.0.0"),
    ],
)
def test_version_that_is_due(base: str, levels: set[Level], expected: str) -> None:
    assert str(due(parse(base), levels)) == expected


class Repository:
    """A git repository with what the command reads, at one commit."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("codegen", "generated", "overlay"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("openapi.yaml", "pyproject.toml"):
            shutil.copy(ROOT / name, root / name)
        self.git("init", "--quiet")
        self.git("add", "--all")
        self.git("-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--message", "Release")

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", "-C", str(self.root), *arguments], check=True)

    def diff(self, *options: str) -> tuple[int, str, str]:
        """The exit code, output and errors of the command."""
        command = [sys.executable, "-m", "codegen.spec", "diff", *options]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        run = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False, env=environment)
        return run.returncode, run.stdout, run.stderr

    def replace(self, name: str, *replacements: tuple[str, str]) -> None:
        path = self.root / name
        path.write_text(edit(path.read_text("utf-8"), list(replacements)), "utf-8")


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository whose commit is tagged, then edited: all edits of the document, and two of Python files."""
    repository = Repository(tmp_path_factory.mktemp("released"))
    repository.git("tag", "v0.1.0")
    for replacements, _ in EDITS.values():
        repository.replace("openapi.yaml", *replacements)
    repository.replace("overlay/openrouter_embeddings/retries.py", ("class Policy", "class RetryPolicy"))
    constant = "import LIST as LIST", "import LIST as LISTED"  # no user names the constant of an operation
    repository.replace("generated/openrouter_generated/api/batches/__init__.py", constant)
    return repository


def test_command_names_all_edits_and_fails_until_the_version_says_so(
    released: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codegen.spec.__main__.ROOT", released.root)
    code, out, _ = run_command(main, "diff", "--json")
    found = json.loads(out)
    names = {(change["level"], change["python"]) for change in found["changes"]}
    assert {expected[:2] for _, expected in EDITS.values()} <= names
    assert ("breaking", "retries.Policy") in names
    assert [python for _, python in names if "LIST" in python] == []
    assert (code, found["base"], found["due"], found["enough"]) == (
        1,
        {"revision": "v0.1.0", "version": "0.1.0"},
        "0.2.0",
        False,
    )
    released.replace("pyproject.toml", ('version = "0.1.0"', 'version = "0.2.0"'))
    assert run_command(main, "diff", "--check") == (
        0,
        "spec-diff: 0.2.0 is high enough for the changes since v0.1.0.\n",
        "",
    )


def test_without_a_release_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    code, out, err = Repository(tmp_path).diff("--check")
    assert (code, out, "no release tag" in err) == (0, "", True)


def test_unknown_revision_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert (main(["diff", "--base", "gone"]), capsys.readouterr().out) == (2, "")


REPORT = """\
openapi.yaml: v0.1.0 (0.1.0) -> working tree (0.1.0)

Breaking (2)
  operations.EncodingFormat: the value 'base64' is removed
      #/components/schemas/EncodingFormat
      used by client.embeddings.generate(encoding_format=)
  retries.Policy: public object was removed
      in Python only, found by griffe

Due: 0.2.0 or later (breaking changes since 0.1.0; before 1.0 they raise the minor number).
pyproject.toml has 0.1.0, which is too low.

Draft for CHANGELOG.md

    ### API

    Breaking:

    - `operations.EncodingFormat` the value 'base64' is removed.
    - `retries.Policy` public object was removed."""


def test_report_as_text() -> None:
    use = ("client.embeddings.generate(encoding_format=)",)
    place = "#/components/schemas/EncodingFormat"
    changes = [
        Change(BREAKING, "value-removed", "operations.EncodingFormat", place, "the value 'base64' is removed", use),
        Change(BREAKING, "python", "retries.Policy", "", "public object was removed"),
    ]
    result = report.Result("v0.1.0", "0.1.0", "0.1.0", parse("0.2.0"), False, changes, [])
    assert report.to_text(result) == REPORT
