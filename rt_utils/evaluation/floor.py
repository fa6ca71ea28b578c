"""The attack floor: a page's attacks against a much stronger search on the first points, because a weak attack makes
every inequality look true. It compares lower bounds with lower bounds: no maximum is known.
"""

import pandas as pd

SHARE = 0.02  # of the AS score and of the loss gap that a stronger search may add
PAPER = "paper's AS ratio"
POINTS = 0.01  # of robust accuracy that APGD may take away


def _ratio(found: float, strongest: float) -> float:
    return found / strongest if strongest else 1.0


def summary(points: pd.DataFrame) -> pd.DataFrame:
    """Per encoder and data set: AS score and loss gap of the page over 100 steps x 5 restarts on the same points, and
    the robust accuracies of the page's PGD, of the paper's (20 constant steps, one start) and of APGD.
    """

    def row(group: pd.DataFrame) -> pd.Series:
        deep, apgd = group[group.shift_floor.notna()], group[group.shift_paper.notna()]
        both, on_loss = deep[deep.shift_paper.notna()], group[group.loss_floor.notna()]
        gap, strong = on_loss.loss_page.mean() - on_loss.loss.mean(), on_loss.loss_floor.mean() - on_loss.loss.mean()
        return pd.Series(
            {
                "n": len(deep),
                "AS score": deep.shift_page.mean(),
                "AS ratio": _ratio(deep.shift_page.mean(), deep.shift_floor.mean()),
                PAPER: _ratio(both.shift_paper.mean(), both.shift_floor.mean()),
                "n'": len(on_loss),
                "loss gap": gap,
                "gap ratio": _ratio(gap, strong),
                "n''": len(apgd),
                "robust acc.": 1 - apgd.wrong_pgd.mean(),
                "paper's PGD": 1 - apgd.wrong_paper.mean(),
                "APGD": 1 - apgd.wrong_apgd.mean(),
            }
        )

    groups = points.groupby(["encoder", "data"], sort=False)[list(points.columns[2:])]
    return groups.apply(row).reset_index()


def missed(summary: pd.DataFrame) -> pd.DataFrame:
    """The rows of a summary at which the page's attacks fall short of the stronger search by more than allowed."""
    ratios, gap = summary[["AS ratio", "gap ratio"]].min(axis=1), summary["robust acc."] - summary["APGD"]
    return summary[(ratios < 1 - SHARE) | (gap > POINTS + 1e-9)]
