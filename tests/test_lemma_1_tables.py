"""Section 5.1's tables by hand: both sides of Lemma 1 by full name, along the path of lambda, by the attack's size."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from handmade import SAME_SHORT_NAME, measurement

from rt_utils.evaluation import attack_size, loss_gap, regularisation, summary
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.evaluation.search import AttackPlan, Find
from rt_utils.images.catalogue import load_data_set
from rt_utils.models.catalogue import load_encoder
from rt_utils.pages import published
from rt_utils.pages.labels import labels
from rt_utils.pages.plots import both_sides
from rt_utils.theory.threat import Threat


def gap(shift: float, n: int) -> float:
    """The mean loss gap of `measurement`: log(1 + e^(shift - k)) - log(1 + e^-k) over k = 1, ..., n."""
    return float(np.mean([math.log1p(math.exp(shift - k)) - math.log1p(math.exp(-k)) for k in range(1, n + 1)]))


def test_both_sides_of_lemma_1() -> None:
    row = summary.lemma_1(measurement("embedded/robust", 4, shift=0.5), 3)
    assert (row["n"], row[loss_gap.HEAD_NORM], row["AS score"]) == (3, 1.0, 0.5)
    assert row["diff. CE"] == pytest.approx(gap(0.5, 3))
    assert row["LHS"] == pytest.approx(gap(0.5, 3) / 2)


def test_two_encoders_with_one_short_name_stay_apart() -> None:
    """`-p encoders embedded/robust,natural/robust`: two rows, two lines, two names."""
    measured = [(s, measurement(e, shift=k + s)) for k, e in enumerate(SAME_SHORT_NAME, 1) for s in (0.0, 0.1)]
    path = regularisation.along_path(measured, 4)
    assert list(path.encoder) == [SAME_SHORT_NAME[0]] * 2 + [SAME_SHORT_NAME[1]] * 2
    assert list(path["AS score"]) == pytest.approx([1.1, 1.1, 2.1, 2.1])
    seeds = pd.DataFrame([{"seed": k} | summary.lemma_1(m) for k, (_, m) in enumerate(measured)])
    spread = summary.spread(seeds, ["AS score"])
    assert list(spread.encoder) == list(SAME_SHORT_NAME)
    assert list(spread["AS score"]) == ["1.050\xa0±\xa00.071", "2.050\xa0±\xa00.071"]
    table_1 = published.published_table("table1")
    (axis,) = both_sides.both_sides(seeds, table_1, SAME_SHORT_NAME).axes
    names = [label.get_text() for label in axis.get_yticklabels()]
    assert names[:2] == [f"{name}, digits" for name in labels(SAME_SHORT_NAME).values()]
    assert len(names) == len(set(names)) == 2 + len(table_1)


def test_of_one_seed_there_is_no_deviation() -> None:
    seeds = pd.DataFrame([summary.lemma_1(measurement("embedded/robust"))])
    assert list(summary.spread(seeds, ["AS score"])["AS score"]) == ["1.000"]


def test_the_path_has_one_score_and_its_own_order() -> None:
    measured = [(0.0, measurement("b", data=d)) for d in ("x", "y")] + [(0.0, measurement("a", data="x"))]
    further = [(0.1, measurement("b", data="y", shift=3.0)), (0.01, measurement("b", data="y", shift=2.0))]
    path = regularisation.along_path(measured + further, 2)
    assert list(zip(path.encoder, path.data, path["λ"], strict=True)) == [
        ("b", "x", 0.0),
        *(("b", "y", strength) for strength in (0.0, 0.01, 0.1)),
        ("a", "x", 0.0),
    ]
    assert list(path["AS score"]) == [1.0, 3.0, 3.0, 3.0, 1.0]
    assert list(path[path.data == "y"]["diff. CE"]) == pytest.approx([gap(s, 2) for s in (1.0, 2.0, 3.0)])


def test_the_effect_of_a_penalty() -> None:
    measured = [
        (s, measurement(e, shift=shift)) for e in "ab" for s, shift in ((0.0, 1.0), (0.1, 0.5 if e == "a" else 2.5))
    ]
    effect = regularisation.effect(regularisation.along_path(measured, 4), 0.1)
    assert (effect["cases"], effect["gap_fell"], effect["lhs_rose"]) == (2, 1, 1)
    assert (effect["robust_low"], effect["robust_high"]) == (-0.5, 0.0)
    assert effect["clean_low"] == effect["clean_high"] == 0.0


def test_which_heads_are_penalised_and_which_are_checked() -> None:
    pairs = [
        (load_encoder(name), load_data_set("digits", size=32, n_train=40, n_test=4))
        for name in ("embedded/robust", "embedded/random")
    ]
    one = PGDSettings(steps=1)
    plan = AttackPlan(one, one, one, one, one, floor_points=2, apgd_steps=2, apgd_points=2)
    settings, threat = ProbeSettings(epochs=3), Threat("linf", 0.01)
    path = (0.001, 0.1)
    measured, checked = regularisation.penalised(pairs[:1], pairs[1:], path, 0.1, settings, threat, plan)
    assert [(strength, m.encoder) for strength, m in measured] == [
        (0.001, "embedded/robust"),
        (0.1, "embedded/robust"),
        (0.1, "embedded/random"),
    ]
    small, large = (np.linalg.norm(m.weight) for _, m in measured[:2])
    assert large < small
    (only,) = checked
    assert only is measured[1][1]
    assert [int(np.isfinite(m.shift_floor).sum()) for _, m in measured] == [0, 2, 0]


def finds(kind: str, *shifts: float, n: int) -> list[Find]:
    z = measurement("e", n).z
    return [Find(kind, np.arange(n), z + np.array([0.0, shift])) for shift in shifts]


def test_what_an_attack_of_a_size_reaches() -> None:
    m = measurement("e", 3, shift=2.0)
    (one, first), (two, best) = attack_size.reached(m, 2, finds("r", 0.5, 1.0, n=2), finds("loss", 1.5, -1.0, n=2))
    assert (one, two) == (1, 2)
    assert (first["AS score"], best["AS score"]) == (0.5, 1.0)
    assert best["AS score share"] == 0.5
    assert first["diff. CE"] == best["diff. CE"] == pytest.approx(gap(1.5, 2))  # the second run lowers the loss
    assert best["diff. CE share"] == pytest.approx(gap(1.5, 2) / gap(2.0, 2))
    nothing = measurement("e", 3, shift=0.0)
    ((_, of_nothing), _) = attack_size.reached(nothing, 3, finds("r", 0.0, n=3), finds("loss", 0.0, n=3))
    assert of_nothing["AS score share"] == of_nothing["diff. CE share"] == 1.0


def test_larger_attacks_reach_more() -> None:
    encoder, data = load_encoder("embedded/standard"), load_data_set("digits", size=32, n_train=2, n_test=6)
    z = encoder.features(data.test.images)
    weight = torch.randn(10, encoder.width, generator=torch.Generator().manual_seed(0)).double().numpy()
    columns = {"z": z.numpy(), "z_shift": z.numpy(), "z_loss": z.numpy(), "weight": weight, "bias": np.zeros(10)}
    m = measurement(encoder.name, 6, labels=data.test.labels.numpy(), **columns)
    sizes = attack_size.by_size([(encoder, m, data)], Threat("linf", 8 / 255), (1, 5), 6, seed=0)
    assert [tuple(row) for row in sizes[["encoder", "steps", "restarts"]].to_numpy()] == [
        (encoder.name, steps, starts) for steps in (1, 5) for starts in (1, attack_size.STARTS)
    ]
    for side in attack_size.SIDES:
        one, one_best, five, five_best = sizes[side]
        assert 0 < one <= one_best < five_best
        assert one < five <= five_best


def test_the_published_tables_of_section_5_1() -> None:
    table_1 = published.published_table("table1")
    assert list(published.recomputed_lhs(table_1)) == [
        c / (2 * w) for c, w in zip(table_1.diff_ce, table_1.w_norm, strict=True)
    ]
    assert list(published.as_shown(table_1).columns[:3]) == ["encoder", "data", "published diff. CE"]
    printed = published.regularised_in_print()
    assert (printed["odd"], printed["odd_printed"]) == ("imagenet to cifar10", 0.81)
    assert printed["odd_recomputed"] == pytest.approx(1.275)
