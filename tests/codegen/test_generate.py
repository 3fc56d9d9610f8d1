"""The command: same bytes each time, failure when generated/ is out of date, refusals, and no text becomes code."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.pipeline import ROOT, Wide, generate

from codegen import package
from codegen.__main__ import STAMP, files
from codegen.document import SpecificationError
from codegen.operations import normalize

COMMITTED = ROOT / "generated" / "openrouter_generated"
CONTRACT = ROOT / "openapi.yaml"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in files(folder)}


def test_generated_package_is_up_to_date() -> None:
    run = generate(CONTRACT, COMMITTED, "--check")
    assert (run.stdout, run.returncode) == ("openrouter_generated is up to date with openapi.yaml.\n", 0), run.stderr


def test_hash_seed_changes_no_byte(wide: Wide) -> None:
    assert contents(wide.package) == contents(wide.other)


def test_check_fails_and_names_each_file_that_differs(tmp_path: Path) -> None:
    """An edited, a missing and an extra file; --check changes none of them."""
    out = tmp_path / "openrouter_generated"
    shutil.copytree(COMMITTED, out)
    with (out / "types.py").open("a") as file:
        file.write("# edited\n")
    (out / "py.typed").unlink()
    (out / "models" / "old.py").touch()
    before = contents(out)
    run = generate(CONTRACT, out, "--check")
    lines = [line for line in run.stdout.splitlines() if not line.startswith(" ")]
    expected = ["models/old.py: should not exist", "py.typed: is missing", "types.py: differs"]
    assert (lines[:3], run.returncode, contents(out)) == (expected, 1, before)
    assert "    -# edited" in run.stdout.splitlines()


def test_generating_removes_old_files(wide: Wide) -> None:
    """The second package replaced a folder with another file."""
    assert sorted(path.name for path in wide.other.parent.iterdir()) == ["wide_generated"]
    assert not (wide.other / "old.py").exists()


BROKEN = {
    "a reference without a target": ("schemas/EncodingFormat", "schemas/Gone", "#/components/schemas/Gone"),
    "a duplicate key": ("  version: 1.0.0", "  version: 1.0.0\n  version: 2.0.0", 'duplicate key "version"'),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_document_fails_and_keeps_the_old_package(name: str, tmp_path: Path) -> None:
    old, new, message = BROKEN[name]
    spec, out = tmp_path / "openapi.yaml", tmp_path / "package"
    spec.write_text(CONTRACT.read_text("utf-8").replace(old, new), "utf-8")
    out.mkdir()
    (out / "old.py").touch()
    run = generate(spec, out)
    assert (run.returncode, list(contents(out))) == (1, ["old.py"])
    assert f"{spec}: nothing was generated.\n" in run.stderr
    assert message in run.stderr
    assert "Traceback" not in run.stderr


# ---- refusals


def operation(**changes: Any) -> dict[str, Any]:
    return {"responses": {"200": {"description": "ok"}}, **changes}


def query(name: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": "string"}, **changes}


def body(schema: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    return {"content": {kind: {"schema": schema}}}


OBJECT = {"type": "object", "properties": {"limit": {"type": "integer"}}}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "two arguments of one name": (
        operation(parameters=[query("limit")], requestBody=body(OBJECT)),
        "POST /x: the argument limit (body limit) has the name of query limit; give it an x-python-name",
    ),
    "an argument with the name of an option": (
        operation(parameters=[query("retries")]),
        "POST /x: the argument retries (query retries) has the name of an option of every method; give it an x-",
    ),
    "an argument with an invalid name": (
        operation(parameters=[query("limit", **{"x-python-name": "Not this"})]),
        "POST /x: 'Not this' is not a name for an argument; give limit another x-python-name",
    ),
    "a method with an invalid name": (
        operation(**{"x-python-method": "class"}),
        "POST /x: 'class' is not a name for a method; give it an x-python-method",
    ),
    "a cookie": (
        operation(parameters=[{**query("limit"), "in": "cookie"}]),
        "POST /x: the parameter limit is in a cookie, which requests do not send",
    ),
    "a list joined by commas": (
        operation(parameters=[query("limit", explode=False)]),
        "POST /x: the parameter limit has a style that requests do not support",
    ),
    "a form": (
        operation(requestBody=body(OBJECT, "multipart/form-data")),
        "POST /x: content of type multipart/form-data; only application/json is supported",
    ),
    "a response that is not JSON": (
        operation(responses={"200": {"description": "ok", **body({"type": "string"}, "audio/mpeg")}}),
        "POST /x: content of type audio/mpeg; only application/json is supported",
    ),
    "allOf over a string": (
        operation(requestBody=body({"allOf": [OBJECT, {"type": "string"}]})),
        "POST /x: PostXRequest: allOf over a schema that is not an object",
    ),
    "a tag with the name of a method of the client": (
        operation(tags=["Call"]),
        "the tag 'Call' has the name of a method of every client, call",
    ),
    "a problem that openapi-python-client reports": (
        operation(parameters=[{**query("id"), "in": "path", "required": True}]),
        "openapi-python-client: WARNING parsing POST /x within default. Endpoint will not be generated. Incorrect path",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_unsupported_operations_are_refused(name: str, tmp_path: Path) -> None:
    """The message names the operation and the reason; no operation is left out."""
    raw, message = REFUSED[name]
    spec = {"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": {"/x": {"post": raw}}}

    def make() -> None:
        package.write(tmp_path / "package", normalize(spec))

    with pytest.raises(SpecificationError) as caught:
        make()
    assert str(caught.value)[: len(message)] == message


TWINS: dict[str, tuple[dict[str, Any], str]] = {
    "tags": (
        {"/a": {"get": operation(tags=["A B"])}, "/b": {"get": operation(tags=["a.b"])}},
        "the tags 'A B' and 'a.b' give the same name, a_b",
    ),
    "methods": (
        {"/a": {"get": operation(operationId="goOn")}, "/b": {"get": operation(operationId="go_on")}},
        "GET /b: its method go_on has the name of that of GET /a; give it an x-python-method",
    ),
}


@pytest.mark.parametrize("name", TWINS)
def test_equal_names_are_refused(name: str) -> None:
    paths, message = TWINS[name]
    with pytest.raises(SpecificationError) as caught:
        normalize({"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": paths})
    assert str(caught.value) == message


# ---- hostile text


def modules(wide: Wide) -> list[Any]:
    package = importlib.import_module("wide_generated")
    names = [info.name for info in pkgutil.walk_packages(package.__path__, "wide_generated.")]
    return [package, *map(importlib.import_module, names)]


def test_hostile_text_is_never_code(wide: Wide) -> None:
    """Every module is imported, every lazy name resolved, and nothing ran."""
    for module in modules(wide):
        for name in getattr(module, "__all__", ()):
            getattr(module, name)
    for path in files(wide.package):
        called = {
            ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.Call)
        }
        assert not {name for name in called if "import__" in name or "mkdir" in name}
    assert not wide.sentinel.exists()


def test_hostile_text_is_unchanged_as_data(wide: Wide) -> None:
    """Names and enum values are sent, so each character counts."""
    things = importlib.import_module("wide_generated.api.things")
    model = importlib.import_module("wide_generated.models").Thing
    fields = [item for item in things.CREATE_THING.parameters if item.location == "body"]
    assert (fields[-1].name, fields[-1].schema["enum"]) == (wide.hostile, [wide.hostile, "x"])
    assert model.from_dict({wide.hostile: "v"}).to_dict() == {wide.hostile: "v"}
    assert wide.hostile == importlib.import_module("wide_generated").API_TITLE


def test_hostile_text_is_readable_in_docstrings(wide: Wide) -> None:
    things = importlib.import_module("wide_generated.api.things")
    doc = " ".join((inspect.getdoc(things.Things.create_thing) or "").split())
    assert " ".join(wide.hostile.replace("\x07", " ").split()) in doc


# ---- the generated code


def test_first_line_of_every_module_names_its_source(wide: Wide) -> None:
    for folder in (COMMITTED, wide.package):
        for path in files(folder):
            if path.suffix == ".py":
                assert path.read_text("utf-8").startswith(STAMP), path
        assert (folder / "py.typed").exists()


def test_type_checkers_accept_the_generated_code(wide: Wide) -> None:
    """mypy --strict and pyright, on every construct of wide.yaml; ruff finds it formatted."""
    paths = [str(wide.package.parent), str(ROOT / "overlay"), str(ROOT / "generated")]
    config = wide.folder / "pyrightconfig.json"
    config.write_text(json.dumps({"include": ["one/wide_generated"], "extraPaths": paths, "pythonVersion": "3.11"}))
    ini = wide.folder / "mypy.ini"
    ini.write_text(f"[mypy]\nstrict = true\nfollow_imports = silent\nmypy_path = {':'.join(paths)}\n")
    line = ["--isolated", "--no-cache", "--line-length", "120", str(wide.package)]
    commands = [
        ["mypy", "--config-file", str(ini), "--python-version", "3.11", str(wide.package)],
        ["pyright", "--project", str(config), "--pythonpath", sys.executable],
        ["ruff", "format", "--check", *line],
    ]
    started = [
        subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True, cwd=wide.folder)
        for command in commands
    ]
    for command, process in zip(commands, started, strict=True):
        printed, _ = process.communicate()
        assert process.returncode == 0, f"{command[0]}: {printed}"


def test_importing_the_operations_imports_no_model() -> None:
    """A class costs half a millisecond, and a program that only opens a client needs none."""
    modules = ("resources", "api.embeddings", "operations", "components", "models")
    code = f"""
