"""`rt sweep` as it runs: a failing cell, two drivers at once, drivers that are killed; slow, for it starts kernels."""

import random
import re
import time
from pathlib import Path

import pandas as pd
import pytest
import small_book

pytestmark = pytest.mark.slow


def files(folder: Path) -> dict[str, bytes]:
    """What a sweep found, but for times: its table, and each cell's ledger."""
    found = {"sweep.csv": (folder / "sweep.csv").read_bytes()}
    return found | {path.parent.name: path.read_bytes() for path in folder.glob("cells/*/ledger.csv")}


def made(folder: Path) -> dict[str, int]:
    """When each cell that is there was made."""
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("cells/*/cell.json")}


def check_cells_are_whole(folder: Path) -> None:
    for cell in folder.glob("cells/*"):
        assert {path.name for path in cell.iterdir()} == {"small.ipynb", "ledger.csv", "points.csv", "cell.json"}


def test_a_failing_cell_is_named_and_stops_no_other(tmp_path: Path) -> None:
    book = small_book.make(tmp_path / "an odd 'name': $(x)")
    options = ["--data", "digits,glyphs", "--eps", "1/255,2/255", "-p", "drop", "glyphs", "-p", "results", "out"]
    out, err = small_book.finished(small_book.sweep(book, *options), 1)
    failed = sorted(path.stem for path in (book / "out" / "failed").glob("*.ipynb"))
    assert len(failed) == 2
    assert all("glyphs" in name for name in failed)
    for name in failed:
        assert f"rt: {name}: AssertionError: on purpose (notebook: {book / 'out' / 'failed' / name}.ipynb)" in err
    assert err[-1] == f"rt: 2 of 4 cells failed: {', '.join(failed)}; the same command tries them again"
    assert len(err) == 3
    assert out[0] == f"4 cells in {book / 'out'}"
    assert sum(bool(re.search(r": done after \d:\d\d; ", line)) for line in out) == 2
    assert len(pd.read_parquet(book / "out" / "sweep.parquet")) == 4
    assert "Not there" in (book / "out" / "sweep.html").read_text("utf-8")


def test_a_profile_that_snakemake_refuses_is_one_line(tmp_path: Path) -> None:
    book = small_book.make(tmp_path)
    (book / "wrong").mkdir()
    (book / "wrong" / "config.yaml").write_text("executor: nowhere\njobs: 2\n", "utf-8")
    _, err = small_book.finished(
        small_book.sweep(book, "--seeds", "2", "--profile", "wrong", "-p", "results", "out"), 1
    )
    (line,) = err
    assert line.startswith("rt: 2 of 2 cells were not begun: ")
    assert "nowhere" in line


def test_two_drivers_at_once_and_one_more(tmp_path: Path) -> None:
    book = small_book.make(tmp_path)
    options = ["--seeds", "3", "-p", "budget", "1", "-p", "results", "out"]
    both = [small_book.sweep(book, *options) for _ in range(2)]
    said = [small_book.finished(process)[0] for process in both]
    waited = [out for out in said if "another sweep is running in that folder: waiting for it" in out]
    assert len(waited) == 1
    assert "3 of 3 cells are there already" in waited[0]
    before = made(book / "out")
    out, _ = small_book.finished(small_book.sweep(book, *options))
    assert "3 of 3 cells are there already" in out
    assert made(book / "out") == before


def killed_three_times(tmp_path: Path, *options: str, after: tuple[float, float]) -> None:
    """A sweep that is killed at three random moments ends with exactly what an undisturbed one finds.

    The second kill is of the driver alone: its jobs go on while the next driver runs.
    """
    rng = random.Random(0)
    calm, book = (small_book.make(tmp_path / name) for name in ("calm", "killed"))
    small_book.finished(small_book.sweep(calm, *options, "-p", "results", "out"))
    kept: dict[str, int] = {}
    for group in (True, False, True):
        process = small_book.sweep(book, *options, "-p", "results", "out")
        time.sleep(rng.uniform(*after))
        small_book.kill(process, group=group)
        check_cells_are_whole(book / "out")
        assert kept.items() <= made(book / "out").items()
        kept = made(book / "out")
    small_book.finished(small_book.sweep(book, *options, "-p", "results", "out"))
    assert kept.items() <= made(book / "out").items()  # nothing is done twice
    check_cells_are_whole(book / "out")
    assert files(book / "out") == files(calm / "out")
    assert list((book / "out" / ".sweep" / "work").iterdir()) == []


def test_killed_three_times(tmp_path: Path) -> None:
    killed_three_times(tmp_path, "--seeds", "3", "-p", "budget", "1", after=(4, 8))


@pytest.mark.long
def test_twelve_cells_killed_three_times(tmp_path: Path) -> None:
    options = ["--eps", "1/255,2/255", "--data", "digits,glyphs", "--seeds", "3", "-p", "budget", "5"]
    killed_three_times(tmp_path, *options, after=(5, 40))
