"""The ledger: verdicts, vacuous claims, and the page that shows them."""

import math
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from rt_utils.pages import execution, ledger, ledger_tables
from rt_utils.pages.ledger import Claim
from rt_utils.runtime.errors import InputError


def claim(text: str, lhs: float, rhs: float, vacuous: bool | None = None, n: int = 10) -> Claim:
    return Claim("chapter", text, "embedded", n, 0, lhs, rhs, vacuous=vacuous, norm="linf", eps=8 / 255)


CLAIMS = [
    claim("a bound of 20 on what is at most 20", 1.0, 20.0, True),
    claim("a bound of 19 on what is at most 20", 1.0, 19.0, False),
    claim("a count", 0.0, 0.0),
    claim("a share of no points", math.nan, 0.0, True, n=0),
    claim("a lie", 2.0, 1.0, False),
]


def test_the_columns_and_the_verdicts(tmp_path: Path) -> None:
    ledger.write(CLAIMS, tmp_path / "ledger.csv")
    rows = pd.read_csv(tmp_path / "ledger.csv", dtype={"vacuous": str}, keep_default_na=False)
    assert tuple(rows.columns) == ledger.COLUMNS
    assert list(rows.vacuous) == ["True", "False", "", "True", "False"]
    assert list(rows.verdict) == ["holds", "holds", "holds", "no point", "violated"]


def test_encoders_of_one_claim_are_told_apart_and_others_are_short(tmp_path: Path) -> None:
    where = {"profile": "embedded", "n": 1, "seed": 0, "lhs": 0.0, "rhs": 1.0}
    names = {"both": ("embedded/robust", "natural/robust"), "one": ("embedded/robust, FT",)}
    claims = [Claim("chapter", text, encoder=name, **where) for text, given in names.items() for name in given]  # type: ignore[arg-type]
    ledger.write(claims, tmp_path / "ledger.csv")
    shown = ledger_tables.tables(ledger_tables.read([tmp_path / "ledger.csv"])).source
    both, one = shown.split("<strong>")[1:]
    assert "<td>embedded/robust</td>" in both
    assert "<td>natural/robust</td>" in both
    assert "<td>robust, FT</td>" in one


@pytest.mark.parametrize(
    ("lhs", "rhs", "tolerance", "n", "verdict"),
    [
        (1.0, 1.0, 0.0, 1, "holds"),
        (1.0 + 1e-9, 1.0, 0.0, 1, "violated"),
        (1.25, 1.0, 0.25, 1, "holds"),
        (1.5, 1.0, 0.25, 1, "violated"),
        (2.0, 1.0, 0.0, 0, "no point"),
        (0.0, 1.0, 0.0, 0, "no point"),
        (math.nan, 1.0, 0.0, 1, "no point"),
        (0.0, math.nan, 0.0, 1, "no point"),
        (math.inf, 1.0, 0.0, 1, "violated"),
    ],
)
def test_a_verdict(lhs: float, rhs: float, tolerance: float, n: int, verdict: str) -> None:
    assert Claim("chapter", "claim", "embedded", n, 0, lhs, rhs, tolerance).verdict == verdict


@pytest.mark.parametrize("only", [CLAIMS, CLAIMS[2:3]], ids=["all", "none says"])
def test_the_page_shows_what_is_vacuous(only: list[Claim], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results" / "chapter").mkdir(parents=True)
    ledger.write(only, tmp_path / "results" / "chapter" / "ledger.csv")
    execution.run("ledger", {"ledgers": ["results"]}, Path("out.ipynb"), progress=False)
    outputs = [c.outputs for c in nbformat.read("out.ipynb", as_version=4).cells if c.cell_type == "code" and c.outputs]
    summary, table = (found[0]["data"]["text/html"] for found in outputs)
    assert f"; {sum(c.vacuous is True for c in only)} vacuous" in summary
    words = {True: "yes", False: "no", None: "–"}
    cells = [row.split("</td><td")[-2].rpartition(">")[2] for row in table.split("<tr>") if "</td>" in row]
    assert cells == [words[c.vacuous] for c in only]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"no ledger\.csv in 'nowhere' or below: run chapters first"):
        execution.run("ledger", {"ledgers": "nowhere"}, Path("out.ipynb"), progress=False)
