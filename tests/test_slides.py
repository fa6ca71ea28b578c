"""The slides: what is cut out of a page for a link of a plan; every one of them looked at in Chromium, at 16:9."""

import re
import sys
from pathlib import Path

import leaks
import pytest
from bs4 import BeautifulSoup
from conftest import ROOT
from test_book_in_browser import ARGUMENTS, BOOK

sys.path.insert(0, str(ROOT / "book"))
import handouts
import slide_cuts
import slide_notes
import slides
from pdf import chromium

PROOF = (
    '<div class="proof admonition"><section><p>First.</p><div class="math">\\[a\\]</div><p>Second.</p></section></div>'
)
PAGE = f"""<section id="about"><span id="label"></span><h2>About<a class="headerlink" href="#about">#</a></h2>
<p>It is <a href="other.html#there">there</a>.</p><ul><li>one</li></ul><p>More.</p>
<div class="proof lemma admonition" id="lemma-9"><p class="admonition-title">
<span class="caption-number">Lemma 9 </span>(Short)</p>
<section><p>Said.</p><details class="rt-checked">Coq</details></section></div><p>Between.</p>{PROOF}
<div class="proof remark admonition" id="no-proof">
<p class="admonition-title">Remark</p><section><p>Alone.</p></section></div>
<div class="proof lemma admonition" id="next">
<p class="admonition-title">Next</p><section><p>Other.</p></section></div>{PROOF}
<figure class="rt-figure" id="figure-one"><svg></svg>
<figcaption>Said <a class="rt-download" href="x.csv">CSV</a></figcaption></figure>
</section>
<section id="example"><h2>Example</h2><p>Not this.</p><p><strong>By hand.</strong> Two.</p>
<table></table><div class="cell">no</div></section>
<section id="moves"><h2>Moves</h2><p>Text.</p>
<figure class="rt-ball"><input id="eps"></figure>
<script src="../_static/ball.js"></script></section>
"""


def cut(anchor: str, page: str = PAGE) -> list[slide_cuts.Slide]:
    return slide_cuts.cut(BeautifulSoup(page, "html.parser"), "chapters/page.html", anchor, "link", "../html/")


def test_a_statement_and_its_proof_step_by_step() -> None:
    said, proof = cut("lemma-9")
    assert "Lemma 9" in said.title
    assert said.body == "<p>Said.</p>"
    assert proof.title == "Proof of Lemma 9"
    assert proof.body.count("fragment") == 3
    assert [slide.kind for slide in cut("no-proof")] == ["statement"], "the next statement's proof is not its own"


def test_a_figure_without_what_belongs_to_the_page() -> None:
    (figure,) = cut("figure-one")
    assert "CSV" not in figure.body
    assert "figcaption" in figure.body


def test_a_section_gives_its_live_figure_its_example_or_its_first_passage() -> None:
    (live,) = cut("moves")
    assert live.scripts == ["../_static/ball.js"]
    assert 'id="eps"' in live.body
    (example,) = cut("example")
    assert "By hand" in example.body
    assert "<table" in example.body
    assert "Not this" not in example.body
    passage, figure = cut("label")
    assert "../html/chapters/other.html#there" in passage.body
    assert figure.kind == "figure"


def test_a_long_proof_takes_several_slides_and_loses_nothing() -> None:
    steps = "".join(f"<p>{k} {'word ' * 80}</p>" for k in range(6))
    lemma = '<div class="proof lemma" id="l"><p class="admonition-title">L</p></div>'
    page = f'{lemma}<div class="proof"><section>{steps}</section></div>'
    _, *proof = cut("l", page)
    assert len(proof) > 1
    whole = "".join(slide.body for slide in proof)
    assert whole.count("word") == 480
    assert whole.count("fragment") == 6


def test_a_place_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no place #nowhere"):
        cut("nowhere")


