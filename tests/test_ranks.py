"""Rank correlations and their exact p-values, against scipy and by hand; what the score orders, by hand."""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rt_utils.evaluation import ranks, score_orders
from rt_utils.evaluation.lost_robustness import MEASURES
from rt_utils.pages import as_score_texts, elements, few_points_texts, published_orders
from rt_utils.pages.labels import labels
from rt_utils.pages.published import published_table

TABLE_4 = [part for _, part in published_table("table4").groupby("pretraining")]
PUBLISHED = [(part.as_score.to_numpy(), part.relative_diff.to_numpy()) for part in TABLE_4]
TIED = (np.array([1.0, 2, 3, 3]), np.array([2.0, 1, 4, 3]))


@pytest.mark.parametrize(("x", "y"), [*PUBLISHED, TIED], ids=["cifar100", "imagenet", "tie"])
def test_an_agreement_is_scipys(x: np.ndarray, y: np.ndarray) -> None:
    found = ranks.agreement(x, y)
    expected = stats.permutation_test(
        (x,),
        lambda v: stats.spearmanr(v, y).statistic,
        permutation_type="pairings",
        alternative="greater",
        n_resamples=np.inf,
    )
    assert found["rho"] == pytest.approx(expected.statistic)
    assert found["p"] == pytest.approx(expected.pvalue)
    assert found["tau"] == pytest.approx(stats.kendalltau(x, y).statistic)
    assert found["same"] == sum((x[i] - x[j]) * (y[i] - y[j]) > 0 for i, j in combinations(range(4), 2))


def test_the_papers_orders() -> None:
    first, second = (ranks.agreement(*pair) for pair in PUBLISHED)
    assert (round(first["rho"], 1), first["p"]) == (0.4, 9 / 24)
    assert (second["rho"], second["tau"], second["p"]) == (pytest.approx(1), pytest.approx(1), 1 / 24)
    table = published_orders.orders().set_index(["pretraining", "by"])
    assert table.loc[("cifar100", "relative difference"), "p"] == 9 / 24
    assert table.loc[("imagenet", "relative difference"), "pairs"] == "6 of 6"
    assert table.loc[("imagenet", "relative difference"), "one left out"] == "1.0 to 1.0"
    assert len(table) == 2 * (1 + 5)


def test_pooled_ps_count_all_orders() -> None:
    both, nulls = ranks.pooled(PUBLISHED), [ranks.rho_of_all_orders(*pair) for pair in PUBLISHED]
    assert both["rho"] == pytest.approx(0.7)
    assert both["independent"] == pytest.approx((np.add.outer(*nulls) >= 1.4 - 1e-9).mean())
    assert both["common"] == pytest.approx((nulls[0] + nulls[1] >= 1.4 - 1e-9).mean())
    different = ranks.pooled([PUBLISHED[0], (np.arange(3.0), np.arange(3.0))])
    assert np.isnan(different["common"])
    assert 0 < different["independent"] < 1
    assert np.isnan(ranks.pooled([])["rho"])


def test_with_many_items_random_orders_come_from_the_seed() -> None:
    assert len(ranks.all_orders(ranks.EXACT)) == 40_320
    x = np.arange(9.0)
    assert (ranks.all_orders(9, 1) == ranks.all_orders(9, 1)).all()
    assert (ranks.all_orders(9, 1) != ranks.all_orders(9, 2)).any()
    assert ranks.agreement(x, x)["p"] < 1e-3
    assert ranks.agreement(x, -x)["p"] == 1


def test_what_has_no_correlation() -> None:
    constant = ranks.agreement(np.ones(3), np.arange(3.0))
    assert constant["same"] == 0
    assert np.isnan([constant["rho"], constant["tau"], constant["p"]]).all()
    assert np.isnan(ranks.agreement([1.0], [2.0])["p"])
    assert np.isnan(ranks.agreement([1.0, 2.0], [np.nan, 2.0])["rho"])


def test_an_order_names_ties() -> None:
    assert ranks.order(["a", "b", "c"], np.array([2.0, 1.0, 2.0])) == "b < a = c"


# Two encoders of one short name; the first orders the data sets as the score does, the second the other way round.
ENCODERS = ("embedded/robust", "natural/robust")


def outcomes() -> pd.DataFrame:
    rows = []
    for encoder, relative in zip(ENCODERS, ([0.1, 0.2, 0.3], [0.3, 0.2, 0.1]), strict=True):
        for score, value, name in zip([1.0, 2.0, 4.0], relative, "abc", strict=True):
            row = dict.fromkeys(MEASURES, value) | {"encoder": encoder, "data": name, "score": score, "size": 0.05}
            row |= {"all found": score, "gap": value, "clean": 1.0, "right": 0.9, "robustly": 0.5}
            rows.append(row | {"used": value / (score * 0.05), "ease": 1.0})
    return pd.DataFrame(rows)


def samples(found: pd.DataFrame) -> dict[Any, Any]:
    """Two bootstrap samples: the values themselves, and all data sets alike."""
    return {
        (row["encoder"], row["data"]): {what: np.array([row[what], 1.0]) for what in ("score", *MEASURES)}
        for row in found.to_dict("records")
    }


