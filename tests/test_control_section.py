"""The control's table and sentence, from rows made by hand."""

import json
from pathlib import Path

import pytest

from rt_utils.evaluation.control import CLEAN
from rt_utils.pages import control_section
from rt_utils.runtime import paths


def row(data: str, encoder: str, head: str, robust: float, *, eps: float = 8, seed: int = 0) -> dict[str, object]:
    channels = "grey" if encoder == "pixels" else ""
    where = {"encoder": encoder, "data": data, "channels": channels, "seed": seed, "n": 100, "head": head}
    shares = {"clean acc.": 0.9, "robust acc.": robust, "fulfilled": 0.1, "fulfilled and right": 0.1}
    return where | {"eps": eps / 255} | shares


ROWS = [
    *(row("digits", "pixels", CLEAN, robust, seed=k) for k, robust in enumerate((0.4, 0.5))),
    row("digits", "pixels", CLEAN, 0.7, eps=4),
    row("digits", "pixels", "worst case at 8/255", 0.6),
    row("digits", "pixels", "worst case at 4/255", 0.99),  # for another radius: not shown
    row("digits", "embedded/robust", CLEAN, 0.5),
    row("textures", "pixels", CLEAN, 0.1),
    row("textures", "embedded/robust", "adversarial at 8/255", 0.3),
]


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "reference", lambda: tmp_path)
    (tmp_path / "control").mkdir()
    (tmp_path / "control" / "embedded.json").write_text(json.dumps({"rows": ROWS}), "utf-8")


def test_the_table_has_a_row_for_each_kind_of_head() -> None:
    table = control_section.shown(control_section.kept())
    assert list(table["head"]) == [CLEAN, "worst case", CLEAN, CLEAN, "worst case"]
    first = table.iloc[0]
    assert first["robust, 8"].startswith("0.450")
    assert (first["robust, 4"], table.iloc[1]["robust, 8"]) == ("0.700", "0.600")


def test_the_sentence_compares_the_best_heads() -> None:
    template, values = control_section.reading(control_section.kept())
    said = template.format(**values)
    assert "the means over seeds at 8/255" in said
    assert "on digits (0.60 against 0.50); the encoder is ahead on textures (0.10 against 0.30)" in said


def test_nothing_is_shown_where_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "control" / "embedded.json").unlink()
    assert control_section.kept().empty


def test_the_caption_says_what_was_attacked() -> None:
    settings = {"epochs": 20, "worst_epochs": 10, "lr": 0.01, "batch": 128, "n_train": 60_000}
    said = control_section.values(control_section.kept(), settings | {"adversarial": {"n_train": 70}})
    assert said["seeds"] == 2
    assert "what attacks leave of 100 images" in said["beside"]
    assert "trained under PGD on 70 images" in said["beside"]
    assert said["recipe"].startswith(" 20 epochs at rate 0.01, batch 128, on at most 60000 images; 10 epochs for the")
    alone = control_section.kept().query("encoder == 'pixels'")
    assert control_section.values(alone, settings | {"adversarial": {"n_train": 70}})["beside"] == ""
