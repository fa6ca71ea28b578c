"""The tabs of a chapter with a reference run: this build's numbers and the record's, each under its own name."""

import csv
import html
import io
import json
import re
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
    shown = page.locator('.rt-reference[data-run="natural"]')
    groups = page.locator(".rt-tabs").filter(has=page.get_by_role("tab", name="Reference run: natural"))
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
