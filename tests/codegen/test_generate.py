"""The generator command: reproducible output, detection of outdated files, rejected documents, and escaped texts."""

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
from openrouter_embeddings import OpenRouter
from openrouter_embeddings.contract import CLASSES
from openrouter_generated.resources import Resources
from support.pipeline import ROOT, Wide, generate

from codegen import package
from codegen.__main__ import STAMP, files
from codegen.adapter import Adapter
from codegen.document import SpecificationError, pointer
from codegen.names import tag_attribute
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


# A new operation with the method {}, before the first path.
NEW_METHOD = """
paths:
  /new:
    get:
      operationId: new
      x-python-method: {}
      tags: [Embeddings]
      responses: {{"204": {{description: Done.}}}}
"""
BROKEN = {
    "a reference without a target": ("schemas/EncodingFormat", "schemas/Gone", "#/components/schemas/Gone"),
    "a duplicate key": ("  version: 1.0.0", "  version: 1.0.0\n  version: 2.0.0", 'duplicate key "version"'),
    "a member that the package needs": (
        "        usage:\n",
        "        used:\n",
        "has no member usage, which the package",
    ),
    "an operation that it needs": (
        "operationId: createEmb",
        "operationId: makeEmb",
        "no operation or schema in use is named createEmbeddings",
    ),
    "an argument that it needs": (
        "        session_id: #",
        "        session: #",
        "no argument session_id, which the package",
    ),
    "an amount that it needs": ("        cost:\n", "        price:\n", "CreateEmbeddingsUsage has no member cost"),
    "an error without its class": (
        '        "404":\n          $ref: "#/components/responses/NotFoundResponse"\n',
        '        "418": {description: Tea, x-python-error: TeapotError}\n',
        'write in openrouter_embeddings/errors.py: class TeapotError(APIStatusError, status=418): """Tea"""',
    ),
    "one error for two statuses": (
        '"404":\n          $ref: "#/components/responses/NotFound',
        '"404":\n          $ref: "#/components/responses/Conflict',
        "the status of the class ConflictResponseError is 409, not 404",
    ),
    "a tag that the client has": (
        "tags: [Embeddings]",
        "tags: [Embeddings, close]",
        "the tag 'close' and a member of the client have the same name",
    ),
    "another name of a method that the package needs": (
        "x-python-method: list_models",
        "x-python-method: list_all",
        "listEmbeddingsModels has no method list_models, which the package needs",
    ),
    **{
        f"a method named {name}, which the package has": (
            "\npaths:\n",
            NEW_METHOD.format(name),
            "the method of GET /new and a method of the hand-written class of embeddings have the same name in Python",
        )
        for name in ("embed", "search", "search_async")
    },
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
    assert run.stderr.endswith("; nothing was generated\n")
    assert message in run.stderr
    assert re.match(rf"{re.escape(str(spec))}:\d+:\d+: error: ", run.stderr)


def test_every_hand_written_class_is_declared() -> None:
    resources = {tag: getattr(OpenRouter, tag) for tag in vars(Resources) if not tag.startswith("_")}
    places = {tag: f"{cls.__module__}.{cls.__name__}" for tag, cls in {"": OpenRouter, **resources}.items()}
    written = {tag: place for tag, place in places.items() if place.startswith("openrouter_embeddings.")}
    assert {tag: f"openrouter_embeddings.{place}" for tag, place in CLASSES.items()} == written


# ---- refusals


def operation(**changes: Any) -> dict[str, Any]:
    return {"responses": {"200": {"description": "ok"}}, **changes}


def query(name: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": "string"}, **changes}


def body(schema: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    return {"content": {kind: {"schema": schema}}}


OBJECT = {"type": "object", "properties": {"limit": {"type": "integer"}}}
POST = "#/paths/~1x/post"
# The operation, the place below it, the problem, and the beginning of the fix.
REFUSED: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "an argument with the name of an option": (
        operation(parameters=[query("retries")]),
        "",
        "the argument for the query retries and an option of every method have the same name in Python, retries",
        "write another x-python-name",
    ),
    "an argument with an invalid name": (
        operation(parameters=[query("limit", **{"x-python-name": "Not this"})]),
        "",
        "'Not this' is not a name for the argument for the query limit",
        "write another x-python-name",
    ),
    "a method with an invalid name": (
        operation(**{"x-python-method": "class"}),
        "/x-python-method",
        "'class' is not a name for the method of POST /x",
        "write another x-python-method",
    ),
    "a cookie": (
        operation(parameters=[{**query("limit"), "in": "cookie"}]),
        "/parameters/0",
        "the parameter limit is in a cookie",
        "declare it in a header or query",
    ),
    "a style of paths": (
        operation(parameters=[query("limit", style="matrix")]),
        "/parameters/0/style",
        "the parameter limit has the style matrix",
        "use style: form",
    ),
    "an event stream alone": (
        operation(responses={"200": {"description": "ok", **body({}, "text/event-stream")}}),
        "/responses/200/content",
        "a response that is only an event stream is not supported",
        "declare the application/json response of the non-streaming call",
    ),
    "members that depend on others": (
        operation(requestBody=body({**OBJECT, "if": OBJECT, "then": {"required": ["limit"]}})),
        "/requestBody/content/application~1json/schema/then",
        "members that depend on other members",
        "declare these members in properties",
    ),
    "no success": (operation(responses={"400": {"description": "no"}}), "/responses", "no response has", "declare"),
    "a form that is a union": (
        operation(requestBody=body({"oneOf": [OBJECT, {"type": "object"}]}, "multipart/form-data")),
        "/requestBody/content/multipart~1form-data/schema",
        "a form that is a union",
        "write one object with all members",
    ),
    "an object and a string": (
        operation(requestBody=body({"allOf": [OBJECT, {"type": "string"}]})),
        "/requestBody/content/application~1json/schema",
        "allOf over schemas of different types",
        "name each type",
    ),
    "two unions": (
        operation(requestBody=body({"allOf": [{"oneOf": [OBJECT, {}]}, {"anyOf": [OBJECT, {}]}]})),
        "/requestBody/content/application~1json/schema",
        "allOf over several unions",
        "write one oneOf with all objects",
    ),
    "an object that is a union": (
        operation(requestBody=body({**OBJECT, "oneOf": [{"properties": {"a": {}}}, {"required": ["limit"]}]})),
        "/requestBody/content/application~1json/schema",
        "an object with properties and a union of objects",
        "write one object with all members",
    ),
    "members with equal names": (
        operation(responses={"200": {"description": "ok", **body({"properties": {"+1": {}, "-1": {}}})}}),
        "/responses/200/content/application~1json/schema/properties/-1",
        "the members +1 and -1 have the same name in Python",
        "leave one of them out",
    ),
    "a server of its own": (
        operation(servers=[{"url": "https://example.com"}]),
        "/servers",
        "an operation has servers of its own",
        "requests go to the client's server",
    ),
    "a key in the query": (
        operation(security=[{"key": []}]),
        "/security",
        "a key that requests do not send",
        "declare type: http with scheme: bearer, or type: apiKey with in: header",
    ),
    "a path without its parameter": (
        operation(parameters=[{**query("id"), "in": "path", "required": True}]),
        "",
        "the path parameter id is not in the path",
        "declare id in both",
    ),
}


def document_of(paths: dict[str, Any]) -> dict[str, Any]:
    components = {"securitySchemes": {"key": {"type": "apiKey", "in": "query", "name": "key"}}}
    return {"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": paths, "components": components}


@pytest.mark.parametrize("name", REFUSED)
def test_unsupported_operations_are_refused(name: str) -> None:
    """The finding has the place, the reason and the fix; no operation is left out."""
    raw, place, problem, fix = REFUSED[name]
    with pytest.raises(SpecificationError) as caught:
        normalize(document_of({"/x": {"post": raw}}))
    (found,) = caught.value.findings
    assert (pointer(found.where), found.problem[: len(problem)]) == (POST + place, problem)
    assert found.fix.startswith(fix)


EQUAL_NAMES: dict[str, tuple[dict[str, Any], str]] = {
    "tags": (
        {"/a": {"get": operation(tags=["A B"])}, "/b": {"get": operation(tags=["a.b"])}},
        "the tag 'a.b' and the tag 'A B' have the same name in Python, a_b",
    ),
    "methods": (
        {
            "/a": {"get": operation(operationId="one", **{"x-python-method": "go"})},
            "/b": {"get": operation(operationId="two", **{"x-python-method": "go"})},
        },
        "the method of GET /b and the method of GET /a have the same name in Python, go",
    ),
    "operations": (
        {
            "/a": {"get": operation(operationId="goOn", **{"x-python-method": "one"})},
            "/b": {"get": operation(operationId="go_on", **{"x-python-method": "two"})},
        },
        "the operationId of GET /b and the operationId of GET /a have the same name in Python, go_on",
    ),
}


@pytest.mark.parametrize("name", EQUAL_NAMES)
def test_equal_names_are_refused(name: str) -> None:
    paths, message = EQUAL_NAMES[name]
    with pytest.raises(SpecificationError) as caught:
        normalize(document_of(paths))
    assert [found.problem for found in caught.value.findings] == [message]


def test_problem_that_openapi_python_client_reports_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """openapi-python-client alone leaves out the operation and exits with 0."""
    monkeypatch.setattr(Adapter, "schema", lambda self, *_: {"$ref": "#/components/schemas/Gone"})
    with pytest.raises(SpecificationError) as caught:
        package.write(
            tmp_path / "package", normalize(document_of({"/x": {"post": operation(parameters=[query("a")])}}))
        )
    assert [pointer(found.where) for found in caught.value.findings] == [POST]


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


@pytest.mark.parametrize(
    ("tag", "name"),
    {"Credits": "credits", "import": "import_", "beta.Animals": "beta_animals", "2 b": "tag2_b"}.items(),
)
def test_tag_is_an_attribute_without_an_underscore_that_python_does_not_need(tag: str, name: str) -> None:
    assert tag_attribute(tag) == name
