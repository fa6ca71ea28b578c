"""The tables of model cards, by hand: which cards each is about, and what it takes from them."""

from typing import Any

import pytest

from rt_utils.pages import cards
from rt_utils.pages.plots import pretraining


def card(clean: float, attacked: float, **given: Any) -> dict[str, Any]:
    measured = {"clean_accuracy": clean, "robust_accuracy_pgd20": attacked + 0.1, cards.ATTACKED: attacked}
    return {
        "data": {"images": 5, "what": "of cats"},
        "training": "standard",
        "training_seconds": 120,
        "threads": 1,
        "measured": measured | {"points": 10, "threat": "l_inf"},
    } | given


LOG = [{"clean_accuracy": a, "robust_accuracy_pgd10": a / 2} for a in (0.2, 0.4, 0.6)]
CARDS = {
    "embedded/robust": card(0.8, 0.6, hardware="a GPU"),
    "embedded/standard": card(0.9, 0.1, data="glyphs"),
    "natural/robust": card(0.5, 0.3, stages=[{"log": LOG[:2]}, {"log": LOG[2:]}]),
    "natural/standard": card(0.7, 0.0),
    "embedded/sprites-robust": {
        "data": "sprites",
        "training": "adversarial",
        "measured": {key: k for k, key in enumerate(cards.ERRORS)} | {"points": 7},
    },
}


def test_each_table_is_about_its_own_cards() -> None:
    trainings = cards.trainings(CARDS).set_index("name")
    assert list(trainings.index) == list(CARDS)[:4]
    assert list(trainings.loc["embedded/robust", ["pretrained on", "minutes", "on"]]) == [
        "5 images, of cats",
        2,
        "a GPU",
    ]
    assert list(trainings.loc["embedded/standard", ["pretrained on", "on"]]) == ["glyphs", "CPU, 1 thread"]
    (errors,) = cards.errors(CARDS).to_dict("records")
    assert (errors["name"], errors["n"]) == ("embedded/sprites-robust", 7)
    assert [errors[shown] for shown in cards.ERRORS.values()] == [0, 1, 2]


def test_accuracies_and_worlds() -> None:
    rows = cards.accuracies(CARDS, dict.fromkeys(CARDS, 32)).set_index("name")
    assert list(rows.loc["natural/robust", ["features", "n", "clean acc.", "and APGD"]]) == [32, 10, 0.5, 0.3]
    worlds = cards.robust_and_standard(CARDS).set_index("encoder")
    assert list(worlds.loc["embedded/robust", ["robust", "standard", "clean robust", "clean standard"]]) == [
        0.6,
        0.1,
        0.8,
        0.9,
    ]
    assert list(worlds.index) == ["embedded/robust", "natural/robust"]


def test_the_curves_and_where_the_second_stage_begins() -> None:
    curves = cards.training_curves(CARDS, "natural/robust")
    assert list(curves.stage) == [1, 1, 2]
    assert list(curves["PGD-10"]) == pytest.approx([0.1, 0.2, 0.3])
    (axis,) = pretraining.training(curves).axes
    border = [line for line in axis.lines if line.get_linestyle() == ":"]
    assert [line.get_xdata()[0] for line in border] == [2.5]  # type: ignore[index]


def test_what_is_certified_is_a_row_a_radius() -> None:
    given = dict(CARDS)
    shares = {"1/255": {"S < m": 0.4, "merged": 0.5}, "2/255": {"S < m": 0.2, "merged": 0.3}}
    given["embedded/certified"] = card(0.8, 0.3)
    given["embedded/certified"]["measured"]["certified"] = shares
    rows = cards.certified(given).set_index("radius")
    assert list(rows.name) == ["embedded/certified"] * 2
    assert list(rows.loc["2/255", ["n", "clean acc.", "S < m", "merged"]]) == [10, 0.8, 0.2, 0.3]


def test_networks_of_others_by_radius() -> None:
    where = {"repository": "https://github.com/a/b", "data": "CIFAR-10", "radius": "2/255", "licence": "MIT"}
    where["sha256"] = "0123456789"
    found = {"points": 7} | {key: k / 10 for k, key in enumerate(cards.ACCURACIES)}
    attacked = {"2/255": found, "8/255": found | {"points": 9}}
    both = where | {"measured": {"clean_accuracy_on_all": 0.5, "attacked": attacked}}
    rows = cards.public({"public/a": both, "public/b": where | {"measured": {}}})
    assert list(rows.name) == ["public/a", "public/a", "public/b"]
    assert list(rows["from"]) == ["a/b"] * 3
    assert list(rows.n[:2]) == [7, 9]
    assert list(rows["right, all"][:2]) == [0.5, 0.5]
    assert rows[["n", "right, all", *cards.ACCURACIES.values()]].iloc[2].isna().all()
