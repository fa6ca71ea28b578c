"""What lets a reader follow a statement through the book: previews, related statements, a search that knows names.

Read from the built pages, and written as scripts, which also work from a file: `statements.js` and `notation.js` for
the previews (book/style/reader.js), `excerpts.js` for the page of search. At the end of each page stand the statements
of other pages that it names, and the pages that name its own.
"""

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

from bs4 import BeautifulSoup, Tag
from plain_math import plain

UNREAD = re.compile(r"<svg .*?</svg>|<pre.*?</pre>|<table class=\"rt-.*?</table>|<script.*?</script>", re.DOTALL)
SHORT = re.compile(r"([^()]*\d)\s*\(([^;()]*[^;()\s])")  # of "Theorem 2 (Robustness criterion; ...)"
FOOTER = '<footer class="prev-next-footer'


@dataclass
class Reading:
    """What is read of the book: keys are `page.html#id`."""

    titles: dict[str, str] = field(default_factory=dict)  # of pages
    names: dict[str, str] = field(default_factory=dict)  # of statements, "Theorem 2 (The criterion)"
    statements: dict[str, str] = field(default_factory=dict)  # their HTML
    uses: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # page: statements it links to
    excerpts: dict[str, dict[str, str]] = field(default_factory=dict)  # page without .html: id of a section: text
    notation: dict[str, str] = field(default_factory=dict)  # TeX without spaces: HTML


def _links_from(content: Tag, name: str) -> None:
    """Links of a fragment, as addresses from the book's root."""
    for link in content.find_all("a", href=True):
        href = str(link["href"])
        if not re.match(r"[a-z]+:", href):
            link["href"] = normpath(str(PurePosixPath(name).parent / href)) if not href.startswith("#") else name + href


def _read_page(reading: Reading, name: str, html: str) -> None:
    article = BeautifulSoup(UNREAD.sub("", html), "html.parser").find("article")
    heading = article.find("h1") if isinstance(article, Tag) else None
    if not isinstance(article, Tag) or heading is None:
        return
    for mark in article.select(".headerlink, .toggle-button, .rt-checked, summary"):
        mark.decompose()
    reading.titles[name] = plain(heading.get_text())
    for link in article.select("a.reference.internal[href*='#']"):
        path, _, anchor = str(link["href"]).partition("#")
        target = normpath(str(PurePosixPath(name).parent / path)) if path else name
        reading.uses[name].append(f"{target}#{anchor}")
    boxes = article.select("div.proof[id], div.admonition.exercise[id]")
    for box in boxes:
        title = box.find(class_="admonition-title")
        if title is not None and "proof" in (box.get("class") or []):
            reading.names[f"{name}#{box['id']}"] = plain(title.get_text(" ")).replace("( ", "(").replace(" )", ")")
    sections: dict[str, str] = {}
    for section in article.find_all("section"):
        parent, parts = section.parent, section.find_all(["p", "li", "dd"])
        own = [part.get_text(" ") for part in parts if part.find_parent("section") is section]
        identity = str(section.get("id") or (parent.get("id") if parent is not None else "") or "")
        sections[identity] = plain(" ".join([sections.get(identity, ""), *own]))
    reading.excerpts[name.removesuffix(".html")] = sections | {
        str(box["id"]): plain(box.get_text(" ")) for box in boxes
    }
    if name.endswith("notation.html"):
        for row in article.select("table tbody tr"):
            cells = row.find_all("td")
            symbols = [re.sub(r"\s+|\\[()]", "", math.get_text()) for math in cells[0].select("span.math")]
            meaning = f"<p>{cells[1].decode_contents()}</p>" if len(cells) > 1 else ""
            reading.notation |= {symbol: meaning for symbol in symbols if symbol not in reading.notation}
    for key in [key for key in reading.names if key.startswith(f"{name}#")]:
        statement = article.find(id=key.partition("#")[2])
        if isinstance(statement, Tag):
            _links_from(statement, name)
            reading.statements[key] = str(statement)