LOOK = """
() => {
  const wrong = [];
  for (const [k, box] of [...document.querySelectorAll(".fit")].entries()) {
    const said = `${k} ${box.querySelector("h2").textContent.trim()}`;
    if (box.dataset.fits !== "yes") wrong.push(`${said}: does not fit`);
    if (Number(box.dataset.zoom) < 0.6) wrong.push(`${said}: too small, ${box.dataset.zoom}`);
    for (const formula of box.querySelectorAll(".math"))
      if (!formula.querySelector("mjx-container")) wrong.push(`${said}: not rendered: ${formula.textContent}`);
  }
  for (const error of document.querySelectorAll("mjx-merror")) wrong.push(error.textContent);
  return wrong;
}
"""
# What sticks out of the slide that is shown, with all of its steps.
OUT = """
() => {
  const slide = document.querySelector("section.present"), edge = slide.getBoundingClientRect();
  return [...slide.querySelectorAll(".fit *")].filter((part) => {
    if (part.matches("div.math > mjx-container") && part.scrollWidth > part.clientWidth + 1) return true;
    const box = part.getBoundingClientRect();
    return box.width && box.height && !part.closest("mjx-assistive-mml, .visually-hidden")
      && (box.right > edge.right + 1 || box.bottom > edge.bottom + 1 || box.left < edge.left - 1);
  }).map((part) => `${part.tagName} ${part.className} ${part.textContent.slice(0, 40)}`);
}
"""


# What of the live page lies outside its frame on a slide.
CUT = """
(body) => [...body.querySelectorAll(".rt-adversary *")].filter((part) => {
  const box = part.getBoundingClientRect();
  return box.width && box.height && !part.closest(".visually-hidden")
    && (box.bottom > innerHeight + 1 || box.right > innerWidth + 1);
}).map((part) => `${part.tagName} ${part.dataset.part ?? part.className}`)
"""
FIRST = "[...document.querySelectorAll('.slides > section')].findIndex((slide) => slide.matches('{}'))"


