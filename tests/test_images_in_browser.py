"""The images of the built book, in a real browser: the running example on each page of the theory, and its link."""

from typing import Any

import pytest
from test_book_in_browser import BOOK, Visit, address, browser, require_book  # noqa: F401

from rt_utils.pages.image_groups import EXAMPLE
from rt_utils.pages.running_texts import ENCODERS, SAID

pytestmark = pytest.mark.book
# For each strip of the page: what is wrong with its images.
STRIPS = """() => [...document.querySelectorAll(".rt-strip img")].flatMap((image) => [
  !image.alt.trim() && "an image without a text",
  !image.naturalWidth && `not drawn: ${image.alt}`,
  getComputedStyle(image).imageRendering !== "pixelated" && `blurred: ${image.alt}`,
  Math.abs(image.width - image.height) > 2 && `not square: ${image.alt}`,
  image.width < 70 && `small, ${image.width} pixels: ${image.alt}`,
  parseFloat(getComputedStyle(image.parentElement).fontSize) < 11 && `small type below ${image.alt}`,
].filter(Boolean))"""
BOX = ".rt-strip:has(> .title)"


@pytest.mark.parametrize("width", [1280, 390], ids=["desk", "phone"])
def test_the_example_goes_through_the_theory(browser: Any, address: str, width: int) -> None:  # noqa: F811
    require_book()
    window = browser.new_context(viewport={"width": width, "height": 900})
    visit = Visit(window.new_page(), address)
    page = visit.page
    wrong = []
    for chapter in SAID:
        if not (BOOK / "results" / "book" / chapter).is_dir():
            continue  # a book of some chapters
        visit.open(f"chapters/{chapter}.html")
        wrong += [f"{chapter}: {line}" for line in page.evaluate(STRIPS) + visit.wrong]
        assert page.locator(BOX).count() == 1, chapter
        encoders = ENCODERS.get(chapter, ENCODERS[""])
        assert page.locator(f"{BOX} img[data-example='{EXAMPLE}']").count() == len(encoders), chapter
        first = page.evaluate("document.querySelector('.bd-article :is(.rt-figure, .rt-strip)').matches('.rt-strip')")
        assert first, f"{chapter} shows another picture before the example"
    window.close()
    assert not wrong, "\n".join(wrong)


def test_the_examples_link_sets_the_live_page(browser: Any, address: str) -> None:  # noqa: F811
    require_book()
    window = browser.new_context()
    visit = Visit(window.new_page(), address)
    page = visit.page
    visit.open("chapters/theorem_2_criterion.html")
    link = page.locator(f"{BOX} a[href*='fool_it_yourself']").nth(1)
    assert "encoder=standard" in str(link.get_attribute("href"))
    link.click()
    page.wait_for_selector("[data-adversary][data-finished]", timeout=60_000)
    chosen = "[...document.querySelectorAll('[data-adversary] input:checked')].map((input) => input.value)"
    assert {"standard", "linf", str(EXAMPLE)} <= set(page.evaluate(chosen))
    assert page.locator("[data-part=eps]").input_value() == "8"
    assert page.locator("[data-part=verdict]").get_attribute("data-verdict") == "flipped"
    window.close()
    assert not visit.wrong
