"""The built book as one page of HTML, for book/pdf.py: a title, the contents, then every page of _toc.yml in its order.

A page is shown as a reader first sees it: its own results, not those of a reference run, and folded code closed.
Solutions and what made the numbers are open, since nothing can be opened on paper. Ids get the page's number before
them: so none occurs twice, and a link to another page becomes a link inside.
"""

from collections.abc import Iterator
from html import escape
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml
from bs4 import BeautifulSoup, Tag
from bs4.filter import SoupStrainer
from build import files_in

# What cannot be used on paper: links to files, marks beside headings, folded code, kept runs.
DROPPED = {
    "headerlink",
    "rt-bar",
    "rt-change",
    "rt-code",
    "rt-download",
    "rt-downloads",
    "rt-reference",
    "toctree-wrapper",
}
DROPPED_TAGS = {"button", "nav", "link", "noscript"}
# Attributes that name an id of the same page; SVG's url(#...) may stand in any.
NAMING = ("for", "aria-labelledby", "aria-describedby", "aria-controls", "aria-owns")
OUTSIDE = ("http://", "https://", "mailto:")
ABOUT = (
    "Printed from the pages of the book. There some figures can be moved, a switch shows the results of kept runs, "
    "and code that is left out here can be unfolded."
)
# Without the second, unseen copy of each formula for screen readers, which a PDF does not keep.
FOR_PAPER = "<script>(window.MathJax.options ??= {}).renderActions = { assistiveMml: [] }</script>"
STYLE = Path(__file__).with_name("pdf.css")


