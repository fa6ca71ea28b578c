"""The kept records of the full AutoAttack as the page of the model cards shows them: a table, and what it says."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from IPython.display import display

from rt_utils.evaluation import autoattack_record
from rt_utils.evaluation.autoattack_sets import SETS, Set
from rt_utils.pages.page import Page
from rt_utils.runtime import paths
from rt_utils.theory.threat import format_eps

POINT = 0.01  # of robust accuracy: further apart than this the page names the set
CAPTION = (
    "Kept runs: the share of n test images right clean, after the whole AutoAttack, and under the page’s own attacks "
    "on the same images; the page’s share minus AutoAttack’s; right under both; and after AutoAttack’s parts before "
    "the last, each on what those before it left right. Radius: in l_inf. Head: the book’s probe, or the one that the "
    "network was trained with. Minutes: of processor time, on one core.{probes}"
)
_NONE = "No set is measured yet. "
_CLOSE = (
    "**AutoAttack and the pages’ own attacks differ by at most {largest:.1f} points of robust accuracy** over "
    "{sets} {name}; the most on {case}: {page:.1%} under the page’s attacks, {auto:.1%} after AutoAttack. "
)
_EQUAL = "**AutoAttack and the pages’ own attacks leave as many images right as each other**, on {sets} {name}. "
_APART = (
    "**On {apart} of {sets} {name} AutoAttack and the pages’ own attacks are more than one point of robust accuracy "
    "apart**: {cases}. "
)
_ONE_APART = "{case} ({page:.1%} under the page’s attacks, {auto:.1%} after AutoAttack)"
_MISSING = "Still missing, {n} of the {asked} sets asked for: {missing}."
_WHOLE = "All {asked} sets asked for are measured."
Text = tuple[str, dict[str, Any]]
Rows = Sequence[Mapping[str, Any]]


def kept() -> list[dict[str, Any]]:
    """The rows of every world's record, in the order of SETS; those of sets that nobody asks for now are left out."""
    folder = paths.reference() / "autoattack"
    rows = [row for world in dict.fromkeys(its.world for its in SETS) for row in autoattack_record.kept(folder, world)]
    by_set = {(row["encoder"], row["data"]): row for row in rows}
    return [by_set[its.encoder, its.data] for its in SETS if (its.encoder, its.data) in by_set]


def table(rows: Rows) -> pd.DataFrame:
    """One row for each set: accuracies after AutoAttack, under the page's attacks, under both, and after each part."""
    shown = []
    for row in rows:
        found = row["autoattack"]
        case = {name: row[name] for name in ("encoder", "data")} | {"radius": format_eps(row["eps"], row["norm"])}
        case |= {"n": row["n"], "clean": row["clean"], "AutoAttack": _about(row)["auto"]}
        case |= {"page": row["page"]["robust"], "difference": _points(row), "both": row["both"]}
        before = {f"{'+ ' * (k > 0)}{name}": found["accuracies"][name] for k, name in enumerate(found["attacks"][:-1])}
        shown.append(case | before | {"head": row["head"], "minutes": sum(row["seconds"].values()) / 60})
    return pd.DataFrame(shown)


def probes(rows: Rows) -> str:
    """With which epochs and rate the probes of each world were fitted; no probe, no words."""
    recipes = {row["encoder"].partition("/")[0]: row["probe"] for row in rows if row["probe"]}
    said = "; ".join(f"{world}, {its['epochs']} epochs at rate {its['lr']:g}" for world, its in recipes.items())
    return f" Probes: {said}." if said else ""


def _points(row: Mapping[str, Any]) -> float:
    """The difference of two shares of the same points, without what its floating point left."""
    return round(row["difference"], 9) + 0.0  # no -0


def _about(row: Mapping[str, Any]) -> dict[str, Any]:
    found = row["autoattack"]
    last = found["accuracies"][found["attacks"][-1]]
    return {"case": f"`{row['encoder']}` on {row['data']}", "page": row["page"]["robust"], "auto": last}


def differences(rows: Rows) -> Text:
    """The largest difference between AutoAttack and the pages' attacks; the sets where it is above a point by name."""
    if not rows:
        return _NONE, {}
    far = [row for row in rows if abs(_points(row)) > POINT]
    counted = {"sets": len(rows), "name": "set" if len(rows) == 1 else "sets"}
    if far:
        cases = "; ".join(_ONE_APART.format(**_about(row)) for row in far)
        return _APART, counted | {"apart": len(far), "cases": cases}
    most = max(rows, key=lambda row: abs(_points(row)))
    if not _points(most):
        return _EQUAL, counted
    return _CLOSE, counted | {"largest": 100 * abs(_points(most))} | _about(most)


def missing(rows: Rows, asked: Sequence[Set] = SETS) -> Text:
    """Which of the sets that are asked for the records lack."""
    there = {(row["encoder"], row["data"]) for row in rows}
    absent: dict[str, list[str]] = {}
    for its in asked:
        if (its.encoder, its.data) not in there:
            absent.setdefault(its.encoder, []).append(its.data)
    if absent:
        named = "; ".join(f"`{encoder}` on {', '.join(data)}" for encoder, data in absent.items())
        return _MISSING, {"asked": len(asked), "n": sum(map(len, absent.values())), "missing": named}
    return _WHOLE, {"asked": len(asked)}


def show(page: Page) -> None:
    """What the records say, which sets they lack, and the table; without a record the first two alone."""
    rows = kept()
    (first, values), (second, further) = differences(rows), missing(rows)
    display(page.text("autoattack-reading", first + second, values | further))
    if rows:
        frame = table(rows)
        shares = frame.select_dtypes("number").columns
        formats = dict.fromkeys(shares, ".3f") | {"n": "d", "difference": "+.3f", "minutes": ".0f"}
        display(page.table("autoattack", frame, formats, wide=True, caption=CAPTION, probes=probes(rows)))
