"""What is searched, on which points and at which labels; and the best of what was found, on hand-made finds."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from linear_world import PIXELS, grey_images, linear_encoder, normal, reach
from torch import Tensor

from rt_utils.evaluation import apgd, attacks, search
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.finds import Find, best
from rt_utils.evaluation.halving import HalvingSettings
from rt_utils.evaluation.regression_search import search_regression
from rt_utils.evaluation.search import AttackPlan, search_loss, search_representation
from rt_utils.models.head import Head
from rt_utils.theory.threat import Threat

TWO = Head(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]).double(), torch.zeros(2).double())  # logits (u, -u) at (u, v)
LINF = Threat("linf", 0.1)


def loss(u: float) -> float:
    """The cross-entropy of TWO at label 0 and the features (u, v)."""
    return math.log1p(math.exp(-2 * u))


def find(kind: str, *points: tuple[int, float, float]) -> Find:
    index, *z = zip(*points, strict=True)
    return Find(kind, np.array(index, np.int64), np.array(z, np.float32).T.copy())


Z = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [1.0, 0.0]])  # the third is wrong from the start
FINDS = [
    find("representation", (0, 1, 3), (1, 1, 3), (2, -1, 3), (3, 1, 3)),
    find("floor", (1, 1, 5), (0, 1, 5)),  # in another order
    find("paper", (0, 1, 4)),
    find("loss", (0, -1, 0), (1, 0.5, 0)),
    find("loss", (0, 1, 0.5), (1, 1, 0.5)),  # a weaker run after a stronger one takes nothing away
    find("predicted", (2, 1, 0)),  # to the right label
    find("loss_floor", (1, -2, 0)),
    find("paper_loss", (0, -0.5, 0)),
    find("apgd", (3, -0.5, 0)),
    find("apgd", (3, 1, 0)),
]
CHECKED = {"shift_floor": 2, "loss_floor": 2, "shift_paper": 1}


def test_the_best_of_hand_made_finds() -> None:
    columns = best(TWO, Z, torch.zeros(4, dtype=torch.long), FINDS, CHECKED)
    nan, clean = math.nan, loss(1)
    expected = {
        "z": Z,
        "z_shift": [[1, 5], [1, 5], [-1, 3], [1, 3]],
        "z_loss": [[-1, 0], [-2, 0], [-1, 0], [-0.5, 0]],
        "shift_page": [3, 3, 3, 3],
        "shift_floor": [5, 5, nan, nan],
        "shift_paper": [4, nan, nan, nan],
        "loss_page": [loss(-1), loss(0.5), loss(-1), clean],
        "loss_floor": [clean, loss(-2), nan, nan],
        "wrong": [True, True, True, True],
        "wrong_pgd": [True, False, True, False],
        "wrong_paper": [True, False, True, False],
        "wrong_apgd": [False, False, True, True],
        "flipped": [True, True, True, True],
        "flipped_by_loss": [True, True, True, True],
        "shift_representation": [3, 3, 3, 3],
    }
    assert set(columns) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(columns[name], values, rtol=1e-12, err_msg=name)
    for name in ("shift_page", "shift_floor", "shift_paper", "loss_page", "loss_floor"):
        assert columns[name].dtype == torch.float64


@pytest.mark.parametrize(
    ("kind", "flags"),
    [
        ("representation", {"wrong", "flipped"}),
        ("loss", {"wrong", "wrong_pgd", "flipped", "flipped_by_loss"}),
        ("margin", {"wrong", "wrong_pgd", "flipped", "flipped_by_loss"}),
        ("predicted", {"wrong", "flipped", "flipped_by_loss"}),
        ("floor", {"wrong", "flipped"}),
        ("paper", {"wrong", "flipped"}),
        ("loss_floor", {"wrong", "flipped", "flipped_by_loss"}),
        ("paper_loss", {"wrong", "wrong_paper", "flipped", "flipped_by_loss"}),
        ("apgd", {"wrong", "wrong_apgd", "flipped", "flipped_by_loss"}),
    ],
)
def test_which_flags_one_find_sets(kind: str, flags: set[str]) -> None:
    """At a point that is right when clean: those of its attack, whatever a later run finds; at another point none."""
    finds = [find(kind, (0, -1, 0)), find(kind, (0, 1, 0))]
    columns = best(TWO, Z[:2], torch.zeros(2, dtype=torch.long), finds, {})
    set_here = {name for name, values in columns.items() if values.dtype == torch.bool and values[0]}
    assert set_here == flags
    assert not any(values[1] for values in columns.values() if values.dtype == torch.bool)


@pytest.mark.parametrize(
    ("kind", "counted"),
    [
        ("representation", {"shift_page", "loss_page", "shift_representation"}),
        ("loss", {"shift_page", "loss_page"}),
        ("margin", {"shift_page", "loss_page"}),
        ("predicted", {"shift_page", "loss_page"}),
        ("floor", {"shift_floor"}),
        ("paper", {"shift_paper"}),
        ("loss_floor", {"loss_floor"}),
        ("paper_loss", set()),
        ("apgd", set()),
    ],
)
def test_which_columns_one_find_counts_for(kind: str, counted: set[str]) -> None:
    """A find that moves the features and raises the loss, but changes no prediction, at a right and a wrong point."""
    y, finds = torch.tensor([0, 1]), [find(kind, (0, 0.5, 2), (1, 1.5, 2))]
    columns, clean = (best(TWO, Z[:2], y, some, {}) for some in (finds, []))
    names = ("shift_page", "shift_floor", "shift_paper", "loss_page", "loss_floor", "shift_representation")
    assert {name for name in names if (columns[name] > clean[name]).all()} == counted
    assert {name for name in names if (columns[name] != clean[name]).any()} == counted
    for name in ("wrong", "wrong_pgd", "wrong_paper", "wrong_apgd"):
        assert columns[name].tolist() == [False, True], name
    assert not columns["flipped"].any()
    assert columns["z_shift"].tolist() == columns["z_loss"].tolist() == [[0.5, 2], [1.5, 2]]


def test_without_a_find_the_clean_image_is_the_best() -> None:
    columns = best(TWO, Z, torch.tensor([0, 1, 0, 1]), [], {"shift_floor": 1})
    assert torch.equal(columns["z_shift"], Z)
    assert torch.equal(columns["z_loss"], Z)
    for name in ("wrong", "wrong_pgd", "wrong_paper", "wrong_apgd"):
        assert columns[name].tolist() == [False, True, True, True], name
    assert not columns["flipped"].any()
    np.testing.assert_array_equal(columns["shift_floor"], [0, math.nan, math.nan, math.nan])
    np.testing.assert_allclose(columns["loss_page"], [loss(1), loss(-1), loss(-1), loss(-1)], rtol=1e-12)


def test_shifts_are_measured_in_double_precision() -> None:
    """In single precision the length of this difference is off by 3e-8 of itself."""
    z, moved = torch.zeros(1, 2), torch.tensor([[1.0, 0.3]])
    columns = best(TWO, z, torch.zeros(1, dtype=torch.long), [Find("floor", np.array([0]), moved.numpy())], {})
    exact = math.hypot(1.0, float(np.float32(0.3)))
    assert abs(float(moved.norm()) / exact - 1) > 1e-9
    assert columns["shift_floor"].item() == pytest.approx(exact, rel=1e-14)


# Which points, labels and settings each attack is given

PLAN = AttackPlan(
    loss=PGDSettings(steps=1, seed=1),
    predicted=PGDSettings(steps=1, seed=2),
    paper=PGDSettings(steps=1, seed=3),
    floor=PGDSettings(steps=1, seed=4),
    floor_points=6,
    apgd_steps=7,
    apgd_points=4,
)
IMAGES, ENCODER = grey_images(6), linear_encoder(normal(2, PIXELS))
WIDE = Threat("linf", 1.0)  # an image of another point is within reach


def _head(n_classes: int) -> tuple[Head, Tensor, Tensor]:
    """A head, its predictions, and labels that are those predicted but at the points 2 and 5."""
    z, weight = ENCODER.features(IMAGES).double(), normal(n_classes, 2, seed=5).double()
    head = Head(weight, -weight @ z.mean(0))
    predicted = head.logits(z).argmax(1)
    y = predicted.clone()
    y[[2, 5]] = (y[[2, 5]] + 1) % n_classes
    return head, predicted, y


def _points(x: Tensor) -> list[int]:
    """Which of IMAGES these are."""
    stored = (x * 255).round().byte()
    return [next(i for i in range(len(IMAGES)) if torch.equal(image, IMAGES[i])) for image in stored]


def _calls(n_classes: int, first: int, monkeypatch: pytest.MonkeyPatch, threat: Threat = WIDE) -> list[tuple[Any, ...]]:
    """The attacks that `search_loss` starts; APGD makes the first of its points one that is predicted otherwise."""
    calls: list[tuple[Any, ...]] = []
    head, predicted, y = _head(n_classes)
    other = IMAGES[torch.nonzero(predicted != predicted[0])[:1, 0]].float() / 255

    def loss_pgd(model: object, x: Tensor, y: Tensor, threat: Threat, settings: PGDSettings) -> Iterator[Tensor]:
        calls.append((_points(x), y.tolist(), threat, settings))
        yield x

    def autoattack(model: object, x: Tensor, y: Tensor, threat: Threat, *, loss: str, steps: int, seed: int) -> Tensor:
        calls.append((_points(x), y.tolist(), threat, loss, steps, seed))
        return torch.cat([other, x[1:]])

    monkeypatch.setattr(attacks, "loss_pgd", loss_pgd)
    monkeypatch.setattr(apgd, "apgd", autoattack)
    search_loss(ENCODER, head, IMAGES, y, threat, PLAN, first)
    return calls


@pytest.mark.parametrize(("first", "on_loss", "on_accuracy"), [(0, [0, 1, 2], [0, 1, 2, 3]), (1, [0, 1], [0, 1, 2])])
def test_each_attack_has_its_points_labels_and_settings(
    first: int, on_loss: list[int], on_accuracy: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, predicted, y = _head(3)
    left = [i for i in on_accuracy if i not in (0, 2)]  # without what APGD lost, and what was wrong from the start
    assert _calls(3, first, monkeypatch) == [
        (list(range(6)), y.tolist(), WIDE, PLAN.loss),
        ([2, 5], predicted[[2, 5]].tolist(), WIDE, PLAN.predicted),
        (on_loss, y[on_loss].tolist(), WIDE, PLAN.floor),
        (on_accuracy, y[on_accuracy].tolist(), WIDE, PLAN.paper),
        (on_accuracy, y[on_accuracy].tolist(), WIDE, "ce", 7, 4),
        (left, y[left].tolist(), WIDE, "dlr", 7, 4),
    ]


def test_two_classes_have_no_dlr_and_later_points_no_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [call[3] for call in _calls(2, 0, monkeypatch) if len(call) == 6] == ["ce"]
    assert [call[3] for call in _calls(3, 6, monkeypatch)] == [PLAN.loss, PLAN.predicted]
    assert _calls(3, 0, monkeypatch, Threat("linf", 0.0)) == []


def test_the_search_for_the_loss_begins_where_that_for_the_shift_ended() -> None:
    """Without a step of its own nothing else is found, and each point has its own."""
    threat, plan = Threat("linf", 0.1), AttackPlan(loss=HalvingSettings(1, 1, (0, 0, 0)), floor_points=0, apgd_points=0)
    head, _, y = _head(3)
    (shifted,) = search_representation(ENCODER, IMAGES, threat, "representation", HalvingSettings(3, 2, (1, 1, 2)))
    assert shifted.delta is not None
    found, *_ = search_loss(ENCODER, head, IMAGES, y, threat, plan, 0, shifted.delta)
    assert found.kind == "loss"
    np.testing.assert_allclose(
        found.z, shifted.z, atol=0.02 * np.abs(shifted.z - ENCODER.features(IMAGES).numpy()).max()
    )
    other, *_ = search_loss(ENCODER, head, IMAGES, y, threat, plan, 0)
    assert not np.allclose(other.z, shifted.z, rtol=0.1)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_margin_is_attacked_where_the_search_for_the_loss_leaves_a_point_right_and_from_its_find(
    n_classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That for the loss ends at images that hardly differ, and for point 1 at one that is predicted otherwise."""
    head, predicted, y = _head(n_classes)
    flipping = IMAGES[torch.nonzero(predicted != predicted[1])[:1, 0]].float() / 255
    threat, calls, ends = Threat("linf", 1.0), [], (IMAGES.float() / 255 + 1e-4).clamp(0, 1)
    ends[1] = flipping[0]

    def halved(values: object, x: Tensor, threat: Threat, settings: HalvingSettings, given: list[Tensor]) -> Tensor:
        calls.append((_points(x), settings, given))
        return ends.clone() if settings is plan.loss else x

    monkeypatch.setattr(search, "halving", halved)
    plan = AttackPlan(margin=HalvingSettings.of_margin(5, 100), floor_points=0, apgd_points=0)
    finds = search_loss(ENCODER, head, IMAGES, y, threat, plan, 0)
    assert [(points, settings) for points, settings, _ in calls] == [
        (list(range(6)), plan.loss),
        *([([0, 3, 4], plan.margin)] if n_classes > 2 else []),  # without 1, which is flipped, and what was wrong: 2, 5
    ]
    if n_classes > 2:
        torch.testing.assert_close(calls[1][2], [ends[[0, 3, 4]]])
        (found,) = (find for find in finds if find.kind == "margin")
        columns = best(head, ENCODER.features(IMAGES), y, [found], {})
        assert not columns["wrong_pgd"][[0, 3, 4]].any()


