"""What the margin ratio is: g is 1-Lipschitz, m is the radius of Theorem 2, and where older sentences failed."""

import doctest
import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from test_proof_steps import POINTS, REGIMES, Draw, at_most, draws, everywhere
from torch import Tensor

from rt_utils.pages.plots import criterion as plots
from rt_utils.theory import margin, sharper, statements
from rt_utils.theory.margin import signed_margin, towards_nearest


def pairwise(logits: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
    """g class by class, in Python."""
    values = []
    for row, y in zip(logits, labels.tolist(), strict=True):
        others = [j for j in range(len(weight)) if not torch.equal(weight[j], weight[y])]
        values.append(
            min((float((row[y] - row[j]) / (weight[y] - weight[j]).norm()) for j in others), default=math.inf)
        )
    return torch.tensor(values, dtype=logits.dtype)


def scale(d: Draw) -> float:
    apart = statements.row_distances(d.weight)
    return 4 * d.size / float(apart[apart > 0].min()) if (apart > 0).any() else 1.0


def lipschitz(d: Draw, factor: float = 1.0) -> None:
    """|g(z') - g(z)| <= ||z' - z|| with y fixed: any y, predicted or not."""
    for y in (d.logits[0].argmax(1), d.labels):
        g = torch.stack([signed_margin(logits, d.weight, y) for logits in d.logits])
        change = torch.where(g.isfinite() & g[0].isfinite(), g - g[0], 0.0)
        at_most(factor * change.abs(), d.moves.norm(dim=2), scale(d), "g, Lipschitz")


@pytest.mark.parametrize("regime", REGIMES)
def test_g_is_1_lipschitz_and_equals_the_margin_ratio(regime: str) -> None:
    for d in draws(regime):
        lipschitz(d)
        logits, y = d.logits[0], d.logits[0].argmax(1)
        g, m = signed_margin(logits, d.weight, y), statements.margin_ratio(logits, d.weight)
        rtol = 1e-4 if logits.dtype == torch.float32 else 1e-9
        assert torch.allclose(g, pairwise(logits, d.weight, y), rtol=rtol, atol=0.0)
        tied = (m == 0) & (g > 0)  # only a class with the same row can be tied there
        assert torch.allclose(g[~tied], m[~tied], rtol=rtol, atol=0.0)
        for i in tied.nonzero().flatten().tolist():
            twins = [j for j in range(len(d.weight)) if j != y[i] and torch.equal(d.weight[j], d.weight[y[i]])]
            assert any(logits[i, j] == logits[i, y[i]] for j in twins)


def test_a_constant_that_is_too_small_is_caught() -> None:
    with pytest.raises(AssertionError, match="g, Lipschitz: exceeded"):
        everywhere(lipschitz, factor=1.05)


@pytest.mark.parametrize("regime", [name for name in REGIMES if not name.startswith("float32")])
def test_the_radius_is_the_margin_ratio(regime: str) -> None:
    """For 0 < m < inf: y alone inside; at distance m no longer somewhere; beyond, another class is ahead somewhere."""
    seen = 0
    for d in draws(regime):
        z, logits = d.reach[0], d.logits[0]
        y, m, towards = logits.argmax(1), statements.margin_ratio(logits, d.weight), towards_nearest(logits, d.weight)
        proper = (m > 1e-9) & m.isfinite()
        seen += int(proper.sum())
        if not proper.any():
            continue
        for factor in (0.5, 0.999, 1.0, 1.001, 3.0):
            moved = z + factor * m.where(proper, 0.0)[:, None] * towards
            g = signed_margin(moved @ d.weight.T + d.bias, d.weight, y)
            expected = (1 - factor) * m
            at_most((g - expected).abs()[proper], 0.0, scale(d), "a step to the nearest hyperplane")
    assert seen > POINTS or regime in ("one class", "zero rows", "equal rows")


def test_the_table_by_hand_of_the_chapter() -> None:
    weight, z = torch.tensor([[3.0, 0.0], [0.0, 4.0]]).double(), torch.tensor([[3.0, 1.0]]).double()
    reached = torch.tensor([[2.7, 1.4], [2.4, 1.8], [4.6, 2.2]]).double()
    assert statements.margin_ratio(z @ weight.T, weight).tolist() == [1.0]
    assert statements.shift(z, reached).tolist() == pytest.approx([0.5, 1, 2])
    assert torch.allclose(reached @ weight.T, torch.tensor([[8.1, 5.6], [7.2, 7.2], [13.8, 8.8]]).double())


def test_equal_rows_ties_and_one_class() -> None:
    """Twins: m = 0, and yet class 0 is a prediction everywhere. So m is not "the largest ball of one prediction"."""
    weight = torch.ones(2, 1, dtype=torch.float64)
    anywhere = torch.linspace(-1e6, 1e6, 101, dtype=torch.float64)[:, None]
    logits = anywhere @ weight.T
    assert (statements.margin_ratio(logits, weight) == 0).all()
    assert (logits.argmax(1) == 0).all()
    zeros = torch.zeros(101, dtype=torch.int64)
    assert signed_margin(logits, weight, zeros).isinf().all()
    assert not towards_nearest(logits, weight).any()
    bias = torch.tensor([1.0, 0.0]).double()  # no tie: +inf, and class 0 is the only prediction everywhere
    assert statements.margin_ratio(logits + bias, weight).isinf().all()
    assert signed_margin(logits[:, :1], weight[:1], zeros).isinf().all()


def test_a_tie_with_a_twin_behind_a_positive_g() -> None:
    """Rows 0 and 1 equal and tied, row 2 far: g > 0, m = 0, and a step of any length keeps the tie."""
    weight = torch.tensor([[1.0], [1.0], [0.0]]).double()
    logits = torch.tensor([[1.0]]).double() @ weight.T
    assert signed_margin(logits, weight, torch.tensor([0])).item() == 1.0
    assert statements.margin_ratio(logits, weight).item() == 0.0


def test_a_radius_from_a_constant_on_a_ball_that_is_chosen_afterwards_is_wrong() -> None:
    """One feature, flat within 0.1 and steep beyond: Lambda_0.1 = 0.1, so m / Lambda_0.1 = 5, and 0.6 flips."""

    def f(x: float) -> float:
        return 0.1 * x if x <= 0.1 else 0.01 + 2 * (x - 0.1)

    def constant(radius: float) -> float:
        return max(f(t) / t for t in np.linspace(radius / 1000, radius, 1000))

    m = 0.5  # the boundary lies at feature 0.5; the smallest x beyond it is 0.345
    assert constant(0.1) == pytest.approx(0.1)
    assert m / constant(0.1) > 0.6, "the circular sentence would certify 0.6"
    assert f(0.6) > m
    for radius in np.linspace(0.01, 2, 100):
        certified = min(radius, m / constant(radius))
        assert f(certified * (1 - 1e-9)) < m, "eps <= R and eps < m / Lambda_R"


def test_where_zero_is_needed_among_the_perturbations() -> None:
    """Theorem 2 holds without it. The criterion with direction does not: its supremum is -1 < 0 = m at a tie."""
    weight, bias = torch.tensor([[1.0], [1.0], [0.0]]).double(), torch.zeros(3).double()
    z, only = torch.tensor([[1.0]]).double(), torch.tensor([[[2.0]]]).double()
    m = statements.margin_ratio(z @ weight.T, weight)
    assert not statements.criterion(statements.shift(z, only[0]), m).item()
    without = ((only[0] - z) @ (weight[2] - weight[0])) / (weight[2] - weight[0]).norm()
    assert without.item() == -1.0 < m.item()
    after = only[0] @ weight.T
    assert (after == after.max()).sum() == 2, "two classes are tied at the only point reached"
    along, _ = sharper.directional_shift(z, only, weight, bias)
    assert along.item() == 0.0  # the package's D counts the clean image
    assert not (along < m).item()


def test_the_picture_is_the_proof() -> None:
    weight = torch.tensor([[1.0, 0.2], [-0.6, 0.9], [-0.5, -1.0]]).double()
    z = torch.tensor([0.95, 0.35]).double()
    m = statements.margin_ratio((z @ weight.T)[None], weight).item()
    figure = plots.one_line_proof(weight.numpy(), z.numpy())
    plane, rays = figure.axes
    curves = [line for line in rays.lines if line.get_gid() == "ray"]
    assert len(curves) >= 24
    slack = []
    for line in curves:
        t, g = (np.asarray(values, dtype=float) for values in line.get_data())
        assert (np.abs(g - m) <= t + 1e-9).all(), "a ray leaves the cone"
        slack.append((g - (m - t)).max())
    assert min(slack) < 1e-9, "no ray touches the lower line: the constant 1 would not be seen to be the best"
    (boundary,) = [line for line in rays.lines if line.get_gid() == "bound"]
    t, low = (np.asarray(values, dtype=float) for values in boundary.get_data())
    assert np.allclose(low, m - t)
    circles = [line for line in plane.lines if line.get_gid() == "circle"]
    reached = [np.linalg.norm(np.stack(line.get_data(), axis=1) - z.numpy(), axis=1) for line in circles]
    assert [r.mean() for r in reached] == pytest.approx([m / 3, 2 * m / 3, m])
    for line, rest in zip(circles, (2 * m / 3, m / 3, 0.0), strict=True):
        on = torch.from_numpy(np.stack(line.get_data(), axis=1))
        values = signed_margin(on @ weight.T, weight, torch.zeros(len(on), dtype=torch.int64))
        assert values.min().item() == pytest.approx(rest, abs=1e-3)  # each circle touches its own level line
    plt.close(figure)


def test_the_examples_run() -> None:
    result = doctest.testmod(margin)
    assert (result.failed, result.attempted) == (0, 5)
