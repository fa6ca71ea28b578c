"""A figure takes fewer bytes and shows the same: labels, marks and places."""

import re
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pytest

from rt_utils.pages import figures


def drawn(n: int = 200) -> str:
    figures.use_style()
    figure, axes = plt.subplots(figsize=(4, 3))
    x = np.linspace(0, 1, n)
    axes.scatter(x, x**2, s=9, color="#0072b2", alpha=0.6, linewidths=0)
    axes.scatter(x, 1 - x, s=9, color="#d55e00", marker="x")
    axes.set_xlabel("a label of 0.123456")
    return figures.picture(figure, "any", caption="", alt="alt").svg


def test_every_point_is_drawn_and_every_name_is_there() -> None:
    svg = drawn()
    ElementTree.fromstring(svg)
    dots = re.findall(r"M([\d.]+) ([\d.]+)h0", svg)
    assert len(dots) == 200
    crosses = re.findall(r"M([\d.]+) ([\d.]+)l([\d.-]+) ([\d.-]+)M([\d.]+) ([\d.]+)l([\d.-]+) ([\d.-]+)", svg)
    assert len(crosses) == 200
    places = []
    for cross in crosses:
        a, b = (tuple(map(float, cross[k : k + 4])) for k in (0, 4))
        centres = [(x + dx / 2, y + dy / 2) for x, y, dx, dy in (a, b)]
        assert centres[0] == pytest.approx(centres[1], abs=0.02)
        assert abs(a[2]) == pytest.approx(abs(b[3]), abs=0.02)
        places.append(centres[0])
    dots_at = sorted((float(x), float(y)) for x, y in dots)
    assert [x for x, _ in sorted(places)] == pytest.approx([x for x, _ in dots_at], abs=0.03)
    assert re.search(r'style="fill:none;stroke:#d55e00;[^"]*"', svg)
    assert svg.count("<use ") < 30  # ticks
    assert "a label of 0.123456" in svg
    ids = set(re.findall(r'\bid="([^"]*)"', svg))
    assert ids >= set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    assert len(svg) < 25_000


def test_dots_lie_where_the_points_do() -> None:
    dots = sorted((float(x), float(y)) for x, y in re.findall(r"M([\d.]+) ([\d.]+)h0", drawn(41)))
    left, right = dots[0], dots[-1]
    middle = dots[20]
    assert middle[0] == pytest.approx((left[0] + right[0]) / 2, abs=0.02)
    assert middle[1] == pytest.approx(left[1] + (right[1] - left[1]) / 4, abs=0.02)


def test_the_least_width_gives_the_smallest_label_its_pixels() -> None:
    svg = '<svg viewBox="0 0 400 300"><text style="font-size: 8px">a</text><text style="font-size: 10px">b</text></svg>'
    assert figures.least_width(svg) == 550
    assert figures.least_width('<svg viewBox="0 0 400 300"></svg>') == 0
