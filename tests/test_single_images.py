"""What predicts flips of single images: areas under curves, DeepFool's distance, independent attacks."""

import numpy as np
import pandas as pd
import pytest
import torch
from measured import measurement
from torch import nn

from rt_utils.evaluation import single_images
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.deepfool import deepfool_distance
from rt_utils.pages import single_images_section


def test_areas_by_hand() -> None:
    flipped = np.array([True, True, False, False])
    whole = np.full((1, 4), 0.25)
    assert single_images.areas(np.array([3.0, 4, 1, 2]), flipped, whole) == 1
    assert single_images.areas(np.array([1.0, 2, 3, 4]), flipped, whole) == 0
    assert single_images.areas(np.array([1.0, 3, 2, 3]), flipped, whole) == pytest.approx((0 + 0 + 1 + 0.5) / 4)
    twice = np.array([[0.25, 0.5, 0.25, 0]])  # the second twice, the last not at all
    assert single_images.areas(np.array([1.0, 3, 2, 3]), flipped, twice) == pytest.approx(2 / 3)
    assert np.isnan(single_images.areas(np.arange(4.0), np.zeros(4, bool), whole))


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_deepfool_is_exact_for_two_linear_classes(norm: str) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(12, 2)
    x = torch.rand(5, 3, 2, 2)
    gaps = layer(x.flatten(1)) @ torch.tensor([1.0, -1.0])
    w = layer.weight[0] - layer.weight[1]
    exact = gaps.abs() / (w.abs().sum() if norm == "linf" else w.norm())
    found = deepfool_distance(nn.Sequential(nn.Flatten(), layer), x, norm)  # type: ignore[arg-type]
    assert found.numpy() == pytest.approx(1.02 * exact.detach().numpy(), rel=1e-3)


def test_neither_attack_starts_from_the_other() -> None:
    """`search` hands the finds of a halving search for the shift to the attack on the loss, and only of such a one."""
    plan = single_images.plan(0)
    assert isinstance(plan.representation, PGDSettings)
    assert plan.representation.seed != plan.loss.seed


def test_each_predictor_grows_with_the_danger() -> None:
    m = measurement([[2.0, 0.0], [0.5, 0.0]], [[1.0, 0.0], [-1.0, 0.0]], [0, 0])

    frame = pd.DataFrame({"shift_representation": [1.0, 1.0], "shift_subspace_aimed": [1.0, 1.0]})
    frame["margin_ratio"] = [2.0, 0.5]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(single_images, "table", lambda _: frame)
        found = single_images.predictors(m, np.array([2.0, 0.5]))
    assert tuple(found) == single_images.PREDICTORS
    for name, (safe, near) in found.items():
        assert (safe < near) or name == "S", name


COUNTS = "in {} of 2 pairs, loses some of it in {}, and in {} neither is sure"


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        ([0.1, 0.1], [0.2, 0.2], single_images_section.ADDS.format(where="on all of them")),
        ([-0.2, -0.2], [-0.1, -0.1], single_images_section.LESS.format(where="on all of them")),
        ([0.1, -0.1], [0.2, 0.1], COUNTS.format(1, 0, 1)),  # one case says nothing in general
        ([-0.2, -0.1], [-0.1, 0.1], COUNTS.format(0, 1, 1)),
        ([-0.2, 0.1], [-0.1, 0.2], COUNTS.format(1, 1, 0)),
        ([-0.1, -0.1], [0.1, 0.1], COUNTS.format(0, 0, 2)),
    ],
)
def test_the_sentence_follows_from_the_intervals(low: list[float], high: list[float], says: str) -> None:
    found = pd.DataFrame({name: [0.6, 0.9] for name in single_images.PREDICTORS})
    for other in single_images.RIVALS:
        found[f"{other} low"], found[f"{other} high"] = low, high
    template, values = single_images_section.reading(found)
    assert says in values["plain"]
    assert "$m/S$ 0.60 to 0.90" in template.format(**values)
    assert [values[f"{short}_better"] for short in ("m", "softmax", "far")] == [sum(end > 0 for end in low)] * 3


def test_each_end_of_an_interval_has_bootstrap_samples_beyond_it() -> None:
    for cases in (1, 6, 20):
        part = 0.05 / (2 * cases)
        assert single_images.resamples(part) * part / 2 >= 50
    assert single_images.resamples(0.01) == 10_000
