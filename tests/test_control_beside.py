"""The control beside a page's encoders: exact numbers, which side is ahead, and what a page shows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_control import drawn
from torch import nn

from rt_utils.evaluation import control_beside as evaluation
from rt_utils.evaluation.control_beside import SHARES
from rt_utils.evaluation.interval_bounds import shift_upper
from rt_utils.evaluation.measure import fit_probes, measure
from rt_utils.evaluation.measurement import table
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.pages import control_beside
from rt_utils.pages.page import Page
from rt_utils.theory.threat import Threat
from rt_utils.training.control import plan

SETTINGS, THREAT = ProbeSettings(epochs=5, lr=0.1, batch=16), Threat("linf", 0.05)
PARAMETERS = {"profile": "embedded", "norm": "linf", "eps": "0.05", "seed": 0, "workers": 1}
PARAMETERS |= {"encoders": "embedded/robust", "data": "digits", "probe_epochs": 5, "probe_lr": 0.1}


@pytest.fixture(autouse=True)
def a_cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path))


def test_attacks_find_what_is_exact_and_no_more() -> None:
    """`blocks` measured as any encoder is: its accuracies are above the exact ones, its shifts below."""
    data, blocks = drawn(), load_encoder("blocks")
    each = evaluation.of_set(data, "blocks", SETTINGS, THREAT)
    exact = {name: values.mean() for name, values in each.items()}
    assert exact["AS score"] == pytest.approx(shift_upper(blocks, data.test.images, THREAT).mean().item(), rel=1e-5)
    assert exact["fulfilled and right"] <= exact["robust acc."] <= exact["clean acc."]
    (head,) = fit_probes([(blocks, data)], SETTINGS, workers=1)
    (m,) = measure([(blocks, head, data)], THREAT, plan(0), workers=1)
    (found,) = evaluation.rows(evaluation.of_encoders(table(m))).to_dict("records")
    assert found["n"] == len(data.test)
    assert found["clean acc."] == pytest.approx(exact["clean acc."])
    assert exact["robust acc."] <= found["robust acc."] <= exact["robust acc."] + 0.1
    assert exact["fulfilled and right"] <= found["fulfilled and right"]
    assert 0.9 * exact["AS score"] <= found["AS score"] <= exact["AS score"] * (1 + 1e-5)


def test_each_set_has_both_controls_and_they_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    sets = [drawn(), replace(drawn(seed=1), name="other", fingerprint="other")]
    rows = evaluation.of_sets(sets, SETTINGS, THREAT, workers=1)
    assert list(rows[["data", "encoder"]].drop_duplicates().itertuples(index=False, name=None)) == [
        *(("drawn", name) for name in ("pixels", "blocks")),
        *(("other", name) for name in ("pixels", "blocks")),
    ]
    monkeypatch.setattr(evaluation, "exact_points", None)  # nothing is computed again
    again = evaluation.of_sets(sets, SETTINGS, THREAT, workers=1)
    pd.testing.assert_frame_equal(rows, again)


def rows(shares: dict[str, float], data: str = "a", n: int = 500) -> pd.DataFrame:
    """Made-up points of which the first are robust: these shares of them."""
    parts = [
        pd.DataFrame({"data": data, "encoder": name, "point": range(n), "AS score": 1.0}).assign(
            **dict.fromkeys(SHARES, np.arange(n) < share * n)
        )
        for name, share in shares.items()
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(
    ("pixels", "blocks", "robust", "standard", "side"),
    [
        (0.9, 0.1, 0.5, 0.6, "control"),
        (0.5, 0.4, 0.9, 0.1, "encoder"),
        (0.5, 0.4, 0.505, 0.1, "undecided"),
        (0.9, 0.1, 0.895, 0.1, "undecided"),  # ahead of one encoder is not ahead of all
    ],
)
def test_a_side_is_ahead_of_all_of_the_other(
    pixels: float, blocks: float, robust: float, standard: float, side: str
) -> None:
    control, encoders = rows({"pixels": pixels, "blocks": blocks}), rows({"robust": robust, "standard": standard})
    assert evaluation.sides(control, encoders) == {"a": side}
    template, values = control_beside.reading(control, encoders)
    assert values[side] == "a"
    assert values["score"] == ""  # one data set: nothing to order
    assert f"on {values['encoder']};" in template.format(**values)


def test_few_images_decide_nothing() -> None:
    control, encoders = rows({"pixels": 0.9, "blocks": 0.8}, n=6), rows({"robust": 0.4}, n=6)
    assert evaluation.sides(control, encoders) == {"a": "undecided"}


def named(name: str, size: int) -> Encoder:
    return Encoder(name, nn.Flatten(), input_size=size, width=3 * size**2, weights_sha256=name)


def test_the_page_shows_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[object] = []
    monkeypatch.setattr(control_beside, "display", lambda *elements: shown.extend(elements))
    page, data = Page("section_5_1_cross_entropy", PARAMETERS), replace(drawn(), name="digits")
    points = pd.DataFrame(
        {
            **{"encoder": "embedded/robust", "data": ["digits"] * 4 + ["elsewhere"], "label": 0, "predicted": 0},
            "point": [0, 1, 2, 3, 0],
            **{"wrong": [True, False, False, False, True], "fulfilled": False, "shift": 1.0},
        }
    )
    control_beside.show(page, points, [named("embedded/robust", 32)], [data])
    rows, text = (element.shown for element in shown)  # type: ignore[attr-defined]
    assert "none" in text
    assert "{" not in text
    html = rows._repr_html_()
    assert html.count("digits") >= 3
    assert "elsewhere" not in html


@pytest.mark.parametrize(("norm", "size"), [("l2", 32), ("linf", 64)])
def test_where_nothing_is_exact_no_control_stands(norm: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In l_2, and beside encoders of larger images alone, on which the adversary has more pixels."""
    shown: list[object] = []
    monkeypatch.setattr(control_beside, "display", lambda *elements: shown.extend(elements))
    page = Page("section_5_1_cross_entropy", PARAMETERS | {"norm": norm})
    points = pd.DataFrame({"encoder": ["other"], "data": "digits"})
    control_beside.show(page, points, [named("other", size)])
    (said,) = shown
    assert "No control stands here" in said.shown  # type: ignore[attr-defined]
