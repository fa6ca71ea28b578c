"""Elements of a page: drawn from plain data and a template, so that later words and plots fit kept data."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure

from rt_utils.pages import elements, figures
from rt_utils.pages.plain import frame_from, from_plain, plain, plain_frame


def line(xy: np.ndarray, name: str) -> Figure:
    figure = Figure()
    figure.subplots().plot(*xy.T, label=name)
    return figure


@pytest.fixture(autouse=True)
def style() -> None:
    figures.use_style()


def through_json(value: object) -> object:
    return from_plain(json.loads(json.dumps(plain(value))))


def test_plain_values_survive_json() -> None:
    array = np.array([[1.5, np.nan], [np.inf, -2.0]])
    np.testing.assert_array_equal(through_json(array), array)
    assert through_json(np.arange(3)).dtype == np.int64  # type: ignore[attr-defined]
    np.testing.assert_array_equal(through_json(torch.tensor([True, False])), [True, False])
    assert through_json({"a": (1, 2.5, None, "x"), "b": np.float64(3)}) == {"a": [1, 2.5, None, "x"], "b": 3.0}
    frame = pd.DataFrame({"name": ["a", "b"], "n": [1, 2], "x": [0.25, np.inf], "y": [np.nan, 1.0], "z": [True, False]})
    again = through_json(frame)
    assert isinstance(again, pd.DataFrame)
    assert again.to_dict("records")[1] == frame.to_dict("records")[1]
    assert np.isnan(again.y[0])
    assert again.n.dtype == np.int64


def test_figures_keep_six_digits_and_tables_nine() -> None:
    assert plain(np.pi, digits=6) == 3.14159
    assert plain_frame(pd.DataFrame({"x": [np.pi]}))["rows"] == [[3.14159265]]
    assert frame_from(plain_frame(pd.DataFrame({"x": [np.pi]}))).x[0] == 3.14159265


def test_a_table_shows_short_names_and_whole_numbers() -> None:
    frame = pd.DataFrame({"encoder": ["natural/robust", "natural/random"], "n": [3, 4], "AS score": [1.25, np.nan]})
    element = elements.table(
        "t", frame, ".1f", caption="At {threat}, {n:.2f} of {{x}}.", values={"threat": "l_2", "n": 0.5}, encoders=[]
    )
    html = element.shown.source  # type: ignore[union-attr]
    assert "<caption><div>At l_2, 0.50 of {x}." in html
    assert ">robust<" in html
    assert 'class="num">3<' in html
    assert 'class="num">1.2<' in html
    assert 'class="num">–<' in html
    assert element.data["rows"][0][0] == "natural/robust"


def test_two_encoders_of_one_short_name_stay_apart() -> None:
    frame = pd.DataFrame({"encoder": ["natural/robust", "embedded/robust"], "n": [3, 4]})
    shown = elements.table("t", frame, "d", caption="", values={}, encoders=[]).shown
    assert "natural/robust" in shown.source  # type: ignore[union-attr]
    assert "embedded/robust" in shown.source  # type: ignore[union-attr]


def test_a_field_may_be_a_name_with_a_point_or_a_part_of_a_value() -> None:
    values = {"robust acc.": 0.5, "first": {"AS": 1.25}}
    assert elements.filled("{robust acc.:.1%}, {first[AS]:.1f}", values) == "50.0%, 1.2"


def test_a_missing_number_in_a_text_is_a_dash() -> None:
    shown = elements.text("t", "{share:.1%} of $\\frac{{a}}{{b}}$, {none:.3f}", {"share": 0.25, "none": float("nan")})
    assert shown.shown == "25.0% of $\\frac{a}{b}$, –"


def test_a_kept_element_is_drawn_with_todays_words_and_plot() -> None:
    data = {"xy": np.array([[0.0, 1.0], [1.0, 2.0]]), "name": "a"}
    own = elements.figure("f", line, data, caption="Old {n}.", alt="Old.", values={"n": 2, "m": 3})
    kept = json.loads(json.dumps(elements.computed(own.data)))
    assert set(kept) == {"kind", "key", "values", "data"}
    assert elements.redrawn(kept, own.data).shown._repr_html_() == own.shown._repr_html_()  # type: ignore[union-attr]
    new = elements.redrawn(kept, {**own.data, "caption": "New {m}."})
    assert "New 3." in new.shown._repr_html_()  # type: ignore[union-attr]
    with pytest.raises(KeyError, match="other"):
        elements.redrawn(kept, {**own.data, "caption": "{other}"})


def test_a_column_of_an_older_record_that_is_retired_is_shown_no_more() -> None:
    older = elements.table(
        "t", pd.DataFrame({"share": [1.0], "95% interval": ["0.9 to 1"]}), ".1f", caption="c", values={}
    )
    assert "0.9 to 1" in repr(older)
    todays = elements.table(
        "t", pd.DataFrame({"share": [0.5]}), ".1f", caption="c", values={}, retired=["95% interval"]
    )
    drawn = repr(elements.redrawn(elements.computed(older.data), todays.data))
    assert "share" in drawn
    assert "interval" not in drawn
    assert "retired" not in elements.computed(todays.data)


def test_a_column_named_after_another_runs_data_has_a_format_too() -> None:
    def drawn(name: str, *more: str) -> str:
        columns: dict[str, list[object]] = {"data": ["a", "b"], f"over {name}": [1.0, 0.123456789]}
        frame = pd.DataFrame(columns | {column: [0.98765, 2.0] for column in more})
        kept = elements.table("t", frame, {}, caption="", values={})
        return repr(elements.redrawn(elements.computed(kept.data), todays.data).shown._repr_html_())  # type: ignore[union-attr]

    frame = pd.DataFrame({"data": ["a"], "over glyphs": [1.0]})
    todays = elements.table("t", frame, {"over glyphs": ".2f"}, caption="", values={})
    assert 'class="num">0.12<' in drawn("photographs")
    assert 'class="num">0.123<' in drawn("photographs", "x")
    assert 'class="num">0.988<' in drawn("photographs", "x")
    whole = pd.DataFrame({"data": ["a"], "over glyphs": [1]})
    todays = elements.table("t", whole, {"over glyphs": ",d"}, caption="", values={})
    assert 'class="num">0.123<' in drawn("photographs")


def test_what_travels_in_the_notebook_is_plain() -> None:
    element = elements.text("t", "{n} points", {"n": np.int64(3)})
    bundle, metadata = element._repr_mimebundle_()
    assert bundle["text/markdown"] == "3 points"
    assert json.loads(json.dumps(metadata))[elements.DATA] == metadata[elements.DATA]


def test_a_field_in_brackets_is_a_name_within_a_mapping() -> None:
    values = {"first": {"robust acc.": 0.25}, "robust acc.": 0.5}
    assert elements.filled("{first[robust acc.]:.2f} and {robust acc.:.2f}", values) == "0.25 and 0.50"
    with pytest.raises(KeyError, match="last"):
        elements.filled("{last[robust acc.]:.2f}", values)


@pytest.mark.parametrize(("most", "labels"), [(35, ["2", "5", "10", "20"]), (1e4, [])])
def test_a_short_logarithmic_axis_has_plain_numbers(most: float, labels: list[str]) -> None:
    """Over a decade or more matplotlib writes powers, which are no single text."""
    figure = Figure()
    axes = figure.subplots()
    axes.plot([2.2, most], [0, 0])
    axes.set(xscale="log", yticks=[])
    svg = figures.picture(figure, "ticks", caption="", alt="").svg
    assert re.findall(r"<text[^>]*>([^<]*)</text>", svg) == labels
