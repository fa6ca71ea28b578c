"""The ledger: verdicts, vacuous claims, and the page that shows them."""

import math
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from conftest import ROOT

from rt_utils.pages import claim_kinds, execution, ledger, ledger_tables
from rt_utils.pages.ledger import Claim
from rt_utils.runtime.errors import InputError
from rt_utils.theory.threat import Threat


def claim(text: str, lhs: float, rhs: float, vacuous: bool | None = None, n: int = 10) -> Claim:
    return Claim("chapter", text, "embedded", n, 0, lhs, rhs, vacuous=vacuous, threat=Threat("linf", 8 / 255))


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
    shown = ledger_tables.table(ledger_tables.read([tmp_path / "ledger.csv"])).source
    both, one = shown.split("<tbody")[1:]
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
    rows = [row for row in table.split("<tr") if row.startswith(' class="rt-case"')]
    cells = [row.split("</td><td")[-2].rpartition(">")[2] for row in rows]
    assert cells == [words[c.vacuous] for c in only]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"no ledger\.csv in 'nowhere' or below: run chapters first"):
        execution.run("ledger", {"ledgers": "nowhere"}, Path("out.ipynb"), progress=False)


CHECKED = {"theorem-2", "lemma-1", "slack-subspace"}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Theorem 2: share of fulfilled points that a perturbation found flips", "machine-checked"),
        ("Theorem 2 in the head's subspace: share", "machine-checked"),
        ("Table 1: LHS is at most the AS score", "machine-checked"),
        ("Table 10: something else", "evidence"),
        ("Purification, output: mean reach found over eps at most what is proved", "proved"),
        (
            "Confidence limit (mean, from below): share of samples that it misses",
            "evidence",
        ),  # with a tolerance of three standard errors
        ("Balls: AS score found under l_2 against l_inf at one radius", "evidence"),  # both sides are found
        ("Lipschitz bound on the shift", "proved"),
        ("Certified, eps = 1/255: certified points that an attack flipped", "certified"),
        ("Certificate: share of certified points that a perturbation found flips", "certified"),
        ("Attack floor: robust accuracy of PGD above APGD's", "check of a search"),
        ("Observation, Table 8: unchanged at 2 eps", "evidence"),
        ("M3: loss gap after a probe in train mode (no theorem says so)", "evidence"),
    ],
)
def test_what_a_claim_rests_on(text: str, kind: str) -> None:
    assert claim_kinds.kind(text, CHECKED) == kind
    assert claim_kinds.kind(text, set()) == kind.replace("machine-checked", "proved")


def test_every_label_of_a_kind_is_a_statement_of_the_book() -> None:
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "notebooks").glob("*.md"))
    named = {label for _, label in claim_kinds._CASES if label}
    assert {label for label in named if f":label: {label}\n" not in sources} <= claim_kinds.checked_labels()
    assert {"theorem-1", "theorem-2", "lemma-1"} <= claim_kinds.checked_labels()
    assert claim_kinds.checked_labels(ROOT / "notebooks") == set()


def test_every_violated_row_is_explained_beside_a_link_and_none_other(tmp_path: Path) -> None:
    def one(text: str, lhs: float, rhs: float) -> Claim:
        return Claim("roli", text, "embedded", 10, 0, lhs, rhs)

    add = "Attack floor: share of the loss gap that 100 steps and 5 restarts add"
    order = "Section 6.1: pairs of data sets that the AS score and the loss gap order differently"
    wrong = [one(add, 0.05, 0.02), one(order, 2, 0), one("RoLI (i)", 3, 2), one("Theorem 2: flips", 1, 0)]
    ledger.write([*wrong, one(add, 0.01, 0.02)], tmp_path / "ledger.csv")
    shown = ledger_tables.table(ledger_tables.read([tmp_path / "ledger.csv"])).source
    why = [row.partition("</tr>")[0] for row in shown.split("<tr") if row.startswith(' class="rt-why"')]
    assert len(why) == len(wrong)
    assert all('href="roli.html"' in row for row in why)
    assert "100 steps and 5 restarts adds 5.0% to the loss gap found, and the book allows 2%" in why[0]
    assert "2 pairs of data sets stand in another order by the loss gap" in why[1]
    assert "Hua et al. did not come out in this run: 3 is above 2" in why[2]
    assert "a mistake in the code" in why[3]


def test_the_books_order_and_the_tally(tmp_path: Path) -> None:
    names = ["status", "unknown", "audit", "setting"]
    claims = [Claim(name, "Theorem 2: x", "embedded", n, 0, 0.0, 1.0) for n, name in enumerate(names)]
    ledger.write(claims, tmp_path / "ledger.csv")
    rows = ledger_tables.read([tmp_path / "ledger.csv"], CHECKED)
    assert list(rows.chapter) == ["setting", "audit", "status", "unknown"]
    assert ledger_tables.tally(rows).loc["machine-checked"].to_dict() == {
        "holds": 3,
        "violated": 0,
        "undecided": 0,
        "no point": 1,
    }
    assert ledger_tables.tally(rows).to_numpy().sum() == 4
