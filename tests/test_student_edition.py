"""The student edition: what is left out of each kind of source, and that nothing built of it tells a solution."""

import json
import re
import shutil
import sys
from pathlib import Path

import jupytext
import leaks
import nbformat
import pytest
import yaml
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from test_solutions import directives

sys.path.insert(0, str(ROOT / "book"))
import build
import student
import without_solutions

EXERCISE = "```{exercise} One\n:label: ex-one\nAsk.\n```\n"
SOLUTION = "````{solution} ex-one\n:class: dropdown\n\nTold.\n\n```{code-block} python\nassert 1\n```\n````\n"
ADDRESS = "https://github.com/Someone/the-book"

# ----- one source


@pytest.mark.parametrize(
    "solution",
    [
        SOLUTION,
        SOLUTION.replace("````", "`````"),
        SOLUTION.replace("````", ":::"),
        SOLUTION.replace("{solution} ex-one\n:class: dropdown", "{only} not student"),
        SOLUTION + "\n" + SOLUTION,
        SOLUTION.removesuffix("````\n"),  # never closed: it goes to the end
    ],
)
def test_a_page_without_its_solutions(solution: str) -> None:
    kept = without_solutions.page(f"# Title\n\n{EXERCISE}\n{solution}")
    assert kept.startswith(f"# Title\n\n{EXERCISE}")
    assert not kept.removeprefix(f"# Title\n\n{EXERCISE}").strip()


def test_a_solution_in_a_list_and_text_after_it() -> None:
    indented = "".join(f"  {line}\n" if line else "\n" for line in SOLUTION.splitlines())
    kept = without_solutions.page(f"- item\n\n{indented}\nMore.\n")
    assert kept.split() == ["-", "item", "More."]


@pytest.mark.parametrize(
    "text",
    [
        f"`````{{admonition}} A box\n{SOLUTION}`````\n",
        "```{solution-start} ex-one\n```\n\nTold.\n\n```{solution-end}\n```\n",
        f"`````{{exercise}} One\nAsk.\n{SOLUTION}`````\n",
    ],
)
def test_a_solution_that_cannot_be_seen_whole_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no directive of its own"):
        without_solutions.page(text)


def test_a_notebook_without_its_solutions() -> None:
    cells = [new_markdown_cell(EXERCISE + SOLUTION + "\n## Next"), new_code_cell("x = 1"), new_markdown_cell(SOLUTION)]
    whole = new_notebook(cells=cells)
    shorter = without_solutions.notebook(whole)
    assert [cell.source.split() for cell in shorter.cells] == [[*EXERCISE.split(), "##", "Next"], ["x", "=", "1"]]
    assert "Told." in whole.cells[0].source


def test_a_code_cell_after_a_solution_is_refused() -> None:
    whole = new_notebook(cells=[new_markdown_cell(EXERCISE + SOLUTION + "\n"), new_code_cell("print('told')")])
    with pytest.raises(ValueError, match="a code cell follows a solution"):
        without_solutions.notebook(whole)


def test_the_proofs_without_what_answers_an_exercise() -> None:
    one = "(** [{}] Said.\n    More. *)\nTheorem {} : True.\nProof. exact I. Qed.\n"
    text = one.format("theorem-2", "kept") + one.format("ex-one", "told") + one.format("theorem-2", "quoted") + "End.\n"
    kept, labels = without_solutions.proofs(text, {"quoted"})
    assert kept == one.format("theorem-2", "kept") + "\n" * 8 + "End.\n"
    assert labels == {"ex-one", "theorem-2"}
    limits = '[partly]\ntheorem-2 = "Half."\n[pieces]\ntheorem-2 = "And a counterexample."\nlemma-1 = "Two."\n'
    assert without_solutions.limits(limits, labels) == '[partly]\ntheorem-2 = "Half."\n[pieces]\nlemma-1 = "Two."\n'


# ----- all sources


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book's own sources with an address, and its chapters as if they had been run; no outputs."""
    root = tmp_path_factory.mktemp("book")
    for name in ("_toc.yml", "CITATION.cff", "book", "notebooks", "proofs"):
        (root / name).symlink_to(ROOT / name)
    config = (ROOT / "_config.yml").read_text("utf-8")
    (root / "_config.yml").write_text(re.sub('repository_url: ".*"', f"repository_url: {ADDRESS}", config), "utf-8")
    (root / "chapters").mkdir()
    for name in build.pages():
        nbformat.write(jupytext.read(ROOT / "notebooks" / f"{name}.md"), root / "chapters" / f"{name}.ipynb")
    return root


@pytest.fixture(scope="module")
def project(book: Path) -> Path:
    """The student edition's sources."""
    student.write_project(book, book / "project")
    return book / "project"


@pytest.fixture(scope="module")
def secrets() -> leaks.Secrets:
    return leaks.secrets()


def test_each_solution_has_words_of_its_own(secrets: leaks.Secrets) -> None:
    solutions = [d for path in ROOT.glob("notebooks/*.md") for d in directives(path.read_text("utf-8"), "solution")]
    assert len(secrets.runs) > len(solutions) > 80
    assert [name for name, own in secrets.runs.items() if len(own) < 3 and "classroom_sheet" not in name] == []


def test_the_sources_tell_no_solution_and_have_every_exercise(project: Path, secrets: leaks.Secrets) -> None:
    assert leaks.found_in(project, secrets.all_runs) == {}
    for path in [*ROOT.glob("notebooks/*.md"), ROOT / "book" / "teaching" / "problem_set.md"]:
        kept = (project / path.relative_to(ROOT)).read_text("utf-8")
        assert directives(kept, "exercise") == directives(path.read_text("utf-8"), "exercise")
        assert directives(kept, "solution") == []
    pages = {path.stem for path in (project / "book" / "teaching").iterdir()}
    assert pages == set(without_solutions.GIVEN)
    files = build.files_in(yaml.safe_load((project / "_toc.yml").read_text("utf-8")))
    assert {Path(file).stem for file in files if "teaching" in file} == pages


