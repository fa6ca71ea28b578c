"""The page "Fool it yourself" for tests: its files in a folder, without the rest of the book, and a reader of it."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from test_book_in_browser import Visit

from rt_utils.pages import live_adversary

STYLE = Path(__file__).resolve().parent.parent / "book" / "style"
NAMES = ("embedded/robust", "embedded/standard", "embedded/certified")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the page, without the rest of the book."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(STYLE, folder / "_static")
    live_adversary.write(folder / "_static" / "adversary", NAMES)
    return folder


def page_of(site: Path) -> Path:
    """The page's own HTML, as the book holds it, alone."""
    text = (STYLE.parent / "fool_it_yourself.md").read_text("utf-8")
    block = text.split("```{raw} html\n", 1)[1].split("\n```", 1)[0]
    (site / "book").mkdir(exist_ok=True)
    path = site / "book" / "page.html"
    css = "<style>.visually-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; }</style>"
    css += '<link rel="stylesheet" href="../_static/rt.css"><meta name="viewport" content="width=device-width">'
    path.write_text(
        f'<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8"><title>page</title>{css}'
        f'<body><main class="bd-article">{block}</main></body></html>',
        "utf-8",
    )
    return path


@dataclass
class Reader:
    """The page at some size, with all that went wrong."""

    visit: Visit
    address: str

    @property
    def page(self) -> Any:
        return self.visit.page

    def part(self, name: str) -> Any:
        return self.page.locator(f"[data-adversary] [data-part={name}]")

    def open(self, query: str = "") -> None:
        self.page.goto(f"{self.address}{query}")
        self.page.wait_for_function("document.querySelector('[data-part=title]').textContent !== 'Loading'")

    def finished(self) -> str:
        """The verdict, once the search has ended and was announced."""
        self.page.wait_for_selector("[data-adversary][data-finished]")
        return str(self.part("verdict").get_attribute("data-verdict"))

    def numbers(self) -> tuple[float, float]:
        return tuple(float(self.part(f"{name}-value").inner_text()) for name in ("shift", "margin"))
