"""What the page of the model cards says of the kept records of AutoAttack."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from rt_utils.evaluation.autoattack_sets import EIGHT, SETS, Set, recipe
from rt_utils.pages import autoattack_section
from rt_utils.pages.autoattack_section import differences, missing, probes, table
from rt_utils.pages.elements import filled
from rt_utils.runtime import paths
from rt_utils.theory.threat import Threat

ASKED = (Set("embedded/robust", "digits", EIGHT, n=500), Set("natural/robust", "fashion-mnist", EIGHT))


def row(its: Set, auto: float, page: float) -> dict[str, Any]:
    shares = {"APGD-CE": auto + 0.02, "APGD-T": auto, "FAB-T": auto, "Square": auto}
    return {
        **{"encoder": its.encoder, "data": its.data, "n": its.n, "head": its.head, "probe": recipe(its)},
        **asdict(its.threat),
        **{"clean": 0.9, "autoattack": {"attacks": [*shares], "n": its.n, "accuracies": shares}, "both": auto},
        **{"page": {"robust": page}, "difference": page - auto, "seconds": {"autoattack": 5400, "page": 1800}},
    }


def said(*rows: dict[str, Any]) -> str:
    template, values = differences(rows)
    return filled(template, values)


def test_the_largest_difference_is_said() -> None:
    text = said(row(ASKED[0], 0.5, 0.504), row(ASKED[1], 0.4, 0.393))
    assert "differ by at most 0.7 points of robust accuracy** over 2 sets" in text
    assert "`natural/robust` on fashion-mnist: 39.3% under the page’s attacks, 40.0% after AutoAttack" in text
    assert "over 1 set;" in said(row(ASKED[0], 0.5, 0.502))
    equal = "**AutoAttack and the pages’ own attacks leave as many images right as each other**, on {}. "
    assert said(row(ASKED[0], 0.5, 0.5)) == equal.format("1 set")
    assert said(row(ASKED[0], 0.5, 0.5), row(ASKED[1], 0.4, 0.4)) == equal.format("2 sets")
    assert said() == "No set is measured yet. "


def test_a_set_more_than_a_point_apart_is_named_whichever_attack_found_more() -> None:
    for page in (0.512, 0.488):
        text = said(row(ASKED[0], 0.5, page), row(ASKED[1], 0.4, 0.4))
        assert text.startswith("**On 1 of 2 sets")
        assert f"`embedded/robust` on digits ({page:.1%} under the page’s attacks, 50.0% after AutoAttack)" in text
        assert "fashion-mnist" not in text
    assert "at most 1.0 points" in said(row(ASKED[0], 0.5, 0.51))  # 0.51 - 0.5 is a little more than 0.01


def test_the_sets_that_the_records_lack_are_named() -> None:
    def text(*rows: dict[str, Any]) -> str:
        template, values = missing(rows, ASKED)
        return filled(template, values)

    assert (
        text(row(ASKED[0], 0.5, 0.5)) == "Still missing, 1 of the 2 sets asked for: `natural/robust` on fashion-mnist."
    )
    assert text(row(ASKED[0], 0.5, 0.5), row(ASKED[1], 0.5, 0.5)) == "All 2 sets asked for are measured."
    assert text().count("`") == 4
    template, values = missing([], SETS[:3])
    assert filled(template, values).endswith(
        "3 of the 3 sets asked for: `embedded/robust` on digits, glyphs, textures."
    )


def test_the_table_has_a_row_a_set() -> None:
    shown = table([row(ASKED[0], 0.5, 0.504)]).to_dict("records")[0]
    assert shown["radius"] == "8/255"
    assert shown["AutoAttack"] == shown["both"] == shown["+ FAB-T"] == 0.5
    assert (shown["page"], shown["APGD-CE"]) == (0.504, 0.52)
    assert shown["minutes"] == 120
    columns = ["clean", "AutoAttack", "page", "difference", "both", "APGD-CE", "+ APGD-T", "+ FAB-T", "head", "minutes"]
    assert [*shown][4:] == columns
    own = next(its for its in SETS if its.world == "public")
    assert table([row(own, 0.5, 0.5), row(ASKED[1], 0.5, 0.5)])["head"].tolist() == ["its own", "probe"]
    assert probes([row(own, 0.5, 0.5)]) == ""
    both = probes([row(its, 0.5, 0.5) for its in (*ASKED, own)])
    assert both == " Probes: embedded, 60 epochs at rate 0.1; natural, 20 epochs at rate 0.01."


def test_what_floating_point_leaves_is_no_difference() -> None:
    its = row(ASKED[0], 0.439, 0.439) | {"difference": -5e-17}
    assert str(table([its])["difference"][0]) == "0.0"
    assert "leave as many images right" in said(its)


def test_rows_of_the_records_come_in_the_order_of_the_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "reference", lambda: tmp_path)
    assert autoattack_section.kept() == []
    (tmp_path / "autoattack").mkdir()
    for its in (ASKED[1], ASKED[0], Set("embedded/robust", "nobody's", Threat("linf", 0.1))):
        path = tmp_path / "autoattack" / f"{its.world}.json"
        before = json.loads(path.read_text("utf-8"))["rows"] if path.is_file() else []
        path.write_text(json.dumps({"rows": [*before, row(its, 0.5, 0.5)]}), "utf-8")
    assert [(its["encoder"], its["data"]) for its in autoattack_section.kept()] == [(i.encoder, i.data) for i in ASKED]


def test_every_robust_encoder_of_the_three_worlds_is_asked_for() -> None:
    assert len({(its.encoder, its.data) for its in SETS}) == len(SETS)
    assert {its.world for its in SETS} == {"embedded", "natural", "public"}
    assert min(its.n for its in SETS if its.data != "digits") >= 1000
    own = {("embedded/robust", name) for name in ("digits", "glyphs", "textures")}
    own |= {("natural/robust", name) for name in ("cifar10-jpeg", "fashion-mnist", "tinyimagenet100")}
    assert own <= {(its.encoder, its.data) for its in SETS}
