"""The Coq sources against the book and the package: labels, what is left unchecked, constants. No Coq is needed."""

import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from rt_utils.theory import converse, lipschitz_losses, statements
from rt_utils.theory.statements import Alpha

sys.path.insert(0, str(ROOT / "proofs"))
sys.path.insert(0, str(ROOT / "book" / "extensions"))
import check
import machine_checked
import proof_sources

CHAPTERS = sorted((ROOT / "notebooks").glob("*.md"))
BOOK = "\n".join(path.read_text("utf-8") for path in CHAPTERS)
STATED = re.compile(
    r"^`{3,}\{prf:(theorem|lemma|proposition|corollary)\}[^\n]*\n(?::class:[^\n]*\n)?:label: (\S+)", re.M
)
CHECKED = proof_sources.statements()
ALPHAS: dict[str, Alpha] = {"L1": "l1", "L2": "l2", "Linf": "linf"}


def stated(text: str) -> set[str]:
    """The labels of theorems, lemmas, propositions and corollaries."""
    return {label for _, label in STATED.findall(text)}


def places(text: str) -> set[str]:
    """Everything that a proof may name as its page: labels of directives, of equations, and chapters."""
    labels = set(re.findall(r"^:label: (\S+)", text, re.M)) | set(re.findall(r"^\$\$ \(([\w-]+)\)$", text, re.M))
    return labels | {path.stem for path in CHAPTERS}


def faults(book: str, checked: set[str], unchecked: dict[str, str], partly: dict[str, str]) -> list[str]:
    """In which respects the proofs and the book do not correspond."""
    here = stated(book)
    found = [f"{label}: neither checked nor listed as unchecked" for label in here - checked - set(unchecked)]
    found += [f"{label}: checked, but not in the book" for label in checked - places(book)]
    found += [f"{label}: listed as unchecked, but not in the book" for label in set(unchecked) - here]
    found += [f"{label}: partly checked, but no statement of it is" for label in set(partly) - (checked & here)]
    # What is listed as unchecked may have a lemma that is checked, if the reason names it.
    for label in set(unchecked) & checked:
        named = [statement.name for statement in CHECKED if statement.label == label]
        found += [f"{label}: unchecked, and checked as {name}" for name in named if name not in unchecked[label]]
    return found


def the_faults(book: str = BOOK, without: str = "") -> list[str]:
    limits = proof_sources.limits()
    checked = {statement.label for statement in CHECKED} - {without}
    return faults(book, checked, limits["unchecked"], limits["partly"])


def test_every_statement_of_the_book_is_checked_or_says_why_not() -> None:
    assert (
        len(stated(BOOK))
        == len(STATED.findall(BOOK))
        == BOOK.count("{prf:theorem}")
        + BOOK.count("{prf:lemma}")
        + BOOK.count("{prf:proposition}")
        + BOOK.count("{prf:corollary}")
    )
    assert the_faults() == []


def test_a_new_statement_a_lost_proof_and_a_lost_label_are_found() -> None:
    new = "```{prf:corollary} New\n:label: new-corollary\n\nTrue.\n```\n"
    assert the_faults(BOOK + new) == ["new-corollary: neither checked nor listed as unchecked"]
    assert the_faults(without="theorem-2") == ["theorem-2: neither checked nor listed as unchecked"]
    lost = the_faults(BOOK.replace(":label: audit-pairs", ":label: pairs-of-images"))
    assert len(lost) == 2
    assert "audit-pairs: checked, but not in the book" in lost


def test_names_are_those_of_the_book() -> None:
    names = [statement.name for statement in CHECKED]
    assert len(names) == len(set(names)) == len(proof_sources.axioms())
    assert {"theorem_1", "theorem_2", "lemma_1", "lemma_2", "lemma_3", "hoeffding", "slack_chain"} <= set(names)
    for statement in CHECKED:
        stem = Path(statement.file).stem
        assert stem == "linear_algebra" or (ROOT / "notebooks" / f"{stem}.md").is_file()
        assert statement.said.endswith("."), statement.name


def test_a_statement_stands_in_the_file_of_its_chapter() -> None:
    for statement in CHECKED:
        home = next((path.stem for path in CHAPTERS if f":label: {statement.label}\n" in path.read_text("utf-8")), None)
        if home and statement.label in stated(BOOK):
            # The cross-entropy's tangent is needed by Lemma 3, before the page that has it as link (1).
            assert Path(statement.file).stem == home or statement.name == "cross_entropy_tangent", statement.name


