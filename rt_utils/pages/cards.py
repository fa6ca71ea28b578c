"""The model cards of the shipped encoders as tables; each takes the cards by name and keeps those it is about."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from rt_utils.evaluation.statistics import of_groups

Cards = Mapping[str, Mapping[str, Any]]
ATTACKED = "robust_accuracy_pgd20_and_apgd_ce"
ACCURACIES = {"clean_accuracy": "clean acc.", "robust_accuracy_pgd20": "PGD-20", ATTACKED: "and APGD"}
ERRORS = {
    "clean_squared_error": "clean",
    "adversarial_squared_error_pgd20": "PGD-20",
    "variance_of_the_target": "a constant's",
}


def _measured(cards: Cards, quantity: str) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """Name, card and what it measured, of the cards that measured `quantity`."""
    return ((name, card, card["measured"]) for name, card in cards.items() if quantity in card["measured"])


def trainings(cards: Cards) -> pd.DataFrame:
    """How each classifier was trained: on what, how, for how many minutes, where."""
    rows = []
    for name, card, _ in _measured(cards, "clean_accuracy"):
        data = card["data"]
        row = {
            "name": name,
            "pretrained on": data if isinstance(data, str) else f"{data['images']} images, {data['what']}",
            "training": card["training"],
            "minutes": card["training_seconds"] / 60,
            "on": card.get("hardware", f"CPU, {card.get('threads')} thread"),
        }
        rows.append(row)
    return pd.DataFrame(rows)


def accuracies(cards: Cards, widths: Mapping[str, int]) -> pd.DataFrame:
    """What each classifier's card says of its accuracy, clean and attacked; `widths` by name."""
    return pd.DataFrame(
        {"name": name, "features": widths[name], "threat": measured["threat"], "n": measured["points"]}
        | {shown: measured[key] for key, shown in ACCURACIES.items()}
        for name, _, measured in _measured(cards, "clean_accuracy")
    )


def public(cards: Cards) -> pd.DataFrame:
    """Networks that others trained: where from, for which radius, and what their own heads have right, by radius.

    Right on all test images, then on the first n of them clean and attacked; without accuracies where there is no head
    of classes.
    """
    rows = []
    for name, card in cards.items():
        where = {"name": name, "from": card["repository"].removeprefix("https://github.com/"), "data": card["data"]}
        where |= {"trained for": card["radius"], "licence": card["licence"], "SHA-256": card["sha256"][:8]}
        measured = card["measured"]
        for eps, found in measured.get("attacked", {"": {}}).items():
            row = where | {"right, all": measured.get("clean_accuracy_on_all"), "radius": eps}
            row |= {"n": found.get("points")} | {shown: found.get(key) for key, shown in ACCURACIES.items()}
            rows.append(row)
    return pd.DataFrame(rows)


def certified(cards: Cards) -> pd.DataFrame:
    """What each card proves of its classifier, one row a radius: the shares right and certified, by way."""
    return pd.DataFrame(
        {"name": name, "radius": radius, "n": measured["points"], "clean acc.": measured["clean_accuracy"]} | shares
        for name, _, measured in _measured(cards, "certified")
        for radius, shares in measured["certified"].items()
    )


def errors(cards: Cards) -> pd.DataFrame:
    """What each regressor's card says of its squared error, clean and attacked."""
    return pd.DataFrame(
        {"name": name, "pretrained on": card["data"], "training": card["training"], "n": measured["points"]}
        | {shown: measured[key] for key, shown in ERRORS.items()}
        for name, card, measured in _measured(cards, "clean_squared_error")
    )


def robust_and_standard(cards: Cards) -> pd.DataFrame:
    """One row for each world: clean and attacked accuracy of its robust and of its standard classifier.

    `evidence`: on the second against the first.
    """
    rows = []
    for world in ("embedded", "natural"):
        robust, standard = (cards[f"{world}/{kind}"]["measured"] for kind in ("robust", "standard"))
        row = {"encoder": f"{world}/robust", "data": "its pretraining's", "n": robust["points"]}
        row |= {"robust": robust[ATTACKED], "standard": standard[ATTACKED]}
        counts = [(round(its[ATTACKED] * its["points"]), its["points"]) for its in (standard, robust)]
        row["evidence"] = of_groups(*counts)
        rows.append(row | {"clean robust": robust["clean_accuracy"], "clean standard": standard["clean_accuracy"]})
    return pd.DataFrame(rows)


def training_curves(cards: Cards, *names: str) -> pd.DataFrame:
    """Accuracy on held-out images after every epoch, clean and under PGD-10, by name and stage of the training."""
    return pd.DataFrame(
        {
            "name": name,
            "stage": stage,
            "clean": line["clean_accuracy"],
            "PGD-10": line["robust_accuracy_pgd10"],
        }
        for name in names
        for stage, part in enumerate(cards[name]["stages"], 1)
        for line in part["log"]
    )