def read(html: Path) -> Reading:
    """Everything, from the pages of the book in the folder `html`."""
    reading = Reading()
    for path in sorted([*html.glob("book/**/*.html"), *html.glob("chapters/*.html")]):
        _read_page(reading, path.relative_to(html).as_posix(), path.read_text(encoding="utf-8"))
    return reading


def related(reading: Reading, name: str) -> str:
    """The end of a page: statements of other pages that it names, pages that name its own; or nothing."""

    def items(targets: Mapping[str, str]) -> str:
        links = (f'<a class="reference internal" href="{relpath(key, PurePosixPath(name).parent)}">' for key in targets)
        return "".join(f"<li>{link}{escape(text)}</a></li>" for link, text in zip(links, targets.values(), strict=True))

    used = {key: reading.names[key] for key in reading.uses.get(name, []) if key in reading.names}
    used = {key: text for key, text in used.items() if not key.startswith(f"{name}#")}
    users = {
        page: title
        for page, title in reading.titles.items()
        if page != name
        and any(key in reading.names and key.startswith(f"{name}#") for key in reading.uses.get(page, []))
    }
    parts = [("This page builds on", used), ("Pages that use its statements", users)]
    shown = "".join(f"<p>{head}</p><ul>{items(targets)}</ul>" for head, targets in parts if targets)
    return (
        f'<section class="rt-related" aria-label="Related statements"><h2>Related</h2>{shown}</section>'
        if shown
        else ""
    )


def name_in_index(reading: Reading, index: str) -> str:
    """Sphinx's index for the search, with each statement under its whole name and no TeX in titles."""
    start, end = index.index("(") + 1, index.rindex(")")
    known = json.loads(index[start:end])
    pages: list[str] = known["docnames"]
    titles: dict[str, list[list[int | str]]] = {}
    for title, places in known["alltitles"].items():
        for page, anchor in places:
            name = reading.names.get(f"{pages[page]}.html#{anchor}", plain(title))
            titles.setdefault(name, []).append([page, anchor])
    for key, name in reading.names.items():
        page, _, anchor = key.partition("#")
        place: list[int | str] = [pages.index(page.removesuffix(".html")), anchor]
        # The search looks for titles of which the query is at least a half.
        short = SHORT.match(name)
        for title in (name, *(short.groups() if short else ())):
            if place not in titles.setdefault(title, []):
                titles[title].append(place)
    known["alltitles"], known["titles"] = titles, [plain(title) for title in known["titles"]]
    return f"{index[:start]}{json.dumps(known, separators=(',', ':'), ensure_ascii=False)}{index[end:]}"


def _script(path: Path, name: str, content: object) -> None:
    path.write_text(f"window.{name} = {json.dumps(content, ensure_ascii=False)};\n", encoding="utf-8")


def add(html: Path) -> None:
    """Write all of it into the book in the folder `html`."""
    reading, static = read(html), html / "_static"
    for name, content in (("rtStatements", reading.statements), ("rtNotation", reading.notation)):
        _script(static / f"{name.removeprefix('rt').lower()}.js", name, content)
    _script(static / "excerpts.js", "rtExcerpts", reading.excerpts)
    for name in reading.titles:
        path = html / name
        text = path.read_text(encoding="utf-8")
        end = related(reading, name)
        if end and FOOTER in text:
            before, _, after = text.rpartition("</article>")
            path.write_text(f"{before}{end}</article>{after}", encoding="utf-8")
    index, search = html / "searchindex.js", html / "search.html"
    index.write_text(name_in_index(reading, index.read_text(encoding="utf-8")), encoding="utf-8")
    own = '<script src="_static/excerpts.js"></script><script src="_static/search_excerpts.js"></script></head>'
    search.write_text(search.read_text(encoding="utf-8").replace("</head>", own, 1), encoding="utf-8")
