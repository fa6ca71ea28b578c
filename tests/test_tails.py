"""The tails behind the bound for all heads: areas are means, and the strip is what the proof adds."""

import math

import pandas as pd
import pytest
import torch

from rt_utils.evaluation import coverage, tails
from rt_utils.pages import loss_gap_texts
from rt_utils.pages.plots import loss_gap as plots
from rt_utils.theory import statements

C2, RHO, N, SAMPLES = 5.0, 0.05, 50, 100


def population(seed: int = 0) -> coverage.Population:
    shifts = torch.rand(300, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 3
    shifts[::4] = shifts[0]  # ties
    return coverage.Population(torch.zeros(300).double(), shifts, 2.5)


def sample(seed: int) -> torch.Tensor:
    drawn = torch.randint(300, (N,), generator=torch.Generator().manual_seed(seed))
    return population().shifts[drawn]


@pytest.mark.parametrize("seed", range(5))
def test_the_area_under_a_tail_is_the_mean_of_the_cut_shift(seed: int) -> None:
    found = tails.tails(population(), N, RHO, C2, seed)
    assert found.cuts == {"this head": 2.0, "a head 4 times as long": 0.5}
    for cut in (*found.cuts.values(), 0.01, 10.0):
        assert found.area("population", cut) == pytest.approx(float(population().shifts.clamp(max=cut).mean()))
        assert found.area("sample", cut) == pytest.approx(float(sample(seed).clamp(max=cut).mean()))


def test_on_the_event_the_bound_holds_for_every_head_and_the_event_is_as_likely_as_promised() -> None:
    held = 0
    for seed in range(SAMPLES):
        found = tails.tails(population(), N, RHO, C2, seed)
        held += found.event
        for long in (0.1, 1.0, 4.0, 1e3):
            factor = long * population().factor
            expected = float((factor * population().shifts).clamp(max=C2).mean())
            bound = statements.uniform_loss_gap_bound(sample(seed), factor, C2, RHO)
            assert expected <= bound + 1e-9 or not found.event
            cut = C2 / factor
            assert bound == pytest.approx(factor * (found.area("sample", cut) + found.eta * cut))
    assert held / SAMPLES >= 1 - RHO - 3 * math.sqrt(RHO / SAMPLES)


def test_half_the_strip_keeps_no_promise() -> None:
    failed = 0
    for seed in range(SAMPLES):
        found = tails.tails(population(), N, RHO, C2, seed)
        curves = found.curves
        failed += bool((curves["population"] > curves["sample"] + found.eta / 2).any())
    assert failed / SAMPLES > 2 * RHO


def test_the_figure_draws_the_cuts_that_fit_and_both_tails() -> None:
    found = tails.tails(population(), N, RHO, C2, 0)
    figure = plots.one_event(found.curves, found.eta, found.cuts)
    (axis,) = figure.axes
    names = [text.get_text() for text in axis.get_legend().get_texts()]  # type: ignore[union-attr]
    assert names[:3] == ["strip, height η", "tail of the sample", "true tail"]
    assert len(names) == 5
    assert axis.get_xlim()[1] == pytest.approx(1.05 * found.curves["shift"].max())
    far = plots.one_event(found.curves, found.eta, {"one": 100.0, "another": 2.0}).axes[0].get_legend()
    assert len(far.get_texts()) == 4  # type: ignore[union-attr]


def test_the_reading_says_what_was_found() -> None:
    here, papers = pd.Series([4.0, 9.0]), pd.Series([12.0, 55.0])
    assert loss_gap_texts.reading([True, False, True], here, papers)[0] == loss_gap_texts.WRONG
    assert loss_gap_texts.reading([True] * 3, here[:0], papers)[0] == loss_gap_texts.NO_GAP
    template, values = loss_gap_texts.reading([True] * 3, here, papers)
    assert "On 3 of 3 pairs" in template.format(**values)
    assert "4 to 9 times the left side here, and 12 to 55 times" in template.format(**values)


def test_a_tail_counts_what_is_strictly_above() -> None:
    shifts = torch.tensor([1.0, 1.0, 2.0, 3.0])
    assert tails.tail(shifts, torch.tensor([0.0, 1.0, 2.5, 3.0])).tolist() == [1.0, 0.5, 0.25, 0.0]
    assert isinstance(tails.tails(population(), N, RHO, C2, 0).curves, pd.DataFrame)
