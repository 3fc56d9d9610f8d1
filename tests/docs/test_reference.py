"""The generated reference: its pages match the documented page, and any other OpenAPI document is rendered too."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from markdown import markdown
from ruamel.yaml import YAML
from support.documents import blocks, run_block
from support.environments import ROOT

from codegen.reference import python_pages
from codegen.reference.contract import Contract, target
from codegen.reference.pages import Pages

CONTRACT = Contract(ROOT / "openapi.yaml")
PAGES = dict(Pages(CONTRACT).all())
OPERATIONS = {
    f"{tag.attribute}.{operation.method}": (operation.place, block, target(operation.result or {}))
    for tag in CONTRACT.tags
    for operation, block in zip(tag.operations, blocks(PAGES[f"api/{tag.attribute}.md"]), strict=True)
}
EMBEDDINGS = PAGES["api/embeddings.md"]
SECTIONS = ["Example Usage", "Parameters", "Response", "Errors"]


class Method(NamedTuple):
    """A method on the documented page: types of its parameters, its response, status codes of its errors."""

    parameters: Mapping[str, str]
    response: str
    errors: Mapping[str, str]


HEADERS = dict.fromkeys(("http_referer", "x_open_router_title", "x_open_router_categories"), "Optional[str]")
# Source: the page "Embeddings - Python SDK" of OpenRouter's documentation, 2026-08-22.
DOCUMENTED = {
    "generate": Method(
        {
            "input": "operations.InputUnion",
            "model": "str",
            **HEADERS,
            "dimensions": "Optional[int]",
            "encoding_format": "Optional[operations.EncodingFormat]",
            "input_type": "Optional[str]",
            "provider": "OptionalNullable[components.ProviderPreferences]",
            "user": "Optional[str]",
        },
        "operations.CreateEmbeddingsResponse",
        {
            "errors.BadRequestResponseError": "400",
            "errors.UnauthorizedResponseError": "401",
            "errors.PaymentRequiredResponseError": "402",
            "errors.NotFoundResponseError": "404",
            "errors.TooManyRequestsResponseError": "429",
            "errors.InternalServerResponseError": "500",
            "errors.BadGatewayResponseError": "502",
            "errors.ServiceUnavailableResponseError": "503",
            "errors.EdgeNetworkTimeoutResponseError": "524",
            "errors.ProviderOverloadedResponseError": "529",
            "errors.OpenRouterDefaultError": "4XX, 5XX",
        },
    ),
    "list_models": Method(
        HEADERS,
        "components.ModelsListResponse",
        {
            "errors.BadRequestResponseError": "400",
            "errors.InternalServerResponseError": "500",
            "errors.OpenRouterDefaultError": "4XX, 5XX",
        },
    ),
}


def sections(page: str, level: int) -> dict[str, str]:
    """Return the text under each heading of a level."""
    parts = re.split(rf"^{'#' * level} (.+)$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows(section: str) -> list[list[str]]:
    """Return the rows of a table without its header; links and code spans become plain text."""
    lines = [line.strip("| ") for line in section.splitlines() if line.startswith("|")][2:]
    return [re.sub(r"\[?`([^`]+)`(?:\]\([^)]+\))?", r"\1", line).split(" | ") for line in lines]


def test_page_has_the_documented_sections() -> None:
    assert EMBEDDINGS.startswith("# Embeddings\n\nEmbeddings method reference")
    assert list(sections(EMBEDDINGS, 2))[:3] == ["Overview", *DOCUMENTED]
    assert re.findall(r"^\* \[(\w+)\]", EMBEDDINGS, re.MULTILINE)[:2] == list(DOCUMENTED)
    for method in DOCUMENTED:
        assert list(sections(sections(EMBEDDINGS, 2)[method], 3)) == SECTIONS


@pytest.mark.parametrize("method", DOCUMENTED)
def test_method_equals_the_documented_page(method: str) -> None:
    expected, found = DOCUMENTED[method], sections(sections(EMBEDDINGS, 2)[method], 3)
    parameters = {name: kind for name, kind, *_ in rows(found["Parameters"])}
    errors = {name: (status, content) for name, status, content in rows(found["Errors"])}

    assert [name for name in parameters if name in expected.parameters] == list(expected.parameters)
    assert {name: parameters.get(name) for name in expected.parameters} == expected.parameters
    assert "utils.RetryConfig" in parameters["retries"]
    assert f"`{expected.response}`" in found["Response"]
    assert {name: errors.get(name, ("",))[0] for name in expected.errors} == expected.errors
    assert {content for _, content in errors.values()} == {"application/json", "*/*"}
    assert errors["errors.OpenRouterDefaultError"] == ("4XX, 5XX", "*/*")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_example_usage_prints_its_result(operation: str, settings: dict[str, str], tmp_path: Path) -> None:
    place, block, result = OPERATIONS[operation]
    verb, path = place.split()
    url = settings["OPENROUTER_BASE_URL"] + re.sub(r"[{}]", "", path)
    headers = {"Authorization": f"Bearer {settings['OPENROUTER_API_KEY']}"}
    if httpx.request(verb, url, headers=headers, timeout=60).status_code in (404, 405):
        pytest.skip(f"the embedded server does not implement {place}")
    done = run_block(block, settings, tmp_path)

    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{result}(")


def test_every_schema_can_be_imported_by_the_name_on_its_page() -> None:
    names = [sections(page, 1) for path, page in PAGES.items() if path.startswith("schemas/") and "index" not in path]
    for (title,) in names:
        module, _, name = title.partition(".")
        assert hasattr(import_module(f"openrouter_embeddings.{module}"), name), title
    assert len(names) > 50


@pytest.mark.parametrize(
    ("schema", "row"),
    [
        (
            "MaxPrice",
            [
                "prompt",
                "Optional[str]",
                "➖",
                "USD per million tokens of the input. A decimal number, as a string or as a number.",
                "0.05",
            ],
        ),
        ("PublicPricing", ["prompt", "str", "✔️", "USD per prompt token.", "0.00000002"]),
        ("CreateEmbeddingsUsage", ["total_tokens", "int", "✔️", "Tokens in all.", "8"]),
        ("ModelLinks", ["details", "str", "✔️", "URL of the model's endpoints."]),
        ("TraceConfig", ["any other", "Any", "➖", "Members of your own."]),
        ("ContentText", ["text", "str", "✔️", "The text. Not empty."]),
        ("InputUnion", ["List[operations.Input]", "Not empty."]),
        ("Content", ["operations.ContentText", "text", "A part that is text."]),
    ],
)
def test_schema_page_has_the_row(schema: str, row: list[str]) -> None:
    found = rows(PAGES[f"schemas/{schema}.md"])

    assert row in [cells[: len(row)] for cells in found]


def test_errors_page_lists_every_class() -> None:
    page = dict(python_pages.pages())["errors.md"]
    errors = vars(import_module("openrouter_embeddings.errors"))
    classes = {
        name
        for name, value in errors.items()
        if isinstance(value, type) and issubclass(value, errors["OpenRouterError"])
    }
    tree = sections(page, 2)["The tree"]

    assert set(sections(sections(page, 2)["The classes"], 3)) == classes
    assert set(re.findall(r"\w+Error\b", tree)) >= classes
    assert "TooManyRequestsResponseError (429)" in tree


# ---- other documents ----

HOSTILE = 'x</td><script>alert(1)</script> | [a](javascript:x) `b` ``` # _c_ """ {{ d }}'


