"""`rt sweep --profile` on a real Slurm of one node, with a driver that is killed while its jobs go on; slow."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import slurm
import small_book
from test_sweeps import check_cells_are_whole, files, made

from rt_utils.runtime import paths

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(slurm.why_not()), reason=slurm.why_not() or "Slurm can be started"),
]
SMALLER = {  # the repository's profile, but for one small node
    "mem_mb=8000": "mem_mb=600",
    "cell=4": "cell=1",
    "runtime=720": "runtime=10",
    "before-status-checks: 10": "before-status-checks: 2",
}


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("profile")
    text = (paths.SWEEP / "slurm" / "config.yaml").read_text("utf-8")
    for before, after in SMALLER.items():
        assert before in text
        text = text.replace(before, after)
    (folder / "config.yaml").write_text(text, "utf-8")
    with slurm.running(tmp_path_factory.mktemp("slurm")):
        yield folder


def swept(book: Path, profile: Path, kills: int, *options: str) -> Path:
    """The sweep's folder, after so many drivers were killed with Snakemake, each with a new cell done."""
    options = (*options, "-p", "drop", "nothing", "-p", "results", "out")
    folder, kept = book / "out", dict[str, int]()
    for _ in range(kills):
        process = small_book.sweep(book, *options, "--profile", str(profile))
        while made(folder).keys() <= kept.keys() and process.poll() is None:
            time.sleep(0.2)
        small_book.kill(process, group=True)
        check_cells_are_whole(folder)
        kept = made(folder)
    out, _ = small_book.finished(small_book.sweep(book, *options, "--profile", str(profile)))
    assert kept.items() <= made(folder).items()  # nothing is done twice
    check_cells_are_whole(folder)
    if kills:
        assert any(line.endswith("cells are there already") for line in out)
    return folder


def calm(folder: Path, *options: str) -> Path:
    book = small_book.make(folder)
    small_book.finished(small_book.sweep(book, *options, "-p", "drop", "nothing", "-p", "results", "out"))
    return book / "out"


def test_a_driver_is_killed_while_its_jobs_go_on(profile: Path, tmp_path: Path) -> None:
    options = ("--seeds", "3", "-p", "budget", "4")
    found = swept(small_book.make(tmp_path / "slurm"), profile, 1, *options)
    assert files(found) == files(calm(tmp_path / "calm", *options))


@pytest.mark.long
def test_a_cell_that_fails_on_a_node_is_named(profile: Path, tmp_path: Path) -> None:
    book = small_book.make(tmp_path)
    options = ["--data", "digits,glyphs", "-p", "drop", "glyphs", "-p", "results", "out"]
    _, err = small_book.finished(small_book.sweep(book, *options, "--profile", str(profile)), 1)
    (failed,) = [path.stem for path in (book / "out" / "failed").glob("*.ipynb")]
    assert err[0].startswith(f"rt: {failed}: AssertionError: on purpose")
    assert err[1].startswith(f"rt: 1 of 2 cells failed: {failed}")
    assert len(made(book / "out")) == 1


@pytest.mark.long
def test_twelve_cells_with_three_killed_drivers(profile: Path, tmp_path: Path) -> None:
    options = ("--eps", "1/255,2/255", "--data", "digits,glyphs", "--seeds", "3", "-p", "budget", "4")
    found = swept(small_book.make(tmp_path / "slurm"), profile, 3, *options)
    assert len(made(found)) == 12
    assert files(found) == files(calm(tmp_path / "calm", *options))
