"""The converse: closed forms, its bound against the best head, its examples, and planted errors."""

import math

import pytest
import torch
from measured import measurement

from rt_utils.evaluation import scaled_heads, worst_heads
from rt_utils.evaluation.measurement import Measurement
from rt_utils.theory import converse, statements
from rt_utils.theory.losses import CROSS_ENTROPY

WIDTHS = [2, 3, 8, 64, 640]


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("width", "expected"), [(1, 1), (2, 2 / math.pi), (3, 1 / 2), (4, 4 / (3 * math.pi))])
def test_the_mean_coordinate_in_closed_form(width: int, expected: float) -> None:
    assert converse.mean_coordinate(width) == pytest.approx(expected)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_mean_coordinate_by_simulation_and_its_bound(width: int) -> None:
    u = worst_heads.uniform(width, torch.Generator().manual_seed(width), 4000)
    mean = u[:, 0].abs().mean().item()
    error = u[:, 0].abs().std().item() / math.sqrt(len(u))
    assert abs(converse.mean_coordinate(width) - mean) < 4 * error
    lowest = math.sqrt(2 / (math.pi * width))
    assert lowest < converse.mean_coordinate(width) < lowest * (1 + 1 / width)


def test_a_sphere_needs_a_dimension() -> None:
    with pytest.raises(ValueError, match="no coordinate"):
        converse.mean_coordinate(0)


def test_the_bounds_by_hand() -> None:
    shifts, labels = torch.tensor([1.0, 2.0, 4.0, 5.0]), torch.tensor([0, 0, 1, 0])
    assert converse.one_label_bound(shifts, 3) == pytest.approx(12 / 4 / 4)
    assert converse.given_labels_bound(shifts, labels, 3) == pytest.approx(8 / 4 / 4)
    assert converse.given_labels_bound(shifts, labels, 3) >= converse.one_label_bound(shifts, 3) / 2
    assert converse.many_classes_bound(2, 8) == pytest.approx(math.sqrt(math.log(2) / 4))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("family", [worst_heads.uniform, worst_heads.axes, worst_heads.parallel])
def test_the_best_head_lies_between_the_converse_and_lemma_1(family: worst_heads.Family, width: int) -> None:
    (row,) = worst_heads.over_widths({"": family}, [width], seed=0, starts=1).to_dict("records")
    assert row[worst_heads.BOUND] <= row[worst_heads.BEST] <= 1 + 1e-12
    if family is worst_heads.axes:
        assert row[worst_heads.BEST] == pytest.approx(1 / math.sqrt(width))
    if family is worst_heads.parallel:
        assert row[worst_heads.BEST] == pytest.approx(1)


def test_an_ascent_never_falls() -> None:
    moves = draw(0, 3, 40, 6)
    u = torch.nn.functional.normalize(draw(1, 6), dim=0)
    values = [worst_heads.reached(worst_heads.climbed(u, moves, steps), moves) for steps in range(12)]
    assert values == sorted(values)
    assert values[0] == worst_heads.reached(u, moves) < values[-1]
    still = torch.zeros(1, 5, 6, dtype=torch.float64)
    assert torch.equal(worst_heads.climbed(u, still), u)  # nothing moves: no direction is better


def test_only_against_the_bias_does_the_gap_tend_to_the_limit() -> None:
    z, moves = draw(2, 50, 5), draw(3, 2, 50, 5)
    u = worst_heads.search(moves, torch.Generator().manual_seed(0))
    limit = worst_heads.reached(u, moves)
    opposed = worst_heads.against_bias(u, z, moves, [0, 5, 10, 20, 40])
    assert opposed == sorted(opposed)
    assert opposed[-1] == pytest.approx(limit, abs=1e-12)
    assert opposed[0] < limit - 1e-3
    for bias, gap in zip([5, 10, 20], opposed[1:], strict=False):
        assert limit - gap <= math.exp(-bias) / 2  # the proof's error term
    assert worst_heads.against_bias(u, z, moves, [40], label=1)[0] < 1e-9
    weight, offset = converse.opposing_head(u, worst_heads.span(u, z))
    assert ((z @ weight.T + offset).argmax(1) == 1).all()  # a constant prediction, wrong at every point


