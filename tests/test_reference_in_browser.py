"""The tabs of a chapter with a reference run: this build's numbers and the record's, each under its own name."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from test_book_in_browser import BOOK, Visit, address, browser  # noqa: F401

pytestmark = pytest.mark.book
RECORDS = sorted((Path(__file__).resolve().parent.parent / "book" / "reference" / "natural").glob("*.json"))


@pytest.mark.parametrize("path", RECORDS, ids=[path.stem for path in RECORDS])
def test_the_tabs_show_the_record(path: Path, browser: Any, address: str) -> None:  # noqa: F811
    record = json.loads(path.read_text("utf-8"))
    visit = Visit(browser.new_page(), address)
    page, name = visit.page, f"chapters/{path.stem}.html"
    visit.open(name)
    groups, shown = page.locator(".rt-tabs"), page.locator(".rt-reference")
    assert groups.count() == shown.count() > 0
    tab = groups.first.get_by_role("tab", name="Reference run: natural")
    assert not shown.first.is_visible()
    tab.click()
    assert all(shown.nth(i).is_visible() for i in range(shown.count()))  # all of the page switch together
    for run in record["runs"]:
        assert run["run"]["finished (UTC)"][:10] in shown.first.inner_text()
    groups.last.get_by_role("tab", name="This build: embedded").click()
    assert not shown.first.is_visible()
    groups.first.get_by_role("tab", name="This build: embedded").focus()
    page.keyboard.press("ArrowRight")
    assert shown.first.is_visible()
    assert page.url.endswith(name)  # the arrow turned no page
    page.close()
    assert not visit.wrong, "\n".join(visit.wrong)


@pytest.mark.parametrize("path", RECORDS, ids=[path.stem for path in RECORDS])
def test_the_downloads_of_a_reference_run_are_the_records_numbers(path: Path) -> None:
    record = json.loads(path.read_text("utf-8"))
    elements = [part for run in record["runs"] for part in run["elements"].values()]
    tables = [part["rows"] for part in elements if part["kind"] == "table"]
    files = list((BOOK / "downloads").glob(f"{path.stem}-natural-table-*.csv"))
    assert files
    kept = [[["" if value is None else str(value) for value in row] for row in rows] for rows in tables]
    for file in files:
        assert list(csv.reader(io.StringIO(file.read_text("utf-8"))))[1:] in kept, file.name
