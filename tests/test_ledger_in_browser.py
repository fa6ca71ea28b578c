"""The ledger and the landing page as a reader uses them: filters, explanations, links, with and without a script."""

from typing import Any

import pandas as pd
import pytest
from test_book_in_browser import BOOK, Visit, address, browser  # noqa: F401

pytestmark = pytest.mark.book


def test_the_filters_of_the_ledger(browser: Any, address: str) -> None:  # noqa: F811
    rows = pd.read_csv(BOOK / "ledger.csv")
    visit = Visit(browser.new_page(viewport={"width": 1280, "height": 900}), address)
    page = visit.page
    visit.open("chapters/ledger.html")
    filters = page.locator(".rt-filters")
    said, cases, why = page.locator(".rt-filters output"), page.locator(".rt-case"), page.locator(".rt-why")
    assert page.locator(".rt-ledger").count() == 1
    assert cases.count() == len(rows)
    violated = rows[rows.verdict == "violated"]
    assert said.inner_text().endswith(f"{len(rows)} cases")
    assert why.count() == len(violated)
    filters.get_by_label("verdict").select_option("violated")
    visible = "rows => rows.filter((row) => row.getClientRects().length).length"
    assert cases.evaluate_all(visible) == why.evaluate_all(visible) == len(violated)
    first = why.first
    assert "See its page" in first.inner_text()
    chapter = violated.chapter.iloc[0]
    filters.get_by_label("page").select_option(chapter)
    shown = int((violated.chapter == chapter).sum())
    assert said.inner_text().endswith(f"{shown} cases")
    filters.get_by_label("kind").select_option("machine-checked")
    assert said.inner_text() == "0 claims, 0 cases"  # no theorem is contradicted
    assert page.url.endswith("ledger.html")
    page.close()
    assert not visit.wrong, "\n".join(visit.wrong)


def test_without_a_script_every_row_is_shown(browser: Any, address: str) -> None:  # noqa: F811
    window = browser.new_context(java_script_enabled=False)
    page = window.new_page()
    page.goto(f"{address}chapters/ledger.html")
    assert page.locator(".rt-case").last.is_visible()
    assert page.locator(".rt-filters").count() == 0
    window.close()


@pytest.mark.parametrize("width", [1440, 390])
def test_the_landing_page_starts_with_a_sentence_a_result_and_three_ways(
    width: int,
    browser: Any,  # noqa: F811
    address: str,  # noqa: F811
) -> None:
    visit = Visit(browser.new_page(viewport={"width": width, "height": 1000}), address)
    page = visit.page
    visit.open("book/index.html")
    result = page.locator("article table").first
    assert "textures, embedded/robust" in result.inner_text()
    assert "%" in result.inner_text()
    ways = page.locator(".sd-card .sd-stretched-link")
    assert ways.count() == 3
    if width == 1440:
        assert result.bounding_box()["y"] < 1000
        assert page.locator(".sd-card").last.bounding_box()["y"] < 1000
    tally = page.locator("article table").nth(1).inner_text()
    for kind in ("machine-checked", "proved", "certified", "evidence"):
        assert kind in tally
    assert page.locator("article").inner_text().count("missing") == 0
    page.close()
    assert not visit.wrong, "\n".join(visit.wrong)
