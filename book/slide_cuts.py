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

ROOM = 900  # characters of text on a slide; what is longer goes on the next one
HEADING = re.compile("^h[123]$")
LIVE = "figure.rt-ball, figure.rt-sweep"
NOT_SHOWN = ", ".join(
    (".headerlink", ".rt-checked", ".rt-download", ".cell_input", "details.hide", "script[type='text/csv']")
)


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
    scripts = [str(script["src"]) for script in drawn.find_next_siblings("script", src=True)[:1]]
    return Slide(title, str(clean(drawn, page, pages)), "figure", scripts=scripts)


def by_hand(section: Tag) -> list[Tag]:
    """The example by hand of a section: its paragraph, the table and the passage after it; else nothing."""
    start = next((p for p in section.find_all("p", recursive=False) if p.get_text().startswith("By hand.")), None)
    if start is None:
        return []
    found = [start]
    for after in start.find_next_siblings(True):
        if after.name not in ("p", "div", "table") or "cell" in (after.get("class") or []):
            break
        found.append(after)
    return found


def passage(section: Tag, title: str, page: str, pages: str) -> Iterator[Slide]:
    """A section: its live figure; else its example by hand; else its first passage, then what it drew or printed."""
    if live := section.select_one(LIVE):
        yield figure(live, title, page, pages)
        return
    if example := by_hand(section):
        yield from stepwise(title, [clean(part, page, pages) for part in example], "by-hand")
        return
    text: list[Tag] = []
    for part in tags(section):
        if part.name in ("section", "div") and text:
            break
        if part.name in ("p", "ul", "ol"):
            text.append(clean(part, page, pages))
    if text:
        first = next(portions(text))
        yield from stepwise(title, first, "passage")
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
