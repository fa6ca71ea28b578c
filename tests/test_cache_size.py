"""The cache stays below its bound, what was unused for longest goes first, and `rt cache` says so."""

import os
from pathlib import Path

import numpy as np
import pytest

from rt_utils import cli
from rt_utils.runtime import cache, cache_size, processes
from rt_utils.runtime.errors import InputError

MB = 10**6


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RT_CACHE", str(tmp_path / "kept"))
    monkeypatch.setenv("RT_CACHE_SIZE", "10 MB")
    monkeypatch.setattr(cache, "_meter", cache_size.Meter())
    return tmp_path / "kept"


def entry(number: int) -> cache.Entry:
    return cache.Entry("numbers", (number,), frozenset())


def write(number: int) -> None:
    """An entry of one megabyte, written so many seconds after the first."""
    cache.kept(entry(number), lambda: np.full(MB // 8, float(number)))
    if entry(number).path.exists():
        os.utime(entry(number).path, (number, number))


def there(most: int) -> list[int]:
    return [number for number in range(most) if cache.holds(entry(number))]


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.pkl"))


def test_it_stays_below_its_bound_and_the_oldest_go_first(kept: Path) -> None:
    for number in range(40):
        write(number)
        assert size(kept) <= 10 * MB + MB  # the newest comes before room is made
    left = there(40)
    assert left == list(range(left[0], 40))
    assert 6 <= len(left) <= 10
    assert cache.kept(entry(39), pytest.fail)[0] == 39


def test_what_was_used_stays_longer(kept: Path) -> None:
    for number in range(8):
        write(number)
    written = entry(0).path.stat().st_mtime_ns
    cache.kept(entry(0), pytest.fail)
    assert entry(0).path.stat().st_mtime_ns == written
    for number in range(8, 14):
        write(number)
    assert 0 in there(14)
    assert 1 not in there(14)


def test_nothing_goes_below_the_bound(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_CACHE_SIZE", "1 GB")
    for number in range(15):
        write(number)
    assert there(15) == list(range(15))
    monkeypatch.setenv("RT_CACHE_SIZE", "10 MB")
    assert cache_size.trim(kept) == size(kept) <= 9 * MB


def test_what_made_room_is_computed_again(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(20):
        write(number)
    tasks: list[processes.Task] = [(entry(number), np.full, (MB // 8, float(number))) for number in range(20)]
    values = processes.compute(tasks, 1)
    assert [value[0] for value in values] == list(range(20))
    assert size(kept) <= 11 * MB
    assert "could not be read" not in capsys.readouterr().out


def test_rt_cache_says_how_large_it_is_and_may_be(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(3):
        write(number)
    cli.main(["cache"])
    said = capsys.readouterr().out
    assert "in all 3.0 MB of at most 10.0 MB, which RT_CACHE_SIZE sets" in said
    assert "--clear" in said


@pytest.mark.parametrize(
    ("text", "size"), [("20", 20e9), ("500 MB", 5e8), ("1.5gb", 1.5e9), ("2TB", 2e12), ("", 5e9), (None, 5e9)]
)
def test_sizes(text: str | None, size: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RT_CACHE_SIZE", raising=False)
    if text is not None:
        monkeypatch.setenv("RT_CACHE_SIZE", text)
    assert cache_size.bound() == size


@pytest.mark.parametrize("text", ["much", "-1", "0", "5 KB", "5 GB 3"])
def test_a_wrong_size_is_refused_before_anything_runs(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_CACHE_SIZE", text)
    with pytest.raises(InputError, match=r"RT_CACHE_SIZE '.*' is not a size: give one such as 500 MB"):
        cache_size.bound()
    with pytest.raises(SystemExit, match=r"^rt: RT_CACHE_SIZE"):
        cli.main(["run", "setting"])
