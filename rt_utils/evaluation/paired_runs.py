"""Runs compared seed by seed: differences between starts and between rates, and what goes with them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from rt_utils.evaluation.finetuned_runs import ROBUST, STARTS, Grid, Setting, linear, of

AS_RELEASED = "both, as released"


def deviation(differences: Float[np.ndarray, " n"]) -> float:
    """The standard deviation over seeds; NaN for a single one. It is no interval: what is sure, the sign test says."""
    return float(differences.std(ddof=1)) if len(differences) > 1 else float("nan")


def by_seed(runs: pd.DataFrame, setting: Setting, column: str = ROBUST) -> Float[np.ndarray, " seeds"]:
    """One number for each seed, in the order of the seeds."""
    return of(runs, [setting])[column].to_numpy()


def mean_of(runs: pd.DataFrame, setting: Setting, column: str = ROBUST) -> float:
    """The mean over the seeds."""
    return float(by_seed(runs, setting, column).mean())


def difference(runs: pd.DataFrame, better: Setting, worse: Setting) -> dict[str, object]:
    """First minus second by seed, in points of accuracy, with the deviation over seeds; how many rise and fall."""
    row: dict[str, object] = {"encoder": better.encoder, "seeds": len(by_seed(runs, better))}
    for column in (ROBUST, "clean acc."):
        d = 100 * (by_seed(runs, better, column) - by_seed(runs, worse, column))
        row |= {column: float(d.mean()), f"{column} ±": deviation(d)}
        row |= {f"{column} up": int((d > 0).sum()), f"{column} down": int((d < 0).sum())}
    return row


def effects(runs: pd.DataFrame, grid: Grid) -> pd.DataFrame:
    """Per encoder: the start at each rate, the rate from each start, and both at once."""
    rows = []
    for encoder in grid.encoders:
        ran_high, roli_high, ran_low, roli_low = grid.square(encoder)
        for what, better, worse in (
            ("start, at the high rate", roli_high, ran_high),
            ("start, at the low rate", roli_low, ran_low),
            ("rate, from RanLI", ran_low, ran_high),
            ("rate, from RoLI", roli_low, roli_high),
            (AS_RELEASED, roli_low, ran_high),
        ):
            rows.append({"what changes": what} | difference(runs, better, worse))
    return pd.DataFrame(rows)


def gains(runs: pd.DataFrame, settings: Sequence[Setting]) -> dict[str, float]:
    """By method RoLI's robust accuracy minus RanLI's, in points; `settings` holds RanLI and RoLI in turn."""
    pairs = zip(settings[::2], settings[1::2], strict=True)
    return {ran.method: 100 * (mean_of(runs, roli) - mean_of(runs, ran)) for ran, roli in pairs}


def longer(runs: pd.DataFrame, grid: Grid) -> pd.DataFrame:
    """Per rate, on the first encoder: what more epochs give the random start, and what is left of the other's lead."""
    rows = {}
    for name, rate in grid.rates.items():
        control, encoder = grid.control(rate), grid.encoders[0]
        gained = difference(runs, control, grid.full(encoder, "RanLI", rate))
        left = difference(runs, grid.full(encoder, "RoLI", rate), control)
        rows[name] = {
            "gained": gained[ROBUST],
            "left": left[ROBUST],
            "left up": left[f"{ROBUST} up"],
            "left down": left[f"{ROBUST} down"],
            "seeds": left["seeds"],
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _pairs(grid: Grid, encoder: str) -> dict[str, list[tuple[Setting, Setting]]]:
    both = (grid.high, grid.low)
    return {
        "RoLI − RanLI": [(grid.full(encoder, "RoLI", r), grid.full(encoder, "RanLI", r)) for r in both],
        "low − high rate": [(grid.full(encoder, s, grid.low), grid.full(encoder, s, grid.high)) for s in STARTS],
        "probe − finetuned": [(linear(encoder), setting) for setting in grid.square(encoder)],
    }


def agreement(runs: pd.DataFrame, grid: Grid) -> pd.DataFrame:
    """Per encoder and kind of pair: mean differences, and how often the one that drifted less is the more robust one.

    drift and AS / distance in mean distances between two images; robust acc. in points.
    """
    rows = []
    for encoder in grid.encoders:
        for kind, pairs in _pairs(grid, encoder).items():
            drift, score, robust = (
                np.concatenate([by_seed(runs, a, column) - by_seed(runs, b, column) for a, b in pairs])
                for column in ("drift", "AS / distance", ROBUST)
            )
            means = {"drift": drift.mean(), "AS / distance": score.mean(), "robust acc. [points]": 100 * robust.mean()}
            counts = {"moved less": int((drift < 0).sum()), "agree": int((drift * robust < 0).sum())}
            rows.append({"encoder": encoder, "pairs": kind, "n": len(drift)} | means | counts)
    return pd.DataFrame(rows)


def counted(agreement: pd.DataFrame) -> dict[str, int]:
    """Over all encoders: pairs of starts, how many moved less from RoLI, and how many agree, there and elsewhere."""
    of_starts = agreement.pairs == "RoLI − RanLI"
    starts, others = agreement[of_starts], agreement[~of_starts]
    return {
        "starts": int(starts.n.sum()),
        "less": int(starts["moved less"].sum()),
        "agree_starts": int(starts.agree.sum()),
        "others": int(others.n.sum()),
        "agree_others": int(others.agree.sum()),
    }


def explanation(*, starts: int, less: int, agree_starts: int, others: int, agree_others: int) -> str:
    """What `counted` says of the explanation that RoLI is more robust because its encoder moves less."""
    if not (less > 0.5 * starts and agree_starts > 0.5 * starts):
        return "contradicted"
    return "not contradicted" if agree_others > 0.5 * others else "not enough"
