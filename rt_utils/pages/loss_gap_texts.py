"""What the page on Theorem 1 says of what it found."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

READING = (
    "**How to read it.** On {below} of {pairs} pairs of encoder and data set the left side is below the AS score, as "
    "the lemma's algebra demands. The AS score is {least:.0f} to {most:.0f} times the left side here, and "
    "{papers_least:.0f} to {papers_most:.0f} times in the paper's table."
)
NO_GAP = "**How to read it.** With this radius no loss gap was found."
WRONG = (
    "**How to read it.** A left side exceeds the AS score: that contradicts the algebra, so there is a mistake in the "
    "code."
)
ON = "Here the event holds: the true tail stays within the strip."
OFF = "Here the event fails, as it may for a share \\(\\rho\\) of all samples: the true tail leaves the strip."


def reading(holds: Sequence[bool], here: pd.Series, papers: pd.Series) -> tuple[str, dict[str, Any]]:
    """What both sides of Lemma 1 say, as a template and its values.

    `holds`: for each pair of encoder and data set, whether the left side is below. `here`, `papers`: AS over LHS, in
    this run where a gap was found, and in print.
    """
    values = {"below": sum(holds), "pairs": len(holds), "papers_least": papers.min(), "papers_most": papers.max()}
    values |= {"least": here.min(), "most": here.max()}
    return WRONG if not all(holds) else NO_GAP if here.empty else READING, values
