"""The top of a chapter: whose results it shows, this build's or a kept run's, its code, and what made the numbers."""

import csv
import html
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from test_book_in_browser import BOOK, Visit, address, browser  # noqa: F401

sys.path.insert(0, str(ROOT / "book"))
import kept_apart

pytestmark = pytest.mark.book
RECORDS = sorted((Path(__file__).resolve().parent.parent / "book" / "reference" / "natural").glob("*.json"))


def wait_for_run(page: Any, run: str) -> None:
    """Wait until a run is shown: it comes in from a file of its own."""
    page.wait_for_selector(f"html[data-run={run}]", state="attached")


def parts(chapter: str, run: str) -> list[str]:
    """What the file of a kept run holds."""
    return kept_apart.strings((BOOK / "chapters" / f"{chapter}-{run}.js").read_text("utf-8"))


def kept_tables(chapter: str) -> int:
    return sum(part.count("<table") for part in parts(chapter, "natural"))


@pytest.mark.parametrize("path", RECORDS, ids=[path.stem for path in RECORDS])
def test_one_switch_shows_the_record(path: Path, browser: Any, address: str) -> None:  # noqa: F811
    record = json.loads(path.read_text("utf-8"))
    visit = Visit(browser.new_page(), address)
    page, name = visit.page, f"chapters/{path.stem}.html"
    visit.open(name)
    own, kept, line = (
        page.locator(".rt-own"),
        page.locator(".rt-reference[data-run=natural]"),
        page.locator("details[data-of-run=natural]"),
    )
    assert own.count() == kept.count() > 0

    def visible(parts: Any) -> set[bool]:
        return {part.is_visible() for part in parts.all()}

    assert (visible(own), visible(kept), visible(line)) == ({True}, {False}, {False})
    page.get_by_role("radio", name="natural").check()
    wait_for_run(page, "natural")
    assert kept.locator("table").count() == kept_tables(path.stem) > 0
    assert (visible(own), visible(kept), visible(line)) == ({False}, {True}, {True})
    for run in record["runs"]:
        assert run["run"]["finished (UTC)"][:10] in " ".join(line.locator("summary").all_inner_texts())
    assert page.url.endswith(f"{name}?run=natural")
    page.keyboard.press("ArrowLeft")
    assert visible(kept) == {False}
    assert page.url.endswith(f"{name}?run=embedded")  # the arrow turned no page
    page.close()
    assert not visit.wrong, "\n".join(visit.wrong)


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_a_link_names_the_run_and_back_keeps_it(scheme: str, browser: Any, address: str) -> None:  # noqa: F811
    start = address if scheme == "http" else f"{BOOK.as_uri()}/"
    page = browser.new_page()
    natural = page.get_by_role("radio", name="natural")
    page.goto(f"{start}chapters/slack.html?run=natural")
    assert natural.is_checked()
    assert page.locator(".rt-reference").first.is_visible()
    page.goto(f"{start}chapters/slack.html?run=nothing")  # an unknown one is this build's
    assert not natural.is_checked()
    natural.check()
    wait_for_run(page, "natural")
    page.goto(f"{start}chapters/setting.html")
    page.go_back()
    page.wait_for_url("**/slack.html?run=natural")
    wait_for_run(page, "natural")
    assert natural.is_checked()
    assert not page.locator(".rt-own").first.is_visible()
    page.goto(f"{start}chapters/theorem_2_criterion.html")  # and the next page that has this run opens with it
    assert natural.is_checked()
    assert page.locator(".rt-reference[data-run=natural] svg").count()
    assert not page.locator(".rt-reference[data-run=public] *:not(span)").count()  # of another run nothing is loaded
    page.close()


