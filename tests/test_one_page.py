"""The built book as one page, on a book of three pages: order, contents, ids, links, and what is left out."""

import sys
from collections import Counter
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from conftest import ROOT

sys.path.insert(0, str(ROOT / "book"))
import one_page
import pdf

TOC = {
    "root": "book/index",
    "parts": [{"caption": "Theory & more", "chapters": [{"file": "chapters/a"}, {"file": "chapters/b"}]}],
}
CONFIG = {"title": "A book", "author": "Somebody"}
START = """
<section id="start"><h1>Start<a class="headerlink" href="#start">#</a></h1>
<a id="to-b" href="../chapters/b.html#claim">b</a> <a id="top-of-a" href="../chapters/a.html">a</a>
<a id="out" href="https://example.org/x#y">out</a> <a id="file" href="../downloads/a.csv">CSV</a>
<a id="hidden" href="../chapters/a.html#code">code</a> <a id="own" href="index.html#start">own</a></section>"""
A = """
<section id="claim"><h1>S &lt; m</h1>
<div class="cell_input rt-code" id="code">secret = 1</div>
<div class="rt-bar"><div class="rt-runs"><input value="embedded"><input value="natural"></div></div>
<div data-of-run="natural">thumbnails kept</div><p data-of-run="embedded">a line of this build</p>
<div class="rt-reference">of another run</div><button>Press</button>
<details class="rt-checked" id="checked"><summary>Checked</summary><pre id="coq">Theorem.</pre></details>
<details class="rt-provenance"><summary>What made these numbers</summary><p>seed = 7</p></details>
<details class="rt-provenance"><summary>What made the reference run</summary><p>seed = 8</p></details>
<div class="solution dropdown admonition" id="same">It is 3.</div><div id="same"></div>
<svg viewBox="0 0 1 1"><defs><path id="g1"/><clipPath id="c1"></clipPath></defs>
<use xlink:href="#g1" clip-path="url(#c1)"/></svg>
<img src="../_static/x.png?v=1" alt="x"><img src="data:image/png;base64,AA" alt="y">
<label for="eps">eps</label><input id="eps"><a id="here" href="#same">here</a></section>"""
B = """
<section id="claim"><h1>B</h1><svg><path id="g1"/></svg>
<div data-adversary><noscript><p>It runs in the page.</p></noscript><canvas></canvas></div>
<script src="../_static/adversary/main.js"></script><script src="../_static/ball.js"></script></section>"""


@pytest.fixture
def page(tmp_path: Path) -> BeautifulSoup:
    head = (
        '<link rel="stylesheet" href="../_static/rt.css?v=1"><script>window.MathJax = {}</script>'
        '<script src="../_static/mathjax/tex-chtml.js"></script><script src="../_static/doctools.js"></script>'
    )
    for name, text in (("book/index", START), ("chapters/a", A), ("chapters/b", B)):
        (tmp_path / "html" / name).parent.mkdir(parents=True, exist_ok=True)
        text = f"<html><head>{head}</head><body><nav>Menu</nav><article>{text}</article></body></html>"
        (tmp_path / "html" / f"{name}.html").write_text(text, "utf-8")
    return BeautifulSoup(one_page.whole(tmp_path / "html", TOC, CONFIG), "html.parser")


def test_pages_stand_in_the_order_of_the_contents(page: BeautifulSoup) -> None:
    assert [h1.get_text() for h1 in page.find_all("h1")] == ["Start", "S < m", "B"]
    assert [part.get_text() for part in page.select(".rt-front .part")] == ["Theory & more"]
    lines = page.select(".rt-front li a")
    assert [(a["href"], a.get_text()) for a in lines] == [
        ("#p01-top", "Start"),
        ("#p02-top", "S < m"),
        ("#p03-top", "B"),
    ]
    assert [span["data-page"] for span in page.select("[data-page]")] == ["p01-top", "p02-top", "p03-top"]


def test_no_id_occurs_twice_and_every_link_inside_has_its_target(page: BeautifulSoup) -> None:
    ids = Counter(element["id"] for element in page.find_all(id=True))
    assert set(ids.values()) == {1}
    assert all(str(a["href"])[1:] in ids for a in page.select('a[href^="#"]'))


def test_links_lead_inside_or_out_or_are_text(page: BeautifulSoup) -> None:
    leads_to = {a["id"]: a["href"] for a in page.select("a[id]")}
    assert leads_to == {
        "p01-to-b": "#p03-claim",
        "p01-top-of-a": "#p02-top",
        "p01-own": "#p01-start",
        "p01-out": "https://example.org/x#y",
        "p02-here": "#p02-same",
    }
    assert "CSV" in page.get_text()
    assert "code" in page.find(id="p01-start").get_text()  # its target is left out; so it is text


def test_a_picture_finds_its_own_parts(page: BeautifulSoup) -> None:
    use = page.find("use")
    assert (use["xlink:href"], use["clip-path"]) == ("#p02-g1", "url(#p02-c1)")
    assert page.find("label")["for"] == page.find("input")["id"] == "p02-eps"
    assert [image["src"] for image in page.find_all("img")] == ["html/_static/x.png", "data:image/png;base64,AA"]


def test_what_is_of_no_use_on_paper_is_left_out(page: BeautifulSoup) -> None:
    text = page.get_text()
    for word in ("secret", "of another run", "thumbnails kept", "seed = 8", "Press", "Menu", "Theorem.", "#"):
        assert word not in text.replace(one_page.STYLE.read_text("utf-8"), ""), word
    for word in ("Checked", "a line of this build", "seed = 7", "It is 3.", "It runs in the page."):
        assert word in text
    assert page.select_one("details.rt-provenance").has_attr("open")
    scripts = [script.get("src") for script in page.find_all("script")]
    assert scripts == [None, None, "html/_static/mathjax/tex-chtml.js", "html/_static/ball.js"]
    assert [link["href"] for link in page.find_all("link")] == ["html/_static/rt.css"]


def test_the_books_own_contents_are_read() -> None:
    toc, config = one_page.settings(ROOT)
    names = one_page.names(toc)
    assert names[0] == "book/index"
    assert len(names) == len(set(names)) == (ROOT / "_toc.yml").read_text("utf-8").count("file:") + 1
    assert "The theory" in dict(one_page.parts(toc))
    assert config["title"] == "Does adversarial robustness transfer?"


def test_page_numbers_are_read_from_a_print() -> None:
    printed = (
        b"%PDF-1.4\n5 0 obj\n<</Type /Page\n/Parent 9 0 R>>\nendobj\n7 0 obj\n<</Type /Page\n/Parent 9 0 R>>\nendobj\n"
        b"9 0 obj\n<</Type /Pages\n/Kids [5 0 R 7 0 R]>>\nendobj\n"
        b"10 0 obj\n<</p01-top [5 0 R /XYZ 0 841 0]\n/p02-top [7 0 R /XYZ 0 841 0]\n/p02-x [7 0 R /XYZ 0 3 0]>>\n"
    )
    assert pdf.destinations(printed) == {"p01-top": 1, "p02-top": 2}


def test_without_a_book_or_a_browser_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match=r"^make pdf: the book has not been built yet: make book$"):
        pdf.make(tmp_path / "html", tmp_path / "book.pdf")
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "index.html").touch()
    with pytest.raises(SystemExit, match=r"^make pdf: the built book has no page book/index, .*: make book$"):
        pdf.make(tmp_path / "html", tmp_path / "book.pdf")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match=r"^make pdf: there is no Chromium here; install it .*"):
        pdf.chromium()
    assert [path.name for path in tmp_path.iterdir()] == ["html"]
