"""Kept runs in files beside a page: what leaves the page, what is left in its place, and that all of it comes back."""

import json
import sys
from pathlib import Path

import leaks
import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "book"))
sys.path.insert(0, str(ROOT / "book" / "extensions"))
import kept_apart
import reference_runs
from slides import Book

PART = '<div class="rt-reference" data-run="{run}"><p>{said}</p>\n<div>a box</div>{end}</div>'


def part(run: str, said: str) -> str:
    return PART.format(run=run, said=said, end=kept_apart.END)


FIGURE = '<figure class="rt-figure" id="figure-natural-reach"><svg id="m1"></svg></figure>'
TEXT = (
    "<html><head><title>T 2 &#8212; Book</title></head><body>"
    '<nav><ul class="pst-show_toc_level nav section-nav flex-column"><li><a href="#gone">Gone</a></li></ul>\n</nav>'
    '<article class="bd-article"><section id="top"><h1>T <em>2</em><a class="headerlink" href="#top">#</a></h1>'
    '<div class="rt-bar">bar</div>'
    '<details class="rt-provenance" data-of-run="natural"><summary>The reference run</summary></details>'
    '<section id="one"><h2>One<a class="headerlink" href="#one">#</a></h2><p>own</p>'
    f"{part('natural', 'first')}{part('public', 'other')}</section>"
    '<section id="two"><h2>Two<a class="headerlink" href="#two">#</a></h2>'
    f"{part('natural', FIGURE)}{part('natural', 'a quote: &quot; &lt;')}</section></section></article>"
    '<footer class="prev-next-footer">next</footer></body></html>'
)


@pytest.fixture
def html(tmp_path: Path) -> Path:
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters" / "page.html").write_text(TEXT, "utf-8")
    (tmp_path / "chapters" / "plain.html").write_text("<article>No run</article>", "utf-8")
    kept_apart.move(tmp_path)
    return tmp_path / "chapters"


def test_the_mark_of_an_end_is_the_one_that_is_written() -> None:
    assert reference_runs.END == kept_apart.END


def test_the_page_keeps_a_place_for_each_part_and_a_link_without_scripts(html: Path) -> None:
    page = (html / "page.html").read_text("utf-8")
    for gone in ("first", "other", "a quote", "<svg"):
        assert gone not in page
    assert "<p>own</p>" in page
    assert page.count('data-from="page-natural.js?v=') == 3
    assert page.count('data-from="page-public.js?v=') == 1
    assert '<span id="figure-natural-reach"></span></div>' in page  # so a link to it leads somewhere
    assert '<noscript><p>Kept runs, each on a page of its own: <a href="page-natural.html">' in page
    assert (html / "plain.html").read_text("utf-8") == "<article>No run</article>"
    names = {"page.html", "page-natural.js", "page-natural.html", "page-public.js", "page-public.html", "plain.html"}
    assert {path.name for path in html.iterdir()} == names


def test_a_runs_own_page_has_its_parts_below_their_headings(html: Path) -> None:
    page = (html / "page-natural.html").read_text("utf-8")
    assert "<title>Kept run natural: T 2 &#8212; Book</title>" in page
    for said in ("first", "a quote: &quot; &lt;", FIGURE, "The reference run</summary>"):
        assert said in page
    for gone in ("other", "<p>own</p>", "#gone", "next</footer>", "rt-bar"):
        assert gone not in page
    assert page.index("first") < page.index('<section id="two">') < page.index(FIGURE)
    assert page.count('<section id="two">') == page.count('class="reference internal nav-link" href="#two"') == 1
    assert '<h2><a href="page.html?run=natural#one">One</a></h2>' in page
    assert page.count("<section") == page.count("</section>")


def test_the_parts_come_back_where_they_were(html: Path) -> None:
    text = kept_apart.whole(html / "page.html")
    before, _, after = text.partition("<noscript>")
    assert before + after.partition("</noscript>")[2] == TEXT.replace(kept_apart.END, "")
    assert Book(html.parent).page("chapters/page.html").select_one("figure#figure-natural-reach svg")


def test_a_planted_sentence_is_found_in_a_runs_file(tmp_path: Path) -> None:
    said = "the answer is <b>seven</b> and &quot;nothing&quot; else\nof any other kind"
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters" / "page.html").write_text(TEXT.replace("first", said), "utf-8")
    kept_apart.move(tmp_path)
    secret = leaks.runs("the answer is seven and nothing else of any other kind")
    found = leaks.found_in(tmp_path, secret)
    assert set(found) == {"chapters/page-natural.js", "chapters/page-natural.html"}
    assert set(found["chapters/page-natural.js"]) == secret


def test_the_file_is_a_script_of_strings(html: Path) -> None:
    script = (html / "page-public.js").read_text("utf-8")
    assert script.startswith('(window.rtKept ??= {})["public"] = [')
    assert kept_apart.strings(script) == ["<p>other</p>\n<div>a box</div>"]
    assert json.loads(script.partition(" = ")[2].strip().removesuffix(";")) == kept_apart.strings(script)