def test_what_the_margin_attack_flips_counts_for_the_robust_accuracy_and_the_loss() -> None:
    moved = torch.tensor([[-1.0, 1.0]])
    columns = best(
        TWO, torch.tensor([[1.0, 0.0]]), torch.tensor([0]), [Find("margin", np.array([0]), moved.numpy())], {}
    )
    assert columns["wrong_pgd"].all()
    assert columns["loss_page"].item() > 1
    assert not columns["wrong_apgd"].any()


def test_the_loss_floor_is_on_half_of_the_points() -> None:
    assert [AttackPlan(floor_points=n).loss_floor_points for n in (0, 1, 8, 9)] == [0, 1, 4, 5]


# Images outside the threat, and the known maxima through the search


@pytest.mark.parametrize("threat", [LINF, Threat("l2", 0.5)], ids=str)
def test_images_outside_the_threat_are_an_error(threat: Threat, monkeypatch: pytest.MonkeyPatch) -> None:
    """One pixel of one image goes 1% beyond the radius."""

    def spoiled(encoder: object, x: Tensor, threat: Threat, settings: PGDSettings) -> Iterator[Tensor]:
        outside = x.clone()
        outside[2, 0, 0, 0] += 1.01 * threat.eps
        yield outside

    monkeypatch.setattr(attacks, "representation_pgd", spoiled)
    with pytest.raises(RuntimeError, match=r"1 images of the floor attack lie outside l_"):
        search_representation(ENCODER, IMAGES, threat, "floor", PGDSettings())


