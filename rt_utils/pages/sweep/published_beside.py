"""Which of the paper's tables stand beside a chapter's sweep, and which printed row is that of a cell."""

import pandas as pd

from rt_utils.evaluation.loss_gap import HEAD_NORM
from rt_utils.pages.published import as_shown, published_table

TABLES = {
    "theorem_1_loss_gap": (1,),
    "theorem_2_criterion": (3,),
    "section_5_1_cross_entropy": (1, 2),
    "section_5_2_criterion": (3, 8),
    "section_6_1_as_score": (4,),
    "section_6_2_transfer_methods": (5, 9),
    "appendix_b2_regression": (7,),
    "appendix_b5_distribution_shift": (10, 12, 13),
}
EPS, NORM = 8 / 255, "linf"  # of the printed experiments with CIFAR-100's encoder
_LEMMA_1 = "Table 1: LHS is at most the AS score"
_OWN = "/Addepalli2022Efficient_WRN_34_10"  # CIFAR-100's encoder; ImageNet's radius is missing in our copy
COLUMNS = ["claim", "encoder", "data", "eps", "lhs", "rhs"]


def tables(chapter: str) -> dict[str, pd.DataFrame]:
    """The printed tables that the chapter recomputes, by title; all of their columns are published values."""
    shown = {f"Table {number}": as_shown(published_table(f"table{number}")) for number in TABLES.get(chapter, ())}
    plain = HEAD_NORM, "L<sub>∞</sub>(W)"  # a sweep's page sets no mathematics
    return {
        title: frame.rename(columns=lambda name: "published " + name.removeprefix("published ").replace(*plain))
        for title, frame in shown.items()
    }


def sides(frame: pd.DataFrame) -> pd.DataFrame:
    """The printed LHS and AS score of Table 1 for those encoders and data sets of a sweep that are the paper's own.

    COLUMNS, one row for each printed one; none for another encoder, whose numbers are not the paper's.
    """
    rows = []
    found = frame[(frame.claim == _LEMMA_1) & (frame.norm == NORM)] if len(frame) else frame
    printed = published_table("table1").query("pretraining == 'cifar100'")
    for encoder, data in found[["encoder", "data"]].drop_duplicates().itertuples(index=False):
        for row in printed.to_dict("records") if _OWN in encoder else ():
            if row["downstream"] == data.partition(":")[0].replace("-", ""):
                rows.append((_LEMMA_1, encoder, data, EPS, row["lhs"], row["as_score"]))
    return pd.DataFrame(rows, columns=COLUMNS)