def test_orders_are_kept_by_full_name() -> None:
    found = outcomes()
    table = score_orders.orders([found, found], samples(found), {name: name for name in "abc"}, 0)
    assert list(table.encoder) == [ENCODERS[0]] * 5 + [ENCODERS[1]] * 5
    relative = table[table.what == "relative"].set_index("encoder")
    assert list(relative.pairs) == ["3 of 3", "0 of 3"]
    assert list(relative.apart) == [0, 3]
    assert list(relative.seeds) == ["2 of 2", "0 of 2"]
    assert list(relative.resamples) == [0.5, 0.0]
    assert list(relative[score_orders.RHO]) == pytest.approx([1.0, -1.0])
    assert relative.loc[ENCODERS[0], "p"] == pytest.approx(1 / 6)
    assert list(table[table.what == "score"].order) == ["a < b < c"] * 2
    pooled = score_orders.pooled(found, 0).set_index("what")
    assert pooled.loc["relative", score_orders.MEAN_RHO] == pytest.approx(0)


def test_the_gaps_that_the_score_orders() -> None:
    """2 L(W) AS is 0.05, 0.1 and 0.2 on a, b and c: below the gaps of b and c; of c; of none."""
    implied = score_orders.implied(outcomes())
    pairs = {encoder: set(zip(part.a, part.b, strict=True)) for encoder, part in implied.groupby("encoder")}
    assert pairs[ENCODERS[0]] == {("a", "b"), ("a", "c"), ("b", "c")}
    assert pairs[ENCODERS[1]] == {("a", "b"), ("a", "c"), ("b", "a"), ("c", "a")}


def test_scales_decide_a_pooled_correlation() -> None:
    found = outcomes()
    found.loc[found.encoder == ENCODERS[1], "relative"] += 1
    rhos = score_orders.rescaled(found, 200, 0)
    assert len(rhos) == 201
    assert min(rhos) < rhos[0] < max(rhos)
    assert score_orders.rescaled(found.assign(relative=1.0), 200, 0) == []


def test_orders_by_radius() -> None:
    curves = {("e", "a"): np.array([[0.0, 1.0, 2.0]]), ("e", "b"): np.array([[0.0, 2.0, 1.0]])}
    found = score_orders.by_radius(curves, ["0", "1/255", "2/255"], {"a": "A", "b": "B"})
    assert found.to_dict("records") == [
        {"encoder": "e", "order": "A < B", "radii": ["1/255"]},
        {"encoder": "e", "order": "B < A", "radii": ["2/255"]},
    ]


def filled(text: as_score_texts.Text) -> str:
    return elements.filled(*text)


def test_the_words_follow_the_numbers() -> None:
    found, short = outcomes(), {name: name.upper() for name in "abc"}
    label = labels(ENCODERS)
    orders = score_orders.orders([found], samples(found), short, 0)
    text = filled(as_score_texts.reading(orders, 8, label, list("abc")))
    assert "For the natural/robust encoder it does **not**: by score A < B < C, by relative difference C <" in text
    assert "right order, by measure: relative difference 1 of 2" in text
    none = score_orders.orders([found[found.encoder == ENCODERS[1]]], samples(found), short, 0)
    assert (
        as_score_texts.reading(none, 0, label, list("abc"))[0]
        == as_score_texts.reading(orders, 8, label, list("abc"))[0]
    )
    assert "8 of the 6 pairs" in text
    assert "With one data set" in filled(as_score_texts.reading(orders, 0, label, ["a"]))
    wrong = filled(as_score_texts.wrong_pairs(found, label))
    assert wrong.count("natural/robust: ") == 3
    assert "embedded/robust" not in wrong
    assert "b has 2.00 times the score of a, but 0.67 times the relative difference" in wrong
    assert "Most of that comes from the share used, 3.0 times as large on a" in wrong
    agreeing = found[found.encoder == ENCODERS[0]]
    head, values = as_score_texts.wrong_pairs(agreeing, label)
    assert (head, values) == (as_score_texts.wrong_pairs(found, label)[0], {"lines": "- none"})
    outcome = filled(as_score_texts.outcome(found, label, short))
    assert "on A the attack leaves 50.0% of 90.0% accuracy. B, 2.0 times the score: 50.0% of 90.0%" in outcome
    own = filled(few_points_texts.own_points(score_orders.pooled(found, 0), 2, 3))
    assert "below 1/6 = 0.167, so **no single rank correlation here is significant at 5%**" in own
    paper = filled(few_points_texts.papers_points(published_orders.orders(), published_orders.pooled()))
    assert "ρ is 0.4 for CIFAR-100 (exact p = 0.375: 9 of 24 orders" in paper


def test_the_forecast_says_what_there_is() -> None:
    before = pd.DataFrame(
        {
            "encoder": ["embedded/robust"] * 2,
            "data": ["glyphs", "digits"],
            "AS score": [1.0, 2.0],
            "ratio": [1.0, 2.0],
            "all found": [1.0, 2.2],
        }
    )
    short, label = {"glyphs": "glyphs", "digits": "digits"}, labels(["embedded/robust"])
    text = filled(as_score_texts.forecast(before, label, short))
    assert "they raise the score by 0.0% to 10.0%." in text
    assert "is: robust: digits 2.0 times. The rule says nothing of ratios that differ by little." in text
    alone = filled(as_score_texts.forecast(before[:1], label, {"glyphs": "glyphs"}))
    assert alone == "**The forecast.** No later attack raised a score. With one data set there is nothing to compare."


@pytest.mark.parametrize(("factors", "says"), [((1.0, 1.0), "changes: none."), ((3.0, 0.5), "changes: robust.")])
def test_sharper_heads_in_words(factors: tuple[float, float], says: str) -> None:
    sharp = pd.DataFrame(
        {"encoder": ["embedded/robust"] * 2, "t": [1.0, 2.0], "a": [1.0, factors[0]], "b": [2.0, factors[1]]}
    )
    assert says in filled(as_score_texts.sharper_heads(sharp, labels(["embedded/robust"]), ["a", "b"]))
