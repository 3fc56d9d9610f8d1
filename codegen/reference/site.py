"""Builds the site: collects the pages, runs zensical, and adds the Markdown of each page, llms.txt and llms-full.txt."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from . import python_pages
from .contract import Contract
from .pages import Pages

CONFIGURATION = "mkdocs.yml"
LINK = re.compile(r"\[(?P<text>[^\[\]]*)\]\((?P<target>(?![a-z]+:|#)[^()#\s]+)(?P<anchor>#[^()\s]*)?\)")
TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


class SiteError(Exception):
    """The site cannot be built; the message says what is wrong with which page."""


def build(root: Path, work: Path, spec: Path) -> Path:
    """Build the site of the project in `root` below `work`, and return its folder.

    Raises:
        SpecificationError: `spec` cannot be read or generated.
        SiteError: a page is not in the navigation, or zensical reports a problem, such as a dead link.
    """
    shutil.rmtree(work, ignore_errors=True)
    pages = work / "pages"
    collect(root, pages, spec)
    settings = YAML(typ="safe").load(root / CONFIGURATION)
    settings["nav"] = list(_expanded(settings["nav"], pages))
    order = [path for _, path in _leaves(settings["nav"])]
    if missing := sorted({str(p.relative_to(pages)) for p in pages.rglob("*.md")} - set(order)):
        raise SiteError(f"{CONFIGURATION}: pages that are not in nav: {', '.join(missing)}")
    settings |= {"docs_dir": "pages", "site_dir": "site"}
    YAML().dump(settings, work / CONFIGURATION)
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict", "--config-file", CONFIGURATION]
    done = subprocess.run(
        command, cwd=work, capture_output=True, text=True, check=False, env={"PATH": "", "NO_COLOR": "1"}
    )
    if done.returncode:
        raise SiteError(f"zensical:\n{done.stdout}{done.stderr}")
    site = work / "site"
    _add_markdown(settings, pages, site, order)
    return site


def collect(root: Path, pages: Path, spec: Path) -> None:
    """Copy the pages of docs/ and render those of the reference; links that leave docs/ become text."""
    shutil.copytree(root / "docs", pages)
    for path in pages.rglob("*.md"):
        source = root / "docs" / path.relative_to(pages)
        path.write_text(_without_outer_links(path.read_text("utf-8"), source, root), "utf-8")
    for name, page in (*Pages(Contract(spec)).all(), *python_pages.pages()):
        path = pages / "reference" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, "utf-8")


def _without_outer_links(page: str, source: Path, root: Path) -> str:
    """A page whose links to other files of the project lead to the repository, or are text if none is declared."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    repository = project.get("urls", {}).get("Repository", "")

    def replaced(found: re.Match[str]) -> str:
        path = (source.parent / found["target"]).resolve()
        if path.is_relative_to(root / "docs") or not path.exists():  # what does not exist, zensical reports
            return found[0]
        relative = path.relative_to(root).as_posix()
        return f"[{found['text']}]({repository}/blob/main/{relative})" if repository else found["text"]

    return LINK.sub(replaced, page)


def _expanded(nav: list[Any], pages: Path) -> Iterator[Any]:
    """The navigation; an entry that is a folder becomes a section of its pages, index.md first."""
    for item in nav:
        ((title, value),) = item.items()
        if isinstance(value, list):
            yield {title: list(_expanded(value, pages))}
        elif value.endswith("/"):
            found = sorted((pages / value).glob("*.md"), key=lambda path: (path.stem != "index", path.stem.lower()))
            yield {title: [{_title(path): f"{value}{path.name}"} for path in found]}
        else:
            yield item


def _leaves(nav: list[Any], section: str = "") -> Iterator[tuple[str, str]]:
    """The pages of a navigation, each with its top section."""
    for item in nav:
        ((title, value),) = item.items()
        if isinstance(value, list):
            yield from _leaves(value, section or title)
        else:
            yield section or title, value


def _title(path: Path) -> str:
    found = TITLE.search(path.read_text("utf-8"))
    if found is None:
        raise SiteError(f"{path.name}: no title, a line that begins with '# '")
    return found[1]


def _summary(page: str) -> str:
    """The first paragraph of a page."""
    parts = FENCE.sub("", page).split("\n\n")
    text = next((part for part in parts if part.strip() and part.strip()[0] not in "#|*-!"), "")
    return " ".join(LINK.sub(r"\g<text>", text).split())


def _add_markdown(settings: Mapping[str, Any], pages: Path, site: Path, order: list[str]) -> None:
    """Write the Markdown of each page beside it, and the two files for language models."""
    index = [f"# {settings['site_name']}", f"> {settings['site_description']}"]
    section = ""
    for title, name in _leaves(settings["nav"]):
        page = (pages / name).read_text("utf-8")
        target = site / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page, "utf-8")
        if title != section:
            index.append(f"## {title}\n")
            section = title
        index.append(f"- [{_title(pages / name)}]({name}): {_summary(page)}")
    (site / "llms.txt").write_text(re.sub(r"\n(?=[#>])", "\n\n", "\n".join(index)) + "\n", "utf-8")
    full = [f"<!-- {name} -->\n\n{(pages / name).read_text('utf-8').strip()}" for name in order]
    (site / "llms-full.txt").write_text("\n\n".join(full) + "\n", "utf-8")
