"""A rerun answers on fewer points first, in the file that the full run then replaces."""

from pathlib import Path

import nbformat
import pandas as pd
import pytest
from small_book import HEADER, make

from rt_utils import cli
from rt_utils.pages import execution, first_answer
from rt_utils.pages.parameters import KNOWN
from rt_utils.runtime.errors import InputError

CHAPTER = "counting"
SOURCE = (
    HEADER
    + """
# Counting

```{code-cell} python3
:tags: [parameters]

profile = "embedded"
norm = "linf"
eps = "8/255"
n_test = 500
n_seeds = 3
results = ""
```

```{code-cell} python3
from rt_utils.pages import parameters

p = parameters.read(globals())
folder = p.results_folder("counting")
folder.mkdir(parents=True, exist_ok=True)
(folder / "points.csv").write_text("point\\n" + "".join(f"{i}\\n" for i in range(p.n_test * p.n_seeds)))
(folder / "run.json").write_text("{}")
```
"""
)


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A book of one chapter that takes no time, as the working directory."""
    make(tmp_path, CHAPTER, SOURCE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_has_fewer_points_and_never_more_than_were_asked_for() -> None:
    assert set(first_answer.POINTS) <= set(KNOWN)
    for n in (32, 40, 383, 384, 5000):
        full = {"n_test": n, "seed_points": 10, "floor_points": 0, "apgd_points": 6, "n_seeds": 1, "steps": 100}
        cut = first_answer.fewer(full)
        assert cut.keys() == {"n_test", "seed_points"}
        assert all(value < full[name] for name, value in cut.items())
        assert cut["n_test"] <= max(n // 4, 128)
    assert first_answer.fewer({"n_test": 31, "n_seeds": 3}) == {}
    assert first_answer.fewer({"n_classes": 5}) == {}
    assert first_answer.fewer({"n_test": 200, "budget": 20.0}) == {}


def test_it_is_there_first_and_the_full_run_takes_its_place(book: Path) -> None:
    said: list[str] = []

    def look(line: str) -> None:
        said.append(line)
        first = nbformat.read("out.ipynb", as_version=4)
        assert first.cells[0].source.startswith("# Counting")
        assert first.cells[1].source.startswith("> **A first answer**")
        assert "`n_test` 128 of 500, `n_seeds` 1 of 3" in first.cells[1].source
        assert not Path("files").exists()

    given = {"eps": "4/255", "results": "files"}
    first_answer.run(CHAPTER, given, Path("out.ipynb"), look, progress=False)
    assert said == ["first answer (n_test 128 of 500, n_seeds 1 of 3): out.ipynb"]
    assert "A first answer" not in Path("out.ipynb").read_text("utf-8")
    assert len(pd.read_csv("files/points.csv")) == 1500
    assert sorted(path.name for path in Path("files").iterdir()) == ["points.csv", "run.json"]
    first_answer.run(CHAPTER, given, Path("out.ipynb"), look, progress=False)  # the same again is there at once
    assert len(said) == 1


def test_by_default_it_is_in_the_file_of_the_full_run(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["run", CHAPTER, "-q", "-p", "n_test", "64"])
    running, first, wrote = capsys.readouterr().out.splitlines()
    assert first.startswith("first answer (n_test 16 of 64, n_seeds 1 of 3): results/counting-")
    assert first.split(": ")[1] == wrote.removeprefix("wrote ")
    assert Path(wrote.removeprefix("wrote ")).is_file()
    assert running == "running counting"


def test_a_page_without_points_or_results_runs_once(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = SOURCE.replace('n_test = 500\nn_seeds = 3\nresults = ""\n', "").partition("```{code-cell} python3\nfrom")[
        0
    ]
    (book / "notebooks" / f"{CHAPTER}.md").write_text(source, "utf-8")
    first_answer.run(CHAPTER, {}, Path("out.ipynb"), pytest.fail, progress=False)
    assert Path("out.ipynb").exists()


def test_where_the_first_answer_fails_the_full_run_still_runs(book: Path) -> None:
    failing = SOURCE.replace("p = parameters.read", "assert n_test == 500\n\np = parameters.read")
    (book / "notebooks" / f"{CHAPTER}.md").write_text(failing, "utf-8")
    first_answer.run(CHAPTER, {"results": "files"}, Path("out.ipynb"), pytest.fail, progress=False)
    assert len(pd.read_csv("files/points.csv")) == 1500
    assert not list(book.glob("*.failed.ipynb"))


def test_what_is_wrong_is_refused_before_anything_runs(book: Path) -> None:
    before = sorted(book.iterdir())
    with pytest.raises(InputError, match="eps '8' is out of range"):
        first_answer.run(CHAPTER, {"eps": "8"}, Path("out.ipynb"), print)
    assert sorted(book.iterdir()) == before


def test_whole_runs_once(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, object]] = []

    def run(chapter: str, given: dict[str, object], *_: object, **__: object) -> Path:
        seen.append(given)
        return Path("out.ipynb")

    monkeypatch.setattr(execution, "run", run)
    cli.main(["run", CHAPTER, "--whole", "-p", "n_test", "40"])
    cli.main(["run", CHAPTER, "-p", "n_test", "40"])
    assert [given["n_test"] for given in seen] == [40, 10, 40]
