"""What the landing page counts and quotes, by hand."""

from pathlib import Path
from typing import Any

import pandas as pd
from conftest import ROOT

from rt_utils.pages import landing_texts, ledger
from rt_utils.pages.ledger import Claim
from rt_utils.pages.plain import plain_frame


def table(*rows: tuple[str, str, float]) -> dict[str, Any]:
    columns = ["encoder", "data", "n", "clean acc.", "robust acc.", "fulfilled"]
    return plain_frame(pd.DataFrame([(e, d, 10, 1.0, 0.5, share) for e, d, share in rows], columns=columns))


def test_the_result_is_that_of_textures_and_a_kept_run() -> None:
    own = table(
        ("embedded/robust", "glyphs", 0.9), ("embedded/robust", "textures", 0.4), ("embedded/standard", "textures", 0.0)
    )
    kept = table(("natural/robust", "cifar10-jpeg", 0.003), ("natural/robust", "other", 1.0))
    lines = landing_texts.live_result({"table-3": own}, {"table-3": kept}, "l_inf 8/255").splitlines()
    assert lines[0].startswith("| under attack, l_inf 8/255 |")
    assert lines[2:] == [
        "| textures, embedded/robust | 10 | 100.0% | 50.0% | 40.0% |",
        "| textures, embedded/standard | 10 | 100.0% | 50.0% | 0.0% |",
        "| cifar10-jpeg, natural/robust (kept run) | 10 | 100.0% | 50.0% | 0.3% |",
    ]
    other = landing_texts.live_result({"table-3": table(("a", "folder:x|y", 0.1))}, {}, "l_2 1")
    assert len(other.splitlines()) == 3
    assert landing_texts.live_result({}, {"table-3": kept}, "") == ""


def test_the_tally_counts_statements_and_claims(tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    blocks = (("```", "theorem", "a"), ("````", "lemma", "b"), ("```", "definition", "c"))
    text = "".join(f"{mark}{{prf:{kind}}} A title\n:label: {label}\n{mark}\n" for mark, kind, label in blocks)
    (tmp_path / "notebooks" / "x.md").write_text(text, "utf-8")
    (tmp_path / "proofs").mkdir()
    (tmp_path / "proofs" / "x.v").write_text("(** [a] It holds. *)\nTheorem a : True.\n(** [ex-b] Another. *)", "utf-8")
    assert landing_texts.statements(tmp_path / "notebooks") == ["a", "b"]
    said = landing_texts.tally(tmp_path)
    assert "Of 2 statements of this book, 1 are [checked by a machine]" in said
    assert "No page of this book has been run" in said
    claims = [Claim("x", text, "embedded", 5, 0, lhs, 1.0) for text, lhs in (("Certified: y", 0.5), ("RoLI", 2.0))]
    (folder := tmp_path / "results" / "book" / "x").mkdir(parents=True)
    ledger.write(claims, folder / "ledger.csv")
    said = landing_texts.tally(tmp_path)
    assert "checked 2 inequalities" in said
    assert "| certified | 1 | 0 | 0 |" in said
    assert "| evidence | 0 | 1 | 0 |" in said


def test_the_pages_hooks_and_what_was_moved() -> None:
    index = (ROOT / "book" / "index.md").read_text("utf-8")
    for name in ("landing-picture", "live-result", "claims-tally"):
        assert f"```{{{name}}}\n```" in index
    assert len(landing_texts.statements(ROOT / "notebooks")) > 30
    about, theorems = ((ROOT / "book" / f"{name}.md").read_text("utf-8") for name in ("about", "both_theorems"))
    assert "@inproceedings" in about
    assert "| profile | encoders |" in about
    assert "## Theorem 1" in theorems
    assert "## Theorem 2" in theorems