import sys
{"; ".join(f"import openrouter_generated.{name}" for name in modules)}
heavy = ("openrouter_generated.models.", "openrouter_generated.params", "openrouter_generated.schemas")
print([name for name in sys.modules if name.startswith(heavy)])
"""
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(COMMITTED.parent)})
    assert run.stdout == "[]\n"


OPERATIONS: dict[str, dict[str, Any]] = {
    "things.CREATE_THING": {"method": "POST", "path": "/things", "body": "fields", "success": (201,)},
    "things.LIST": {
        "body": None,
        "requires": ("items",),
    },
    "things.GET_PART": {"path": "/things/{thing-id}/parts/{n}", "authenticated": True, "requires": ()},
    "things.DELETE_PART": {"success": (204,), "authenticated": False, "body": None},
    "import_.REPLACE_PART": {"body": "value", "success": (200, 204)},
    "beta_animals.POST_ANIMAL": {"body": "value"},
    "default.POST_PING": {"id": "post_/ping", "path": "/ping"},
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_match_the_document(name: str, wide: Wide) -> None:
    module, constant = name.split(".")
    made = getattr(importlib.import_module(f"wide_generated.api.{module}"), constant)
    assert {key: getattr(made, key) for key in OPERATIONS[name]} == OPERATIONS[name]


SIGNATURES = {
    "things.list": "(self, *, tag: Sequence[str] | None = None, order: Literal['asc', 'desc'] | None = None, "
    "filter_size: int | None = None, page: int | None = None, x_shared: str | None = None, OPTIONS) -> ListAnswer",
    "things.get_part": "(self, *, thing_id: str, n: int, OPTIONS) -> builtins.list[Thing]",
    "things.delete_part": "(self, *, thing_id: str, n: int, OPTIONS) -> None",
    "things.level": "(self, *, level: LevelParam, OPTIONS) -> Level",
    "import_.replace_part": "(self, *, thing_id: str, n: int, body: Sequence[Cat | CatTypedDict], OPTIONS)"
    " -> str | None",
    "beta_animals.post_animal": "(self, *, body: Cat | CatTypedDict | Dog | DogTypedDict, OPTIONS) -> Cat | Dog",
    "default.echo": "(self, *, tags: str | Sequence[str | int] | None = None, price: str | float | None = None, "
    "OPTIONS, extra_body: Mapping[str, Any] | None = None) -> Both",
    "default.post_ping": "(self, *, OPTIONS) -> int",
}
OPTIONS = (
    "retries: RetrySettings | int | None | Unset = UNSET, server_url: str | None = None, "
    "timeout_ms: int | None = None, http_headers: Mapping[str, str | None] | None = None"
)


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures_match_the_document(name: str, wide: Wide) -> None:
    """Sync and async; required arguments first, then by location: path, query, body, header."""
    module, method = name.split(".")
    made = importlib.import_module(f"wide_generated.api.{module}")
    (resource,) = [v for v in vars(made).values() if inspect.isclass(v) and v.__module__ == made.__name__]
    expected = SIGNATURES[name].replace("OPTIONS", OPTIONS)
    shown = [str(inspect.signature(getattr(resource, method + end))) for end in ("", "_async")]
    assert [re.sub("[\"']", "", text) for text in shown] == [re.sub("[\"']", "", expected)] * 2
