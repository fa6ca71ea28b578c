"""The chapters as notebooks to take away, and what other programs read of a page."""

import json
import re
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
import yaml
from conftest import ROOT
from PIL import Image

sys.path.insert(0, str(ROOT / "book"))
sys.path.insert(0, str(ROOT / "book" / "extensions"))
import page_metadata
import plain_notebooks

URL = "https://someone.github.io/the-book/"
NAMES = ["setting", "slack"]


@pytest.fixture
def html(tmp_path: Path) -> Path:
    """A built book of two chapters, with their notebooks."""
    (tmp_path / "chapters").mkdir()
    for name in NAMES:
        executed = tmp_path / "_sources" / "chapters" / f"{name}.ipynb"  # where Sphinx puts what the pages show
        executed.parent.mkdir(parents=True, exist_ok=True)
        executed.write_text("executed", "utf-8")
        button = f'<a href="../_sources/chapters/{name}.ipynb" class="btn">.ipynb</a>'
        text = f"{button}<article><section><h1>A</h1><section>B</section>\n</section>\n</article><p>foot</p>"
        (tmp_path / "chapters" / f"{name}.html").write_text(text, "utf-8")
    plain_notebooks.add(tmp_path, ROOT, NAMES)
    return tmp_path


def test_a_chapter_can_be_taken_away(html: Path) -> None:
    for name in NAMES:
        page = (html / "chapters" / f"{name}.html").read_text("utf-8")
        link = re.findall(r'href="([^"]*)" download', page)
        assert link == [f"../notebooks/{name}.ipynb"]
        assert page.index("download") < page.index("</article>") < page.index("foot")
        notebook = nbformat.read(html / "chapters" / link[0], as_version=4)
        nbformat.validate(notebook)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert "rt_utils is missing" in code[0].source or "%pip install" in code[0].source
        assert not any(cell.outputs or cell.execution_count for cell in code)
        assert any("parameters" in cell.metadata.get("tags", []) for cell in code)


def test_the_themes_button_gives_the_same_file_once(html: Path) -> None:
    for name in NAMES:
        page = (html / "chapters" / f"{name}.html").read_text("utf-8")
        assert f'<a href="../notebooks/{name}.ipynb" class="btn">' in page
        assert "_sources" not in page
    assert not list((html / "_sources").rglob("*.ipynb"))


def test_the_archive_holds_them_all_and_is_the_same_each_time(html: Path) -> None:
    archive = html / plain_notebooks.ARCHIVE
    with zipfile.ZipFile(archive) as packed:
        assert packed.namelist() == [f"notebooks/{name}.ipynb" for name in sorted(NAMES)]
        assert packed.read("notebooks/slack.ipynb") == (html / "notebooks" / "slack.ipynb").read_bytes()
    before = archive.read_bytes()
    plain_notebooks.write(html / "notebooks", ROOT / "notebooks", NAMES, *plain_notebooks.address(ROOT))
    plain_notebooks.pack(html / "notebooks", archive)
    assert archive.read_bytes() == before


def test_the_first_cell_sees_whether_the_package_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    exec(plain_notebooks.NEEDED, {})
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ModuleNotFoundError, match="rt_utils is missing: run this notebook with"):
        exec(plain_notebooks.NEEDED, {})


def tags(address: str, pagename: str) -> str:
    """What is added to the head of a page."""
    config = SimpleNamespace(html_baseurl=address, html_title="The book", root_doc="book/index")
    context: dict[str, Any] = {"title": 'A "page"', "metatags": "<meta/>"}
    page_metadata.add(SimpleNamespace(config=config), pagename, "page.html", context, None)  # type: ignore[arg-type]
    assert context["metatags"].startswith("<meta/>")
    return str(context["metatags"])


def test_a_card_needs_an_address() -> None:
    assert tags("", "chapters/slack") == "<meta/>"
    found = tags(URL, "chapters/slack")
    assert f'<meta property="og:image" content="{URL}_static/card.png" />' in found
    assert f'<meta property="og:url" content="{URL}chapters/slack.html" />' in found
    assert 'content="A &quot;page&quot;"' in found
    assert "ld+json" not in found


def test_the_start_page_says_how_to_cite_the_book() -> None:
    for address in ("", URL):
        text = re.search(r'<script type="application/ld\+json">(.*?)</script>', tags(address, "book/index"))
        assert text
        known = json.loads(text[1])
        cff = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
        assert (known["name"], known["version"]) == (cff["title"], cff["version"])
        assert known["isBasedOn"]["name"] == cff["preferred-citation"]["title"]
        assert [person["familyName"] for person in known["isBasedOn"]["author"]] == ["Nern", "Raj", "Georgi", "Sharma"]
        assert known.get("url", "") == address


def test_the_card_has_the_size_that_sites_show() -> None:
    with Image.open(ROOT / "book" / "style" / "card.png") as picture:
        assert picture.size == (1200, 630)
