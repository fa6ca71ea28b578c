"""What the attack on the representation leaves fulfilled alone, and what attacks on the loss flip of it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from linear_world import data_set, linear_encoder, normal
from torch import Tensor

from rt_utils.evaluation import summary
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.finds import Find, best
from rt_utils.evaluation.halving import HalvingSettings
from rt_utils.evaluation.measure import measure
from rt_utils.evaluation.measurement import Measurement, table
from rt_utils.evaluation.search import AttackPlan
from rt_utils.evaluation.statistics import shown_share
from rt_utils.evaluation.summary import ALONE
from rt_utils.models.head import Head
from rt_utils.pages import representation_alone
from rt_utils.pages.claims import below
from rt_utils.pages.elements import filled
from rt_utils.pages.page import Page
from rt_utils.theory import statements
from rt_utils.theory.margin import towards_nearest
from rt_utils.theory.threat import Threat

HEAD = Head(normal(5, 8).double(), normal(5, seed=1).double())
Z = normal(200, 8, seed=2)
RATIO = statements.margin_ratio(HEAD.logits(Z), HEAD.weight)
OUTWARDS = RATIO[:, None] * towards_nearest(HEAD.logits(Z), HEAD.weight)  # to the nearest hyperplane


def points(*found: tuple[str, Tensor]) -> pd.DataFrame:
    """What the kinds of attack found, each one move of the features of all points."""
    finds = [Find(kind, np.arange(len(Z)), (Z + move).float().numpy()) for kind, move in found]
    y = HEAD.logits(Z).argmax(1)
    columns = {name: values.numpy() for name, values in best(HEAD, Z, y, finds, {}).items()}
    labels, head = y.numpy(), {"weight": HEAD.weight.numpy(), "bias": HEAD.bias.numpy()}
    return table(Measurement("embedded/robust", "drawn", tuple("abcde"), "", "", labels=labels, **head, **columns))


def only(frame: pd.DataFrame) -> dict[str, object]:
    (row,) = frame.to_dict("records")
    return {str(name): value for name, value in row.items()}


@pytest.mark.parametrize("kind", ["loss", "margin", "predicted", "paper_loss", "loss_floor", "apgd"])
def test_a_weak_attack_on_the_representation_shows_as_flips_and_the_identity_holds(kind: str) -> None:
    """It finds a tenth of the way to the boundary; an attack on the loss crosses it at half of the points."""
    half = torch.arange(len(Z))[:, None] < len(Z) // 2
    found = points(("representation", 0.1 * OUTWARDS), (kind, torch.where(half, 1.01, 0.5) * OUTWARDS))
    row = only(summary.representation_alone(found))
    assert (row["n"], row["fulfilled"], row[ALONE], row["flipped"], row["share"]) == (200, 200, 1.0, 100, 0.5)
    assert row["95% interval"] == shown_share(200, 200)
    assert row["its 95% interval"] == shown_share(100, 200)
    assert only(summary.criterion(found))[summary.STAYED] == "100 of 100"
    assert not found[found.fulfilled].flipped.any()


def test_where_the_attack_on_the_representation_reaches_the_boundary_nothing_can_be_flipped() -> None:
    found = points(("representation", 1.01 * OUTWARDS), ("loss", 1.01 * OUTWARDS))
    row = only(summary.representation_alone(found))
    assert (row["fulfilled"], row["flipped"], row["its 95% interval"]) == (0, 0, "–")
    assert np.isnan(row["share"])  # type: ignore[call-overload]


def test_other_attacks_on_the_representation_are_no_independent_ones() -> None:
    """Neither a longer search for the shift nor the paper's counts as one that flips; the page's own cannot."""
    found = points(("representation", 0.1 * OUTWARDS), ("floor", 1.01 * OUTWARDS), ("paper", 1.01 * OUTWARDS))
    assert found.flipped.all()
    assert only(summary.representation_alone(found))["flipped"] == 0


def measured(representation: PGDSettings | HalvingSettings) -> pd.DataFrame:
    """A linear encoder whose largest shift is known, with a search for the loss that finds what there is to find."""
    encoder, head = linear_encoder(normal(6, 48)), Head(normal(3, 6, seed=1).double(), torch.zeros(3).double())
    images = data_set(40, 3)
    plan = AttackPlan(representation, HalvingSettings.of_loss(5, 60), floor_points=0, apgd_points=0)
    (m,) = measure([(encoder, head, images)], Threat("l2", 0.06), plan)
    largest = 0.06 * torch.linalg.matrix_norm(normal(6, 48), ord=2).item()
    assert (m.shift <= largest * (1 + 1e-4)).all()
    assert m.shift_representation is not None
    assert (m.shift_representation <= m.shift * (1 + 1e-9)).all()
    return table(m)


def test_a_planted_weak_search_is_noticed_and_a_good_one_is_not() -> None:
    weak = measured(PGDSettings(steps=1, rel_stepsize=0.01))
    row = only(summary.representation_alone(weak))
    assert row["flipped"] > 3  # type: ignore[operator]
    good = measured(HalvingSettings.of_shift(5, 100))
    row = only(summary.representation_alone(good))
    assert (row["fulfilled"], row["flipped"]) == (12, 0)
    for found in (weak, good):
        assert not (found.fulfilled & found.flipped).any()


def test_the_page_says_what_the_share_measures() -> None:
    half = torch.arange(len(Z))[:, None] < len(Z) // 2
    found = points(("representation", 0.1 * OUTWARDS), ("loss", torch.where(half, 1.01, 0.5) * OUTWARDS))
    words = filled(*representation_alone.reading(summary.representation_alone(found)))
    assert "200 of 200 points fulfil the criterion, and attacks on the loss flip 100 of them" in words
    assert "of them, most at drawn, robust encoder: 50.0% of 200 points." in words
    quiet = summary.representation_alone(points(("representation", 0.1 * OUTWARDS)))
    assert "flip 0 of them. A flip proves" in filled(*representation_alone.reading(quiet))
    entered: list[tuple[str, dict[str, object]]] = []
    representation_alone.enter(found, lambda name, **values: entered.append((name, values)))
    ((name, values),) = entered
    assert (name, values["n"], values["lhs"], values["vacuous"]) == (representation_alone.CLAIM, 200, 0.5, False)


@pytest.mark.parametrize(
    ("flipped", "n", "verdict"),
    [(0, 1, "undecided"), (0, 500, "holds"), (1, 20, "undecided"), (100, 200, "violated"), (0, 0, "no point")],
)
def test_few_fulfilled_points_decide_nothing(flipped: int, n: int, verdict: str) -> None:
    """As a page decides it: a share of at most 5%, by its exact interval over the images."""
    page = Page("theorem_2_criterion", {"profile": "embedded", "norm": "linf", "eps": "8/255", "seed": 0})
    evidence = below(flipped, n, representation_alone.FLIPS)
    share = flipped / n if n else float("nan")
    page.claim("share", n=n, lhs=share, rhs=representation_alone.FLIPS, evidence=evidence, units="images")
    page.decide()
    (decided,) = page.claims
    assert decided.verdict == verdict


def test_a_measurement_without_an_attack_has_no_such_columns() -> None:
    found = points(("representation", 0.1 * OUTWARDS))
    assert {"shift_representation", "flipped_by_loss"} <= {*found}
    labels, head = HEAD.logits(Z).argmax(1).numpy(), {"weight": HEAD.weight.numpy(), "bias": HEAD.bias.numpy()}
    columns = {name: values.numpy() for name, values in best(HEAD, Z, torch.from_numpy(labels), [], {}).items()}
    m = Measurement("e", "d", tuple("abcde"), "", "", labels=labels, **head, **columns)
    assert "flipped_by_loss" not in table(replace(m, flipped_by_loss=None))
