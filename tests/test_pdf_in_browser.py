"""`make pdf` on the built book: every chapter, where the contents say; links that lead somewhere; formulas, set."""

import html
import re
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from read_pdf import Pdf
from test_book_in_browser import BOOK, require_book, unavailable

sys.path.insert(0, str(ROOT / "book"))
import one_page
import pdf

pytestmark = pytest.mark.book


def read(name: str) -> str:
    return (BOOK / f"{name}.html").read_text("utf-8")


def joined(text: str) -> str:
    """Without spaces, of which a PDF has none where a line ends."""
    return "".join(text.split())


def test_the_whole_book_is_one_pdf(tmp_path: Path) -> None:
    require_book()
    try:
        pdf.chromium()
    except SystemExit as error:
        unavailable(str(error))
    pdf.make(BOOK, tmp_path / "book.pdf")
    book = Pdf((tmp_path / "book.pdf").read_bytes())
    texts = [joined(book.text(page)) for page in book.pages]
    prose = "".join(book.text(page, code=False) for page in book.pages)

    front = texts[0] + texts[1]  # the contents
    names = one_page.names(one_page.settings(ROOT)[0])
    for number, name in enumerate(names, 1):
        heading = re.search(r"<article.*?<h1>(.*?)<a class=\"headerlink\"", read(name), re.DOTALL)
        assert heading
        title, begins = html.unescape(re.sub(r"<[^>]*>", "", heading[1])), book.places[f"p{number:02}-top"]
        assert joined(title) in texts[begins - 1], f"{title} is not on page {begins}"
        assert f"{joined(title)}{begins}" in front
        assert title in book.bookmarks
        assert f"p{number:02}-top" in book.links

    assert not [link for link in book.links if link not in book.places]
    assert len(book.links) > 10 * len(names)  # cross references, not only the contents
    assert all(address.startswith(one_page.OUTSIDE) for address in book.addresses)
    assert not [raw for raw in ("$$", r"\frac", r"\norm", r"\mathbb", r"\(", r"\[") if raw in prose]
    assert prose.count("ϵ") > 100  # a letter that only formulas have
