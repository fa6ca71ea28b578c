"""The control's table and sentence, from rows made by hand."""

import json
from pathlib import Path

import pytest

from rt_utils.evaluation.control import CLEAN
from rt_utils.pages import control_section
from rt_utils.pages.control_section import PGD
from rt_utils.runtime import paths


def row(data: str, encoder: str, head: str, robust: float, *, eps: float = 8, seed: int = 0) -> dict[str, object]:
    channels = "grey" if encoder == "pixels" else ""
    where = {"encoder": encoder, "data": data, "channels": channels, "seed": seed, "n": 100, "head": head}
    shares = {"clean acc.": 0.9, "robust acc.": robust, "fulfilled": 0.1, "fulfilled and right": 0.1}
    return where | {"eps": eps / 255} | shares


ROWS = [
    *(row("digits", "pixels", CLEAN, robust, seed=k) for k, robust in enumerate((0.75, 0.85))),
    row("digits", "pixels", CLEAN, 0.9, eps=4),
    row("digits", "blocks", CLEAN, 0.3),
    row("digits", "pixels", "worst case at 8/255", 0.6),
    row("digits", "pixels", "worst case at 4/255", 0.99),  # for another radius: not shown
    row("digits", "embedded/robust", CLEAN, 0.4),
    row("glyphs", "pixels", "worst case at 8/255", 0.1),
    row("glyphs", "embedded/robust", "adversarial at 8/255", 0.5),
    row("textures", "pixels", "worst case at 8/255", 0.1),
    row("textures", "blocks", "worst case at 8/255", 0.5),
    row("textures", "embedded/robust", "adversarial at 8/255", 0.6),
]


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "reference", lambda: tmp_path)
    (tmp_path / "control").mkdir()
    (tmp_path / "control" / "embedded.json").write_text(json.dumps({"rows": ROWS}), "utf-8")


def test_the_table_has_a_row_for_each_kind_of_head() -> None:
    table = control_section.shown(control_section.kept())
    assert list(table["head"]) == [
        CLEAN,
        CLEAN,
        "worst case",
        CLEAN,
        "worst case",
        PGD,
        "worst case",
        "worst case",
        PGD,
    ]
    first = table.iloc[0]
    assert first["robust, 8"].startswith("0.800")
    assert (first["robust, 4"], table.iloc[2]["robust, 8"]) == ("0.900", "0.600")


def test_like_is_compared_with_like_by_intervals() -> None:
    """The first seed alone; ahead is whose interval is above both others, else it is undecided."""
    found = control_section.compared(control_section.own_radius(control_section.kept()))
    assert [tuple(row) for row in found[["kind", "data", "side"]].itertuples(index=False)] == [
        (CLEAN, "digits", "control"),
        ("worst case", "glyphs", "encoder"),
        ("worst case", "textures", "undecided"),
    ]
    template, values = control_section.reading(control_section.kept())
    said = template.format(**values)
    assert "At 8/255, first seed" in said
    assert "trained on clean images the better control is ahead of the encoder on digits (0.75 against 0.40)" in said
    assert "the encoder on glyphs, images of its pretraining (0.10 against 0.50); undecided: textures" in said


def test_in_short_a_side_is_ahead_by_all_its_heads() -> None:
    found = control_section.in_short(control_section.kept())
    assert found == {"control": "digits", "encoder": "glyphs", "undecided": "textures"}


def test_an_interval_at_a_smaller_error_decides_less() -> None:
    rows = control_section.kept().query("data == 'digits' and head == 'clean' and eps > 0.03 and seed == 0")
    assert control_section.ahead(rows, 0.05) == "control"
    assert control_section.ahead(rows, 1e-12) == "undecided"


def test_nothing_is_shown_where_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "control" / "embedded.json").unlink()
    assert control_section.kept().empty


def test_the_caption_says_what_was_attacked() -> None:
    adversarial = {"n_train": 70, "steps": 2, "epochs": 8, "lr": 0.1}
    settings = {
        "epochs": 20,
        "worst_epochs": 10,
        "lr": 0.01,
        "batch": 128,
        "n_train": 60_000,
        "adversarial": adversarial,
    }
    said = control_section.values(control_section.kept(), settings)
    assert said["seeds"] == 2
    assert "what attacks leave of 100 images" in said["beside"]
    assert said["beside"].endswith("PGD-trained instead: 2 steps, 8 epochs, 70 images")
    assert (said["epochs"], said["worst_epochs"]) == (20, 10)
    alone = control_section.kept().query("encoder == 'pixels'")
    assert control_section.values(alone, settings)["beside"] == ""
