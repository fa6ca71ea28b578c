"""What the landing page says of the kept run on natural images, from its records."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from rt_utils.pages import kept_results

KEPT = ROOT / "book" / "reference"


def elements(chapter: str) -> dict[str, Any]:
    record = json.loads((KEPT / "natural" / f"{chapter}.json").read_text("utf-8"))
    found: dict[str, Any] = record["runs"][0]["elements"]
    return found


def test_the_order_of_section_6_1_is_counted_from_the_record() -> None:
    """Beside the record's own ledger, which counts the pairs that stand otherwise."""
    said = kept_results.order(elements("section_6_1_as_score"))
    record = json.loads((KEPT / "natural" / "section_6_1_as_score.json").read_text("utf-8"))["runs"][0]
    text = "Section 6.1: pairs of data sets that the AS score and the relative difference order differently"
    claims = [claim for claim in record["claims"] if claim["claim"] == text]
    right, n = sum(float(claim["lhs"]) == 0 for claim in claims), len(claims)
    pairs, apart = (sum(int(float(claim[name])) for claim in claims) for name in ("n", "lhs"))
    assert f"{'came out' if right == n else 'did not come out'}: {right} of {n}." in said
    assert f"and {pairs - apart} of {pairs} pairs" in said


def scored(*pairs: str) -> dict[str, Any]:
    orders = [["e", "AS score", "a < b", None], *(["e", "relative difference", "b < a", pair] for pair in pairs)]
    return {
        "orders": {"columns": ["encoder", "by", "order", "pairs"], "rows": orders},
        "as-scores": {"columns": ["encoder", "data", "over a"], "rows": [["e", "a", 1.0], ["e", "b", 3.0]]},
    }


def test_a_natural_result_that_comes_out_is_said_to() -> None:
    assert "**The order of Section 6.1 came out: 2 of 2.**" in kept_results.order(scored("1 of 1", "1 of 1"))
    said = kept_results.order(scored("1 of 1", "0 of 1"))
    assert "**The order of Section 6.1 did not come out: 1 of 2.**" in said
    assert "and 1 of 2 pairs" in said
    assert "3.00 to 3.00 times those on a, in the paper's Table 4 up to 42 times" in said


def test_where_the_criterion_is_fulfilled() -> None:
    said = kept_results.fulfilled(
        {"table-3": {"columns": ["encoder", "data", "robust acc.", "fulfilled"],
                     "rows": [["natural/robust", "a", 0.5, 0.25], ["natural/robust", "b", 0.1, 0.0]]}}
    )  # fmt: skip
    assert "no test image fulfils it on 1 of 2 pairs" in said
    assert "the largest share is 25.0% (robust encoder, a), where 50.0% are robust" in said


def test_the_landing_page_takes_them_from_the_records(tmp_path: Path) -> None:
    index = (ROOT / "book" / "index.md").read_text("utf-8")
    assert "```{kept-results}" in index
    assert "kept_results" in (ROOT / "_config.yml").read_text("utf-8")
    assert not re.search(r"\b0 of 3\b", index)  # not typed
    lines = kept_results.non_results(KEPT).splitlines()
    assert len(lines) == 3
    assert re.search(
        r"^- \*\*Some of it needs no representation.\*\* On Fashion-MNIST .* exactly robust on 0\.\d{3}", lines[2]
    )
    assert not any("lacks what is asked" in line for line in lines)
    (tmp_path / "natural").mkdir()
    (tmp_path / "natural" / "theorem_2_criterion.json").write_text('{"runs": [{"elements": {}}]}', "utf-8")
    missing = kept_results.non_results(tmp_path).splitlines()
    assert [line.startswith("- The kept run of `") for line in missing] == [True, True]


@pytest.mark.parametrize("chapter", ["section_6_1_as_score", "theorem_2_criterion"])
def test_the_pages_that_are_named_exist(chapter: str) -> None:
    assert chapter in kept_results.non_results(KEPT)
    assert (ROOT / "notebooks" / f"{chapter}.md").is_file()
