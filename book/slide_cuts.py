"""What a slide shows, cut out of a built page: a statement, its proof in steps, a figure, a live figure, a passage.

Nothing is written here: each word and number of a slide is the page's own.
"""

import copy
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bs4 import BeautifulSoup, Tag

ROOM = 1100  # characters of text on a slide; what is longer goes on the next one
HEADING = re.compile("^h[123]$")
SCRIPTS = {"rt-ball": "ball.js", "rt-sweep": "sweep.js"}  # of a live figure, by its class
LIVE = ", ".join(f"figure.{kind}" for kind in SCRIPTS)
NOT_SHOWN = ".headerlink, .rt-checked, .rt-download, .cell_input, details.hide, script[type='text/csv']"


@dataclass
class Slide:
    """One slide: its title and body as HTML, and what the lecturer alone sees."""

    title: str
    body: str
    kind: str = ""
    notes: str = ""
    scripts: list[str] = field(default_factory=list)


def tags(parent: Tag) -> list[Tag]:
    return [child for child in parent.children if isinstance(child, Tag)]


def _at(page: BeautifulSoup, anchor: str) -> Tag:
    """Raises ValueError where the page has no such place."""
    found = page.find(id=anchor)
    if not isinstance(found, Tag):
        raise ValueError(f"no place #{anchor}")
    return found


def inner(tag: Tag) -> str:
    return tag.decode_contents().strip()


def clean(tag: Tag, page: str, pages: str) -> Tag:
    """A copy without what belongs to the page alone; its links lead to the page, which `pages` is the way to."""
    own = copy.copy(tag)
    for gone in own.select(NOT_SHOWN):
        gone.decompose()
    for node in [own, *own.find_all(True)]:
        if node.name == "section":
            node.name = "div"  # reveal.js takes a section in a slide for a slide of its own
        if "id" in node.attrs and node.name not in ("input", "clippath", "clipPath", "path", "g", "defs", "use"):
            del node["id"]
        if node.name == "a" and node.get("href"):
            node["href"] = address(str(node["href"]), page, pages)
            node["target"] = "_blank"
    return own


def address(href: str, page: str, pages: str) -> str:
    """A link of a page as the slides hold it."""
    parts = urlsplit(href)
    if parts.scheme or parts.netloc:
        return href
    target = posixpath.normpath(posixpath.join(posixpath.dirname(page), parts.path)) if parts.path else page
    return f"{pages}{target}" + (f"?{parts.query}" if parts.query else "") + f"#{parts.fragment}" * bool(parts.fragment)


def length(tag: Tag) -> int:
    """Characters of text; a displayed formula takes the room of a long line."""
    return len(tag.get_text()) + 120 * len(tag.select("div.math")) + 250 * ("math" in (tag.get("class") or []))


def portions(parts: list[Tag]) -> Iterator[list[Tag]]:
    """The parts in order, as many together as a slide has room for."""
    held: list[Tag] = []
    for part in parts:
        if held and sum(map(length, held)) + length(part) > ROOM:
            yield held
            held = []
        held.append(part)
    if held:
        yield held


def stepwise(title: str, parts: list[Tag], kind: str) -> Iterator[Slide]:
    """Slides on which each part but the first of all appears by a step of its own."""
    several = list(portions(parts))
    for number, held in enumerate(several, 1):
        for part in held if number > 1 or kind == "proof" else held[1:]:
            part["class"] = " ".join([*(part.get("class") or []), "fragment"])
        counted = f" ({number} of {len(several)})" if len(several) > 1 else ""
        yield Slide(title + counted, "".join(map(str, held)), kind)


def statement(box: Tag, page: str, pages: str) -> Iterator[Slide]:
    """A statement, and its proof step by step, if one follows before the next statement."""
    title = clean(box.select_one("p.admonition-title") or box, page, pages)
    said = [clean(part, page, pages) for part in tags(box.select_one("section") or box) if part.name != "details"]
    yield Slide(inner(title), "".join(map(str, said)), "statement")
    after = box.find_next(lambda tag: tag.name == "div" and "proof" in (tag.get("class") or []))
    if isinstance(after, Tag) and set(after.get("class") or []) <= {"proof", "admonition", "dropdown", "toggle"}:
        content = after.select_one("section") or after
        steps = [
            clean(part, page, pages) for part in tags(content) if "admonition-title" not in (part.get("class") or [])
        ]
        name = box.select_one(".caption-number")
        yield from stepwise(f"Proof of {name.get_text().strip() if name else 'it'}", steps, "proof")


