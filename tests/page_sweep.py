"""What a page of the built book is, once opened in a window: what axe-core finds in it, what it loads, what is wide."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT

# Serious and critical findings alone: one line for each rule, with how many elements and the first of them.
FINDINGS = """
async () => {
  const found = await axe.run(document, {
    resultTypes: ["violations"], elementRef: false, preload: false,
    rules: { "label-content-name-mismatch": { enabled: true } },
  });
  return found.violations.filter((rule) => ["serious", "critical"].includes(rule.impact)).map((rule) => ({
    id: rule.id, impact: rule.impact, count: rule.nodes.length, first: rule.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)),
  }));
}
"""  # noqa: E501
# Formulas and web fonts are there.
SETTLED = "async () => { if (window.MathJax) await MathJax.startup?.promise; await document.fonts.ready; }"
# The smallest letter of a figure, in CSS pixels; a figure that scrolls in its box counts as it is drawn.
SMALLEST = """
() => { // indices and exponents of formulas are left out
  const sizes = [];
  for (const text of document.querySelectorAll(".bd-article figure svg text")) {
    if (!text.textContent.trim() || !text.getClientRects().length) continue;
    const matrix = text.getScreenCTM(), scale = Math.hypot(matrix.a, matrix.b);
    const parts = [...text.querySelectorAll("tspan")].map((part) => parseFloat(getComputedStyle(part).fontSize));
    sizes.push(scale * (parts.length ? Math.max(...parts) : parseFloat(getComputedStyle(text).fontSize)));
  }
  return sizes.length ? Math.min(...sizes) : null;
}
"""
# How much wider than the window the page is; tables whose box scrolls sideways; blocks of code that do.
WIDE = """
() => {
  const shown = (element) => element.getClientRects().length > 0, all = (selector) => [...document.querySelectorAll(selector)];
  const scrolls = (box) => box.scrollWidth > box.clientWidth + 1;
  const tables = all(".bd-article table").filter(shown);
  const boxes = tables.map((table) => table.closest(".rt-scroll, .pst-scrollable-table-container") || table);
  const code = all(".bd-article pre").filter((pre) => shown(pre) && scrolls(pre));
  return {
    page: document.documentElement.scrollWidth - innerWidth, tables: tables.length,
    scrolling: boxes.filter(scrolls).length, code: code.length,
  };
}
"""  # noqa: E501
# What ends beyond the right edge of the window and stands in no box that scrolls: nobody can read it.
CUT = """
() => {
  const scrolls = (element) => {
    for (let box = element; box && box !== document.body; box = box.parentElement)
      if (["auto", "scroll", "hidden"].includes(getComputedStyle(box).overflowX)
          && box.getBoundingClientRect().right <= innerWidth + 1) return true;
    return false;
  };
  const beyond = [...document.querySelectorAll(".bd-article *")].filter((element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.right > innerWidth + 1 && !scrolls(element);
  });
  return beyond.map((element) => element.textContent.trim().slice(0, 60));
}
"""


@dataclass
class Window:
    """A window on the book: what went wrong in it, and how many bytes the page in it has loaded."""

    page: Any
    base: str
    wrong: list[str] = field(default_factory=list)
    bytes_of: dict[str, int] = field(default_factory=dict)

    def open(self, name: str) -> None:
        """Open a page; its bytes are counted from nothing."""
        self.wrong.clear()
        self.bytes_of.clear()
        self.page.goto(self.base + name, wait_until="load")
        self.page.evaluate(SETTLED)

    def axe(self) -> list[dict[str, Any]]:
        """Rules of axe-core with serious or critical findings: id, impact, count, first elements."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE_SCRIPT)
        return list(self.page.evaluate(FINDINGS))

    def look(self) -> list[str]:
        """One line for each thing that is wrong: console, other hosts, sideways scroll, what is cut off, axe-core."""
        lines = list(self.wrong)
        wide = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        lines += [f"{wide} pixels wider than the window"] * (wide > 0)
        if cut := self.page.evaluate(CUT):
            lines.append(f"{len(cut)} elements are cut off at the right, the first: {cut[0]}")
        lines += [f"{rule['impact']}: {rule['id']} ({rule['count']}): {rule['first'][0]}" for rule in self.axe()]
        return lines

    @property
    def loaded(self) -> int:
        """Bytes of the page and of all that it has loaded, uncompressed, each file once."""
        return sum(self.bytes_of.values())


@contextmanager
def window(browser: Any, base: str, width: int, scheme: str) -> Iterator[Window]:
    """A new window of this width. Light and dark are the theme's own: its mode `auto` follows the system."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    opened = Window(context.new_page(), base)
    context.new_cdp_session(opened.page).send("Network.setCacheDisabled", {"cacheDisabled": True})

    def note(is_wrong: bool, line: str) -> None:
        if is_wrong:
            opened.wrong.append(line)

    def response(got: Any) -> None:
        note(got.status >= 400, f"{got.status}: {got.url}")
        if got.url.startswith("http"):
            opened.bytes_of[got.url] = int(got.headers.get("content-length", 0))

    opened.page.on("console", lambda said: note(said.type == "error", f"console: {said.text}"))
    opened.page.on("pageerror", lambda error: note(True, f"script: {error}"))
    opened.page.on("response", response)
    ours = (base, "data:", "blob:")
    opened.page.on("request", lambda asked: note(not asked.url.startswith(ours), f"another host: {asked.url}"))
    yield opened
    context.close()


def tally(rules: list[dict[str, Any]]) -> Counter[str]:
    """Elements by impact and rule."""
    return Counter({f"{rule['impact']} {rule['id']}": rule["count"] for rule in rules})
