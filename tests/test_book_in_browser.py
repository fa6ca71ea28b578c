"""What a reader sees: every page of the built book, in a real browser, light and dark, on a desk and on a phone."""

import csv
import functools
import os
import posixpath
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest

pytestmark = pytest.mark.book
BOOK = Path(__file__).resolve().parent.parent / "_build" / "html"
SEARCH_WORD = "robustness"
# Pages without prose of their own, and the redirect at the top, which has a test of its own.
SKIPPED = {"index.html", "genindex.html", "search.html"}
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
# Runs in the page and returns one line for each thing that is wrong.
LOOK = r"""
() => {
  const wrong = [], all = (selector) => [...document.querySelectorAll(selector)];
  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 0) wrong.push(`the page is ${wide} pixels wider than the window`);
  for (const formula of all(".math"))
    if (!formula.querySelector("mjx-container")) wrong.push(`not rendered: ${formula.textContent}`);
  if (innerWidth > 1000)  // on a phone a formula may scroll
    for (const formula of all("div.math"))
      if (formula.scrollWidth > formula.clientWidth + 1) wrong.push(`cut off: ${formula.textContent.slice(0, 60)}`);
  for (const error of all("mjx-merror")) wrong.push(`not TeX: ${error.textContent}`);
  for (const figure of all(".bd-article svg[role=img]:not([aria-hidden=true]), .rt-figure svg"))
    if (!(figure.getAttribute("aria-label") || "").trim()) wrong.push("a figure without aria-label");
  for (const image of all("img")) if (!image.alt.trim()) wrong.push(`no alt: ${image.src}`);
  const article = document.querySelector("article");
  const text = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
  while (text.nextNode()) {
    const raw = /\$\$|\\[(\[]|\\[A-Za-z]{2,}/.test(text.currentNode.data);
    if (raw && !text.currentNode.parentElement.closest("pre, code, script, style, mjx-container"))
      wrong.push(`raw TeX: ${text.currentNode.data.trim().slice(0, 80)}`);
  }
  return wrong;
}
"""
# MathJax is there from the start on pages that have formulas, and its promise ends when the last one is set.
SETTLED = "async () => { if (window.MathJax) await MathJax.startup.promise; await document.fonts.ready; }"
# The page's own scripts have answered a new size of the window.
NEXT_FRAMES = "() => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(next))))"
# The formulas of the kept run that is shown: the page itself has to set them, as soon as the run has come in.
SET = r"""
() => ![...document.querySelectorAll(".rt-reference:not([hidden])")].some((part) => /\\[([]/.test(part.innerText))
"""


