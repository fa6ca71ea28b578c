"""A count in a table's cell, as "35 of 64", stays on one line: in every table of the book, those of kept runs too."""

import re
from typing import Any

from sphinx.application import Sphinx

CELL = re.compile(r"<t[dh]\b[^>]*>.*?</t[dh]>", re.DOTALL)
TEXT = re.compile(r">[^<]+")  # between tags, so that no attribute changes
COUNT = re.compile(r"(?<=\d) of (?=\d)")
RANGE = re.compile(r"(?<=\d) to (?=[\d−-])")


def _unbroken(text: re.Match[str]) -> str:
    return RANGE.sub("\u00a0to ", COUNT.sub("\u00a0of\u00a0", text[0]))


def whole(body: str) -> str:
    """The page's HTML with spaces that do not break in the counts of its cells. Text outside of tables stays.

    An interval, as "0.2 to 0.4", may break after its "to" alone: whole it would make wide tables scroll.
    """
    return CELL.sub(lambda cell: TEXT.sub(_unbroken, cell[0]), body)


def add(_app: Sphinx, _pagename: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    if "body" in context:
        context["body"] = whole(context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
