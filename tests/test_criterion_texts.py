"""What Section 5.2 says of Table 3 follows from its rows."""

import pandas as pd
import pytest

from rt_utils.pages import criterion_texts
from rt_utils.pages.elements import filled
from rt_utils.pages.published import published_table

LABEL = {"embedded/robust": "robust", "natural/robust": "natural/robust"}


def rows(*fulfilled: float) -> pd.DataFrame:
    own = {"encoder": [*LABEL], "data": ["digits", "cifar10"], "robust acc.": [0.8, 0.6]}
    return pd.DataFrame(own | {"fulfilled": fulfilled})


@pytest.mark.parametrize(
    ("fulfilled", "flipped", "says", "never"),
    [
        ((0.25, 0.5), 0, "50.0% (natural/robust encoder, cifar10), where 60.0%", "On "),
        ((0.25, 0.0), 0, "On 1 of 2 pairs no point fulfils it", "contradicts"),
        ((0.25, 0.5), 1, "1 of them was flipped: that contradicts the algebra", "algebra demands"),
        ((0.25, 0.5), 2, "2 of them were flipped: that contradicts the algebra", "algebra demands"),
    ],
)
def test_the_sentence_follows_from_the_rows(fulfilled: tuple[float, ...], flipped: int, says: str, never: str) -> None:
    flips = pd.DataFrame({"n": [30, 20], "flipped": [flipped, 0]})
    words = filled(*criterion_texts.reading(rows(*fulfilled), flips, published_table("table3"), LABEL))
    assert "Over all seeds 50 points fulfil the criterion" in words
    assert says in words
    assert never not in words