@pytest.fixture
def wide(tmp_path: Path) -> Contract:
    """A document with every construct that the generator supports and with texts that contain markup."""
    text = (ROOT / "tests/codegen/wide.yaml").read_text()
    document = YAML(typ="safe").load(text)
    for holder in (document["info"], *document["tags"], *document["components"]["schemas"].values()):
        holder["description"] = HOSTILE
    path = tmp_path / "wide.yaml"
    YAML().dump(document, path)
    return Contract(path)


def test_other_document_is_rendered(wide: Contract) -> None:
    pages = dict(Pages(wide).all())
    links = {
        f"{Path(path).parent}/{link}" for path, page in pages.items() for link in re.findall(r"\]\((\w+\.md)", page)
    }

    assert [tag.attribute for tag in wide.tags] == ["things", "api_keys", "import_", "beta_animals", "default"]
    assert sorted(link for link in links if link not in pages) == []
    for tag in wide.tags:
        found = blocks(pages[f"api/{tag.attribute}.md"])
        assert len(found) == len(tag.operations)
        for block in found:
            ast.parse(block.code)


def test_markup_in_texts_is_escaped(wide: Contract) -> None:
    pages = dict(Pages(wide).all())
    html = "".join(markdown(page, extensions=["tables", "pymdownx.superfences"]) for page in pages.values())

    assert "alert(1)" in html
    assert re.findall(r"<script|javascript:x\"|<em>c", html) == []
