"""One setting feeds every link to the repository, in a book of two pages; while it is empty there are none."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from conftest import ROOT
from nbformat.v4 import new_markdown_cell, new_notebook

sys.path.insert(0, str(ROOT / "book"))
sys.path.insert(0, str(ROOT / "book" / "extensions"))
import found_an_error
import launch
import plain_notebooks

URL = "https://github.com/Someone/the-book"
CHAPTER = "chapters/theorem_2_criterion"


def book(folder: Path, url: str) -> subprocess.CompletedProcess[str]:
    """A start page and a chapter of one sentence, built under the book's own settings but for the address."""
    config = (ROOT / "_config.yml").read_text("utf-8")
    assert config.count('repository_url: ""') == 1
    config = config.replace('repository_url: ""', f"repository_url: {url!r}")
    config = config.replace('include_patterns: ["book/**", ', 'include_patterns: ["index.md", ')
    (folder / "_config.yml").write_text(config, "utf-8")
    (folder / "_toc.yml").write_text(f"format: jb-book\nroot: index\nchapters:\n  - file: {CHAPTER}\n", "utf-8")
    (folder / "index.md").write_text("# A book\n", "utf-8")
    (folder / "book").symlink_to(ROOT / "book")
    (folder / "chapters").mkdir()
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=[new_markdown_cell("# A chapter")], metadata=kernel), folder / f"{CHAPTER}.ipynb")
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(folder)]
    environment = {**os.environ, "PYTHONUTF8": "1", "NO_COLOR": "1"}
    return subprocess.run([*command, "-W", "-n"], env=environment, capture_output=True, text=True, check=False)


def links(folder: Path) -> dict[str, set[str]]:
    """Per page every address of another host, wherever it stands."""
    html = folder / "_build" / "html"
    pages = {name: (html / f"{name}.html").read_text("utf-8") for name in ("index", CHAPTER)}
    return {name: set(re.findall(r'(?:href|src|content)="(https?://[^"]*)"', text)) for name, text in pages.items()}


@pytest.mark.slow
def test_every_link_follows_from_the_address(tmp_path: Path) -> None:
    done = book(tmp_path, URL)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found = links(tmp_path)
    published = "https://someone.github.io/the-book/"
    assert found["index"] == {
        URL,
        f"{URL}/blob/main/index.md?plain=1",
        f"{URL}/issues/new?title=Issue%20on%20page%20%2Findex.html&body=Your%20issue%20content%20here.",
        f"{published}index.html",
        f"{published}_static/card.png",
    }
    assert found[CHAPTER] == {
        URL,
        f"{URL}/blob/main/notebooks/theorem_2_criterion.md?plain=1",
        f"{URL}/issues/new?title=Issue%20on%20page%20%2F{CHAPTER}.html&body=Your%20issue%20content%20here.",
        f"https://mybinder.org/v2/gh/Someone/the-book/notebooks?urlpath=lab/tree/{CHAPTER}.ipynb",
        f"https://colab.research.google.com/github/Someone/the-book/blob/notebooks/{CHAPTER}.ipynb",
        f"{published}{CHAPTER}.html",
        f"{published}_static/card.png",
    }


@pytest.mark.slow
def test_without_an_address_there_are_none(tmp_path: Path) -> None:
    done = book(tmp_path, "")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert links(tmp_path) == {"index": set(), CHAPTER: set()}
    start = (tmp_path / "_build" / "html" / "index.html").read_text("utf-8")
    assert "application/ld+json" in start
    assert "og:image" not in start
    assert "launch-buttons" not in (tmp_path / "_build" / "html" / f"{CHAPTER}.html").read_text("utf-8")


@pytest.mark.slow
def test_an_address_of_another_kind_is_refused(tmp_path: Path) -> None:
    done = book(tmp_path, "https://example.org/book")
    assert done.returncode != 0
    assert "repository_url 'https://example.org/book': give https://github.com/OWNER/NAME" in done.stdout + done.stderr


def test_what_colab_and_binder_open(tmp_path: Path) -> None:
    launch.write(tmp_path, URL, "main")
    assert {path.stem for path in (tmp_path / "chapters").glob("*.ipynb")} == set(launch.pages())
    notebook = nbformat.read(tmp_path / f"{CHAPTER}.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[0].source.startswith("(chapter-theorem-2)=")
    assert f"%pip install --quiet git+{URL}@main" in notebook.cells[1].source
    assert os.access(tmp_path / "postBuild", os.X_OK)


def test_nothing_to_launch_while_the_address_is_empty() -> None:
    if plain_notebooks.address(ROOT)[0]:
        pytest.skip("the address is known")
    done = subprocess.run([sys.executable, ROOT / "book" / "launch.py"], capture_output=True, text=True, check=True)
    assert done.stdout == "_config.yml names no repository_url: nothing to launch\n"


@pytest.mark.parametrize(
    ("repository", "page", "leads_to"),
    [
        (
            URL,
            CHAPTER,
            f"{URL}/issues/new?title=Issue%20on%20page%20%2F{CHAPTER}.html&body=Your%20issue%20content%20here.",
        ),
        ("", CHAPTER, "../book/teaching/errata.html#found-an-error"),
        ("", found_an_error.ERRATA, "#found-an-error"),
    ],
)
def test_found_an_error_leads_to_an_issue_or_to_the_errata(repository: str, page: str, leads_to: str) -> None:
    app: Any = SimpleNamespace(
        config=SimpleNamespace(html_theme_options={"repository_url": repository}),
        env=SimpleNamespace(found_docs={page, found_an_error.ERRATA}),
    )
    context = {"pathto": lambda name: f"../{name}.html"}
    assert found_an_error.address(app, page, context) == leads_to
    if not repository:
        app.env.found_docs = {page} - {found_an_error.ERRATA}
        assert found_an_error.address(app, page, context) == ""
