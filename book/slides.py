"""`make slides`: the lectures as slides, in _build/slides, cut out of the book that `make book` built.

What a lecture shows, and in which order, is said once: by the links in its plan (book/teaching/lecture_1.md, ...). Each
link to a statement, an equation, a figure or a section becomes slides; the question of the same line stands on a slide
before them, and what happens there, on which minute, is the speaker's notes. The student edition has neither.
Beside each lecture stands its handout (handouts.py).
reveal.js comes from sphinx-revealjs, MathJax and styles from the book: no slide asks another server for anything.
"""

import importlib.util
import json
import re
import shutil
import sys
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from bs4 import BeautifulSoup, Tag
from build import BUILD, HTML, ROOT
from handouts import sheets
from kept_apart import whole
from slide_cuts import Slide, address, clean, cut, inner, tags
from slide_notes import board, notes

SLIDES = BUILD / "slides"
LECTURES = ("lecture_1", "lecture_2", "lecture_3", "single_lecture")
ADVERSARY = "book/fool_it_yourself.html"
STYLES = ("styles/pydata-sphinx-theme.css", "pygments.css", "proof.css", "rt.css")
COPIED = (*STYLES, "mathjax", "adversary", "ball.js", "sweep.js")
OWN = ("slides.css", "slides.js", "handout.css", "handout.js")  # from the source: the book keeps what its pages use
STYLE = ROOT / "book" / "style"
PAGE = """<!doctype html>
<html lang="en" data-theme="light" data-mode="light"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
{styles}</head><body class="{kind}">{body}{scripts}</body></html>
"""


def reveal() -> Path:
    """Where sphinx-revealjs keeps reveal.js."""
    spec = importlib.util.find_spec("sphinx_revealjs")
    if spec is None or spec.origin is None:
        sys.exit("make slides: sphinx-revealjs is missing: make install")
    return Path(spec.origin).parent / "_static" / "revealjs"


class Book:
    """The pages of a built book, each read once."""

    def __init__(self, html: Path) -> None:
        self.html, self._read = html, dict[str, BeautifulSoup]()

    def page(self, name: str) -> BeautifulSoup:
        if name not in self._read:
            self._read[name] = BeautifulSoup(whole(self.html / name), "html.parser")
        return self._read[name]


def live(book: Book) -> str:
    """The page on which the adversary is live, without the rest of the book."""
    page = book.page(ADVERSARY)
    block = page.select_one("[data-adversary]")
    if block is None:
        raise ValueError(f"{ADVERSARY}: no live adversary")
    scripts = [str(tag["src"]) for tag in page.find_all("script", src=True) if "/adversary/" in str(tag["src"])]
    return document("Fool it yourself", "live", str(block), ["adversary/adversary.css", "slides.css"], scripts, "../")


def document(title: str, kind: str, body: str, styles: list[str], scripts: list[str], way: str = "") -> str:
    """A whole page; `way` leads from it to the folder that holds _static."""
    sheets = "".join(f'<link rel="stylesheet" href="{way}_static/{name}">\n' for name in (*STYLES, *styles))
    loaded = "".join(f'<script src="{way}_static/{name.split("_static/")[-1]}" defer></script>\n' for name in scripts)
    return PAGE.format(title=escape(title), kind=kind, body=body, styles=sheets, scripts=loaded)


def of_link(book: Book, link: Tag, plan: str, pages: str, *, named: bool) -> list[Slide]:
    """The slides of one link of a plan, under its name there if `named`.

    Raises ValueError where it leads to nothing that can be shown.
    """
    parts, title = urlsplit(str(link["href"])), inner(clean(link, plan, pages))
    title = re.sub(r"</?span[^>]*>", "", title) if "math" not in title else title
    target, title = address(parts.path, plan, ""), title[:1].upper() + title[1:] if named else ""
    if target == ADVERSARY and parts.query:
        return [
            Slide(
                title or "Fool it yourself",
                f'<iframe src="live/fool_it_yourself.html?{escape(parts.query)}"></iframe>',
                "adversary",
            )
        ]
    if not parts.fragment or "/teaching/" in target:
        return []
    return cut(book.page(target), target, parts.fragment, title, pages)


def rows(plan: BeautifulSoup) -> list[list[Tag]]:
    """The cells of a plan's table, a list for each stretch of the clock."""
    table = plan.select_one("table")
    return [row.find_all("td") for row in table.select("tbody tr")] if table else []


