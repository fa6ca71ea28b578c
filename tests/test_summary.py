"""Rows of tables from points, on points made by hand."""

import numpy as np
import pandas as pd
import pytest
import torch

from rt_utils.evaluation import summary
from rt_utils.evaluation.assumptions import AS_STATED, DROPPED, altered_criteria
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.measurement import Measurement, table
from rt_utils.evaluation.statistics import shown_share
from rt_utils.evaluation.sweep import largest_shifts
from rt_utils.models.frozen_encoder import Encoder


def by_hand(encoder: str = "embedded/robust") -> Measurement:
    """Four points, two classes, two features: head rows (1, 0) and (0, 1), so m(x) = |z_1 - z_2| / sqrt 2."""
    z = np.array([[3.0, 0.0], [0.0, 2.0], [1.0, 0.0], [0.0, 1.0]], np.float32)
    z_shift = z + np.array([[0.5, 0.0], [0.0, 0.5], [0.0, 3.0], [1.0, 0.0]], np.float32)
    n, no = 4, np.zeros(4, bool)
    return Measurement(
        encoder=encoder,
        data="digits",
        classes=("a", "b"),
        weights_sha256="",
        fingerprint="",
        labels=np.array([0, 0, 0, 1]),
        z=z,
        z_shift=z_shift,
        z_loss=z_shift,
        weight=np.eye(2),
        bias=np.zeros(2),
        **dict.fromkeys(("shift_page", "shift_paper", "shift_floor", "loss_page", "loss_floor"), np.zeros(n)),
        **dict.fromkeys(("wrong_pgd", "wrong_paper", "wrong_apgd"), no),
        wrong=np.array([False, True, True, False]),
        flipped=np.array([False, False, True, False]),
    )


def test_the_criterion_by_hand() -> None:
    (row,) = summary.criterion(table(by_hand())).to_dict("records")
    assert row["n"] == 4
    assert row["clean acc."] == 0.75
    assert row["robust acc."] == 0.5
    assert row["fulfilled"] == 0.5  # 0.5 < 3 / sqrt 2 and 0.5 < sqrt 2; 3 and 1 are not below 1 / sqrt 2
    assert row[summary.STAYED] == "2 of 2"
    assert row["robust, 95%"] == row["fulfilled, 95%"] == shown_share(2, 4) == "0.068 to 0.932"
    assert "95% interval" not in row  # none around a share that is 1 by algebra
    assert row["AS score"] == pytest.approx((0.5 + 0.5 + 3 + 1) / 4)


def test_both_sides_of_lemma_1_by_hand() -> None:
    row = summary.lemma_1(by_hand(), first=1)
    clean, adversarial = np.log1p(np.exp(-3.0)), np.log1p(np.exp(-3.5))
    assert (row["n"], row["encoder"]) == (1, "embedded/robust")
    assert row["diff. CE"] == pytest.approx(adversarial - clean)
    assert row["LHS"] == pytest.approx(abs(adversarial - clean) / 2)
    assert row["AS score"] == pytest.approx(0.5)


def test_two_encoders_of_one_short_name_are_two_rows() -> None:
    points = pd.concat([table(by_hand()), table(by_hand("natural/robust"))])
    assert list(summary.criterion(points).encoder) == ["embedded/robust", "natural/robust"]


def test_a_further_column_changes_no_row() -> None:
    points = table(by_hand())
    points.insert(3, "new", 1.0)
    assert summary.criterion(points).equals(summary.criterion(table(by_hand())))


def test_the_criterion_without_an_assumption() -> None:
    rows = altered_criteria([by_hand()]).set_index("condition")
    assert dict(rows.loc[AS_STATED]) == {"fulfilled": 2, "flipped all the same": 0}
    # The mean shift 1.25 is below 3 / sqrt 2 and sqrt 2 alone; half the shifts are 0.25, 0.25, 1.5, 0.5.
    assert dict(rows.loc[DROPPED["own shift"]]) == {"fulfilled": 2, "flipped all the same": 0}
    assert dict(rows.loc[DROPPED["largest shift"]]) == {"fulfilled": 3, "flipped all the same": 0}


class Doubling(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * x.flatten(1)[:, :1]


def test_shifts_grow_with_the_radius_and_are_known_for_a_linear_encoder() -> None:
    encoder = Encoder("doubling", Doubling(), input_size=4, width=1, weights_sha256="")
    x = torch.full((3, 3, 4, 4), 0.5)
    radii = [0.1, 0.05, 0.2]  # what 0.1 allowed counts for the next, too
    found = largest_shifts(encoder, x, "linf", radii, PGDSettings(steps=10))
    np.testing.assert_allclose(found, np.tile([0.2, 0.2, 0.4], (3, 1)), rtol=1e-3)
    beyond = largest_shifts(encoder, x, "linf", [5.0], PGDSettings(steps=10))
    np.testing.assert_allclose(beyond, np.ones((3, 1)), rtol=1e-3)  # from 0.5 to the edge of the box
