"""The site is complete, has no dead links, and loads nothing from other hosts."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
from support.environments import ROOT

from codegen.reference.site import SiteError, build


class Page(HTMLParser):
    """The links, the loaded resources and the anchors of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif "src" in found or (tag == "link" and "href" in found):
            self.loaded.append(found.get("src") or found["href"])


@pytest.fixture(scope="module")
def parsed(site: Path) -> dict[str, Page]:
    """Return the parsed pages by path."""
    found = site.rglob("*.html")
    return {f"/{path.relative_to(site).as_posix()}": Page(path.read_text("utf-8")) for path in found}


def test_no_link_is_dead(site: Path, parsed: dict[str, Page]) -> None:
    dead = []
    for path, page in parsed.items():
        for link in (*page.links, *page.loaded):
            target, anchor = urldefrag(urljoin(path, link))
            if urlsplit(link).scheme or path == "/404.html":
                continue
            found = unquote(target) + ("index.html" if target.endswith("/") else "")
            if not (site / found[1:]).exists() or (anchor and anchor not in parsed[found].anchors):
                dead.append((path, link))

    assert dead == []
    assert len(parsed) > 70


def test_nothing_is_loaded_from_other_hosts(site: Path, parsed: dict[str, Page]) -> None:
    styles = "".join(path.read_text("utf-8") for path in site.rglob("*.css"))

    assert [link for page in parsed.values() for link in page.loaded if urlsplit(link).netloc] == []
    assert re.findall(r"@import|url\(['\"]?(?:https?:)?//[^)]*", styles) == []


def test_every_page_has_a_markdown_version(site: Path, parsed: dict[str, Page]) -> None:
    names = [
        path[1:].removesuffix("/index.html") for path in parsed if path.endswith("/index.html") and path.count("/") > 1
    ]
    titled = [(site / (f"{name}.md" if (site / f"{name}.md").exists() else f"{name}/index.md")) for name in names]

    assert [path for path in titled if not path.read_text("utf-8").startswith("# ")] == []


def test_llms_files_list_every_page(site: Path) -> None:
    index, full = ((site / name).read_text("utf-8") for name in ("llms.txt", "llms-full.txt"))
    pages = {path.relative_to(site).as_posix() for path in site.rglob("*.md")}

    assert index.startswith("# openrouter-embeddings\n\n> ")
    assert set(re.findall(r"^- \[[^\]]+\]\(([^)]+)\): \S", index, re.MULTILINE)) == pages
    assert [name for name in pages if (site / name).read_text("utf-8").strip() not in full] == []


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of this project in which tests change the pages and the settings."""
    for path in ROOT.iterdir():
        if path.name not in ("docs", "pyproject.toml", "build"):
            (tmp_path / path.name).symlink_to(path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("page", "text", "message"),
    [
        ("embed.md", "[x](nowhere.md) [y](testing.md#nowhere)", r"(?s)page does not exist.*anchor does not exist"),
        ("embed.md", "[x](../nowhere)", r"embed.md: the link \.\./nowhere has no target"),
        ("new.md", "# New", "pages that are not in nav: new.md"),
    ],
)
def test_build_rejects_invalid_pages(page: str, text: str, message: str, project: Path) -> None:
    with (project / "docs" / page).open("a") as file:
        file.write(f"\n{text}\n")

    with pytest.raises(SiteError, match=message):
        build(project, project / "build", ROOT / "openapi.yaml")


def test_links_to_repository_files_use_its_address(parsed: dict[str, Page], project: Path) -> None:
    path = project / "pyproject.toml"
    setting = re.compile(r'^repository = "([^"]*)"', re.MULTILINE)
    (repository,) = setting.findall(path.read_text())
    links = [link for page in parsed.values() for link in page.links if "tests/faults/table" in link]

    assert set(links) == ({f"{repository}/blob/main/tests/faults/table"} if repository else set())

    path.write_text(setting.sub('repository = "https://example.com/us/it"', path.read_text()))
    (project / "docs/embed.md").write_text("# Embed\n\nSee [the licence](../LICENSE).\n")
    page = Page((build(project, project / "build", ROOT / "openapi.yaml") / "embed/index.html").read_text())
    found = [link for link in page.links if "example.com/us" in link]
    assert found[:1] + found[-1:] == ["https://example.com/us/it", "https://example.com/us/it/blob/main/LICENSE"]
