"""What `as_released` switches on for dSprites: Adam for the probe (M7), the squared loss with C_1 = 1 (M8)."""

from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import torch
from planted_module import planted
from test_regression_functions import NAMES, found_of, probe_of

from rt_utils.evaluation import adam_probe, regression, regression_tables
from rt_utils.images.drawn.sprites import FACTORS
from rt_utils.pages import parameters, regression_experiment
from rt_utils.runtime.errors import InputError


def drawn(n: int, r: int = 3) -> tuple[np.ndarray, np.ndarray]:
    z = np.random.default_rng(0).normal(size=(n, r))
    return z, z @ np.random.default_rng(1).normal(size=(r, 2)) + 0.5


def test_adam_by_hand() -> None:
    """One batch an epoch: Adam's formulas, and a rate of 1e-3 (1 + cos(pi t / 100)) / 2 in epoch t."""
    z, y = drawn(40)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        layer = torch.nn.Linear(3, 2, dtype=torch.float64)
    weight = np.c_[layer.weight.detach().numpy(), layer.bias.detach().numpy()]
    padded, first, second = np.c_[z, np.ones(len(z))], np.zeros((2, 4)), np.zeros((2, 4))
    for epoch in range(10):
        gradient = 2 * (padded @ weight.T - y).T @ padded / len(z)
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        mean, size = first / (1 - 0.9 ** (epoch + 1)), second / (1 - 0.999 ** (epoch + 1))
        weight = weight - 1e-3 * (1 + np.cos(np.pi * epoch / 100)) / 2 * mean / (np.sqrt(size) + 1e-8)

    def check(module: ModuleType) -> None:
        head = module.adam(z, y, 7)
        np.testing.assert_allclose(head.weight, weight[:, :3], atol=1e-9)
        np.testing.assert_allclose(head.bias, weight[:, 3], atol=1e-9)

    check(adam_probe)
    for right, wrong in (
        ("T_MAX = 100", "T_MAX = 10"),
        (".square()", ".abs()"),
        ("1e-3, 512", "1e-2, 512"),
    ):
        with pytest.raises(AssertionError):
            check(planted(adam_probe, right, wrong))


def test_each_output_learns_as_if_it_were_alone() -> None:
    """The features of one output do not enter the other's: with its targets changed the first stays."""
    z, y = drawn(1100)
    one, other = adam_probe.adam(z, y, 0), adam_probe.adam(z, np.c_[y[:, 0], 5 - y[:, 1]], 0)
    np.testing.assert_array_equal(one.weight[0], other.weight[0])
    assert not np.allclose(one.weight[1], other.weight[1])
    torch.manual_seed(0)
    before = torch.rand(1)
    torch.manual_seed(0)
    adam_probe.adam(z, y, 3)
    assert torch.equal(before, torch.rand(1))  # no global generator is touched


def test_the_parameters_choose_the_fit_and_least_squares_is_the_default() -> None:
    z, y = drawn(60)
    for fit, expected in (("least squares", regression.least_squares(z, y)), ("adam", adam_probe.adam(z, y, 2))):
        head = regression_experiment.fit_of(parameters.check({"probe_fit": fit, "seed": 2}))(z, y)
        np.testing.assert_array_equal(head.weight, expected.weight)
    with pytest.raises(InputError, match="unknown fit of the probe 'sgd': use"):
        parameters.check({"probe_fit": "sgd"})


def test_table_7_with_the_square() -> None:
    """At residuals .1 and 1.11 and a norm w the left sides are 1.01 / w, and (1.11^2 - .01) / w."""
    probed, name = {NAMES[0]: probe_of(NAMES[0])}, NAMES[0]
    found = {norm: found_of(0.1, 1.11, 2.0) for norm in ("linf", "l2")}
    sides = pd.concat([regression.both_sides(probed[name], n, f) for n, f in found.items()], ignore_index=True)
    for loss, gap in (("absolute", 1.01), ("squared", 1.11**2 - 0.01)):
        table = regression_tables.lemma_1(sides, probed, regression_experiment.LOSSES[loss][0])
        for k, factor in enumerate(FACTORS):
            assert table[factor].tolist() == pytest.approx([gap / probed[name].norms[k]] * 2)
        assert table.AS.tolist() == [2, 2]
    pd.testing.assert_frame_equal(
        regression_tables.lemma_1(sides, probed), regression_tables.lemma_1(sides, probed, "|xi|")
    )
