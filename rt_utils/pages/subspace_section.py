"""The head's own subspace as a page shows it: a table, a reading, rows of the ledger."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from rt_utils.evaluation.measurement import Measurement
from rt_utils.evaluation.nearest_classes import ALL_CLASSES, by_classes
from rt_utils.evaluation.subspace import AIMED, AS_P, CRITERIA
from rt_utils.pages.claims import below
from rt_utils.pages.labels import labels
from rt_utils.pages.plots import slack
from rt_utils.pages.tables import Html
from rt_utils.pages.what_if import CLASSES, what_if

S, S_P, D, UNCHANGED = CRITERIA
FLIPS = 0.05  # of what the aimed attack leaves fulfilled, the share that others may flip before the ledger says so
_COUNTS = "flipped, of those"
_SHARES = (
    "Share of points at which each criterion holds, this run, profile {profile}: {threat}. Shifts are the largest over "
    "everything found, the finds of the attack aimed at the head's subspace included, so each column implies the next "
    "by algebra. dim: dimensions of the head's subspace, of how many features. The last two columns: fulfilled with "
    "what the aimed attack found alone, how many of these points another attack flips, and the upper end of the "
    "95% interval for that share, for itself; the ledger decides all of the page's together."
)
_PER_SAMPLE = (
    "Theorem 1 point by point, means in nats: the loss gap found, and \\(\\max_j\\Vert W_y-W_j\\Vert_2\\) times the "
    "shift found, within the head's subspace and in all. At no point is the gap above the first of the two bounds."
)
FIGURE = (
    "What each criterion accounts for. Each implies the next, so each part of a bar is what that criterion adds: "
    "shift, shift in the head's subspace, shift with direction, and last what no perturbation found changes. Right or "
    "wrong points count alike; the robust accuracy is the part of the whole bar that is right."
)
_ONE = (
    "**How to read it.** The largest gain is on {data} with the {encoder} encoder: {s:.1%} of the points fulfil "
    "Theorem 2's criterion, {s_p:.1%} the one in the subspace, {d:.1%} the one with direction, and {unchanged:.1%} "
    "kept their prediction. Over all {cases} pairs the subspace accounts for {within} of the {kept} points that were "
    "unchanged, against {plain} without it and {directed} with direction. "
)
_GAIN = (
    "With the smallest subspace, {small_dim} of {small_r} dimensions, AS_P is {small:.0%} of the AS score; with the "
    "largest, {large_dim} of {large_r}, it is {large:.0%} ({small_case}; {large_case}). "
)
_ALONE = (
    "With the aimed attack alone {aimed} points fulfil the criterion, of which {flipped} {were} flipped by another "
    "attack{meaning}."
)
COUNTS = (1, 2, 3, 5, 8)  # of nearest classes
_NEAREST = (
    "With the {encoder} encoder one nearest class sees {one} of the whole shift, all classes see {all}; the share of "
    "points with that shift below $m$ goes from {above} to {below}."
)
Text = tuple[str, dict[str, Any]]


def table(found: pd.DataFrame, show: Callable[..., Any], key: str = "subspace") -> Any:
    """The criteria side by side, from `evaluation.subspace.table_of`; `show` is `Page.table`."""
    ends = [
        f"{flipped} of {n}, {high:.3f}" if n else "–"
        for flipped, n, high in zip(found.flipped, found.aimed, found.high, strict=True)
    ]
    dims = [f"{dim} of {r}" for dim, r in zip(found.dim, found.r, strict=True)]
    shown = found[["encoder", "data", "n", "dim", "AS", AS_P, *CRITERIA, AIMED]].assign(dim=dims, **{_COUNTS: ends})
    formats = dict.fromkeys((*CRITERIA, AIMED), ".3f") | dict.fromkeys(("AS", AS_P), ".2f")
    return show(key, shown, formats | {"n": "d"}, wide=True, caption=_SHARES)


def per_sample(found: pd.DataFrame, show: Callable[..., Any], key: str = "per-sample") -> Any:
    """Theorem 1 point by point, from `evaluation.subspace.per_sample`; `show` is `Page.table`."""
    shown = found.drop(columns="above")
    return show(key, shown, dict.fromkeys(shown.columns[2:], ".3f"), caption=_PER_SAMPLE)


def _case(row: Mapping[Any, Any], label: Mapping[str, str]) -> str:
    return f"{label[row['encoder']]} encoder, {row['data']}"


def reading(found: pd.DataFrame) -> Text:
    """Where the subspace helps most, where least, and what the aimed attack leaves."""
    rows, label = found.to_dict("records"), labels(found.encoder)
    best = max(rows, key=lambda row: row[S_P] - row[S])
    points = {name: round(float((found[name] * found.n).sum())) for name in CRITERIA}
    values: dict[str, Any] = {"data": best["data"], "encoder": label[best["encoder"]], "cases": len(rows)}
    values |= {"s": best[S], "s_p": best[S_P], "d": best[D], "unchanged": best[UNCHANGED]}
    values |= {"plain": points[S], "within": points[S_P], "directed": points[D], "kept": points[UNCHANGED]}
    values |= {"aimed": int(found.aimed.sum()), "flipped": int(found.flipped.sum())}
    values["were"] = "was" if values["flipped"] == 1 else "were"
    values["meaning"] = ": a lower bound on the shift certifies nothing" if values["flipped"] else ", which is no proof"
    template, moved = _ONE, [row for row in rows if row["AS"]]
    if moved:
        by_size = sorted(moved, key=lambda row: row["dim"] / row["r"])
        for name, row in (("small", by_size[0]), ("large", by_size[-1])):
            values |= {name: row[AS_P] / row["AS"], f"{name}_dim": row["dim"], f"{name}_r": row["r"]}
            values[f"{name}_case"] = _case(row, label)
        if by_size[0]["dim"] < by_size[-1]["dim"]:
            template += _GAIN
    return template + _ALONE, values


def described(found: pd.DataFrame) -> str:
    """The shares in words, for a figure's alternative text."""
    label = labels(found.encoder)
    return "; ".join(
        f"{_case(row, label)}: {row[S]:.2f}, {row[S_P]:.2f}, {row[D]:.2f}, {row[UNCHANGED]:.2f}"
        for row in found.to_dict("records")
    )


