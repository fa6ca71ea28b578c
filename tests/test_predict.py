"""Predict, then reveal: the number is the page's own, and is seen once the reader has committed to a guess."""

import re
import sys
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_notebook, new_output
from test_book_in_browser import ARGUMENTS, BOOK

sys.path.insert(0, str(ROOT / "book" / "extensions"))
sys.path.insert(0, str(ROOT / "book"))
import predict
from pdf import chromium

TABLE = {
    "key": "table-3",
    "columns": ["encoder", "eps", "share", "n", "spread"],
    "rows": [["robust", 0.1, 0.25, 1200, "0.2 ± 0.1"], ["standard", 0.1, None, 7, "–"]],
}
ACCOUNTS = ("ledger", "status")  # of the book itself: nothing to predict


@pytest.mark.parametrize(
    ("where", "column", "form", "shown"),
    [
        ("encoder=robust; eps=0.1", "share", ".0%", "25%"),
        ("encoder=robust", "n", ",d", "1,200"),
        ("encoder=robust", "spread", ".3f", "0.2 ± 0.1"),
        ("encoder=standard", "share", ".0%", None),
        ("encoder=other", "share", ".0%", None),
    ],
)
def test_the_number_of_a_table(where: str, column: str, form: str, shown: str | None) -> None:
    assert predict.number(TABLE, where, column, "", form) == shown


def test_the_number_of_a_text() -> None:
    assert predict.number({"key": "text", "values": {"ratio": 0.2154}}, "", "", "ratio", ".2f") == "0.22"


@pytest.mark.parametrize(("where", "column"), [("encoder=robust", "shares"), ("coder=robust", "share")])
def test_a_column_that_is_not_there_is_named(where: str, column: str) -> None:
    with pytest.raises(KeyError, match="table-3 has no column"):
        predict.number(TABLE, where, column, "", ".2f")


def test_a_choice_without_a_value_is_refused() -> None:
    with pytest.raises(ValueError, match="column=value"):
        predict.chosen("encoder")


def test_each_run_has_a_line_of_its_own() -> None:
    other = TABLE | {"rows": [["robust", 0.1, 0.5, 10, "–"]]}
    foreign = TABLE | {"rows": [["natural/robust", 0.1, 0.5, 10, "–"]]}
    kept: dict[str, dict[str, predict.Elements]] = {
        "natural": {"": {"table-3": other}},
        "public": {"; eps 2/255": {"table-3": foreign}, "; eps 8/255": {"table-3": foreign}},
        "old": {"": {}},
    }
    asked = {"where": "encoder=robust", "column": "share", "value": "", "form": ".0%"}
    lines = predict.answers({"table-3": TABLE}, "embedded", kept, "table-3", **asked).split("<p ")[1:]
    assert [line.split('"')[1] for line in lines] == ["embedded", "natural", "public", "old"]
    assert "This build (embedded): <b>25%</b>" in lines[0]
    assert "natural: <b>50%</b>" in lines[1]
    assert "25%" not in lines[1]
    for line in lines[2:]:  # whose number it is, is said
        assert "has no such number" in line
        assert "This build (embedded): <b>25%</b>" in line


def test_the_runs_of_a_record_are_told_apart() -> None:
    kept: dict[str, predict.Elements] = {
        f"; eps {eps}/255": {"table-3": TABLE | {"rows": [["robust", 0.1, share, 10, "–"]]}}
        for eps, share in ((2, 0.5), (4, None), (8, 0.1))
    }
    asked = {"where": "encoder=robust", "column": "share", "value": "", "form": ".0%"}
    lines = predict.answers({"table-3": TABLE}, "embedded", {"public": kept}, "table-3", **asked)
    assert "The kept run public; eps 2/255: <b>50%</b>; eps 8/255: <b>10%</b></p>" in lines


def test_elements_of_an_executed_page(tmp_path: Path) -> None:
    output = new_output("display_data", data={"text/plain": ""}, metadata={"rt": TABLE})
    page = new_notebook(cells=[new_code_cell("1", outputs=[output]), new_code_cell("2")])
    nbformat.write(page, tmp_path / "page.ipynb")
    assert predict.elements(tmp_path / "page.ipynb") == {"table-3": TABLE}
    assert predict.elements(tmp_path / "page.md") == {}


def test_each_chapter_asks_once_at_least() -> None:
    without = [path.stem for path in (ROOT / "notebooks").glob("*.md") if "```{predict}" not in path.read_text("utf-8")]
    assert sorted(without) == sorted(ACCOUNTS)


@pytest.mark.book
def test_each_box_shows_a_number_after_a_guess_and_without_javascript() -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        plain = browser.new_context(java_script_enabled=False).new_page()
        for path in sorted((ROOT / "notebooks").glob("*.md")):
            if path.stem in ACCOUNTS:
                continue
            text = (BOOK / "chapters" / f"{path.stem}.html").read_text("utf-8")
            boxes = text.split('class="rt-predict-answer"')[1:]
            assert boxes, path.stem
            shown = [box.partition("</details>")[0] for box in boxes]
            assert all(re.search(r"This build \([\w-]+\): <b>", box) for box in shown), path.stem
        address = (BOOK / "chapters" / "setting.html").as_uri()
        plain.goto(address)
        assert not plain.locator(".rt-predict-answer b").first.is_visible()
        plain.locator(".rt-predict-answer summary").first.click()
        assert plain.locator(".rt-predict-answer b").first.is_visible()
        page = browser.new_page()
        asked: list[str] = []
        page.goto(address)
        page.on("request", lambda request: asked.append(request.url) if request.url.startswith("http") else None)
        answer = page.locator(".rt-predict-answer").first
        assert not answer.is_visible()
        guess = page.get_by_label("Your guess").first
        guess.focus()
        page.keyboard.press("Enter")
        assert not answer.is_visible(), "an empty guess is no guess"
        page.keyboard.type("0.5")
        page.keyboard.press("Enter")
        assert answer.locator("b").is_visible()
        assert "You guessed 0.5" in page.locator(".rt-predict output").first.inner_text()
        assert guess.get_attribute("readonly") is not None
        assert asked == [], "something was sent"
        browser.close()
