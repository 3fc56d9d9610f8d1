"""Pages and search of the site in a real browser, with a narrow and a wide window, light and dark."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.browser import EXECUTABLE, Browser

pytestmark = pytest.mark.skipif(EXECUTABLE is None, reason="needs Chromium: apt-get install chromium")

PAGES = ["", "quickstart/", "testing/", "moving/", "reference/api/embeddings/", "reference/errors/", "benchmarks/"]
LUMINANCE = (
    "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0) / 765"
)
RESULTS = (
    "[...document.querySelectorAll('*')].flatMap(e => e.shadowRoot ? [...e.shadowRoot.querySelectorAll('a')] : [])"
)


class SilentHandler(SimpleHTTPRequestHandler):
    """Serves files without logs."""

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture(scope="module")
def url(site: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SilentHandler, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.mark.parametrize(("width", "theme"), [(360, "light"), (1280, "dark")])
@pytest.mark.parametrize("page", PAGES)
def test_page_is_rendered_from_local_files(page: str, width: int, theme: str, url: str, browser: Browser) -> None:
    browser.requested.clear()
    browser.open(url + page, width, theme=theme)

    assert browser.evaluate("document.querySelector('h1').getBoundingClientRect().height") > 20
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert (browser.evaluate(LUMINANCE) > 0.5) == (theme == "light")
    assert {urlsplit(url).hostname for url in browser.requested if url.startswith("http")} == {"127.0.0.1"}


@pytest.mark.parametrize("width", [360, 1280])
def test_search_finds_the_reference_of_generate(width: int, url: str, browser: Browser) -> None:
    browser.open(url, width)
    browser.evaluate("document.querySelector('.md-search__button').click()")
    browser.wait_for("[...document.querySelectorAll('*')].some(e => e.shadowRoot && e.shadowRoot.activeElement)")
    browser.type("generate")

    first = browser.wait_for(f"({RESULTS}[0] || {{}}).href")
    assert urlsplit(first).path + "#" + urlsplit(first).fragment == "/reference/api/embeddings/#generate"