def test_lines_are_short_and_nothing_is_left_unfinished() -> None:
    for file in proof_sources.files():
        text = (proof_sources.FOLDER / file).read_text("utf-8")
        assert max(map(len, text.splitlines())) <= 100, file
        assert not check.UNFINISHED.search(proof_sources.COMMENT.sub("", text)), file
    assert sorted(proof_sources.files()) == sorted(path.name for path in proof_sources.FOLDER.glob("*.v"))


@pytest.mark.parametrize("word", ["Admitted.", "Axiom a : True.", "Parameter p : nat.", "admit."])
def test_what_is_unfinished_is_found(word: str) -> None:
    assert check.UNFINISHED.search(f"Theorem t : True.\nProof. {word}")


def test_axioms_are_among_the_four() -> None:
    assert {axiom for axioms in proof_sources.axioms().values() for axiom in axioms} <= set(check.ALLOWED)


def test_a_theorem_without_a_label_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "_CoqProject").write_text("-Q . Book\na.v\n")
    (tmp_path / "definitions.v").write_text("")
    (tmp_path / "a.v").write_text("(** [theorem-2] Said. *)\nTheorem a : True.\nProof. exact I. Qed.\n")
    monkeypatch.setattr(proof_sources, "FOLDER", tmp_path)
    assert [statement.name for statement in proof_sources.statements()] == ["a"]
    (tmp_path / "a.v").write_text("Theorem b : True.\nProof. exact I. Qed.\n")
    with pytest.raises(ValueError, match=r"a\.v: no label above b"):
        proof_sources.statements()


def test_without_coq_one_line_says_how_to_get_it(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "proofs" / "check.py")]
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("coqc is missing.")
    assert done.stderr.count("\n") == 1


# ----- constants


def value(expression: str, **names: float) -> float:
    """A real number as Coq writes it: `2 * (INR c - 1)`, `sqrt 2`, `Rmax tau (1 - tau)`."""
    for name in ("sqrt", "ln", "exp", "INR"):
        expression = re.sub(rf"\b{name} (\w+)", rf"{name}(\1)", expression)
    expression = re.sub(r"\b(Rmax|Rmin) (\w+) \(([^()]*)\)", r"\1(\2, \3)", expression)
    expression = re.sub(r"\b(sqrt|ln|exp|INR) \(", r"\1(", expression)
    known = {"sqrt": math.sqrt, "ln": math.log, "exp": math.exp, "INR": float, "Rmax": max, "Rmin": min}
    return float(eval(expression, {"__builtins__": {}}, known | names))


def by_alpha(name: str, **names: float) -> dict[Alpha, float]:
    """The constants of a definition `match a with L1 => ... | L2 => ... | Linf => ... end`."""
    text = re.sub(r"\s+", " ", proof_sources.definitions()[name].coq)
    cases = re.findall(r"(L1|L2|Linf) => (.*?) (?=\||end)", text)
    assert len(cases) == 3
    return {ALPHAS[case]: value(expression, **names) for case, expression in cases}


CONSTANTS = {
    "softmax cross-entropy": ("C_cross_entropy", {}),
    "Crammer–Singer hinge": ("C_cross_entropy", {}),
    "Weston–Watkins hinge": ("C_weston_watkins", {"c": 7}),
    "logistic": ("C_one_score", {}),
    "hinge": ("C_one_score", {}),
    "norm": ("C_norm", {"c": 7}),
    "squared norm": ("C_squared", {"c": 7, "R_": lipschitz_losses.R}),
    "Huber": ("C_huber", {"kappa": lipschitz_losses.KAPPA}),
    "quantile": ("C_quantile", {"tau": lipschitz_losses.TAU}),
}


@pytest.mark.parametrize("loss", lipschitz_losses.losses(7), ids=lambda loss: loss.name)
def test_the_constants_of_a_loss_are_those_that_were_checked(loss: lipschitz_losses.Loss) -> None:
    name, parameters = CONSTANTS[loss.name]
    assert by_alpha(name, **parameters) == pytest.approx(loss.lipschitz)


def text_of(name: str) -> str:
    return next(re.sub(r"\s+", " ", statement.coq) for statement in CHECKED if statement.name == name)