def unavailable(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def require_book() -> None:
    if not (BOOK / "index.html").is_file():
        unavailable("the book has not been built (make book)")


def pages() -> list[str]:
    found = (path.relative_to(BOOK).as_posix() for path in BOOK.rglob("*.html") if "_static" not in path.parts)
    return sorted(set(found) - SKIPPED)


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


class Anchors(HTMLParser):
    """Where the links of a page lead, and the places in it that a link can lead to."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.ids: set[str] = {"", "top"}
        self.feed((BOOK / name).read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        if "id" in values:
            self.ids.add(values["id"])
        if tag == "a" and "href" in values:
            self.links.add(values["href"])


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    require_book()
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(QuietHandler, directory=str(BOOK)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        unavailable("there is no Chromium on this machine")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        unavailable("playwright is not installed (pip install -e '.[dev]')")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield chromium
        chromium.close()


@dataclass
class Visit:
    """A window on the book, and everything that went wrong in it."""

    page: Any
    address: str
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda said: self.note(said.type == "error", f"console: {said.text}"))
        self.page.on("pageerror", lambda error: self.note(True, f"script: {error}"))
        self.page.on("response", lambda got: self.note(got.status >= 400, f"{got.status}: {got.url}"))
        ours = (self.address, "data:", "blob:")
        self.page.on("request", lambda asked: self.note(not asked.url.startswith(ours), f"another host: {asked.url}"))

    def note(self, is_wrong: bool, line: str) -> None:
        if is_wrong:
            self.wrong.append(line)

    def open(self, name: str) -> None:
        self.page.goto(self.address + name, wait_until="load")
        self.page.evaluate(SETTLED)


DESK, PHONE = 1280, 390


def solution_opens(page: Any) -> list[str]:
    """What is wrong with the first folded solution of a page that has one: it is closed, and a click opens it."""
    box = page.locator(".solution.dropdown").first
    if not box.count():
        return []
    content = box.locator("section").first
    wrong = ["the solution is shown from the start"] if content.is_visible() else []
    box.locator(".admonition-title").click(position={"x": 5, "y": 5})
    content.wait_for(state="visible", timeout=5_000)
    return wrong


@pytest.mark.parametrize("both", [False, pytest.param(True, marks=pytest.mark.long)])
@pytest.mark.parametrize("first", ["light", "dark"])
def test_every_page_is_whole(browser: Any, address: str, first: str, both: bool) -> None:
    """Half of the pages come light on a desk, the others dark on a phone, then in the other width.

    `both`: each then changes to the scheme in which the others came, too.
    """
    schemes, widths = ("light", "dark"), (DESK, PHONE)
    turn = 1 if first == "light" else -1
    window = browser.new_context(color_scheme=first, viewport={"width": widths[::turn][0], "height": 900})
    visit = Visit(window.new_page(), address)
    wrong: list[str] = []

    def look(name: str, *at: int) -> None:
        for width in at:
            visit.page.set_viewport_size({"width": width, "height": 900})
            visit.page.evaluate(NEXT_FRAMES)
            wrong.extend(f"{name}, {width} wide: {line}" for line in visit.page.evaluate(LOOK))

    assert len(pages()) > 1, "the book has no pages"
    for name in pages()[schemes.index(first) :: 2]:
        visit.open(name)
        wrong += [f"{name}: {line}" for line in solution_opens(visit.page)]
        asked = list(zip(schemes[::turn], (widths[::turn], widths[::-turn][:1]), strict=True))
        for scheme, at in asked if both else asked[:1]:
            visit.page.emulate_media(color_scheme=scheme)
            look(name, *at)
            theme = visit.page.evaluate("document.documentElement.dataset.theme")
            wrong += [] if theme == scheme else [f"{name}: shown {theme}"]
        if visit.page.locator(".rt-runs").count():
            other = visit.page.locator(".rt-runs input").nth(1)
            other.check()
            visit.page.wait_for_selector(f"html[data-run={other.input_value()}]", state="attached")
            visit.page.wait_for_function(SET)
            look(f"{name}, reference run", *widths)
        wrong += [f"{name}: {line}" for line in visit.wrong]
        visit.wrong.clear()
        visit.page.emulate_media(color_scheme=first)
        visit.page.set_viewport_size({"width": widths[::turn][0], "height": 900})
    window.close()
    assert not wrong, "\n".join(wrong)


def test_some_page_has_a_folded_solution() -> None:
    require_book()
    assert any("solution dropdown" in (BOOK / name).read_text("utf-8") for name in pages())


def test_every_link_inside_the_book_leads_somewhere() -> None:
    require_book()
    anchors = {name: Anchors(name) for name in pages()}
    wrong: set[str] = set()
    for name, found in anchors.items():
        for link in found.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(parts.path)))
            target = target if parts.path else name
            if not (BOOK / target).is_file():
                wrong.add(f"{name}: {link} is not there")
            elif parts.fragment and target in anchors and unquote(parts.fragment) not in anchors[target].ids:
                wrong.add(f"{name}: {link} leads to no place on that page")
    assert not wrong, "\n".join(sorted(wrong))


def test_every_table_and_figure_has_a_download() -> None:
    require_book()
    tables = figures = 0
    for path in (BOOK / "chapters").glob("*.html"):
        text = path.read_text(encoding="utf-8")
        files = [BOOK / "chapters" / link for link in re.findall(r'class="rt-download" href="([^"]+)"', text)]
        shown = re.findall(r'<table class="rt-table.*?</table>', text, re.DOTALL)
        csvs, svgs = ([file for file in files if file.suffix == suffix] for suffix in (".csv", ".svg"))
        assert len(csvs) == len(shown), path.name
        for file, table in zip(csvs, shown, strict=True):
            rows = list(csv.reader(file.open(encoding="utf-8", newline="")))
            assert len(rows) == table.count("<tr>"), file.name  # the header is a row of both
            assert len({len(row) for row in rows}) == 1, file.name
        assert len(svgs) == text.count('<figure class="rt-figure" id="figure-'), path.name
        for file in svgs:
            assert ElementTree.parse(file).getroot().tag == "{http://www.w3.org/2000/svg}svg"
        tables, figures = tables + len(csvs), figures + len(svgs)
    assert tables > 10
    assert figures > 5


def test_search_finds_a_word(browser: Any, address: str) -> None:
    visit = Visit(browser.new_page(), address)
    visit.page.goto(f"{address}search.html?q={SEARCH_WORD}")
    visit.page.wait_for_selector("#search-results li a", timeout=10_000)
    visit.page.wait_for_load_state("networkidle")
    visit.page.close()
    assert not visit.wrong, "\n".join(visit.wrong)


def test_the_book_opens_as_a_file(browser: Any) -> None:
    require_book()
    visit = Visit(browser.new_page(), BOOK.as_uri())
    page = visit.page
    page.goto(f"{visit.address}/index.html")
    page.wait_for_url("**/book/index.html")
    page.evaluate(SETTLED)
    assert page.locator("article h1").is_visible()
    name = next(name for name in pages() if 'class="math' in (BOOK / name).read_text(encoding="utf-8"))
    visit.open(f"/{name}")
    visit.wrong += page.evaluate(LOOK)
    page.close()
    assert not visit.wrong, "\n".join(visit.wrong)


@pytest.mark.parametrize("width", [1280, 390], ids=["desk", "phone"])
def test_the_live_figure_answers(browser: Any, address: str, width: int) -> None:
    """Moving eps past the margin flips the verdict; so do the keyboard, the representation and a drag."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(f"{address}/chapters/setting.html")
    output, eps = page.locator(".rt-ball output"), page.locator("#ball-eps")
    assert output.get_attribute("data-verdict") == "holds"
    margin = float(output.inner_text().split("m(x) = ")[1].split(":")[0])
    eps.fill("1")
    assert output.get_attribute("data-verdict") == "fails"
    shift = float(output.inner_text().split("S(x) = ")[1].split()[0])
    assert shift >= margin
    eps.fill("0.3")
    assert output.get_attribute("data-verdict") == "holds"
    eps.focus()
    for _ in range(60):
        page.keyboard.press("ArrowRight")
    assert output.get_attribute("data-verdict") == "fails"
    eps.fill("0.3")
    page.get_by_label("representation that is not robust").check()
    assert output.get_attribute("data-verdict") == "fails"
    page.get_by_label("robust representation", exact=True).check()
    point = page.locator("[data-part=point]")
    point.focus()
    before = output.inner_text()
    page.keyboard.press("ArrowUp")
    assert output.inner_text() != before
    assert page.url.endswith("setting.html")  # the arrow turned no page
    box = page.locator("[data-part=pixels]").bounding_box()
    point.hover()
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    assert output.get_attribute("data-verdict") == "fails"  # near the middle all three classes meet
    page.close()
