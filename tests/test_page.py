"""The page object: what every chapter's first line gives it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rt_utils.pages import ledger
from rt_utils.pages.page import Page
from rt_utils.runtime.errors import InputError
from rt_utils.theory.statements import margin_ratio
from rt_utils.theory.threat import Threat

GIVEN: dict[str, Any] = {
    "profile": "embedded",
    "encoders": ["embedded/robust", "natural/robust"],
    "norm": "linf",
    "eps": "8/255",
    "drop": "",
    "seed": 7,
    "workers": 1,
    "results": "",
}


@pytest.fixture
def page(tmp_path: Path) -> Page:
    return Page("chapter", GIVEN | {"results": str(tmp_path / "files")})


def test_the_threat_is_parsed_once(page: Page) -> None:
    assert page.threat == Threat("linf", 8 / 255)
    with pytest.raises(InputError, match="eps 8 is out of range"):
        Page("chapter", GIVEN | {"eps": 8})


def test_a_choice_is_empty_or_known() -> None:
    assert Page("chapter", GIVEN).choice("drop", ["own shift"]) == ""
    with pytest.raises(InputError, match="unknown assumption 'own shfit': use own shift"):
        Page("chapter", GIVEN | {"drop": "own shfit"}).choice("drop", ["own shift", "labels"], "assumption")


def test_a_key_stands_for_one_element(page: Page) -> None:
    page.text("reading", "{profile}, {threat}, {n}", n=3)
    with pytest.raises(ValueError, match="two elements of the page have the key 'reading'"):
        page.table("reading", pd.DataFrame({"x": [1.0]}), ".1f", caption="")


def test_every_template_may_name_profile_and_threat(page: Page) -> None:
    assert page.text("t", "{profile}, {threat}").shown == "embedded, l_inf, eps = 8/255"


def test_a_claim_takes_two_sides_and_where(page: Page) -> None:
    page.claim("a bound", n=3, lhs=1.0, rhs=2.0, encoder="embedded/robust", data="digits")
    page.claim("another", n=3, lhs=3.0, rhs=2.0, seed=9)
    page.claim("of no threat", n=3, lhs=1.0, rhs=2.0, threat=None)
    first, second, third = page.claims
    assert (first.chapter, first.profile, first.threat, first.seed) == ("chapter", "embedded", page.threat, 7)
    assert third.threat is None
    assert (first.verdict, second.verdict, second.seed) == ("holds", "violated", 9)


def test_the_files_of_a_page(page: Page, tmp_path: Path) -> None:
    page.claim("a bound", n=3, lhs=1.0, rhs=2.0)
    page.save(points=(pd.DataFrame({"point": [0]}), {"z": np.ones(3)}))
    rows = pd.read_csv(tmp_path / "files" / "ledger.csv")
    assert tuple(rows.columns) == ledger.COLUMNS
    assert list(rows.verdict) == ["holds"]
    assert {path.name for path in (tmp_path / "files").iterdir()} >= {"points.csv", "points.npz", "run.json"}


def test_the_source_of_a_function_without_its_docstring(page: Page) -> None:
    shown = page.source(margin_ratio).data
    assert shown.startswith("```python\ndef margin_ratio(")
    assert "ratios.amin(1)" in shown
    assert "Theorem 2" not in shown


def test_labels_and_colours_are_those_of_all_the_pages_encoders(page: Page) -> None:
    assert page.label["embedded/robust"] == "embedded/robust"
    assert len(set(page.colour.values())) == 2
