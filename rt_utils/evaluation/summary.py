"""Rows of tables from points: one row for each encoder and data set, found by their full names."""

import math
from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import torch

from rt_utils.evaluation.loss_gap import HEAD_NORM, LossGap, lemma_1_sides
from rt_utils.evaluation.measurement import Measurement, table
from rt_utils.evaluation.statistics import plus_minus, shown_share

CASE = ["encoder", "data"]
STAYED = "unchanged where fulfilled"
ALONE = "\\(S_{\\mathrm{rep}}\\lt m\\)"  # with what the attack on the representation found alone


def by_case(points: pd.DataFrame, row: Callable[[pd.DataFrame], Mapping[str, object]]) -> pd.DataFrame:
    """`row` of the points of each encoder and data set, in the order in which they first appear."""
    groups = points.groupby(CASE, sort=False)
    return pd.DataFrame([dict(zip(CASE, case, strict=True)) | dict(row(part)) for case, part in groups])


def spread(rows: pd.DataFrame, columns: Sequence[str], by: Sequence[str] = CASE) -> pd.DataFrame:
    """Mean and standard deviation of `columns` over the rows that agree in `by`, as text; of one row the value alone.

    In the order in which the groups first appear.
    """
    groups = rows.groupby(list(by), sort=False)[list(columns)]
    mean, deviation = groups.mean(), groups.std()
    shown = {
        column: [plus_minus(a, b) for a, b in zip(mean[column], deviation[column], strict=True)] for column in columns
    }
    return pd.DataFrame(shown, index=mean.index).reset_index()


def criterion(points: pd.DataFrame) -> pd.DataFrame:
    """Table 3: accuracies, the share of points that fulfil Theorem 2's criterion, and how many of these stayed.

    `points` has the columns of `measurement.table`. AS score and median margin ratio in feature units. Robust accuracy
    and the fulfilled share are sampled and have a 95% interval. STAYED is a count and has none: with the largest
    shift over everything found it is all of them by algebra, so it tests the code.
    """

    def row(part: pd.DataFrame) -> dict[str, object]:
        fulfilled = part[part.fulfilled]
        return {
            "n": len(part),
            "clean acc.": (part.label == part.predicted).mean(),
            "robust acc.": 1 - part.wrong.mean(),
            "robust, 95%": shown_share(int((~part.wrong).sum()), len(part)),
            "fulfilled": part.fulfilled.mean(),
            "fulfilled, 95%": shown_share(len(fulfilled), len(part)),
            STAYED: f"{int((~fulfilled.flipped).sum())} of {len(fulfilled)}",
            "AS score": part["shift"].mean(),
            "median \\(m(x)\\)": part.margin_ratio.median(),
        }

    return by_case(points, row)


def flips(points: pd.DataFrame) -> pd.DataFrame:
    """Theorem 2's live check: how many points fulfil the criterion, how many of these were flipped, and their share."""

    def row(part: pd.DataFrame) -> dict[str, object]:
        flipped = part[part.fulfilled].flipped
        flips = int(flipped.sum())
        return {"n": len(flipped), "flipped": flips, "share": flipped.mean(), "vacuous": flipped.empty}

    return by_case(points, row)


def representation_alone(points: pd.DataFrame) -> pd.DataFrame:
    """How weak the attack on the representation is: what it leaves fulfilled, and what attacks on the loss flip of it.

    A find that flips a point has a shift of at least m(x), by Theorem 2's proof. So where S_rep(x) < m(x), with the
    shift that the attack on the representation found alone, a flip proves that this attack missed a larger one. `n`:
    points; ALONE: the share that it leaves fulfilled, which is too high by `flipped` points at least; `share`: of the
    `fulfilled` ones those flipped. Both shares with their 95% interval; NaN and a dash where nothing is fulfilled.
    """

    def row(part: pd.DataFrame) -> dict[str, object]:
        fulfilled = part[part.shift_representation < part.margin_ratio]
        n, flipped = len(fulfilled), int(fulfilled.flipped_by_loss.sum())
        return {
            "n": len(part),
            ALONE: n / len(part),
            "95% interval": shown_share(n, len(part)),
            "fulfilled": n,
            "flipped": flipped,
            "share": flipped / n if n else math.nan,
            "its 95% interval": shown_share(flipped, n),
        }

    return by_case(points, row)


LEMMA_1 = ["clean acc.", "robust acc.", "diff. CE", HEAD_NORM, "LHS", "AS score"]


def lemma_1(m: Measurement, first: int | None = None) -> dict[str, object]:
    """Table 1: both sides of Lemma 1 for cross-entropy in l_inf, and what they are made of, on the first test points.

    diff. CE in nats; LHS and AS score in feature units.
    """
    points = table(m)[:first]
    case: dict[str, object] = {
        "encoder": m.encoder,
        "data": m.data,
        "n": len(points),
        "clean acc.": (points.label == points.predicted).mean(),
        "robust acc.": 1 - points.wrong.mean(),
    }
    return case | lemma_1_sides(LossGap.of(m, first))


def scale_free(m: Measurement, first: int | None = None) -> dict[str, object]:
    """What does not depend on the scale of the features, on the first test points.

    AS / distance: the AS score over the mean distance between the features of two test images, of at most 300.
    margin / shift: the median over the correctly classified points of margin ratio over shift; NaN where nothing moved.
    fulfilled: the share that fulfils Theorem 2's criterion; broken: how many of these were flipped.
    """
    points, z = table(m)[:first], torch.from_numpy(m.z[:first][:300]).double()
    score, right = points["shift"].mean(), points.label == points.predicted
    return {
        "AS / distance": score / torch.pdist(z).mean().item(),
        "fulfilled": points.fulfilled.mean(),
        "margin / shift": (points.margin_ratio / points["shift"])[right].median() if score else math.nan,
        "broken": int((points.fulfilled & points.flipped).sum()),
    }
