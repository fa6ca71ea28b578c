"""The pictures of Lemma 3's Jensen step and of Lemma 2's constants show what the lemmas say."""

import doctest

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.axes import Axes
from measured import measurement

from rt_utils.evaluation import head_constants
from rt_utils.pages import lemma_section
from rt_utils.pages.plots import lemmas
from rt_utils.theory import jensen
from rt_utils.theory.losses import CROSS_ENTROPY

STEPS = [(1, 0.1), (2, 1.0), (3, 5.0), (4, 20.0)]


def drawn(seed: int, scale: float) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    u, other = (scale * torch.randn(5, generator=generator, dtype=torch.float64) for _ in range(2))
    return u, other


@pytest.mark.parametrize(("seed", "scale"), STEPS)
def test_the_step_is_the_change_of_the_loss_and_bounds_it(seed: int, scale: float) -> None:
    u, other = drawn(seed, scale)
    for y in range(5):
        step, label = jensen.jensen_step(u, other, y), torch.tensor([y])
        change = CROSS_ENTROPY(u[None], label) - CROSS_ENTROPY(other[None], label)
        assert step.exact == pytest.approx(change.item(), abs=1e-9)
        assert step.exact <= step.bound + 1e-12 <= step.constant + 1e-9
        assert step.mean_of_logs + np.log(step.mean) == pytest.approx(step.lost, abs=1e-9)


@pytest.mark.parametrize(("seed", "scale"), STEPS)
def test_what_jensens_inequality_loses_is_the_divergence_of_the_two_softmaxes(seed: int, scale: float) -> None:
    u, other = drawn(seed, scale)
    divergence = torch.nn.functional.kl_div(other.log_softmax(0), u.softmax(0), reduction="sum").item()
    assert jensen.jensen_step(u, other, 2).lost == pytest.approx(divergence, abs=1e-9)


def test_the_constant_two_is_approached() -> None:
    u, step = torch.tensor([0.0, 30.0]).double(), torch.tensor([0.01, -0.01]).double()
    found = jensen.jensen_step(u, u + step, 0)
    assert found.exact == pytest.approx(found.constant, rel=1e-6)


def bars(axis: Axes) -> list[float]:
    return [float(np.ptp(np.asarray(line.get_ydata()))) for line in axis.lines if line.get_gid() == "lost"]


def test_both_pictures_of_the_step_show_one_length() -> None:
    u, other = (torch.tensor(at).double() for at in (lemma_section.U, lemma_section.OTHER))
    step = jensen.jensen_step(u, other, lemma_section.Y)
    figure = lemmas.jensen(u.numpy(), other.numpy(), lemma_section.Y)
    assert [bars(axis) for axis in figure.axes] == [[pytest.approx(step.lost)]] * 2
    loss, tangent = (np.asarray(line.get_ydata(), dtype=float) for line in figure.axes[1].lines[:2])
    assert (loss >= tangent - 1e-9).all()
    plt.close(figure)


HEAD = [[3.0, 0.0], [0.0, 4.0]]


def test_the_constants_of_a_head_by_hand() -> None:
    m = measurement([[0.0, 0.0]] * 2, HEAD, [0, 1], z_shift=[[1.0, 1.0], [0.0, 0.0]], z_loss=[[2.0, 0.0], [0.0, 0.0]])
    (row,) = head_constants.table([m]).to_dict("records")
    assert {name: row[name] for name in head_constants.CONSTANTS} == {"row": 4, "spectral": 4, "Frobenius": 5}
    assert row["linf"] == pytest.approx(3)  # (6, 0) for (2, 0), which beats 4 / sqrt(2)
    assert row["l2"] == pytest.approx(5 / 2**0.5)  # (3, 4) for (1, 1)
    used = head_constants.spread(pd.DataFrame([row]))
    assert used == pytest.approx({"least": row["l2"] / 4, "most": row["l2"] / 4, "low": 1.25, "high": 1.25})


def test_where_nothing_moved_nothing_is_found() -> None:
    row = head_constants.table([measurement([[1.0, 2.0]], HEAD, [0])]).iloc[0]
    assert (row["linf"], row["l2"]) == (0, 0)


def lengths(axis: Axes, gid: str) -> list[np.ndarray]:
    curves = [np.asarray(line.get_data(), dtype=float) for line in axis.lines if line.get_gid() == gid]
    return [np.hypot(x, y) for x, y in curves]


def test_the_curves_touch_their_circles_and_no_move_found_passes_its_constant() -> None:
    generator = torch.Generator().manual_seed(0)
    z, moved, weight = (torch.randn(*n, generator=generator).double() for n in ((40, 2), (40, 2), (3, 2)))
    heads = head_constants.table(
        [measurement(z.tolist(), weight.tolist(), [0] * 40, z_shift=(z + moved).tolist(), encoder="embedded/random")]
    )
    assert head_constants.largest_share(heads) <= 1
    assert head_constants.largest_share(heads.assign(row=0.9 * heads["linf"])) > 1  # too small a constant is seen
    assert (heads["l2"] > 0.99 * heads["spectral"]).all()  # forty moves in a plane come close
    figure = lemmas.head_constants(weight.numpy(), heads, ["embedded/random"])
    row, spectral, frobenius = (radius.mean() for radius in lengths(figure.axes[0], "constant"))
    assert (row, spectral, frobenius) == pytest.approx([heads[name].iloc[0] for name in head_constants.CONSTANTS])
    linf, l2 = (length.max() for length in lengths(figure.axes[0], "move"))
    assert linf == pytest.approx(row, rel=1e-4)
    assert l2 == pytest.approx(spectral, rel=1e-4)
    assert l2 < 0.99 * frobenius
    plt.close(figure)


def test_the_example_runs() -> None:
    assert doctest.testmod(jensen) == (0, 3)
