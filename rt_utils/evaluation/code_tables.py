"""What is read off the runs of two-layer networks on sparse codes: means over seeds, and factors beside the ideal."""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd
from jaxtyping import Float

from rt_utils.evaluation.statistics import plus_minus

KINDS = ("eight tasks", "one task", "contrastive")
ADVERSARIES = ("clean", "l2", "linf")
WHERE = ["threshold", "pretraining", "adversary"]


def mean_and_spread(runs: pd.DataFrame, where: Sequence[str] = WHERE) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Mean and standard deviation over seeds of every number, by WHERE."""
    numbers = [column for column in runs.columns if column not in (*where, "seed")]
    grouped = runs.groupby(list(where), sort=False)[numbers]
    return grouped.mean(), grouped.std()


def with_spread(runs: pd.DataFrame, columns: Mapping[str, str], where: Sequence[str] = WHERE) -> pd.DataFrame:
    """The columns, under the names given, as "mean ± standard deviation" over seeds; one seed has no deviation."""
    mean, spread = mean_and_spread(runs, where)
    texts = {
        name: [plus_minus(a, b, ".2f") for a, b in zip(mean[c], spread[c], strict=True)] for c, name in columns.items()
    }
    return pd.DataFrame(texts, index=mean.index).reset_index()


def by_adversary(mean: pd.DataFrame, activation: str, kind: str) -> dict[str, dict[str, float]]:
    """The means of one kind of pretraining, by adversary."""
    rows = mean.reset_index()
    chosen = rows[(rows.threshold == activation) & (rows.pretraining == kind)].set_index("adversary")
    numbers = chosen.drop(columns=WHERE[:2])
    return {
        str(adversary): {str(name): float(value) for name, value in row.items()}
        for adversary, row in numbers.iterrows()
    }


def by_seed(runs: pd.DataFrame, column: str, **where: str) -> Float[np.ndarray, " seeds"]:
    """A column of the runs that `where` names, in the order of their seeds."""
    chosen = np.logical_and.reduce([runs[name] == value for name, value in where.items()])
    return runs[chosen].sort_values("seed")[column].to_numpy(float)


def reading(mean: pd.DataFrame) -> dict[str, str]:
    """Of the soft threshold: the kinds whose median purity stays below sqrt(1/2) whatever the adversary, and the
    pretrainings after which a clean probe's robust accuracy in l_inf is above one tenth.
    """
    cases = {kind: by_adversary(mean, "soft", kind) for kind in KINDS}
    mixed = [kind for kind, case in cases.items() if max(case[norm]["purity"] for norm in ADVERSARIES[1:]) < 0.5**0.5]
    robust = [
        f"{kind} with the {adversary} adversary ({case[adversary]['robust acc., linf']:.0%})"
        for kind, case in cases.items()
        for adversary in ADVERSARIES
        if case[adversary]["robust acc., linf"] > 0.1
    ]
    return {"mixed": ", ".join(mixed) or "none", "robust": " and ".join(robust) or "none of these pretrainings"}


def gained(mean: pd.DataFrame, column: str) -> pd.DataFrame:
    """By kind and adversary how many times smaller than after clean pretraining a column "..., norm" of `mean` is."""
    rows = []
    for kind, adversary in product(KINDS, ADVERSARIES[1:]):
        clean, hardened = (mean[f"{column}, {adversary}"]["soft", kind, who] for who in ("clean", adversary))
        rows.append({"pretraining": kind, "adversary": adversary, "measured": clean / hardened})
    return pd.DataFrame(rows)


def factors(mean: pd.DataFrame) -> pd.DataFrame:
    """`gained` of the mean moves, beside the ideal of the same tasks and inputs, and the two parts of the difference.

    measured = ideal x clean / adversarial; clean, adversarial: what moves the probe after each pretraining, over
    what would move mixed nodes without a threshold, and pure ones with it.
    """
    rows = gained(mean, "moved")
    for column, who, nodes in (("clean", "clean", "mixed"), ("adversarial", "", "pure")):
        rows[column] = [
            mean[f"moved, {norm}"]["soft", kind, who or norm] / mean[f"{nodes}, {norm}"]["soft", kind, who or norm]
            for kind, norm in zip(rows.pretraining, rows.adversary, strict=True)
        ]
    rows.insert(2, "ideal", rows.measured * rows.adversarial / rows.clean)
    return rows


def closest(factors: pd.DataFrame) -> dict[str, str | float]:
    """The pretraining and adversary whose measured factor is the largest share of the ideal one, and that share."""
    share = (factors.measured / factors.ideal).dropna()
    if share.empty:
        return {"pretraining": "none", "adversary": "none", "share": float("nan")}
    best = factors[share.eq(share.max()).reindex(factors.index, fill_value=False)].iloc[0]
    return {"pretraining": best["pretraining"], "adversary": best["adversary"], "share": float(share.max())}


def contrast_reading(swept: pd.DataFrame, control: str, alone: str) -> dict[str, str | float]:
    """Of contrastive pretrainings: the control before and after the adversary, the one that needs none, and which
    others have a median purity above one half without an adversary, or one that it moves by more than a tenth.
    """
    mean = mean_and_spread(swept, ["contrastive", "adversary"])[0]
    pure, safe, far = (mean[name].unstack(sort=False) for name in ("purity", "robust acc., l2", "robust acc., linf"))
    rise = pure["linf"] - pure["clean"]
    high, rises, falls = (pure.index[chosen] for chosen in (pure["clean"] > 0.5, rise > 0.1, rise < -0.1))
    return {
        "control": control,
        "clean": float(pure["clean"][control]),
        "linf": float(pure["linf"][control]),
        "before": float(safe["clean"][control]),
        "after": float(safe["linf"][control]),
        "alone": alone,
        "own": float(pure["clean"][alone]),
        "safe": float(safe["clean"][alone]),
        "far": float(far["clean"][alone]),
        "high": ", ".join(high) or "none",
        "rises": ", ".join(rises) or "none",
        "falls": ", ".join(falls) or "none",
    }
