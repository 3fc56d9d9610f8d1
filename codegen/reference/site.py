"""Builds the site: collects the pages, runs zensical, and adds each page's Markdown, llms.txt and llms-full.txt."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from . import python_pages
from .contract import Contract
from .pages import Pages

CONFIGURATION = "mkdocs.yml"
PROJECT_PAGES = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
LINK = re.compile(r"\[(?P<text>[^\[\]]*)\]\((?P<target>(?![a-z]+:|#)[^()#\s]+)(?P<anchor>#[^()\s]*)?\)")
NAMESPACE = re.compile(r"^(components|operations)\.")
TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
CELL = re.compile(r"<td.*?</td>", re.DOTALL)
CODE = re.compile(r"(?<=<code>).*?(?=</code>)", re.DOTALL)
COLUMN = re.compile(r"<th(?=[^>]*>(?:Description|When)</th>)")
HEADING = re.compile(r"(<h1[^>]*>\w+\.)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


class SiteError(Exception):
    """The site cannot be built; the message names the page and the problem."""


def build(root: Path, work: Path, spec: Path) -> Path:
    """Build the site of the project in `root` below `work`, and return its folder.

    Raises:
        SpecificationError: `spec` cannot be read or generated.
        SiteError: a page is not in the navigation, or zensical reports a problem, such as a dead link.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    repository = project["tool"]["hatch"]["metadata"]["hooks"]["custom"]["repository"]
    shutil.rmtree(work, ignore_errors=True)
    _collect(root, work / "pages", spec, repository)
    nav = _configure(root, work, repository)
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict", "--config-file", CONFIGURATION]
    environment = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SiteError(f"zensical:\n{done.stdout}{done.stderr}")
    for page in (work / "site").rglob("*.html"):
        shown = CELL.sub(_with_breaks, page.read_text("utf-8"))
        shown = COLUMN.sub('<th class="text"', shown)
        page.write_text(HEADING.sub(r"\1<wbr>", shown), "utf-8")
    _add_markdown(nav, work / "pages", work / "site")
    return work / "site"


def _with_breaks(cell: re.Match[str]) -> str:
    """Allow line breaks in the code of a table cell after punctuation in names, and nowhere else."""
    return CODE.sub(lambda code: re.sub(r"([\[._/,])(?=[A-Za-z(])", r"\1<wbr>", code[0]), cell[0])


def _collect(root: Path, pages: Path, spec: Path, repository: str) -> None:
    """Copy the pages of docs/ and of the project's folder, and render those of the reference."""
    shutil.copytree(root / "docs", pages, ignore=shutil.ignore_patterns("*.toml"))
    sources = {root / "docs" / path.relative_to(pages): path for path in pages.rglob("*.md")}
    sources |= {root / name: pages / name.lower() for name in PROJECT_PAGES}
    for source, path in sources.items():
        path.write_text(_with_site_links(source, path, sources, root, repository), "utf-8")
    for name, page in (*Pages(Contract(spec)).all(), *python_pages.pages()):
        path = pages / "reference" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, "utf-8")


def _with_site_links(source: Path, path: Path, sources: dict[Path, Path], root: Path, repository: str) -> str:
    """Point links to pages, and links to other files to the repository; without a repository, these become text.

    Raises:
        SiteError: a link to a file that does not exist.
    """

    def replaced(found: re.Match[str]) -> str:
        target = Path(os.path.normpath(source.parent / found["target"]))
        if target in sources:
            link = Path(os.path.relpath(sources[target], path.parent)).as_posix()
            return f"[{found['text']}]({link}{found['anchor'] or ''})"
        if target.is_relative_to(root / "docs"):  # zensical reports a missing page
            return found[0]
        if not target.exists():
            raise SiteError(f"{source.name}: the link {found['target']} has no target")
        link = f"{repository}/blob/main/{target.relative_to(root).as_posix()}"
        return f"[{found['text']}]({link})" if repository else found["text"]

    return LINK.sub(replaced, source.read_text("utf-8"))


def _configure(root: Path, work: Path, repository: str) -> list[Any]:
    """Write the configuration with every page in its navigation, and return that."""
    pages = work / "pages"
    settings = YAML(typ="safe").load(root / CONFIGURATION)
    nav = list(_expanded(settings["nav"], pages))
    named = {name for _, name in _leaves(nav)}
    if missing := sorted({path.relative_to(pages).as_posix() for path in pages.rglob("*.md")} - named):
        raise SiteError(f"{CONFIGURATION}: pages that are not in nav: {', '.join(missing)}")
    settings |= {"nav": nav, "docs_dir": "pages", "site_dir": "site"}
    settings |= {"repo_url": repository} if repository else {}
    YAML().dump(settings, work / CONFIGURATION)
    (pages / "llms.txt").write_text(f"# {settings['site_name']}\n\n> {settings['site_description']}\n", "utf-8")
    return nav


def _expanded(nav: list[Any], pages: Path) -> Iterator[Any]:
    """Yield the navigation; an entry that is a folder becomes a section of its pages, index.md first."""
    for item in nav:
        ((title, value),) = item.items()
        if isinstance(value, list):
            yield {title: list(_expanded(value, pages))}
        elif value.endswith("/"):
            found = sorted((pages / value).glob("*.md"), key=lambda path: (path.stem != "index", path.stem.lower()))
            yield {title: [{NAMESPACE.sub("", _title(path)): f"{value}{path.name}"} for path in found]}
        else:
            yield item


def _leaves(nav: list[Any], section: str = "") -> Iterator[tuple[str, str]]:
    """Yield the pages of a navigation, each with its top section."""
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
    """Return the first paragraph of a page."""
    parts = FENCE.sub("", page).split("\n\n")
    text = next((part for part in parts if part.strip() and part.strip()[0] not in "#|*-!"), "")
    return " ".join(LINK.sub(r"\g<text>", text).split())


def _add_markdown(nav: list[Any], pages: Path, site: Path) -> None:
    """Write the Markdown of each page beside it, and the two files for language models."""
    index, full, sections = [(pages / "llms.txt").read_text("utf-8").strip()], [], [""]
    for section, name in _leaves(nav):
        page = (pages / name).read_text("utf-8")
        _publish(page, site, name)
        if section != sections[-1]:
            sections.append(section)
            index.append(f"\n## {section}\n")
        index.append(f"- [{_title(pages / name)}]({name}): {_summary(page)}")
        full.append(f"<!-- {name} -->\n\n{page}")
    (site / "llms.txt").write_text("\n".join(index) + "\n", "utf-8")
    (site / "llms-full.txt").write_text("\n".join(full), "utf-8")


def _publish(page: str, site: Path, name: str) -> None:
    """Write the Markdown of a page, and refer to it in the head of the page."""
    target = site / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page, "utf-8")
    is_index = target.stem == "index"
    shown = target.parent / "index.html" if is_index else target.with_suffix("") / "index.html"
    link = f'<link rel="alternate" type="text/markdown" href="{"" if is_index else "../"}{target.name}">'
    shown.write_text(shown.read_text("utf-8").replace("</head>", f"{link}</head>", 1), "utf-8")
