"""What the book shows of a checked statement: the definitions that it rests on, what its sections fix, and where it is.

No Coq is needed here; `make proofs` holds the same lists against what Coq itself resolved (proofs/named_by_coq.py).
"""

import html
import re
import sys
from pathlib import Path

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "proofs"))
sys.path.insert(0, str(ROOT / "book" / "extensions"))
import check
import machine_checked
import machine_checked_lists as lists
import named_by_coq
import proof_sections
import proof_sources

CHECKED = {statement.name: statement for statement in proof_sources.statements()}
PAGE = (ROOT / "book" / "machine_checked.md").read_text("utf-8")


def plain(mark: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", mark))


# ----- the definitions below a statement

CRITERION = "vec sum sub dot norm2 logit dist predicts only_predicts lt_ext min_ext ratio min_ratio margin_ratio"
RESTS_ON = {
    "theorem_2": f"{CRITERION} shifts",
    "theorem_2_features": CRITERION,
    # not predicts, not lt_ext; the three of linear_algebra.v, and the example's own
    "strict_is_needed": "vec sum sub dot norm2 logit dist only_predicts min_ext ratio min_ratio margin_ratio "
    "vector matrix no_bias W_by_hand z_by_hand",
    "lemma_3": "vec sum bigmax sub norm1 norm2 norminf dot alpha norm lipschitz_on classes exp_sum cross_entropy "
    "C_cross_entropy",
    "certified_box_margin": "vec sum dot logit in_box least box_margins",  # not E, the expectation
    "drift_at_a_perturbation": "vec sum sub dot norm2 moved_by_finetuning",
}


@pytest.mark.parametrize("name", RESTS_ON)
def test_a_statement_lists_just_the_definitions_that_it_rests_on(name: str) -> None:
    assert set(proof_sources.trusted(CHECKED[name])) == set(RESTS_ON[name].split())


@pytest.mark.parametrize(
    ("text", "bound", "free"),
    [
        ("Definition greatest (E : R -> Prop) (m : R) : Prop := E m.", "E m", "R Prop"),
        ("Theorem t c r (X : Type) n : forall a (B : R) d, c <= a.", "c r X n a B d", "Type R"),
        ("Theorem t z (v := sub (f z) z) : dot v = 0.", "z v", "sub f dot"),
        ("Theorem t : let reach n v := n <= v in (fun k l => k) 0.", "reach n v k l", ""),
        ("Theorem t (* E, a remark *) x' : x' = x.", "x'", "x"),
    ],
)
def test_what_a_text_names_itself_is_no_reference(text: str, bound: str, free: str) -> None:
    words = {"Definition", "Theorem", "greatest", "t", "forall", "let", "in", "fun"}
    assert proof_sections.bound(text) == set(bound.split())
    assert proof_sections.free(text) - words == set(free.split())


def test_each_definition_that_is_shown_has_a_sentence() -> None:
    shown = {found for statement in CHECKED.values() for found in proof_sources.trusted(statement).values()}
    assert [found.name for found in shown if not found.said] == []


def test_the_first_list_is_that_of_the_first_statement() -> None:
    parts = machine_checked.mark("theorem-2").split("<details>")
    assert "The 15 definitions that this statement rests on" in parts[1]
    assert "W_by_hand" not in parts[1].partition("</details>")[0]
    assert "Definition W_by_hand" in parts[2]
    assert "Definition dist" not in parts[2]


# ----- what a section fixes

SECTION = """
Section A.
Variables (c r : nat) (W : nat -> vec).
Variable X : Type.
Variables (f : X -> vec) (x : X).
Notation shifts := (shifts r X f).
Notation twice := (fun t => t + t).
Hypothesis some : (0 < c)%nat.
Definition clean := f x.
Section B.
Variables (p : vec).
Hypothesis closed : p = p.
End B.
"""


def test_a_statement_shows_what_it_uses_of_its_open_sections() -> None:
    def context(statement: str) -> str:
        return proof_sections.context(SECTION, statement, known={"shifts", "clean"})

    assert context("Theorem t : True.") == "Variables (c : nat).\nHypothesis some : (0 < c)%nat."
    assert "(c r : nat)" in context("Theorem t : r = r.")
    assert "X" not in context("Theorem t (r : nat) : twice r = W r.")
    assert "Notation twice" in context("Theorem t (r : nat) : twice r = W r.")
    through_a_notation = context("Theorem t : shifts = shifts.")
    assert "Variables (X : Type).\nVariables (f : X -> vec)." in through_a_notation
    assert "Notation" not in through_a_notation  # the name is a definition's
    assert "(f : X -> vec) (x : X)" in context("Theorem t : clean = clean.")
    assert "closed" not in context("Theorem t : clean = clean.")


def test_theorem_2_for_features_and_lemma_2_speak_of_no_images() -> None:
    for name in ("theorem_2_features", "lemma_2", "lemma_2_rows", "signed_distance_lipschitz"):
        assert "reach" not in CHECKED[name].context
    assert CHECKED["lemma_2"].context == "Variables (c r : nat) (W : nat -> vec)."


def test_the_names_are_explained_where_they_are_used() -> None:
    assert "f is the representation f_theta, not the predictor" in plain(machine_checked.mark("theorem-2"))
    assert "the page's class 1 is 0 here" in plain(machine_checked.mark("theorem-2"))
    assert "f is the representation" not in plain(machine_checked.mark("lemma-2"))
    assert "W has the rows" not in plain(machine_checked.mark("drift"))


def test_the_points_and_the_sample_of_theorem_1_are_told_apart() -> None:
    for label in ("theorem-1", "loss-gap-all-heads"):
        assert "K and n are unrelated. Point k is (x k, y k)" in plain(machine_checked.mark(label))
    hoeffding = plain(machine_checked.mark("hoeffding"))
    assert "K and n are unrelated" in hoeffding
    assert "Point k" not in hoeffding  # no images there
    assert "K and n" not in plain(machine_checked.mark("lemma-1"))  # its x_i are those of the page


def test_the_letter_f_is_the_representation_alone() -> None:
    shown = {found for statement in CHECKED.values() for found in proof_sources.trusted(statement).values()}
    said = [text for statement in CHECKED.values() for text in (statement.said, statement.idea)]
    assert [text for text in said + [found.said for found in shown] if re.search(r"\bf_[yj\d]\b", text)] == []


# ----- statements in pieces, and what they rest on


def test_a_statement_in_pieces_says_which() -> None:
    limits = proof_sources.limits()
    by_label: dict[str, list[str]] = {}
    for name, statement in CHECKED.items():
        by_label.setdefault(statement.label, []).append(name)
    for label, names in by_label.items():
        stated = lists.chapter_of(label)[1] and not label.startswith("ex-")
        if stated and len(names) > 1 and label.replace("-", "_") not in names:
            assert label in limits["pieces"], label
    assert set(limits["pieces"]) <= set(by_label)
    assert "In 6 statements. Part 1 in three" in plain(machine_checked.mark("certified-box"))


def test_the_axioms_of_the_page_are_those_of_make_proofs() -> None:
    assert {axiom.rpartition(".")[2] for axiom in check.ALLOWED} == set(lists.AXIOMS)
    assert tuple(re.findall(r"^\| \d \| `(\w+)` \|", PAGE, re.M)) == lists.AXIOMS
    of_reals = {axiom for axioms in proof_sources.axioms().values() for axiom in axioms} - {"Classical_Prop.classic"}
    assert {axiom.rpartition(".")[2] for axiom in of_reals} == set(lists.AXIOMS[:3])
    assert all(proof_sources.axioms().values())  # the page speaks of no statement without an axiom


def test_a_panel_leads_to_how_it_is_read_and_to_what_the_axioms_say() -> None:
    found = re.findall(
        r'href="\.\./book/machine_checked\.html#([\w-]+)" target="_blank"', machine_checked.mark("theorem-2")
    )
    assert set(found) == {"how-to-read-a-statement", "the-four-axioms"}
    headings = [title.lower().replace(" ", "-") for title in re.findall(r"^## (.*)$", PAGE, re.M)]
    assert headings[:3] == ["how-to-read-a-statement", "the-four-axioms", "what-is-in-the-sources"]


def test_the_page_names_the_version_of_coq_that_make_proofs_asks_for() -> None:
    source = (ROOT / "proofs" / "check.py").read_text("utf-8")
    versions = set(re.findall(r"(\d+\.\d+) or newer; 250 MB", source))
    assert set(re.findall(r"(\d+\.\d+) or newer", PAGE)) == versions


# ----- the page


def test_the_page_explains_each_word_of_coq_that_a_statement_uses() -> None:
    texts, own = set(), {"Definition", "Theorem", "Variables", "Hypotheses", "then", "else", "end", "in", "with", "_"}
    for name, statement in CHECKED.items():
        trusted = proof_sources.trusted(statement)
        here = [statement.context, statement.coq, *(found.coq for found in trusted.values())]
        own |= {name, *(constructor for found in trusted.values() for constructor in found.names)}
        own |= {
            word
            for pair in re.findall(r"^(?:Notation|Let|Hypothesis) (\w+)|\((\w+) :", statement.context, re.M)
            for word in pair
        }
        own |= set(re.findall(r":: (\w+)", " ".join(here)))
        for text in here:
            own |= proof_sections.bound(text)
            texts |= proof_sections.free(text)
    of_coq = {word for word in texts - own if len(word) > 1}
    assert {"is_lub", "INR", "derivable_pt_lim", "Req_EM_T", "nth"} <= of_coq
    lines = " ".join(line for line in PAGE.splitlines() if line.startswith(("| `", "`Variables`")))
    explained = set(proof_sections.NAME.findall(" ".join(re.findall(r"`([^`]+)`", lines))))
    assert sorted(of_coq - explained) == []


def test_a_row_of_the_list_leads_to_the_statement() -> None:
    for statement in CHECKED.values():
        chapter, marked = lists.chapter_of(statement.label)
        assert (ROOT / "notebooks" / f"{chapter}.md").is_file(), statement.label
        row = lists.row(statement, "../", "")
        assert (f'href="../chapters/{chapter}.html#coq-{statement.name}"' in row) == marked
        if marked:
            assert machine_checked.mark(statement.label).count(f'id="coq-{statement.name}"') == 1
        assert f'href="../proofs/{statement.file}.txt"' in row
        assert row.count("|") == 6
    assert lists.row(CHECKED["theorem_2"], "../", "").endswith("| 1, 2, 3 |")


def test_all_sources_are_linked_and_counted() -> None:
    rows = lists.table_of("files", "../", "")[2:]
    assert len(rows) == len(proof_sources.files()) == len(list((ROOT / "proofs").glob("*.v")))
    assert any("proofs/definitions.v.txt" in row and row.endswith("| 0 |") for row in rows)
    assert sum(int(row.split("|")[-2]) for row in rows) == len(CHECKED)
    chapters = {path.stem for path in (ROOT / "notebooks").glob("*.md")}
    assert len([file for file in proof_sources.files() if file[:-2] not in chapters]) == 3  # the page says so


def test_a_plain_copy_says_what_to_search_for() -> None:
    statement = CHECKED["theorem_2"]
    assert "(search for <code>Theorem theorem_2 (x</code>)" in lists.link(statement.file, "../", "", statement)
    for other in CHECKED.values():
        source = (ROOT / "proofs" / other.file).read_text("utf-8")
        assert source.count(" ".join(other.coq.split()[:3])) == 1, other.name
    assert "search" not in lists.link(statement.file, "../", "https://github.com/Someone/the-book", statement)


def test_the_definitions_to_trust_stand_below_their_headings() -> None:
    text = lists.to_trust()
    for heading in ("1. Vectors and norms", "5. The adversary", "Vectors and matrices written out"):
        assert heading in text
    assert text.index("3. The predicted class") < text.index("Definition predicts") < text.index("4. The margin ratio")
    assert "says that x' = x + delta for an allowed delta" in plain(text)  # the text below a heading
    both = proof_sources.definitions() | proof_sources.definitions("linear_algebra.v")
    assert text.count("<pre") == len(both)


def test_a_reference_that_was_read_wrongly_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = "Definition a := 1.\nDefinition b (t : nat) := a + t.\n"
    (tmp_path / "definitions.v").write_text(source)
    (tmp_path / "_CoqProject").write_text("definitions.v\n")
    for module in (proof_sources, named_by_coq):
        monkeypatch.setattr(module, "FOLDER", tmp_path)
    resolved = f"R{source.index('a + t')}:{source.index('a + t')} Book.definitions <> a def\n"
    (tmp_path / "definitions.glob").write_text(resolved)
    assert named_by_coq.differences(tmp_path) == []
    (tmp_path / "definitions.glob").write_text("")  # so this `a` is none of the book's definitions
    assert named_by_coq.differences(tmp_path) == ["definitions.v: which definitions b names was read wrongly, of a."]
