"""The chain and the sharper statements on points by hand, and the network whose Lipschitz constant is known."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from measured import measurement

from rt_utils.evaluation import certificate, slack
from rt_utils.images.catalogue import load_data_set
from rt_utils.models.networks.orthonormal import Grey, MaxMin, OrthonormalNetwork
from rt_utils.theory import sharper
from rt_utils.theory.sharper import LINKS
from rt_utils.training import lipschitz_network

IDENTITY = [[1.0, 0.0], [0.0, 1.0]]
# Features (2, 0); the largest loss is at (1.5, 0.5), the largest shift, 1, at (3, 0).
BY_HAND = measurement([[2.0, 0.0]], IDENTITY, [0], z_shift=[[3.0, 0.0]], z_loss=[[1.5, 0.5]])
GAP = math.log1p(math.exp(-1)) - math.log1p(math.exp(-2))


def test_the_chain_by_hand() -> None:
    """v = (-1, 1) / 2, q - e_y = (-t, t) with t = 1 / (1 + e)."""
    t, length = 1 / (1 + math.e), math.sqrt(0.5)
    expected = [GAP, t, t * math.sqrt(2) * length, math.sqrt(2) * length, 2 * length, 2.0]
    assert slack.chain(BY_HAND)[0].tolist() == pytest.approx(expected)
    assert slack.largest_excess([BY_HAND]) <= 0


def test_a_broken_link_is_reported() -> None:
    """The largest shift is smaller than the move to the largest loss, which cannot be."""
    wrong = measurement([[2.0, 0.0]], IDENTITY, [0], z_shift=[[2.1, 0.0]], z_loss=[[1.5, 0.5]])
    assert slack.largest_excess([BY_HAND, wrong]) == pytest.approx(2 * (math.sqrt(0.5) - 0.1))


def test_what_passes_to_the_supremum() -> None:
    """At the origin the perturbation found is the clean image: lines (1) to (4) are 0 there, the gap T is not."""
    found = measurement([[2.0, 0.0]], IDENTITY, [0], z_shift=[[3.0, 0.0]], z_loss=[[2.0, 0.0]])
    better = measurement([[2.0, 0.0]], IDENTITY, [0], z_shift=[[3.0, 0.0]], z_loss=[[1.5, 0.5]])
    gap, at_found = slack.chain(better)[0, 0], slack.chain(found)[0]
    assert (at_found[:5] < gap).all(), "links at one perturbation bound no supremum"
    assert gap <= at_found[5]
    pairwise = sharper.per_sample_constants(torch.tensor(IDENTITY).double(), torch.tensor([0]))
    assert gap <= pairwise.item() * 1.0  # line (3) with S in it


def test_the_factors_multiply_to_the_whole_slack() -> None:
    (row,) = slack.chain_factors([BY_HAND]).to_dict("records")
    assert math.prod(row[link] for link in LINKS) == pytest.approx(row["AS / LHS"])
    assert row["AS / LHS"] == pytest.approx(2 / GAP)
    assert row["attack"] == pytest.approx(1 / math.sqrt(0.5))


def test_the_largest_link_goes_by_the_full_name() -> None:
    factors = pd.DataFrame(
        [["embedded/robust", 1, 1, 8, 2, 1], ["natural/robust", 1, 4, 1, 1, 2], ["embedded/robust", 4, 1, 2, 2, 1]],
        columns=["encoder", *LINKS],
    )
    assert slack.largest_links(factors).to_dict("records") == [
        {"encoder": "embedded/robust", "link": "saturation", "share": pytest.approx((3 / 4 + 1 / 4) / 2)},
        {"encoder": "natural/robust", "link": "angle", "share": pytest.approx(2 / 3)},
    ]


def test_the_sharper_bounds_by_hand() -> None:
    """m = sqrt 2 = S (1 + 0.41); towards the boundary it moves sqrt(1/2) alone."""
    (row,) = slack.sharper_bounds([BY_HAND]).to_dict("records")
    assert row["gap"] == pytest.approx(GAP)
    bounds = {"per sample": math.sqrt(2), "best of 3": math.sqrt(2), "paper": 2.0}
    assert {name: row[name] for name in bounds} == pytest.approx(bounds)
    assert [row[name] for name in ("row", "Thm 2", slack.DIRECTED, "unchanged")] == [0.0, 1.0, 1.0, 1.0]
    assert [row[name] for name in ("directed", "changed by the two", "changed by another")] == [1, 0, 0]
    assert row["D above S"] == pytest.approx(math.sqrt(0.5) - 1)


def test_a_point_that_another_perturbation_flips_is_counted_apart() -> None:
    m = measurement([[2.0, 0.0]], IDENTITY, [0], z_shift=[[3.0, 0.0]], z_loss=[[1.5, 0.5]], flipped=[True])
    (row,) = slack.sharper_bounds([m]).to_dict("records")
    assert (row["changed by the two"], row["changed by another"], row["unchanged"]) == (0, 1, 0.0)


def test_scores_without_their_scale() -> None:
    """Two points at (2, 0) and (0, 4), both moved by 1; the second row of the head has length 3."""
    m = measurement([[2.0, 0.0], [0.0, 4.0]], [[1.0, 0.0], [0.0, 3.0]], [0, 1], z_shift=[[3.0, 0.0], [0.0, 5.0]])
    (row,) = slack.scaled_scores([m]).to_dict("records")
    expected = {"AS": 1, "AS × 10": 10, "in nats": 6, "/ length": 1 / 3, "/ distance": 1 / math.sqrt(20)}
    assert {name: row[name] for name in expected} == pytest.approx(expected)


def test_what_is_certified() -> None:
    points = pd.DataFrame(
        {
            "label": [0, 0, 1, 1],
            "predicted": [0, 0, 0, 1],
            "shift": [0.1, 0.2, 0.3, 0.4],
            "margin_ratio": [0.5, 1.5, 1.5, 3.0],
            "wrong": [True, False, True, False],
            "flipped": [True, False, False, False],
        }
    )
    (row,) = certificate.certificates({2.0: points}, 0.5).to_dict("records")
    assert row == pytest.approx(
        {
            "radius": 2.0,
            "Λ radius": 1.0,
            "AS found": 0.25,
            "clean": 0.75,
            "certified": 0.75,
            "and right": 0.5,
            "PGD": 0.5,
            "flipped": 0,
        }
    )
    assert certificate.certificates({0.5: points}, 0.5)["flipped"].item() == 1  # a certificate that is wrong is seen
    assert certificate.certified_and_right(points, 0.5, np.array([0.0, 2.0, 9.0])) == [0.75, 0.5, 0.0]
    assert not certificate.certified(points, 0.5)[0]  # a tie is not certified


def test_the_layers_have_the_norms_that_they_say() -> None:
    ones = torch.ones(1, 3, 32, 32, dtype=torch.float64)
    assert Grey()(ones).norm() / ones.norm() == pytest.approx(Grey.norm)
    x, moved = torch.randn(2, 500, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert ((MaxMin()(moved) - MaxMin()(x)).norm(dim=1) <= (moved - x).norm(dim=1) + 1e-12).all()
    assert MaxMin()(torch.tensor([[1.0, 5.0, 4.0, 2.0]])).tolist() == [[4.0, 5.0, 1.0, 2.0]]


def test_the_network_keeps_its_constant() -> None:
    torch.manual_seed(0)
    network = OrthonormalNetwork().fix()
    assert network.lipschitz_constant() == pytest.approx(1 / (2 * math.sqrt(3)), rel=1e-5)
    x = torch.rand(64, 3, 32, 32)
    moved = x + torch.randn(64, 3, 32, 32)
    ratios = (network(moved) - network(x)).norm(dim=1) / (moved - x).flatten(1).norm(dim=1)
    assert ratios.max() <= network.lipschitz_constant()
    with torch.no_grad():
        network[1].weight *= 2
    assert network.lipschitz_constant() == pytest.approx(1 / math.sqrt(3), rel=1e-5)


def test_training_gives_the_same_encoder_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lipschitz_network, "EPOCHS", 2)
    digits = load_data_set("digits", size=32, n_train=50, n_test=4, seed=0)
    before = torch.get_rng_state()
    encoder, head, constant = lipschitz_network.trained("slack/orthonormal", digits, 0)
    again, *_ = lipschitz_network.trained("slack/orthonormal", digits, 0)
    assert encoder.weights_sha256 == again.weights_sha256
    assert torch.equal(before, torch.get_rng_state())  # no global generator is touched
    assert constant == pytest.approx(Grey.norm, rel=1e-5)
    assert torch.allclose(head.weight.norm(dim=1), torch.ones(10, dtype=torch.float64), atol=1e-6)
    assert encoder.features(digits.test.pixels()).shape == (4, 64)
