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
    assert svg.count("<use ") >= 200  # crosses stay what they were
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