@pytest.fixture(scope="module")
def decks(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The lecturer's slides of the built book, then the students'."""
    folder = tmp_path_factory.mktemp("slides")
    own = slides.write(BOOK, BOOK, folder / "own", "../html/")
    return own + slides.write(BOOK, BOOK, folder / "student", "../html/", student=True)


@pytest.mark.book
def test_every_slide_fits_and_asks_no_other_server(decks: list[Path]) -> None:
    from playwright.sync_api import sync_playwright

    wrong: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(  # in print a live page is loaded anew, which ends its first loading
            "requestfailed",
            lambda r: None if r.failure == "net::ERR_ABORTED" else wrong.append(f"missing: {r.url}"),
        )
        page.on("request", lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else wrong.append(r.url))
        for deck in decks:
            page.goto(deck.as_uri())
            page.wait_for_selector("html[data-fitted]", state="attached")
            found = page.evaluate(LOOK)
            slides_shown = page.locator(".slides > section").count()
            assert slides_shown == page.evaluate("lecture.getTotalSlides()"), "a slide inside a slide"
            for number in range(slides_shown):
                page.evaluate(f"lecture.slide({number}, 0, 99)")
                found += [f"{number}: sticks out: {part}" for part in page.evaluate(OUT)]
            wrong += [f"{deck.parent.name}/{deck.name}: {one}" for one in found]
        page.goto(decks[0].as_uri())
        page.wait_for_selector("html[data-fitted]", state="attached")
        page.evaluate(f"lecture.slide({FIRST.format(':has(.rt-ball)')})")
        before = page.inner_text(".rt-ball output")
        page.locator(".rt-ball [data-part=eps]").fill("0.9")
        assert page.inner_text(".rt-ball output") != before, "the live figure does not move"
        frame = page.frame_locator("section.adversary iframe").first
        page.evaluate(f"lecture.slide({FIRST.format('.adversary')})")
        frame.locator("[data-part=attack]").click()
        frame.locator("[data-adversary][data-finished]").wait_for()
        assert frame.locator("[data-part=verdict]").get_attribute("data-verdict") == "flipped"
        wrong += [f"cut off: {name}" for name in frame.locator("body").evaluate(CUT)]
        page.goto(decks[2].as_uri())
        page.wait_for_selector("html[data-fitted]", state="attached")
        page.evaluate(f"lecture.slide({FIRST.format(':has(.rt-sweep)')})")
        before = page.inner_text(".rt-sweep output")
        page.locator(".rt-sweep [data-part=eps]").fill("1")
        assert page.inner_text(".rt-sweep output") != before, "the slider does not move"
        page.goto(f"{decks[0].as_uri()}?print-pdf")
        page.wait_for_selector("html[data-printed] .pdf-page:last-child", state="attached")
        printed = re.findall(rb"/Type /Page\n", page.pdf(prefer_css_page_size=True, print_background=True))
        assert len(printed) == page.locator(".pdf-page").count() > 20, "a page a slide"
        told = [frame.inner_text("[data-part=verdict]") for frame in page.frames[1:]]
        assert told, "no live page on a slide"
        assert all(one.startswith("Not attacked yet") for one in told), "printed before it was drawn"
        edge = page.locator(".pdf-page").first.bounding_box(), page.locator(".pdf-page h2").first.bounding_box()
        assert edge[0]
        assert edge[1]
        assert edge[1]["x"] - edge[0]["x"] > 30, "no margin in print"
        browser.close()
    assert not wrong, "\n".join(wrong)


# What of the speaker's notes sticks out of their pane, and which formula shows nothing.
NOTES = """
(value) => {
  const pane = document.querySelector("#speaker-controls"), edge = value.getBoundingClientRect().right + 1;
  const wrong = pane.scrollWidth > pane.clientWidth ? ["the pane scrolls to the side"] : [];
  for (const part of value.querySelectorAll("*"))
    if (!part.closest("mjx-assistive-mml") && part.getBoundingClientRect().right > edge)
      wrong.push(`sticks out: ${part.tagName} ${part.textContent.slice(0, 60)}`);
  for (const formula of value.querySelectorAll("mjx-container")) {
    const font = getComputedStyle(formula.querySelector("mjx-c, mjx-utext") ?? formula).fontFamily;
    const drawn = formula.getBoundingClientRect().width && font.includes("MJX");
    if (!drawn) wrong.push(`no formula: ${formula.textContent}`);
  }
  return wrong;
}
"""


@pytest.mark.book
def test_the_speakers_notes_fit_their_window(decks: list[Path]) -> None:
    from playwright.sync_api import sync_playwright

    wrong: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        for deck in decks[: len(slides.LECTURES)]:
            page.goto(deck.as_uri())
            page.wait_for_selector("html[data-fitted]", state="attached")
            with page.expect_popup() as opened:
                page.keyboard.press("s")
            notes = opened.value
            notes.locator("#connection-status").wait_for(state="hidden")
            for shown in ("current", "upcoming"):  # each is the deck itself, and moves the others once it is there
                inside = notes.frame_locator(f"#{shown}-slide iframe")
                inside.locator("html[data-fitted]").wait_for(state="attached")
            asked = page.locator(".slides > section").evaluate_all(
                "(all) => all.flatMap((slide, k) => slide.matches('.question') ? [k] : [])"
            )
            assert len(asked) > 5
            for number in asked:
                page.evaluate(f"lecture.slide({number})")
                told = page.locator("section.present aside.notes > p").first.text_content()
                value = notes.locator(".speaker-controls-notes .value")
                value.filter(has_text=str(told)).wait_for()
                for width in (1100, 1920):
                    notes.set_viewport_size({"width": width, "height": 800})
                    wrong += [f"{deck.name} {number}, {width} wide: {one}" for one in value.evaluate(NOTES)]
            notes.close()
        browser.close()
    assert not wrong, "\n".join(wrong)


@pytest.mark.book
def test_the_speakers_window_may_be_asked_for_before_the_formulas_are_there(decks: list[Path]) -> None:
    from playwright.sync_api import sync_playwright

    wrong: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        page = browser.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(decks[0].as_uri())
        page.wait_for_selector("html[data-fitted]", state="attached")
        page.evaluate("document.getElementById('MJX-CHTML-styles').remove()")  # as it is before MathJax came
        with page.expect_popup() as opened:
            page.keyboard.press("s")
        opened.value.locator("#connection-status").wait_for(state="hidden")
        opened.value.wait_for_function(
            "[...document.head.querySelectorAll('style')].some((style) => style.textContent.includes('mjx'))"
        )
        browser.close()
    assert not wrong, "\n".join(wrong)


@pytest.mark.book
def test_the_students_slides_tell_no_solution(decks: list[Path]) -> None:
    secret = leaks.secrets().all_runs
    assert leaks.found_in(decks[-1].parent, secret) == {}
    assert leaks.found_in(decks[0].parent, secret), "the lecturer's notes are not among what is searched for"


@pytest.mark.book
def test_the_students_slides_have_neither_questions_nor_notes(decks: list[Path]) -> None:
    own, student = decks[: len(slides.LECTURES)], decks[len(slides.LECTURES) :]
    for mine, theirs in zip(own, student, strict=True):
        assert "<aside" in mine.read_text("utf-8")
        assert 'class="question"' in mine.read_text("utf-8")
        assert "<aside" not in theirs.read_text("utf-8")
        assert 'class="question"' not in theirs.read_text("utf-8")


def test_each_lecture_has_slides() -> None:
    assert {f"{name}.md" for name in slides.LECTURES} == {
        p.name for p in (ROOT / "book" / "teaching").glob("*lecture*.md")
    }


CHAIN = r"\ell\le C_1\norm{Wv}_\alpha\le C_1L_\alpha(W)\,S(x)"


@pytest.mark.parametrize(
    ("formula", "cut"),
    [
        (CHAIN, [r"\ell", r"\le C_1\norm{Wv}_\alpha", r"\le C_1L_\alpha(W)\,S(x)"]),
        (r"\Delta=\{\delta:\norm\delta\le1\}", [r"\Delta", r"=\{\delta:\norm\delta\le1\}"]),
        (r"\le2", [r"\le2"]),
        (r"a&lt;b", ["a", "&lt;b"]),
        (r"A=\begin{pmatrix}1&amp;2\end{pmatrix}", ["A", r"=\begin{pmatrix}1&amp;2\end{pmatrix}"]),
        (r"]0,1]=I", [r"]0,1]=I"]),  # as the brackets stand they never close
    ],
)
def test_a_formula_of_the_notes_is_cut_before_a_relation(formula: str, cut: list[str]) -> None:
    assert list(slide_notes.pieces(formula)) == cut
    assert "".join(cut) == formula


def test_the_notes_have_pieces_between_which_a_line_may_break() -> None:
    assert slide_notes.breakable(r"<p>\(a\) is \(b=c\)</p>") == "<p>\\(a\\) is \\(b\\)\u200b\\({}=c\\)</p>"


@pytest.mark.book
def test_each_handout_is_one_sheet_with_two_sides(decks: list[Path]) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 900, "height": 1200})
        for name in slides.LECTURES:
            page.goto((decks[0].parent / f"handout_{name}.html").as_uri())
            page.wait_for_selector("html[data-fitted]", state="attached")
            boxes = page.locator(".fit")
            assert [boxes.nth(k).get_attribute("data-fits") for k in range(boxes.count())] == ["yes", "yes"], name
            pdf = page.pdf(prefer_css_page_size=True, print_background=True)
            assert len(re.findall(rb"/Type /Page\n", pdf)) == 2, name
            assert page.locator(".guesses tbody tr").count() >= 8, name
            assert page.locator(".sheet").first.evaluate("(sheet) => getComputedStyle(sheet).paddingLeft") != "0px", (
                name
            )
            assert (
                page.locator(".room").first.evaluate("(room) => getComputedStyle(room).borderTopStyle") == "dashed"
            ), name
            assert "By hand" in page.locator(".sheet").nth(1).inner_text(), name
        browser.close()


def test_an_example_to_fill_in_keeps_what_is_given() -> None:
    head = "<thead><tr><th>reach</th><th>move</th><th>S</th><th>criterion</th></tr></thead>"
    table = f"<table>{head}<tbody><tr><td>(1, 2)</td><td>(0, 1)</td><td>7</td><td>holds</td></tr></tbody></table>"
    text = handouts.emptied(f'<p>By hand.</p><div class="fragment">{table}</div><p>Solved: 7.</p>')
    assert "(0, 1)" in text
    assert "7" not in text
    assert "holds" not in text
    assert "fragment" not in text


@pytest.mark.book
def test_the_classroom_sheet_is_one_sheet() -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        page = browser.new_page()
        page.goto((BOOK / "book" / "teaching" / "classroom_sheet.html").as_uri())
        page.wait_for_function("window.MathJax?.startup?.promise")
        assert len(re.findall(rb"/Type /Page\n", page.pdf(format="A4"))) <= 2
        browser.close()
