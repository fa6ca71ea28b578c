"""Rank correlations of the paper's own numbers: Table 4, with accuracies and left sides from its Tables 3 and 1."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from rt_utils.evaluation import ranks
from rt_utils.evaluation.score_orders import COMMON, RHO, TAU, pooled_row
from rt_utils.pages.published import published_table

GAP = "loss gap"
RELATIVE = "relative difference"


def _measures(table_4: pd.DataFrame, pretraining: str) -> Iterator[tuple[str, pd.DataFrame, pd.Series]]:
    """By what, the rows, and the values; the other tables have the three downstream sets only."""
    both = ["pretraining", "downstream"]
    accuracies = published_table("table3").merge(published_table("table1"), on=both, suffixes=("", "_1"))
    part = table_4[table_4.pretraining == pretraining]
    down = part.merge(accuracies, on=both, suffixes=("", "_t"))
    yield "AS score", part, part.as_score
    yield RELATIVE, part, part.relative_diff
    yield GAP, part, part.robust_ce - part.clean_ce
    yield "relative, downstream", down, down.relative_diff
    yield "LHS of Lemma 1, downstream", down, down.lhs
    yield "accuracy lost, downstream", down, down.clean_acc - down.robust_acc


def orders() -> pd.DataFrame:
    """Per pretraining and measure the order of its data sets, and how it agrees with that by the score.

    pairs, RHO, TAU, p: `ranks.agreement`; one left out: the range of rho when one of four data sets is left out.
    """
    table_4, rows = published_table("table4"), []
    for pretraining in table_4.pretraining.unique():
        for what, frame, series in _measures(table_4, pretraining):
            score, values = frame.as_score.to_numpy(), series.to_numpy()
            row = {"pretraining": pretraining, "by": what, "order": ranks.order(list(frame.downstream), values)}
            if what != "AS score":
                found, n = ranks.agreement(score, values), len(score)
                row |= {"pairs": f"{found['same']} of {n * (n - 1) // 2}"} | {
                    RHO: found["rho"],
                    TAU: found["tau"],
                    "p": found["p"],
                }
                if n > 3:
                    rhos = [ranks.agreement(np.delete(score, i), np.delete(values, i))["rho"] for i in range(n)]
                    row["one left out"] = f"{min(rhos):.1f} to {max(rhos):.1f}"
            rows.append(row)
    columns = ["pretraining", "by", "order", "pairs", RHO, TAU, "p", "one left out"]
    return pd.DataFrame(rows).reindex(columns=columns)


def pooled() -> pd.DataFrame:
    """By relative difference, the mean rho over both pretrainings, and p-values (`score_orders.pooled_row`).

    Over all four data sets, of which one is each pretraining's own, and over the three downstream.
    """
    table_4 = published_table("table4")
    downstream = table_4[table_4.pretraining != table_4.downstream]
    rows = []
    for numbers, frame in (("2 x 4, with the pretraining sets", table_4), ("2 x 3, downstream sets", downstream)):
        parts = [part for _, part in frame.groupby("pretraining")]
        pairs = [(part.as_score.to_numpy(), part.relative_diff.to_numpy()) for part in parts]
        rows.append({"numbers": numbers} | pooled_row(pairs))
    rows[0][COMMON] = np.nan  # the pretraining sets differ, so no reordering is common to both
    return pd.DataFrame(rows)