def test_the_curves_against_the_bias() -> None:
    curves, limit = worst_heads.bias_curves(random_measurement(3), [-5, 0, 30], 0)
    assert curves["opposed"].is_monotonic_increasing
    assert curves["favoured"].is_monotonic_decreasing
    assert curves["opposed"].iloc[-1] == pytest.approx(limit)
    assert 0 <= curves["favoured"].iloc[-1] < 1e-9 < limit < 1


def test_curves_of_scale_end_at_their_limit() -> None:
    m = random_measurement(3)
    curve = scaled_heads.curves([m, m], [1.0, 1e5])["LHS / AS"]
    (row,) = scaled_heads.limits([m]).to_dict("records")
    assert curve.tolist() == pytest.approx([row["LHS"] / row["AS"], curve[2], row["limit"] / row["AS"]], rel=1e-4)


def test_with_given_labels_one_class_suffices() -> None:
    z, moves, labels = draw(4, 60, 5), draw(5, 1, 60, 5), torch.arange(60) % 3
    gap = worst_heads.given_labels(z, moves, labels, 3, torch.Generator().manual_seed(0), 40)
    shifts = moves[0].norm(dim=1)
    assert converse.given_labels_bound(shifts, labels, 5) <= gap <= shifts.mean()
    mine = moves[:, labels == 1]
    alone = worst_heads.reached(worst_heads.search(mine, torch.Generator().manual_seed(0)), mine) / 3
    assert gap >= 0.95 * alone


def test_more_classes_than_two_reach_half_of_the_score() -> None:
    """The axes at z = 0 with r + 1 classes: rows e_j, and for the label -(1, ..., 1) / sqrt(r)."""
    r, scale = 16, 1e4
    weight = scale * torch.cat([-torch.ones(1, r).double() / math.sqrt(r), torch.eye(r).double()])
    bias = torch.tensor([-1e4] + [0.0] * r).double()
    z = torch.zeros(r, r, dtype=torch.float64)
    gap = worst_heads.lhs((weight, bias), z, torch.eye(r).double()[None], torch.zeros(r, dtype=torch.int64))
    assert gap == pytest.approx((1 + 1 / math.sqrt(r)) / 2, abs=1e-3)
    assert gap > 2 / math.sqrt(r)  # twice what two classes reach at most


@pytest.mark.parametrize("classes", [2, 5, 20])
def test_a_fixed_number_of_classes_needs_the_root_of_the_width(classes: int) -> None:
    """On shifts uniform on a sphere, with labels that see the shift: the best label of each point, in every regime."""
    width = 50
    moves = worst_heads.uniform(width, torch.Generator().manual_seed(0), 4000)[None]
    for seed, scale in enumerate([0.1, 3.0, 100.0]):
        weight = scale * torch.nn.functional.normalize(draw(seed, classes, width), dim=1)
        z = 2 * draw(seed + 9, 4000, width)
        clean, worst = z @ weight.T, (z + moves[0]) @ weight.T
        gaps = worst.log_softmax(1).neg() - clean.log_softmax(1).neg()
        found = worst_heads.lhs((weight, torch.zeros(classes).double()), z, moves, gaps.argmax(1))
        assert 0 < found <= converse.many_classes_bound(classes, width)
    assert found > 0.2 * converse.many_classes_bound(classes, width)


def test_what_is_lost_beyond_the_margin() -> None:
    towards, margins = torch.tensor([1.0, 1.0, 1.0, 0.0]), torch.tensor([0.4, 2.0, -3.0, -1.0])
    assert converse.lost_beyond_margin(towards, margins).tolist() == pytest.approx([0.6, 0.0, 1.0, 0.0])