@pytest.mark.parametrize("threat", [LINF, Threat("l2", 0.5)], ids=str)
def test_the_known_shift_is_found_through_the_search(threat: Threat) -> None:
    weight = normal(1, PIXELS)
    encoder = linear_encoder(weight)
    (found,) = search_representation(encoder, IMAGES, threat, "floor", PGDSettings())
    assert (found.kind, found.index.tolist()) == ("floor", list(range(6)))
    shifts = np.abs(found.z - encoder.features(IMAGES).numpy())[:, 0]
    assert shifts == pytest.approx(reach(weight, threat).item(), rel=0.01)
    assert not search_representation(encoder, IMAGES, Threat(threat.norm, 0.0), "floor", PGDSettings())


@pytest.mark.parametrize("threat", [LINF, Threat("l2", 0.5)], ids=str)
def test_the_known_residuals_are_found(threat: Threat) -> None:
    """|f(x)_j - y_j| grows to |f(x)_j - y_j| + eps ||W_j A||_*, for each output by an attack of its own."""
    weight, encoder, head = normal(2, PIXELS), ENCODER, Head(torch.eye(2).double(), torch.zeros(2).double())
    targets = encoder.features(IMAGES) + 20 * normal(6, 2, seed=3).sign()  # no start lies beyond them
    finds = search_regression(encoder, head, IMAGES, targets, threat, {"page": PGDSettings(), "b": PGDSettings(seed=1)})
    assert [found.kind for found in finds] == ["page", "page 0", "page 1", "b", "b 0", "b 1"]
    clean = (encoder.features(IMAGES) - targets).abs()
    for j in (0, 1):
        found = (torch.from_numpy(finds[1 + j].z) - targets).abs()[:, j]
        torch.testing.assert_close(found, clean[:, j] + reach(weight[j], threat), rtol=0.01, atol=0)
