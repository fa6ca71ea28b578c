"""The paper's Table 7, with the columns of `evaluation.regression.both_sides`."""

import pandas as pd

from rt_utils.images.drawn.sprites import FACTORS
from rt_utils.pages.published import published_table


def table_7() -> pd.DataFrame:
    """One row for each norm and pretraining: the LHS of every factor, and the AS score."""
    rows = published_table("table7").rename(columns={"attack": "norm", "pretraining": "encoder", "rhs": "AS"})
    return pd.concat([rows[["norm", "encoder"]], pd.DataFrame(rows["lhs"].tolist()), rows[["AS"]]], axis=1)


def sides() -> pd.DataFrame:
    """The same with one row for each factor, its LHS in the column "|xi|"."""
    return table_7().melt(["norm", "encoder", "AS"], list(FACTORS), "factor", "|xi|")
