"""The speaker's notes of a slide: the minutes, what happens, and the blocks of the board, all from the plan.

The window of the notes is narrow, and MathJax 3 breaks no line: a long formula is given as several, cut where a reader
breaks a line, before a relation.
"""

import re
from collections.abc import Iterator

from bs4 import BeautifulSoup, Tag
from slide_cuts import clean

INLINE = re.compile(r"\\\((.*?)\\\)", re.DOTALL)
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|&\w+;|.", re.DOTALL)
OPENS = {"{", "(", "[", r"\{", r"\left", r"\begin", r"\langle"}
CLOSES = {"}", ")", "]", r"\}", r"\right", r"\end", r"\rangle"}
ZERO_WIDTH_SPACE = "\u200b"  # a line may break there
RELATIONS = {"=", r"\le", r"\leq", r"\ge", r"\geq", "&lt;", "&gt;", r"\to", r"\implies"}


def pieces(formula: str) -> Iterator[str]:
    """TeX cut before each relation that stands within no bracket; the pieces together are the formula.

    Where the brackets do not close, as in a half-open interval, it stays whole.
    """
    cuts, depth = [0], 0
    for token in TOKEN.finditer(formula):
        depth += (token[0] in OPENS) - (token[0] in CLOSES)
        if depth == 0 and token[0] in RELATIONS and formula[cuts[-1] : token.start()].strip():
            cuts.append(token.start())
    if depth:
        cuts = [0]
    for start, end in zip(cuts, [*cuts[1:], None], strict=True):
        yield formula[start:end]


def breakable(html: str) -> str:
    """Inline formulas of a page, each cut into pieces between which a line may break."""

    def several(match: re.Match[str]) -> str:
        first, *rest = pieces(match[1])
        return ZERO_WIDTH_SPACE.join([rf"\({first}\)", *(rf"\({{}}{piece}\)" for piece in rest)])

    return INLINE.sub(several, html)


def board(plan: BeautifulSoup) -> dict[str, Tag]:
    """The blocks of the board plan by name."""
    cells = [row.find_all("td") for table in plan.select("table")[1:2] for row in table.select("tbody tr")]
    return {row[0].get_text().strip(): row[2] for row in cells}


def notes(cells: list[Tag], blocks: dict[str, Tag], where: str, pages: str) -> str:
    """The notes of one row of the plan `where`: from, to, what happens, what is written."""
    start, end, happens, written = cells[:4]
    told = f"<p>Minutes {start.get_text().strip()} to {end.get_text().strip()}.</p>{clean(happens, where, pages)}"
    for block in re.findall(r"B\d", written.get_text()):
        told += f"<p>Board {block}:</p>{clean(blocks[block], where, pages)}"
    return breakable(re.sub(r"</?td[^>]*>", "", told))
