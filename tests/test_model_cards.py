"""The page of the encoders' cards: its numbers are the cards'."""

from pathlib import Path

import nbformat
import pandas as pd
import pytest
from conftest import run_in

from rt_utils.models.catalogue import ENCODERS
from rt_utils.models.shipped import model_card
from rt_utils.pages.elements import DATA


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_in(tmp_path_factory.mktemp("cards"), "model_cards", {"results": "out"})


def test_the_tables_hold_every_card(folder: Path) -> None:
    page = nbformat.read(folder / "out.ipynb", as_version=4)
    shown = [output.metadata.get(DATA, {}) for cell in page.cells for output in cell.get("outputs", [])]
    tables = [part for part in shown if part.get("kind") == "table" and part["columns"][0] == "name"]
    rows: dict[str, dict[str, object]] = {name: {} for name in ENCODERS}
    for table in tables:
        for row in (row for row in table["rows"] if row[0] in rows):  # others' networks have cards of another kind
            rows[row[0]] |= dict(zip(table["columns"], row, strict=True))
    for name, row in rows.items():
        assert row["training"] == model_card(name)["training"]
        measured = model_card(name)["measured"]
        assert row["n"] == measured["points"]
        if "sprites" in name:
            assert row["PGD-20"] == pytest.approx(measured["adversarial_squared_error_pgd20"], rel=1e-8)
        else:
            assert row["and APGD"] == pytest.approx(measured["robust_accuracy_pgd20_and_apgd_ce"], rel=1e-8)


def test_adversarial_training_left_more_robust_accuracy(folder: Path) -> None:
    ledger = pd.read_csv(folder / "out" / "ledger.csv")
    assert set(ledger.encoder) == {"embedded/robust", "natural/robust"}
    assert set(ledger.verdict) == {"holds"}
