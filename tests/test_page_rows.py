"""Sentences and claims that a page makes from the rows of a table."""

import numpy as np
import pandas as pd
from handmade import SAME_SHORT_NAME

from rt_utils.pages.page import Page
from rt_utils.theory.threat import Threat

GIVEN = {"profile": "embedded", "encoders": ["embedded/robust"], "norm": "linf", "eps": "8/255", "seed": 3}
ROWS = pd.DataFrame({"encoder": ["embedded/robust"] * 2, "robust acc.": [0.5, np.nan], "n": [4, 5], "seed": [0, 2]})


def test_rows_as_a_sentence() -> None:
    page = Page("chapter", GIVEN)
    template = "{encoder}: {robust acc.:.2f} of {n}"
    assert page.listed(ROWS, template, ", ") == "robust: 0.50 of 4, robust: – of 5"
    both = pd.DataFrame({"encoder": SAME_SHORT_NAME})
    assert page.listed(both, "{encoder}") == "; ".join(SAME_SHORT_NAME)
    assert page.listed(pd.DataFrame({"x": [1]}), "{x}") == "1"
    assert page.listed(ROWS[:0], template) == ""


def test_rows_as_claims() -> None:
    page = Page("chapter", GIVEN)
    page.claim_rows(ROWS, "n is {n}", lhs="robust acc.", rhs="n", data="digits", tolerance=0.1)
    first, second = page.claims
    assert (first.claim, first.seed, first.n, first.lhs) == ("n is 4", 3, 4, 0.5)
    assert (first.encoder, first.data, first.threat) == ("embedded/robust", "digits", Threat("linf", 8 / 255))
    assert (second.seed, second.verdict) == (5, "no point")