@pytest.mark.parametrize("file", ["chapters/page.html", "notebooks/page.ipynb", "_sources/page.md", "points.csv"])
def test_a_planted_sentence_is_found(tmp_path: Path, secrets: leaks.Secrets, file: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    solution = directives((ROOT / "notebooks" / "slack.md").read_text("utf-8"), "solution")[0].text
    sentence = " ".join(solution.split("\n\n")[1].split()[:20])
    if file.endswith("html"):
        sentence = sentence.replace("&", "&amp;").replace("<", "&lt;").replace(" ", " <b>", 3)
    elif file.endswith("ipynb"):
        sentence = json.dumps(new_notebook(cells=[new_markdown_cell(sentence)]))
    (tmp_path / file).write_text(sentence, "utf-8")
    (tmp_path / "other.html").write_text("<p>Let no word of it stand here, whatever the page is.</p>", "utf-8")
    assert set(leaks.found_in(tmp_path, secrets.all_runs)) == {file}


def test_a_planted_word_of_the_search_index_is_found(tmp_path: Path, secrets: leaks.Secrets) -> None:
    word = min(secrets.stems)
    index = {"alltitles": {"A page": []}, "indexentries": {}, "titles": ["A page"], "titleterms": {}}
    for terms, found in (({"page": 0}, set()), ({"page": 0, word: 0}, {word})):
        (tmp_path / "searchindex.js").write_text(f"Search.setIndex({json.dumps(index | {'terms': terms})})", "utf-8")
        assert leaks.found_by_search(tmp_path, secrets.stems) == found


# ----- the command


def test_chapters_that_were_not_run_are_named(book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(student, "STUDENT", tmp_path / "student")  # none, whatever was built here
    for name in ("_toc.yml", "_config.yml", "CITATION.cff", "book", "notebooks", "proofs"):
        (tmp_path / name).symlink_to(book / name)
    shutil.copytree(book / "chapters", tmp_path / "chapters")
    (tmp_path / "chapters" / "slack.ipynb").unlink()
    with pytest.raises(SystemExit) as stopped:
        student.write_project(tmp_path, tmp_path / "project")
    said = "The student edition was not built. These chapters have not been run: slack. Run 'make book' first."
    assert stopped.value.code == said
    assert not (tmp_path / "project").exists()


def test_a_build_that_fails_keeps_the_last_edition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(student, "BUILD", tmp_path)
    monkeypatch.setattr(student, "STUDENT", tmp_path / "student")
    monkeypatch.setattr(student, "PROJECT", tmp_path / ".student")
    monkeypatch.setattr(student, "add_slides", lambda _html, _plans: None)
    monkeypatch.setattr(student, "add_assignments", lambda _html, _points: None)
    monkeypatch.setattr(student, "write_project", lambda _root, project: (project / "book").mkdir(parents=True))
    for edition in ("first", "second"):
        html = tmp_path / edition
        html.mkdir()
        (html / "index.html").write_text(edition)
        monkeypatch.setattr(student, "build", lambda _project, html=html: html)
        student.main()
        assert (tmp_path / "student" / "index.html").read_text() == edition
        assert not (tmp_path / ".student").exists()
    monkeypatch.undo()
    (tmp_path / ".student" / "book").mkdir(parents=True)
    (tmp_path / ".student" / "book" / "build.py").write_text("raise SystemExit(1)\n")
    monkeypatch.setattr(student, "STUDENT", tmp_path / "student")
    with pytest.raises(SystemExit, match="The last good one is still in _build/student"):
        student.build(tmp_path / ".student")
    assert (tmp_path / "student" / "index.html").read_text() == "second"


@pytest.mark.slow
def test_the_built_edition_tells_no_solution(project: Path, secrets: leaks.Secrets) -> None:
    html = student.build(project)
    assert leaks.found_in(html, secrets.all_runs) == {}
    assert leaks.found_by_search(html, secrets.stems) == set()
    pages = {str(path.relative_to(html)): path.read_text("utf-8") for path in html.rglob("*.html")}
    assert "chapters/slack.html" in pages
    assert "book/teaching/problem_set.html" in pages
    assert not any(f"teaching/{name}.html" in " ".join(pages) for name in leaks.LECTURERS)
    for name, text in pages.items():
        assert 'class="solution' not in text, name
        assert ADDRESS not in text, name
    assert pages["chapters/slack.html"].count('class="exercise') >= 4
    assert student.MARKED in pages["chapters/slack.html"]
    notebooks = {path.stem: nbformat.read(path, as_version=4) for path in (html / "notebooks").iterdir()}
    assert set(notebooks) == set(build.pages())
    for notebook in notebooks.values():
        nbformat.validate(notebook)


def test_a_card_that_leads_to_the_lecturers_pages_is_left_out() -> None:
    card = ":::{{grid-item-card}} {0}\n:link: {1}\n:link-type: doc\nText.\n:::\n"
    cards = card.format("Read", "../chapters/setting") + card.format("Teach", "teaching/index")
    text = f"::::{{grid}} 2\n\n{cards}::::\n"
    shown = without_solutions.page(text)
    assert "chapters/setting" in shown
    assert "teaching" not in shown
    assert without_solutions.page(card.format("Sheet", "teaching/classroom_sheet"))