@pytest.mark.parametrize(
    ("name", "sides"), [("theorem_1", 2), ("theorem_1_one_sided", 1), ("theorem_1_cross_entropy", 2)]
)
def test_the_last_term_of_theorem_1_is_the_packages(name: str, sides: int) -> None:
    term = re.search(r"C2 \* sqrt \(ln \(\d / rho\) / \(2 \* INR n\)\)", text_of(name))
    assert term is not None
    c2, n, rho = 3.0, 50, 0.05
    assert value(term[0], C2=c2, n=n, rho=rho) == pytest.approx(statements.hoeffding(c2, n, rho, sides))


def test_the_exponent_of_hoeffding_is_what_the_term_solves() -> None:
    exponent = re.search(r"exp \((.*?)\)\.$", text_of("hoeffding"))
    assert exponent is not None
    c2, n, rho = 3.0, 50, 0.05
    t = statements.hoeffding(c2, n, rho, sides=1)
    assert value(f"exp ({exponent[1]})", n=n, t=t, C=c2) == pytest.approx(rho)


def test_the_checked_converse_is_weaker_than_the_books_by_less_than_two() -> None:
    factor = re.search(r"(/ sqrt \(3 \* INR r\) / 2) \* AS", text_of("converse_signs"))
    assert factor is not None
    for width in (1, 2, 10, 640):
        checked, ours = value(f"1 {factor[1]}", r=width), converse.mean_coordinate(width) / 2
        assert ours / 2 < checked < ours


def test_other_constants() -> None:
    assert value("2 * (INR c - 1)", c=4) == 6
    assert value("sqrt (INR c * (INR c - 1))", c=4) == pytest.approx(math.sqrt(12))
    assert value("Rmax tau (1 - tau)", tau=0.8) == 0.8


# ----- the mark in the book


def test_a_mark_shows_the_statement_its_axioms_and_its_file() -> None:
    text = machine_checked.mark("theorem-2")
    assert text.startswith('<details class="rt-checked" id="checked-theorem-2"><summary>Checked by a machine</summary>')
    assert text.index("Theorem theorem_2 (x") < text.index("Theorem theorem_2_features")  # as printed, first
    for part in ("functional_extensionality_dep", "theorem_2_criterion.v.txt", "Definition shifts", "Idea: a supremum"):
        assert part in text
    assert text.index("Definition shifts") < text.index("Theorem theorem_2_features")  # beside what it explains
    assert text.count("<details") == text.count("</details>") == 3
    assert "Definition softmax" not in text  # only what it rests on
    assert machine_checked.mark("lemma-0") == ""


def test_a_mark_says_how_far() -> None:
    assert "<summary>Checked by a machine, in part</summary>" in machine_checked.mark("theorem-1")
    assert "finitely many points" in machine_checked.mark("theorem-1")
    github = machine_checked.mark("theorem-2", repository="https://github.com/Someone/the-book")
    assert "https://github.com/Someone/the-book/blob/main/proofs/theorem_2_criterion.v#L" in github


def test_a_statement_has_what_its_open_sections_fix() -> None:
    text = {statement.name: statement.context for statement in CHECKED}
    assert "Hypothesis Hlip" in text["lemma_1"]
    assert "Hypothesis Hlip" not in text["lemma_2"]  # its section opens later
    assert text["lemma_3_best"] == ""  # the section before is closed
    assert "Notation LHS" in text["converse_signs"]


PAGE = """# A page

```{prf:theorem} A criterion
:label: theorem-2

True.
```

```{prf:theorem} Unknown to the proofs
:label: theorem-3

True.
```

```{machine-checked} definitions
```

```{machine-checked} files
```
"""


def test_the_mark_stands_in_a_built_page(tmp_path: Path) -> None:
    (tmp_path / "index.md").write_text(PAGE, "utf-8")
    (tmp_path / "conf.py").write_text("extensions = ['myst_parser', 'sphinx_proof', 'machine_checked']\n", "utf-8")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", str(tmp_path), str(tmp_path / "html")]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "book" / "extensions")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "html" / "index.html").read_text("utf-8")
    assert page.count('<details class="rt-checked"') == 1
    assert page.index("A criterion") < page.index('id="checked-theorem-2"') < page.index("Unknown to the proofs")
    assert page.count("Definition margin_ratio") == 2  # in the mark, and in the list
    assert "proofs/audit.v.txt" in page
    for file in re.findall(r'href="(proofs/[^"]*)"', page):
        assert (tmp_path / "html" / file).is_file()