def parts(toc: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """The captions of _toc.yml with their pages, in order; the first has no caption and holds the start page."""
    found = [("", [str(toc["root"])])]
    for part in toc.get("parts") or [toc]:
        found.append((str(part.get("caption", "")), list(files_in(part.get("chapters", [])))))
    return found


def names(toc: dict[str, Any]) -> list[str]:
    """Every page of _toc.yml, in order."""
    return [name for _, group in parts(toc) for name in group]


def article(text: str) -> Tag:
    """A built page's text, without what surrounds it and without what is of no use on paper."""
    found = BeautifulSoup(text, "html.parser", parse_only=SoupStrainer("article")).article
    if found is None:
        raise ValueError("a built page without an article")
    for element in found.find_all(True, {"data-adversary": True}):  # of what runs in the page, what it says without
        for said in element.find_all("noscript"):
            element.insert_before(*said.contents)
        element.decompose()
    own = found.select_one(".rt-runs input")
    for part in found.select("[data-of-run]:not(.rt-provenance)") if own else []:
        if own and part["data-of-run"] != own["value"]:
            part.decompose()
    for element in found.find_all(True):
        if element.decomposed:
            continue
        classes = set(element.get_attribute_list("class"))
        if classes & DROPPED or element.name in DROPPED_TAGS or "/adversary/" in str(element.get("src", "")):
            element.decompose()
        elif element.name == "pre":  # black on paper: an element for each coloured word would only take time
            element.string = element.get_text()
        elif "rt-provenance" in classes:
            element["open"] = ""
            if element.summary and "reference run" in element.summary.get_text():  # whose results are left out
                element.decompose()
        elif "rt-checked" in classes and element.summary:
            line = element.summary.extract()
            line.name, element.name = "p", "div"
            element.clear()
            element.append(line)
    return found


def title(page: Tag) -> str:
    """The heading of a page, as text."""
    heading = page.h1
    return heading.get_text().strip() if heading else ""


def rename(page: Tag, prefix: str) -> None:
    """`prefix` before every id of a page, and where the page itself names one; of equal ids the first stays."""
    seen: set[str] = set()
    for element in page.find_all(True):
        for key, value in element.attrs.items():
            if not isinstance(value, str):
                continue
            if key in NAMING:
                element[key] = " ".join(prefix + name for name in value.split())
            elif key in ("xlink:href", "href") and value.startswith("#") and element.name != "a":
                element[key] = f"#{prefix}{value[1:]}"
            elif "url(#" in value:
                element[key] = value.replace("url(#", f"url(#{prefix}")
        if own := element.get("id"):
            if own in seen:
                del element["id"]
            else:
                seen.add(str(own))
                element["id"] = f"{prefix}{own}"


def relink(page: Tag, name: str, prefixes: dict[str, str], folder: str) -> None:
    """Links to pages of the book lead inside, those to other hosts stay, those to files become plain text."""
    for element in page.find_all(["img", "script"], src=True):
        source = str(element["src"])
        if not source.startswith("data:"):
            element["src"] = place(name, source, folder)
    for link in page.find_all("a", href=True):
        target = str(link["href"])
        if target.startswith(OUTSIDE):
            continue
        address = urlsplit(target)
        to = normpath(str(PurePosixPath(name).parent / unquote(address.path))) if address.path else f"{name}.html"
        prefix = prefixes.get(to.removesuffix(".html"))
        if prefix is None:
            link.unwrap()
        else:
            link["href"] = f"#{prefix}{unquote(address.fragment)}" if address.fragment else f"#{prefix}top"


def place(name: str, source: str, folder: str) -> str:
    """Where a file that a page names lies, seen from beside the folder of the book."""
    return normpath(f"{folder}/{PurePosixPath(name).parent}/{urlsplit(source).path}")


def drop_dead_links(pages: list[Tag]) -> int:
    """Unwraps the links whose target went with what was dropped, and counts them."""
    ids = {str(element["id"]) for page in pages for element in page.find_all(id=True)} | {
        str(page["id"]) for page in pages
    }
    dead = [a for page in pages for a in page.select('a[href^="#"]') if str(a["href"])[1:] not in ids]
    for link in dead:
        link.unwrap()
    return len(dead)


def contents(toc: dict[str, Any], prefixes: dict[str, str], titles: dict[str, str]) -> Iterator[str]:
    """The lines of the contents page; book/pdf.py fills in the numbers of pages."""
    for caption, group in parts(toc):
        if caption:
            yield f'<p class="part">{escape(caption)}</p>'
        yield "<ul>"
        for name in group:
            target = f"{prefixes[name]}top"
            number = f'<span class="dots"></span><span data-page="{target}"></span>'
            yield f'<li><a href="#{target}">{escape(titles[name])}</a>{number}</li>'
        yield "</ul>"


def head(text: str, folder: str, name: str) -> str:
    """The styles of a built page, and MathJax with its settings."""
    found = BeautifulSoup(text, "html.parser", parse_only=SoupStrainer(["link", "script"]))
    kept = []
    for element in found.find_all(["link", "script"]):
        source = str(element.get("href" if element.name == "link" else "src") or "")
        if "stylesheet" in (element.get("rel") or []) or "/mathjax/" in source:
            element["href" if element.name == "link" else "src"] = place(name, source, folder)
            kept.append(str(element))
        elif not source and "window.MathJax" in element.get_text():
            kept.append(f"{element}{FOR_PAPER}")
    return "\n".join(kept)


def whole(html: Path, toc: dict[str, Any], config: dict[str, Any]) -> str:
    """One page for the book in the folder `html`, to be put beside that folder."""
    prefixes = {name: f"p{number:02}-" for number, name in enumerate(names(toc), 1)}
    pages, titles, first = [], {}, ""
    for name in prefixes:
        text = (html / f"{name}.html").read_text("utf-8")
        page = article(text)
        titles[name] = title(page)
        rename(page, prefixes[name])
        relink(page, name, prefixes, html.name)
        page["id"] = f"{prefixes[name]}top"
        first = first or head(text, html.name, name)
        pages.append(page)
    drop_dead_links(pages)
    return "\n".join(
        [
            '<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8">',
            f"<title>{config['title']}</title>{first}<style>{STYLE.read_text('utf-8')}</style></head>",
            '<body><main class="bd-main"><div class="bd-content"><div class="bd-article-container">',
            f'<article class="bd-article rt-front"><p class="rt-title">{config["title"]}</p>',
            f"<p>{config['author']}</p><p>{ABOUT}</p><h2>Contents</h2>",
            *contents(toc, prefixes, titles),
            "</article>",
            *map(str, pages),
            "</div></div></main></body></html>",
        ]
    )


def settings(root: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """_toc.yml and _config.yml."""
    toc, config = (yaml.safe_load((root / name).read_text("utf-8")) for name in ("_toc.yml", "_config.yml"))
    return toc, config
