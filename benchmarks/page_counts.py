"""What a reader meets on each page of a built book: folds of code, tabs, words before the first picture, and so on.

Run: .venv/bin/python benchmarks/page_counts.py [FOLDER] [--json FILE]. FOLDER is a built book (default: this one's); an
older commit's is counted alike. Counted is what is drawn at 1440 pixels in the light, without a click; lines of code
that end beyond their box at 390 pixels too.
"""

import argparse
import shutil
from pathlib import Path

import pandas as pd
from playwright.sync_api import sync_playwright
from ratios import show

BOOK = Path(__file__).resolve().parent.parent / "_build" / "html"
COUNTS = r"""
() => {
  const article = document.querySelector(".bd-article"), drawn = (element) => element.checkVisibility(); // no closed fold
  const all = (selector) => [...article.querySelectorAll(selector)].filter(drawn);
  const pictures = all("figure svg, figure img, figure canvas, .cell_output img, .cell_output svg, canvas, .rt-images img")
    .filter((picture) => picture.getBoundingClientRect().width > 40);
  let words = 0;
  const texts = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode, inside = text.parentElement;
    if (pictures[0]?.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING) break;
    if (drawn(inside) && !inside.closest("script, style, mjx-assistive-mml")) words += (text.data.match(/[\p{L}\d]+/gu) || []).length;
  }
  const lines = all("pre").flatMap((block) => {
    const edge = block.getBoundingClientRect().left + block.clientWidth, range = document.createRange();
    range.selectNodeContents(block);
    return [...new Set([...range.getClientRects()].filter((box) => box.right > edge + 1).map((box) => Math.round(box.top)))];
  });
  return {
    "code folds": all("details.hide > summary, details.toggle-details > summary").length,
    "tab strips": all(".sd-tab-set, [role=tablist]").length,
    "words before the first picture": pictures.length ? words : null,
    "first picture at": pictures.length ? Math.round(pictures[0].getBoundingClientRect().top + scrollY) : null,
    "pictures": pictures.length,
    "lines of code cut off": lines.length,
    "table cells": all("td, th").length,
  };
}
"""  # noqa: E501
READY = "async () => { await window.MathJax?.startup?.promise; await document.fonts.ready; }"
NARROW = "lines of code cut off"


def main() -> None:
    """Count on every page and print the table, its sums and its medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=BOOK)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    paths = sorted(path for name in ("book", "chapters", "notebooks") for path in (asked.folder / name).glob("*.html"))
    if not paths:
        raise SystemExit(f"no built book in {str(asked.folder)!r}: run `make book` first")
    rows = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        pages = {
            width: browser.new_page(viewport={"width": width, "height": 900}, color_scheme="light")
            for width in (1440, 390)
        }
        for path in paths:
            counted = {}
            for width, page in pages.items():
                page.goto(path.resolve().as_uri())
                page.evaluate(READY)
                counted[width] = page.evaluate(COUNTS)
            rows[path.stem] = counted[1440] | {f"{NARROW} at 390": counted[390][NARROW]}
    table = pd.DataFrame(rows).T
    print(table.to_string())
    show({"sums": table.sum().to_dict(), "medians": table.median().to_dict()}, asked.json)


if __name__ == "__main__":
    main()