def test_a_slider_beside_a_kept_run_says_whose_it_is(browser: Any, address: str) -> None:  # noqa: F811
    page = browser.new_page()
    page.goto(f"{address}chapters/slack.html?run=natural")
    wait_for_run(page, "natural")
    assert page.locator("#what-if-classes input").is_visible()
    note = page.locator("#what-if-classes figcaption .rt-own-run")
    assert "this build’s own" in note.inner_text()
    page.get_by_role("radio", name="embedded").check()
    assert not note.is_visible()
    page.close()


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_what_comes_in_is_as_if_it_had_been_there(scheme: str, browser: Any, address: str) -> None:  # noqa: F811
    """Formulas are set, tables are cards on a phone, symbols are previewed, boxes that scroll take the focus."""
    start = address if scheme == "http" else f"{BOOK.as_uri()}/"
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(f"{start}chapters/theorem_2_criterion.html")
    page.wait_for_selector("html[data-reader=ready]", state="attached")
    assert not page.locator(".rt-reference table").count()
    page.get_by_role("radio", name="public").check()
    wait_for_run(page, "public")
    part = page.locator(".rt-reference[data-run=public]")
    part.locator("mjx-container").first.wait_for(state="attached")
    page.wait_for_function("!/\\\\[([]/.test(document.querySelector('article').innerText)")
    assert part.locator("table.rt-cards:visible").count()
    part.locator(".rt-symbol").first.wait_for(state="attached")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_a_link_to_a_kept_figure_shows_its_run(scheme: str, browser: Any, address: str) -> None:  # noqa: F811
    start = address if scheme == "http" else f"{BOOK.as_uri()}/"
    page = browser.new_page()
    page.goto(f"{start}chapters/theorem_2_criterion.html#figure-natural-shift-against-margin")
    wait_for_run(page, "natural")
    figure = page.locator("figure#figure-natural-shift-against-margin")
    assert figure.is_visible()
    page.wait_for_selector("html[data-reader=ready]", state="attached")
    assert abs(figure.bounding_box()["y"]) < 900
    page.close()


def test_a_run_whose_file_is_missing_is_said_in_one_line(browser: Any, address: str) -> None:  # noqa: F811
    page = browser.new_page()
    page.route("**/slack-natural.js*", lambda route: route.abort())
    page.goto(f"{address}chapters/slack.html?run=natural")
    said = page.locator(".rt-runs output")
    said.wait_for()
    assert said.inner_text() == "The run natural could not be loaded: its own page"
    assert page.locator(".rt-own").first.is_visible()
    page.unroute("**/slack-natural.js*")
    page.get_by_role("radio", name="natural").check()
    wait_for_run(page, "natural")
    assert not said.count()  # once it has come in, nothing says that it could not
    page.route("**/slack-natural.js*", lambda route: route.abort())
    page.reload()
    said.wait_for()
    said.get_by_role("link").click()
    page.wait_for_url("**/chapters/slack-natural.html")
    assert page.locator("article h1").inner_text().startswith("Kept run natural: ")
    page.close()


def test_a_run_that_is_left_before_it_came_in_is_drawn_the_second_time(browser: Any, address: str) -> None:  # noqa: F811
    """And an address whose end is no encoded text leaves the switch as it is."""
    page = browser.new_page()
    page.goto(f"{address}chapters/slack.html#100%")
    page.wait_for_selector("html[data-reader=ready]", state="attached")
    page.evaluate(
        """() => {
          const [own, natural] = document.querySelectorAll(".rt-runs input");
          for (const input of [natural, own]) input.click();
        }"""
    )
    page.wait_for_function("document.querySelector('.rt-reference[data-run=natural]').textContent.trim()")
    assert not page.locator(".rt-reference[data-run=natural]").first.is_visible()
    page.get_by_role("radio", name="natural").check()
    wait_for_run(page, "natural")
    page.locator(".rt-reference[data-run=natural] mjx-container").first.wait_for(state="attached")
    page.wait_for_function("!/\\\\[([]/.test(document.querySelector('article').innerText)")
    page.close()


