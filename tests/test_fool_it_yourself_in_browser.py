"""The page on which a reader is the adversary, in a real browser, from a file: pressed, moved, drawn on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live_page import Reader, page_of, site  # noqa: F401
from test_book_in_browser import Visit, browser  # noqa: F401

pytestmark = pytest.mark.slow


@pytest.fixture(params=[1280, 390], ids=["desk", "phone"])
def reader(request: pytest.FixtureRequest, site: Path, browser: Any) -> Iterator[Reader]:  # noqa: F811
    window = browser.new_context(viewport={"width": request.param, "height": 844}, has_touch=request.param == 390)
    reader = Reader(Visit(window.new_page(), site.as_uri()), page_of(site).as_uri())
    yield reader
    window.close()
    assert not reader.visit.wrong, "\n".join(reader.visit.wrong)


def test_the_verdict_flips_past_the_margin(reader: Reader) -> None:
    reader.open("?image=13&eps=1&encoder=robust")
    assert reader.part("verdict").get_attribute("data-verdict") == "waiting"
    assert reader.part("said").text_content() == ""  # only what is finished is announced
    reader.part("attack").click()
    assert reader.finished() == "unbroken"
    shift, margin = reader.numbers()
    assert 0 < shift < margin
    said = reader.part("said").text_content()
    assert said is not None
    assert "Not a certificate" in said
    assert "safe" not in reader.page.locator("[data-adversary]").inner_text().lower()
    reader.part("eps").fill("8")
    assert reader.finished() == "refuted"
    larger, same = reader.numbers()
    assert same == margin  # m belongs to the image, not to the radius
    assert larger >= margin
    reader.part("eps").fill("24")
    assert reader.finished() == "flipped"
    assert reader.part("read").inner_text() == "read as 7"
    assert reader.part("read-perturbed").inner_text() != "read as 7"
    assert "eps=24" in reader.page.url
    assert "attack=1" in reader.page.url
    reader.page.get_by_label("standard").check()
    reader.part("eps").fill("3")
    assert reader.finished() == "flipped"
    boxes = [reader.part(name).bounding_box() for name in ("clean", "perturbed", "verdict")]
    assert max(box["y"] + box["height"] for box in boxes) - min(box["y"] for box in boxes) < 844 - 56
    assert reader.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_bound_below_the_margin_is_called_a_proof(reader: Reader) -> None:
    reader.open("?image=1&eps=1&encoder=certified&attack=1")
    assert reader.finished() == "proved"
    assert "in truth" in reader.part("read").inner_text()  # what is proved is that it stays, not that it is right
    reader.page.locator("input[name=adversary-image][value='19']").check()
    assert reader.finished() == "proved"
    shift, margin = reader.numbers()
    bound = float(reader.part("bound-value").inner_text())
    assert shift <= bound < margin
    reader.part("eps").fill("32")
    assert reader.finished() != "proved"
    assert float(reader.part("bound-value").inner_text()) > margin
    reader.page.get_by_label("robust").check()
    reader.finished()
    assert not reader.part("bound-item").is_visible()


@pytest.mark.slow
def test_the_address_is_the_state_and_harder_searches_find_no_less(reader: Reader) -> None:
    reader.open("?image=9&eps=4&encoder=standard&steps=5&attack=1")
    assert reader.page.locator("input[name=adversary-image]:checked").get_attribute("value") == "9"
    assert reader.part("eps-value").inner_text() == "4/255"
    assert reader.part("steps").input_value() == "5"
    reader.finished()
    before = reader.numbers()[0]
    reader.part("harder").click()
    reader.page.wait_for_function("document.querySelector('[data-part=text]').textContent.includes('harder search')")
    assert reader.numbers()[0] >= before
    reader.page.get_by_label("ℓ2").check()
    reader.page.wait_for_function("location.search.includes('norm=l2')")
    assert reader.finished() in ("unbroken", "refuted", "flipped")


@pytest.mark.slow
def test_larger_radii_never_settle_less(reader: Reader) -> None:
    """The strip below the radius: no smaller verdict to the right of a settled one; it ends at the last radius."""
    reader.open("?image=13&steps=1&encoder=robust")
    reader.part("every").click()
    reader.page.wait_for_function("document.querySelector('[data-part=eps]').value === '32'", timeout=60_000)
    assert reader.finished() == "flipped"
    cells = reader.part("strip").locator("span:not([hidden])")
    states = [cells.nth(k).get_attribute("data-verdict") or "" for k in range(cells.count())]
    order = ["", "unbroken", "refuted", "flipped"]
    assert len(states) == 33
    assert states == sorted(states, key=order.index)
    assert states[-1] == "flipped"


def test_a_drawing_is_read_and_attacked(reader: Reader) -> None:
    reader.open()
    reader.page.locator("[data-adversary] summary").click()
    pad = reader.part("pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    at = [(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * share) for share in (0.1, 0.9)]
    reader.page.mouse.move(*at[0])
    reader.page.mouse.down()
    reader.page.mouse.move(*at[1], steps=30)
    reader.page.mouse.up()
    assert reader.part("note").is_visible()
    reader.page.wait_for_function("document.querySelector('[data-part=clean]').ariaLabel?.startsWith('your drawing')")
    assert reader.part("grid").locator("button[aria-pressed=true]").count() >= 6
    reader.part("attack").click()
    assert reader.finished() in ("unbroken", "refuted", "flipped")
    reader.part("clear").click()
    assert reader.part("grid").locator("button[aria-pressed=true]").count() == 0


def test_the_keyboard_reaches_everything(reader: Reader) -> None:
    reader.open("?image=13&eps=1")
    page, reached = reader.page, []
    page.evaluate(
        "document.addEventListener('keydown', (e) => { if (e.key.startsWith('Arrow')) window.turned = true; })"
    )
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "document.activeElement.dataset.part ?? document.activeElement.name ?? document.activeElement.tagName"
            )
        )
    buttons = ["attack", "harder", "every", "noise", "reset", "link"]
    choices = ["adversary-encoder", "adversary-norm", "steps", "adversary-image", "SUMMARY"]
    assert reached[: len(buttons) + 6] == ["eps", *buttons, *choices]
    page.keyboard.press("Shift+Tab")
    while page.evaluate("document.activeElement.tagName") != "SUMMARY":
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    for key in ("Space", "ArrowRight", "ArrowDown", "Space"):
        page.keyboard.press(key)
    filled = page.locator("[data-part=grid] button[aria-pressed=true]")
    assert [filled.nth(k).get_attribute("aria-label") for k in range(2)] == ["row 1, column 1", "row 2, column 2"]
    page.locator("input[name=adversary-image]:checked").focus()
    page.keyboard.press("ArrowLeft")  # from "my drawing"
    assert page.locator("input[name=adversary-image]:checked").get_attribute("value") == "23"
    reader.part("eps").focus()
    page.keyboard.press("ArrowRight")
    assert reader.part("eps-value").inner_text() == "2/255"
    reader.part("attack").focus()
    page.keyboard.press("Enter")
    reader.finished()
    assert not page.evaluate("window.turned"), "the theme would have turned the page"


def test_reduced_motion_shows_the_final_state_alone(site: Path, browser: Any) -> None:  # noqa: F811
    window = browser.new_context(reduced_motion="reduce")
    reader = Reader(Visit(window.new_page(), site.as_uri()), page_of(site).as_uri())
    reader.open("?image=13&eps=8")
    reader.page.evaluate(
        """() => {
          window.widths = new Set();
          const bar = document.querySelector('[data-part=shift-bar]');
          new MutationObserver(() => widths.add(bar.style.width)).observe(bar, { attributes: true });
        }"""
    )
    reader.part("attack").click()
    reader.finished()
    assert reader.page.evaluate("widths.size") <= 1
    window.close()
    assert not reader.visit.wrong, "\n".join(reader.visit.wrong)


def test_one_encoder_is_loaded_at_first_and_it_is_light(site: Path, browser: Any) -> None:  # noqa: F811
    page, asked = browser.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_of(site).as_uri())
    page.wait_for_function("document.querySelector('[data-part=verdict]').dataset.verdict === 'waiting'")
    files = [site / url.split(f"{site.as_uri()}/", 1)[1].split("?")[0] for url in asked if url.startswith("file:")]
    page.close()
    names = {path.stem for path in files}
    assert "robust" in names
    assert "standard" not in names
    assert sum(path.stat().st_size for path in set(files)) < 1.5e6


def test_without_javascript_the_page_says_so(site: Path, browser: Any) -> None:  # noqa: F811
    window = browser.new_context(java_script_enabled=False)
    page = window.new_page()
    page.goto(page_of(site).as_uri())
    assert page.locator("noscript p").is_visible()
    assert not page.locator("[data-part=attack]").is_visible()
    window.close()