def figure(found: pd.DataFrame, encoders: Sequence[str], show: Callable[..., Any], key: str = "criteria") -> Any:
    """What each criterion accounts for, as bars; `show` is `Page.figure`."""
    data = {"found": found[["encoder", "data", *CRITERIA]], "names": CRITERIA, "encoders": encoders}
    alt = "One bar for each encoder and data set with four shares, for S, S_P, D and unchanged: {shares}"
    return show(key, slack.criteria, data, caption=FIGURE, alt=alt, shares=described(found))


def enter(found: pd.DataFrame, claim: Callable[..., Any], **where: Any) -> None:
    """Enter both claims of each row into the ledger; `claim` is `Page.claim`."""
    for row in found.to_dict("records"):
        own = {"encoder": row["encoder"], "data": row["data"]} | where
        algebra = "Theorem 2 in the head's subspace: share of fulfilled points that a perturbation found flips"
        claim(algebra, **own, n=row["fulfilled"], lhs=row["broken"], rhs=0.0, vacuous=row["fulfilled"] == 0)
        alone = "Observation, head's subspace: of points fulfilled by the aimed attack alone, share that another flips"
        own |= {"units": "images", "evidence": below(row["flipped"], row["aimed"], FLIPS)}
        claim(alone, **own, n=row["aimed"], lhs=row["share"], rhs=FLIPS, vacuous=row["aimed"] == 0)


def nearest(measurements: Sequence[Measurement]) -> pd.DataFrame:
    """How the shift and the criterion change with the number of nearest classes, for the first encoder measured."""
    return by_classes([m for m in measurements if m.encoder == measurements[0].encoder], COUNTS)


def slider(found: pd.DataFrame, encoder: str, colour: str, threat: object) -> Html:
    """The number of nearest classes, moved, from `nearest`."""
    return what_if(found, 0, colour, CLASSES, encoder=encoder, threat=threat)


def nearest_reading(found: pd.DataFrame, encoder: str) -> Text:
    """Both ends of the slider in a sentence."""
    ends = {"one": found[found.classes != ALL_CLASSES].groupby("data", sort=False).first()}
    ends["all"] = found[found.classes == ALL_CLASSES].set_index("data")

    def listed(column: str, of: pd.DataFrame) -> str:
        return ", ".join(f"{value:.0%} ({data})" for data, value in of[column].items())

    values: dict[str, Any] = {name: listed("share", rows) for name, rows in ends.items()}
    values |= {"above": listed("fulfilled", ends["one"]), "below": listed("fulfilled", ends["all"])}
    return _NEAREST, {"encoder": encoder, **values}
