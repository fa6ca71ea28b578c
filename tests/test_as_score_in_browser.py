"""The live figure of the AS score in the built book: radius and encoder by mouse, finger and keyboard."""

import json
from itertools import pairwise
from typing import Any

import pytest
from test_book_in_browser import Visit, address, browser  # noqa: F401

pytestmark = pytest.mark.book
PAGE = "chapters/section_6_1_as_score.html"


@pytest.mark.parametrize("width", [1280, 390], ids=["desk", "phone"])
def test_the_sweep_shows_the_numbers_of_the_page(browser: Any, address: str, width: int) -> None:  # noqa: F811
    visit = Visit(browser.new_page(viewport={"width": width, "height": 900}), address)
    page = visit.page
    page.goto(f"{address}{PAGE}")
    figure = page.locator(".rt-sweep")
    content = json.loads(figure.locator("script").text_content())
    eps, output = figure.locator("[data-part=eps]"), figure.locator("output")
    rows = figure.locator("[data-part=rows] > div")
    assert content["radii"][int(eps.input_value())] == "8/255"  # it starts at the page's radius
    for encoder in content["encoders"]:
        figure.get_by_label(encoder["name"], exact=True).check()
        assert rows.count() == len(encoder["data"]) + 1  # and the axis
        right = []
        for at in range(len(content["radii"])):
            eps.fill(str(at))
            assert figure.locator("[data-part=eps-value]").inner_text() == content["radii"][at]
            assert eps.get_attribute("aria-valuetext") == f"eps {content['radii'][at]}"
            marks = []
            for i, data in enumerate(encoder["data"]):
                assert rows.nth(i).locator(".name").inner_text() == data["name"]
                value = float(rows.nth(i).locator(".value").inner_text())
                assert value == pytest.approx(data["score"][at], rel=5e-3, abs=1e-9)
                label = rows.nth(i).locator("svg[role=img]").get_attribute("aria-label")
                assert f"{data['name']}: AS score" in label
                picture, mark = (rows.nth(i).locator(s).bounding_box() for s in ("svg[role=img]", "path"))
                share = (mark["x"] + mark["width"] / 2 - picture["x"]) / picture["width"]
                largest = max(max(d["quantiles"][-1][-1], d["score"][-1]) for d in encoder["data"])
                assert share == pytest.approx(0.01 + 0.96 * data["score"][at] / largest, abs=0.02)
                marks.append(share)
            right.append(marks)
            if at:
                assert output.inner_text().startswith(f"{encoder['name']}, ε = {content['radii'][at]}: ")
                order = sorted(encoder["data"], key=lambda d: d["score"][at])
                assert [part.rsplit(" ", 1)[0] for part in output.inner_text().split(": ")[1].split(" < ")] == [
                    d["name"] for d in order
                ]
        assert all(a[i] <= b[i] + 1e-6 for a, b in pairwise(right) for i in range(len(a)))
    eps.fill("0")
    assert output.inner_text() == "ε = 0: nothing moves."
    eps.focus()
    page.keyboard.press("ArrowRight")
    assert figure.locator("[data-part=eps-value]").inner_text() == content["radii"][1]
    assert page.url.endswith(PAGE)  # the arrow turned no page
    assert figure.evaluate("e => e.scrollWidth <= e.clientWidth && e.getBoundingClientRect().right <= innerWidth")
    page.close()
    assert not visit.wrong, "\n".join(visit.wrong)
