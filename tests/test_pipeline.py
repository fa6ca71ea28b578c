"""`make book` in a copy of the repository: strict, killed with -9 at three moments, failing; slow.

The whole book takes minutes, so it is made once (`long`). What may happen to any book happens to one of three pages.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import ROOT
from small_book import PLAIN

pytestmark = pytest.mark.slow
CHAPTER = "theorem_2_criterion"  # run alone where the others would only take time
PAGE = Path(f"_build/html/chapters/{CHAPTER}.html")
SMALL = {
    "n_test": 40,
    "n_train": 200,
    "floor_points": 8,
    "apgd_points": 8,
    "restarts": 1,
    "steps": 20,
    "encoders": ["embedded/robust"],
    "data": ["glyphs", "digits"],
    "probe_epochs": 5,
    "path_points": 8,
    "n_seeds": 2,
    "seed_points": 8,
    "n_switch": 8,
    "sweep_points": 2,
    "ft_epochs": 1,
    "ft_points": 8,
    "train_steps": 1,
    "budget": 0.5,
}


def make_book(copy: Path, *chapters: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["make", "book", f"CHAPTERS={' '.join(chapters)}"],
        cwd=copy,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, "LC_ALL": "C"},
    )


def finish(copy: Path, *chapters: str) -> str:
    process = make_book(copy, *chapters)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output[-3000:]
    return output


def make_small(copy: Path) -> None:
    """Other defaults in every chapter that has them, as a reader would write them there."""
    for chapter in (copy / "notebooks").glob("*.md"):
        source = chapter.read_text("utf-8")
        start, cell, end = re.split(r"(?sm)(:tags: \[parameters\].*?^```$)", source, maxsplit=1)
        for name, value in SMALL.items():
            before = rf'\[.*"{value[0]}".*' if isinstance(value, list) else ".*"  # a list that holds it
            cell = re.sub(rf"^{name} = {before}$", f"{name} = {value!r}", cell, count=1, flags=re.MULTILINE)
        source = start + cell + end
        chapter.write_text(source, "utf-8")


def numbers(copy: Path) -> pd.DataFrame:
    return pd.read_csv(copy / "_build" / "html" / "ledger.csv")


def not_run(copy: Path) -> set[str]:
    """The pages that say they were not run."""
    pages = (copy / "_build" / "html" / "chapters").glob("*.html")
    return {page.stem for page in pages if "because this book was built without running it" in page.read_text("utf-8")}


def copied(folder: Path) -> Path:
    """A copy of the repository with this environment."""
    ignored = shutil.ignore_patterns(".venv", "_build", "chapters", "results", ".snakemake", ".git", "*.ipynb")
    shutil.copytree(ROOT, folder, ignore=ignored)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    for name in ("requirements.lock", "pyproject.toml"):  # not newer than what was installed
        shutil.copystat(ROOT / name, folder / name)
    return folder


def without_links(text: str) -> str:
    """A page's Markdown whose links and citations are words: what they lead to is not in a small book."""
    return re.sub(r"\{cite:t\}`\w+`", "a paper", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of the book, with small chapters."""
    folder = copied(tmp_path_factory.mktemp("book") / "Bücher und 論文")
    make_small(folder)
    return folder


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book of two chapters, the ledger and the status, in a folder with a space and letters outside ASCII."""
    folder = copied(tmp_path_factory.mktemp("book") / "Bücher und 論文")
    files = [f"chapters/{name}" for name in (CHAPTER, "setting", "ledger", "status")]
    toc = {"format": "jb-book", "root": "book/index", "chapters": [{"file": file} for file in files]}
    (folder / "_toc.yml").write_text(yaml.safe_dump(toc), "utf-8")
    (folder / "book" / "index.md").write_text("# A small book\n", "utf-8")
    for name in (CHAPTER, "setting"):
        (folder / "notebooks" / f"{name}.md").write_text(PLAIN.replace("CHAPTER", name), "utf-8")
    for name in ("ledger", "status"):
        page = folder / "notebooks" / f"{name}.md"
        page.write_text(without_links(page.read_text("utf-8")), "utf-8")
    finish(folder, CHAPTER)  # every test leaves a good book behind
    return folder


def of_theorem_2_alone(copy: Path) -> bool:
    others = {path.stem for path in (copy / "notebooks").glob("*.md")} - {"theorem_2_criterion", "ledger", "status"}
    return not_run(copy) == others and set(numbers(copy).chapter) == {"theorem_2_criterion"}


@pytest.mark.long
def test_a_first_book_then_the_whole_then_nothing_to_do_then_one_chapter(whole: Path) -> None:
    process, chapter = make_book(whole), whole / "chapters" / "theorem_2_criterion.ipynb"
    deadline = time.monotonic() + 300
    while not (whole / PAGE).exists():  # while the other chapters run
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    assert of_theorem_2_alone(whole)
    assert (whole / "_build" / "html" / "results" / "book" / "theorem_2_criterion" / "points.csv").exists()
    stamp = chapter.stat().st_mtime_ns
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output[-3000:]
    assert output.index("Book, so far with theorem_2_criterion alone: ") < output.index("\nBook: ")
    for _ in range(2):
        assert not not_run(whole)
        assert len(set(numbers(whole).chapter)) > 10
        assert chapter.stat().st_mtime_ns == stamp
        assert "so far" not in finish(whole)
    finish(whole, "theorem_2_criterion")  # the others have been run, but are not asked for
    assert of_theorem_2_alone(whole)
    assert chapter.stat().st_mtime_ns == stamp


def test_a_chapter_that_does_not_exist_is_refused(copy: Path) -> None:
    process = make_book(copy, "theorem_3")
    output, _ = process.communicate(timeout=100)
    assert process.returncode != 0
    assert "unknown chapter 'theorem_3': use one of theorem_2_criterion, setting" in output


@pytest.mark.parametrize(
    ("moments", "whole_group"),
    [
        (("the chapter runs", "the book is built"), True),
        pytest.param(("the chapter is done",), True, marks=pytest.mark.long),
        pytest.param(("the chapter runs",), False, marks=pytest.mark.long),
    ],
)
def test_killed_in_the_middle(copy: Path, moments: tuple[str, ...], whole_group: bool) -> None:
    before, page = numbers(copy), (copy / PAGE).read_bytes()
    chapter = copy / "notebooks" / f"{CHAPTER}.md"
    chapter.write_text(chapter.read_text("utf-8") + "\nOne more line.\n", "utf-8")
    waits = {
        "the chapter runs": lambda: any((copy / "chapters").glob(f"{CHAPTER}.*.source.ipynb")),
        "the chapter is done": lambda: (
            (copy / "chapters" / f"{CHAPTER}.ipynb").exists()
            and not any((copy / "chapters").glob(f"{CHAPTER}.*.partial.ipynb"))
        ),
        "the book is built": lambda: (copy / "_build" / ".staging").exists(),
    }
    reached = {
        "the chapter is done": waits["the chapter runs"],
        "the book is built": waits["the chapter runs"],
    }
    for moment in moments:
        process = make_book(copy, CHAPTER)
        for condition in (reached.get(moment), waits[moment]):
            deadline = time.monotonic() + 300
            while condition is not None and not condition():
                assert time.monotonic() < deadline, moment
                assert process.poll() is None, process.communicate()[0]
                time.sleep(0.02)
        if whole_group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert (copy / PAGE).read_bytes() == page  # the last good book is still there
    finish(copy, CHAPTER)
    assert b"One more line." in (copy / PAGE).read_bytes()
    pd.testing.assert_frame_equal(numbers(copy), before)


def test_a_chapter_that_fails_stops_the_build_and_keeps_the_book(copy: Path) -> None:
    page, chapter = (copy / PAGE).read_bytes(), copy / "notebooks" / f"{CHAPTER}.md"
    source = chapter.read_text("utf-8")
    chapter.write_text(source + "\n```{code-cell} python3\nraise RuntimeError('on purpose')\n```\n", "utf-8")
    process = make_book(copy, CHAPTER)
    output, _ = process.communicate(timeout=600)
    assert process.returncode != 0
    assert "theorem_2_criterion: RuntimeError: on purpose" in output
    assert "theorem_2_criterion.failed.ipynb" in output
    assert (copy / "chapters" / f"{CHAPTER}.failed.ipynb").exists()
    assert (copy / PAGE).read_bytes() == page
    chapter.write_text(source, "utf-8")
    finish(copy, CHAPTER)


def test_a_warning_of_the_book_stops_the_build(copy: Path) -> None:
    page, index = (copy / PAGE).read_bytes(), copy / "book" / "index.md"
    source = index.read_text("utf-8")
    index.write_text(source + "\n{doc}`no-such-page`\n", "utf-8")
    process = make_book(copy, CHAPTER)
    output, _ = process.communicate(timeout=600)
    assert process.returncode != 0
    assert "no-such-page" in output
    assert (copy / PAGE).read_bytes() == page
    index.write_text(source, "utf-8")