def slides_of(book: Book, plan: BeautifulSoup, name: str, pages: str, student: bool) -> list[Slide]:
    """A lecture's slides, in the order of its plan."""
    where, blocks = f"book/teaching/{name}.html", board(plan)
    heading = clean(plan.select_one("h1") or plan, where, pages).get_text().strip()
    first, _, second = heading.partition(": ")
    shown = [Slide(escape(first), f"<p>{escape(second)}</p>", "title")]
    for cells in rows(plan):
        links, asked = cells[4:]
        found = [
            slide for link in links.find_all("a") for slide in of_link(book, link, where, pages, named=not student)
        ]
        if not student:
            told = notes(cells, blocks, where, pages)
            if asked.get_text().strip():
                body = "".join(str(clean(part, where, pages)) for part in tags(asked))
                found.insert(0, Slide("Before you look", body, "question"))
            for slide in found:
                slide.notes = told
        shown += found
    return shown


def deck(shown: list[Slide], title: str, way: str = "") -> str:
    """The slides as one page of reveal.js."""
    sections = "".join(
        f'<section class="{slide.kind}"><div class="fit bd-article"><h2>{slide.title}</h2>{slide.body}</div>'
        + (f'<aside class="notes">{slide.notes}</aside>' if slide.notes else "")
        + "</section>\n"
        for slide in shown
    )
    scripts = list(dict.fromkeys(script for slide in shown for script in slide.scripts))
    scripts = ["reveal/dist/reveal.js", "reveal/plugin/notes/notes.js", "slides.js", *scripts, "mathjax/tex-chtml.js"]
    body = f'<div class="reveal"><div class="slides">\n{sections}</div></div>'
    return document(title, "rt-slides", body, ["reveal/dist/reveal.css", "slides.css"], scripts, way)


def mathjax(book: Book) -> str:
    """The book's own settings of MathJax, as a script."""
    for script in book.page(ADVERSARY).find_all("script", src=False):
        if script.string and script.string.startswith("window.MathJax = "):
            settings = json.loads(script.string.removeprefix("window.MathJax = "))
            settings["chtml"] = {"matchFontHeight": False}  # of a slide that is not shown yet
            return f"<script>window.MathJax = {json.dumps(settings)};</script>"
    raise ValueError("the book does not set MathJax")


def write(html: Path, plans: Path, folder: Path, pages: str, *, student: bool = False) -> list[Path]:
    """Write the lectures into `folder`, from the book in `html` and the plans among the pages of the book in `plans`.

    `pages` leads from there to the book's pages. Raises ValueError where a plan asks for what no page shows.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "live").mkdir(parents=True)
    for source, name in [
        *((html / "_static" / name, name) for name in COPIED),
        *((STYLE / name, name) for name in OWN),
    ]:
        target = folder / "_static" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    for part in ("dist/reveal.js", "dist/reveal.css", "plugin/notes/notes.js", "LICENSE"):
        target = folder / "_static" / "reveal" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(reveal() / part, target)
    book, settings, written = Book(html), "", []
    settings = mathjax(book)
    (folder / "live" / "fool_it_yourself.html").write_text(live(book), "utf-8")
    for name in LECTURES:
        plan = BeautifulSoup((plans / "book" / "teaching" / f"{name}.html").read_text("utf-8"), "html.parser")
        shown = slides_of(book, plan, name, pages, student)
        page = deck(shown, shown[0].title).replace("</head>", f"{settings}</head>", 1)
        written.append(folder / f"{name}.html")
        written[-1].write_text(page, "utf-8")
        if not student:
            scripts = ["handout.js", "mathjax/tex-chtml.js"]
            sheet = document(f"Handout of {shown[0].title}", "rt-handout", sheets(shown), ["handout.css"], scripts)
            (folder / f"handout_{name}.html").write_text(sheet.replace("</head>", f"{settings}</head>", 1), "utf-8")
    return written


def main() -> None:
    if not (HTML / "book" / "teaching" / f"{LECTURES[0]}.html").is_file():
        sys.exit("make slides: there is no book yet, or it has no plans: run 'make book' first")
    written = write(HTML, HTML, SLIDES, "../html/")
    print("Slides:", *written, "S: the speaker's notes; for a PDF open one with ?print-pdf and print it", sep="\n")


if __name__ == "__main__":
    main()
