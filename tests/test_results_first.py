"""A chapter's result in plain words: by hand on small tables, and from every kept run."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from conftest import ROOT

from rt_utils.pages import elements, results_first, wording
from rt_utils.pages.plain import plain_frame

RECORDS = sorted((ROOT / "book" / "reference" / "natural").glob("*.json"))


def table(**columns: list[Any]) -> dict[str, Any]:
    return {"kind": "table", **plain_frame(pd.DataFrame(columns))}


CRITERION = table(
    encoder=["embedded/robust", "embedded/standard"],
    data=["digits", "folder:*x*"],
    n=[10, 30],
    fulfilled=[0.5, 0.1],
    **{"robust acc.": [0.75, 0.2], "unchanged where fulfilled": ["5 of 5", "2 of 3"]},
)


def test_the_criterion_by_hand() -> None:
    said = results_first.sentence("theorem_2_criterion", {"table-3": CRITERION})
    assert "Of 40 test points, counted for each encoder, 8 fulfil" in said
    assert "(20.0%), and 7 of these keep" in said
    assert "50.0% (robust encoder, digits), where 75.0% stay right" in said
    nothing = table(
        **{"encoder": ["a"], "data": ["b"], "n": [9], "fulfilled": [0.0], "unchanged where fulfilled": ["0 of 0"]}
    )
    assert results_first.sentence("section_5_2_criterion", {"table-3": nothing}).startswith("None of 9 test points")


def test_the_loss_gap_by_hand_and_a_violation_is_counted() -> None:
    rows = table(**{"encoder": ["a", "b"], "data": ["x", "*y*"], "LHS": [2.0, 1.0], "AS score": [1.0, 4.0]})
    said = results_first.sentence("theorem_1_loss_gap", {"table-1": rows})
    assert "holds in 1 of 2 pairs" in said
    assert "0.5 to 4.0 times" in said
    assert "*y*" not in said  # a user's name is no markup


def test_shares_of_a_constant() -> None:
    rows = table(loss=["a", "a", "b"], share=[0.5, 1.0, 0.75])
    assert "For 2 losses" in (said := results_first.sentence("definition_1_lipschitz_losses", {"constants": rows}))
    assert "at least 50.0%" in said
    rows = table(loss=["a"], share=[1.5])
    assert "1.5 times" in results_first.sentence("definition_1_lipschitz_losses", {"constants": rows})


def test_the_plane_the_converse_and_the_certificate() -> None:
    plane = table(criterion=["holds", "holds", "fails"], prediction=["stays", "changes", "stays"])
    said = results_first.sentence("setting", {"plane": plane})
    assert "in 2 of 3 settings, and in 1 of these a perturbation changes" in said
    assert "fails in 1, and there the prediction changes in 0" in said
    heads = table(**{"bound / AS": [0.05, 0.06], "best head / AS": [0.3, 0.8]})
    assert "at least 5.0% of the AS score" in (said := results_first.sentence("converse", {"heads-found": heads}))
    assert "30% to 80%" in said
    names = ["embedded/certified", "embedded/certified", "blocks"]
    shares = table(encoder=names, data=["x", "y", "z"], **{"certified and right": [0.2, 0.7, 0.9]})
    said = results_first.sentence("certified", {"result-shares": shares})
    assert "between 20.0% (x) and 70.0% (y)" in said


def test_methods_of_transfer_by_hand() -> None:
    rows = table(
        encoder=["a"] * 3,
        data=["x"] * 3,
        method=["LP", "FT", "LP-FT"],
        **{"robust acc.": [0.5, 0.6, 0.4], "AS score": [2.0, 6.0, 1.0]},
    )
    said = results_first.sentence("section_6_2_transfer_methods", {"table-5": rows})
    assert "FT is more robust than the linear probe on 1 of 1" in said
    assert "LP-FT is more robust than the linear probe on 0 of 1" in said
    assert "to 3 to 3 times" in said


def test_starts_say_what_is_undecided_and_what_an_older_record_is_decided_by() -> None:
    claims = table(verdict=["undecided", "undecided", "holds"])
    needed = wording.seeds_needed(3, seeds=3)
    said = results_first.sentence("roli", {"claims": claims | {"values": {"decision": needed}}})
    assert "0 do not and 2 are undecided" in said
    assert "3 claims together need 7 or more; with 3 each is “undecided”" in said
    assert "by the means" not in said
    assert "undecided”" not in wording.seeds_needed(3, seeds=7)
    record = json.loads((ROOT / "book" / "reference" / "natural" / "roli.json").read_text("utf-8"))
    (run,) = record["runs"]
    held = run["elements"]["claims"]
    by_means = "low" not in run["claims"][0]
    assert (wording.BY_MEANS in results_first.sentence("roli", {"claims": held})) == by_means


def test_a_pages_own_words_without_mark_and_heading() -> None:
    texts = {
        key: elements.text(key, said, {"n": 3}).data
        for key, said in (("verdict", "**Few.** Of {n}."), ("how-far", "- **Far.** By {n}."))
    }
    assert results_first.sentence("audit", texts) == "Of 3. By 3."


@pytest.mark.parametrize("held", [{}, {"table-3": {"rows": [], "columns": []}}, {"table-3": {}}])
def test_what_a_run_does_not_hold_gives_no_sentence(held: dict[str, Any]) -> None:
    assert results_first.sentence("theorem_2_criterion", held) == ""
    assert results_first.sentence("ledger", held) == ""


def test_every_chapter_that_computes_has_a_sentence() -> None:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    files = [one["file"] for part in toc["parts"] for one in part["chapters"]]
    chapters = {Path(file).name for file in files if file.startswith("chapters/")}
    assert chapters - {"ledger", "status"} <= set(results_first.SENTENCES)


@pytest.mark.parametrize("path", RECORDS, ids=[path.stem for path in RECORDS])
def test_every_kept_run_says_its_result(path: Path) -> None:
    (run,) = json.loads(path.read_text("utf-8"))["runs"]
    templates = {"verdict": {"template": "{threat}"}, "how-far": {"template": "{score}"}}
    held = {key: {**templates.get(key, {}), **one} for key, one in run["elements"].items()}
    assert len(results_first.sentence(path.stem, held)) > 3