def test_what_is_read_stays_in_place_and_without_a_script_all_is_shown(browser: Any, address: str) -> None:  # noqa: F811
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{address}chapters/theorem_2_criterion.html")
    place = "document.querySelectorAll('.rt-own')[3].parentElement.getBoundingClientRect().top"
    page.evaluate(f"scrollBy({{ top: {place} - innerHeight / 3 + 20, behavior: 'instant' }})")  # a reader looks there
    before = page.evaluate(place)
    page.get_by_role("radio", name="natural").evaluate("input => input.click()")  # `check` would scroll there first
    wait_for_run(page, "natural")
    assert abs(page.evaluate(place) - before) < 60
    page.close()
    window = browser.new_context(java_script_enabled=False)
    page = window.new_page()
    page.goto(f"{address}chapters/theorem_2_criterion.html")
    assert page.locator(".rt-own").first.is_visible()
    assert not page.get_by_role("radio").first.is_visible()
    page.get_by_role("link", name="natural", exact=True).first.click()
    kept = page.locator(".rt-reference", has_text="Reference run: profile natural")
    assert kept.first.is_visible()
    assert page.locator(".rt-reference").count() == len(parts("theorem_2_criterion", "natural"))
    window.close()


def test_one_box_shows_the_code_of_the_page_and_is_remembered(browser: Any, address: str) -> None:  # noqa: F811
    for script in (True, False):
        window = browser.new_context(java_script_enabled=script)
        page = window.new_page()
        page.goto(f"{address}chapters/theorem_2_criterion.html")
        box, code = page.get_by_role("checkbox", name="Show all code"), page.locator(".rt-code")
        assert code.count() > 10
        assert not any(part.is_visible() for part in code.all())
        taught = page.locator(".cell_output .highlight-python", has_text="def ").first
        assert taught.is_visible()
        box.check()
        assert all(part.is_visible() for part in code.all())
        page.goto(f"{address}chapters/slack.html")
        assert page.locator(".rt-code").first.is_visible() == script  # remembered by the script alone
        assert "Toggle hidden content" not in page.content()
        window.close()


def test_the_run_opens_with_its_parameters_and_a_command_to_copy(browser: Any, address: str) -> None:  # noqa: F811
    page = browser.new_page()
    page.goto(f"{address}chapters/theorem_2_criterion.html")
    line = page.locator("details[data-of-run=embedded]")
    assert "This run: embedded, l_inf 8/255, up to 500 images a data set" in line.locator("summary").inner_text()
    assert not line.locator("dl").is_visible()
    line.locator("summary").click()
    assert "weights (SHA-256)" in line.locator("dl").inner_text()
    assert 'norm = "linf"' in line.inner_text()
    command = line.locator(".highlight", has_text=".venv/bin/rt run theorem_2_criterion")
    assert command.locator("button.copybtn").count() == 1
    page.close()


def same(rows: list[list[str]], kept: list[list[Any]]) -> bool:
    """Whether a file's rows are a record's: the file has nine digits of each number."""

    def cell(text: str, value: Any) -> bool:
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                return float(text or "nan") == pytest.approx(value, rel=1e-8, nan_ok=True)
            except ValueError:
                return False  # a table of another kind
        full = "" if value is None else str(value)
        return text in (full, full.rpartition("/")[2])  # names of encoders are shown short

    if [len(row) for row in rows] != [len(row) for row in kept]:
        return False
    return all(cell(*pair) for row, other in zip(rows, kept, strict=True) for pair in zip(row, other, strict=True))


def shown(kept: dict[str, Any], heads: list[str]) -> list[list[Any]]:
    """The rows of a kept table without the columns that pages show no more."""
    names = [html.unescape(re.sub("<[^>]*>", "", name)) for name in kept["columns"]]
    return [[value for value, name in zip(row, names, strict=True) if name in heads] for row in kept["rows"]]


@pytest.mark.parametrize("path", RECORDS, ids=[path.stem for path in RECORDS])
def test_the_downloads_of_a_reference_run_are_the_records_numbers(path: Path) -> None:
    record = json.loads(path.read_text("utf-8"))
    elements = [part for run in record["runs"] for part in run["elements"].values()]
    tables = [part for part in elements if part["kind"] == "table"]
    files = list((BOOK / "downloads").glob(f"{path.stem}-natural-table-*.csv"))
    assert files
    for file in files:
        heads, *rows = csv.reader(io.StringIO(file.read_text("utf-8")))
        assert any(same(rows, shown(kept, heads)) for kept in tables), file.name
