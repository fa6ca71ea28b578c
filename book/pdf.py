"""`make pdf`: the built book as _build/book.pdf, printed by Chromium from the pages that `make book` built.

It is printed twice: the numbers of the pages on which chapters begin are read from the first print, for the contents.
"""

import os
import re
import shutil
import sys
from pathlib import Path

from build import BUILD, HTML, ROOT
from filelock import FileLock
from one_page import names, settings, whole

from rt_utils.runtime.files import whole_file

PDF = BUILD / "book.pdf"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = ("--disable-gpu", "--disable-background-networking", "--disable-component-update")
WIDTH = 680  # of the text in CSS pixels: A4's 210 mm without the margins in pdf.css
FOOTER = '<div style="font: 8pt sans-serif; width: 100%; text-align: center"><span class="pageNumber"></span></div>'
# Formulas are set, fonts are there, and what is wider than the paper is made as small as it must be. Returns what of
# MathJax went wrong.
SETTLE = """
async () => {
  await MathJax.startup.promise;
  await document.fonts.ready;
  for (const block of document.querySelectorAll(".rt-scroll, .pst-scrollable-table-container, div.math")) {
    const share = block.clientWidth / block.scrollWidth;
    if (share < 0.995) for (const child of block.children) child.style.zoom = share;
  }
  return [...document.querySelectorAll("mjx-merror")].map((error) => error.textContent);
}
"""
# In the first print only the links of the contents matter. What is not seen takes as much room, and half the time.
UNSEEN = ".bd-article:not(.rt-front) * { visibility: hidden !important; } .rt-figure svg > * { display: none; }"
NUMBER = """
(pages) => {
  for (const place of document.querySelectorAll("[data-page]")) place.textContent = pages[place.dataset.page] ?? "";
}
"""


def chromium() -> str:
    """The path of a Chromium; ends the program in one line where there is none."""
    found = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    if found is None:
        sys.exit("make pdf: there is no Chromium here; install it (Debian: apt install chromium) or Google Chrome")
    return found


def destinations(pdf: bytes) -> dict[str, int]:
    """The number of the page, from 1, of each chapter's beginning, in a PDF as Chromium writes it."""
    pages = re.findall(rb"^(\d+) 0 obj\n<</Type /Page\n", pdf, re.MULTILINE)
    numbers = {page: number for number, page in enumerate(pages, 1)}
    return {
        name.decode(): numbers[page]
        for name, page in re.findall(rb"/(p\d+-top) \[(\d+) 0 R /XYZ", pdf)
        if page in numbers
    }


def _for_root() -> list[str]:
    """Chromium refuses its sandbox to root, as in a container."""
    return ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []


def print_page(source: Path, program: str) -> bytes:
    """The page of the whole book as a PDF."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*ARGUMENTS, *_for_root()])
        page = browser.new_page(viewport={"width": WIDTH, "height": 1000})
        page.set_default_timeout(0)
        page.emulate_media(media="print")
        page.goto(source.resolve().as_uri())
        if errors := page.evaluate(SETTLE):
            sys.exit(f"make pdf: {len(errors)} formulas are not TeX, first: {errors[0]}")

        def pdf(outlined: bool) -> bytes:
            return page.pdf(
                prefer_css_page_size=True,
                print_background=True,
                display_header_footer=True,
                header_template="<span></span>",
                footer_template=FOOTER,
                outline=outlined,
                tagged=outlined,
            )

        hidden = page.add_style_tag(content=UNSEEN)
        found = destinations(pdf(False))
        if not found:
            sys.exit(f"make pdf: {program} writes its PDFs in a way that is not known here: use a current Chromium")
        page.evaluate(NUMBER, found)
        hidden.evaluate("style => style.remove()")
        printed = pdf(True)
        if (again := destinations(printed)) != found and again:  # a long table may break over other pages when tagged
            page.evaluate(NUMBER, again)
            printed = pdf(True)
        browser.close()
    return printed


def make(html: Path, target: Path) -> None:
    """Print the book in the folder `html`; `target` appears whole or not at all."""
    toc, config = settings(ROOT)
    if not (html / "index.html").is_file():
        sys.exit("make pdf: the book has not been built yet: make book")
    if missing := [name for name in names(toc) if not (html / f"{name}.html").is_file()]:
        sys.exit(f"make pdf: the built book has no page {missing[0]}, which _toc.yml names: make book")
    program = chromium()
    page = html.parent / "book.html"  # beside the folder, whose styles and pictures it names
    try:
        page.write_text(whole(html, toc, config), "utf-8")
        printed = print_page(page, program)
    finally:
        page.unlink(missing_ok=True)
    with whole_file(target) as path:
        path.write_bytes(printed)


def main() -> None:
    BUILD.mkdir(exist_ok=True)
    with FileLock(BUILD / ".build.lock"):  # no build takes the pages away meanwhile
        make(HTML, PDF)
    print(f"PDF: {PDF}")


if __name__ == "__main__":
    main()