PROBE = [[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]


def test_pairs_by_hand() -> None:
    """z = (2, 0), moved to (2, 1): towards class 1 by 1 / sqrt 2, away from class 2 in all."""
    m = measurement([[2.0, 0.0]], PROBE, [0], z_shift=[[2.0, 1.0]], bias=[0.0, 0.0, 9.0])
    towards, margins, lengths = scaled_heads.pairs(m)
    assert lengths[0].tolist() == pytest.approx([math.sqrt(2), math.sqrt(5)])
    assert towards[0].tolist() == pytest.approx([1 / math.sqrt(2), 0])
    assert margins[0].tolist() == pytest.approx([2 / math.sqrt(2), -5 / math.sqrt(5)])


def random_measurement(classes: int) -> Measurement:
    z, moved, again, weight = (draw(seed, n, 3) for seed, n in enumerate([40, 40, 40, classes]))
    labels = (z @ weight.T).argmax(1)
    labels[:10] = (labels[:10] + 1) % classes  # some are wrong
    features = {"z_shift": (z + 0.5 * moved).tolist(), "z_loss": (z + 0.5 * again).tolist()}
    return measurement(z.tolist(), weight.tolist(), labels.tolist(), **features)


def test_two_classes_tend_to_what_lies_beyond_the_margin() -> None:
    m = random_measurement(2)
    row = scaled_heads.limits([m]).to_dict("records")[0]
    z, moves = worst_heads.found(m)
    weight, labels = torch.from_numpy(m.weight), torch.from_numpy(m.labels)
    centred = weight - weight.mean(0)
    for factor in (10.0, 1e2, 1e3):
        gap = worst_heads.lhs((factor * centred, torch.zeros(2).double()), z, moves, labels)
        assert abs(gap - row["limit"]) <= math.log(2) / (2 * factor * statements.head_norm(centred))
        assert scaled_heads.of_pairs(scaled_heads.pairs(m), [factor]) == pytest.approx([gap])
    assert 0 < row["limit"] < row["mean D"] < row["AS"]
    assert row["bound on it"] == pytest.approx(row["limit"])


def test_with_more_classes_the_limit_is_smaller_than_its_bound() -> None:
    m = random_measurement(5)
    (row,) = scaled_heads.limits([m]).to_dict("records")
    z, moves = worst_heads.found(m)
    weight = 1e4 * torch.from_numpy(m.weight)
    gap = worst_heads.lhs((weight, torch.zeros(5).double()), z, moves, torch.from_numpy(m.labels))
    assert gap == pytest.approx(row["limit, all classes"], rel=1e-3)
    assert gap < 0.8 * row["bound on it"]


def test_a_right_point_that_theorem_2_protects_loses_nothing() -> None:
    m = random_measurement(2)
    towards, margins, _ = scaled_heads.pairs(m)
    kept = torch.from_numpy(m.labels) == (torch.from_numpy(m.z) @ torch.from_numpy(m.weight).T).argmax(1)
    kept &= (towards < margins)[:, 0]
    assert 5 < kept.sum() < 40
    assert (converse.lost_beyond_margin(towards, margins)[kept] == 0).all()
    assert (converse.lost_beyond_margin(towards, margins)[~kept] > 0).any()


def test_the_rows_of_the_encoders() -> None:
    m = random_measurement(4)
    (row,) = worst_heads.of_encoders([m], 0, 40.0).to_dict("records")
    assert row["bound"] <= row["best head"] <= row["AS"]
    assert row["bound, given labels"] <= row["best head, given labels"] <= row["best head"] + 1e-9
    assert (row["n"], row["r"]) == (40, 3)
    moves = worst_heads.found(m)[1]
    assert row["AS"] == pytest.approx(float(moves.norm(dim=2).amax(0).mean()))


def test_cross_entropy_alone_makes_the_gap() -> None:
    """The package's loss at the limit: slope 1 in the difference of two logits, not 1/2."""
    far = torch.tensor([[-50.0, 50.0], [-51.0, 51.0]]).double()
    before, after = CROSS_ENTROPY(far, torch.zeros(2, dtype=torch.int64))
    assert (after - before).item() == pytest.approx(2)