def figure(drawn: Tag, title: str, page: str, pages: str) -> Slide:
    names = [script for kind, script in SCRIPTS.items() if kind in (drawn.get("class") or [])]
    top = [*drawn.parents][-1]
    scripts = [str(script["src"]) for name in names for script in top.select(f'script[src$="/{name}"]')[:1]]
    return Slide(title, str(clean(drawn, page, pages)), "figure", scripts=scripts)


def by_hand(section: Tag) -> list[Tag]:
    """The example by hand of a section: its paragraph, the table and the passage after it; else nothing."""
    start = next((p for p in section.find_all("p", recursive=False) if p.get_text().startswith("By hand.")), None)
    if start is None:
        return []
    found = [start]
    for after in start.find_next_siblings(True):
        if after.name not in ("p", "div", "table") or {"cell", "proof"} & set(after.get("class") or []):
            break
        found.append(after)
    return found


def items(listed: Tag) -> Iterator[Tag]:
    """The items of a list, each as a list of its own that counts on."""
    for number, item in enumerate(listed.find_all("li", recursive=False), 1):
        alone = copy.copy(listed)
        alone.clear()
        alone.append(copy.copy(item))
        if listed.name == "ol":
            alone["start"] = str(number)
        yield alone


def first_passage(section: Tag, page: str, pages: str) -> list[Tag]:
    """What a section says first, up to the end of its first list or table; without one, what fits on a slide."""
    text: list[Tag] = []
    for part in tags(section):
        own, kinds = clean(part, page, pages), set(part.get("class") or [])
        if part.name in ("ul", "ol"):
            return [*text, *items(own)]
        if text and "cell" not in kinds and (part.name == "table" or part.select_one("table.table")):
            return [*text, own]
        if part.name in ("section", "div") and "math" not in kinds and text:
            break
        if part.name == "p" or "math" in kinds:
            text.append(own)
    return next(portions(text), [])


def passage(section: Tag, title: str, page: str, pages: str) -> Iterator[Slide]:
    """A section: its live figure; else its example by hand; else its first passage, then what it drew or printed."""
    if live := section.select_one(LIVE):
        yield figure(live, title, page, pages)
        return
    if example := by_hand(section):
        yield from stepwise(title, [clean(part, page, pages) for part in example], "by-hand")
        return
    if text := first_passage(section, page, pages):
        yield from stepwise(title, text, "passage")
    if shown := section.select_one("figure.rt-figure, .rt-scroll"):
        yield figure(shown, title, page, pages)
    if printed := section.select_one("div.output.stream pre"):
        yield Slide(title, str(clean(printed, page, pages)), "printed")


def heading(at: Tag, page: str, pages: str) -> str:
    """The heading below which something stands, a section's own."""
    found = at.find(HEADING) if at.name == "section" else at.find_previous(HEADING)
    return inner(clean(found, page, pages)) if isinstance(found, Tag) else ""


def cut(page: BeautifulSoup, name: str, anchor: str, title: str, pages: str) -> list[Slide]:
    """The slides of one link of a plan: to a statement, an equation, a figure, or a section of the page `name`.

    Without a title of the link the page's heading stands above them.
    """
    at = _at(page, anchor)
    section = at if at.name == "section" else at.find_parent("section")
    if at.name == "div" and "proof" in (at.get("class") or []):
        return list(statement(at, name, pages))
    if anchor.startswith("equation-"):
        before, after = at.find_previous_sibling("p"), at.find_next_sibling("p")
        around = [clean(part, name, pages) for part in (before, at, after) if isinstance(part, Tag)]
        return list(stepwise(heading(at, name, pages), around, "passage"))
    if at.name == "figure":
        return [figure(at, title or heading(at, name, pages), name, pages)]
    return list(passage(section, title or heading(section, name, pages), name, pages)) if section else []
