"""Results are kept by what they depend on; a changed line, a flipped byte, a kill and a second build are survived."""

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

from rt_utils.runtime import cache, processes

SCRIPT = """
import sys
from rt_utils.images.catalogue import load_data_set
from rt_utils.models.catalogue import load_encoder
from rt_utils.runtime import cache
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.measure import fit_probes, measure
from rt_utils.evaluation.measurement import table
from rt_utils.evaluation.search import AttackPlan
from rt_utils.theory.threat import Threat
from rt_utils.evaluation.probe import ProbeSettings

short = PGDSettings(steps=2)
plan = AttackPlan(short, short, short, short, short, floor_points=2, apgd_steps=2, apgd_points=2)
encoder, data = load_encoder("embedded/random"), load_data_set("digits", size=32, n_train=60, n_test=int(sys.argv[1]))
head = fit_probes([(encoder, data)], ProbeSettings(epochs=1))[0]
print(table(measure([(encoder, head, data)], Threat("linf", 0.1), plan)[0]).to_csv())
for kind, state, entries, _ in cache.contents():
    print("kept", kind, state, entries)
"""


def script(folder: Path, n_test: int = 8) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder), "RT_CACHE": str(folder / "kept"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", SCRIPT, str(n_test)]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen[str]) -> tuple[str, list[str]]:
    output = process.communicate(timeout=300)[0]
    assert process.returncode == 0
    table, *kept = output.split("kept ")
    return table, [line.strip() for line in kept]


def entries(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in (folder / "kept").rglob("*.pkl")}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the code, first on the path of the script."""
    shutil.copytree(ROOT / "rt_utils", tmp_path / "rt_utils", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.slow
def test_a_changed_line_of_an_attack_makes_its_results_stale(package: Path) -> None:
    first, kept = finished(script(package))
    first_kept = kept
    assert sorted(kept) == ["features current 1", "losses current 1", "probes current 1", "shifts current 3"]
    written = entries(package)
    assert finished(script(package)) == (first, kept)
    assert entries(package) == written  # nothing was computed again
    attack = package / "rt_utils" / "evaluation" / "attacks.py"
    attack.write_text(attack.read_text("utf-8").replace("rel_stepsize: float = 3.0", "rel_stepsize: float = 0.1"))
    other, kept = finished(script(package))
    # Clean features and probes run through no attack: they stay as they are.
    attacked = [line for line in first_kept if line.startswith(("losses", "shifts"))]
    assert sorted(kept) == sorted([*first_kept, *(line.replace("current", "stale") for line in attacked)])
    assert other != first


@pytest.mark.slow
def test_two_at_once_and_a_kill(package: Path) -> None:
    killed = script(package, n_test=300)
    deadline = time.monotonic() + 120
    while len(entries(package)) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    assert 3 <= len(entries(package)) < 12
    before = entries(package)
    results = [finished(process) for process in [script(package, n_test=300) for _ in range(2)]]
    assert results[0] == results[1]
    assert {path: entries(package)[path] for path in before} == before  # what was whole was not computed again
    assert results[0] == finished(script(package, n_test=300))


def test_flipped_bytes_are_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path))
    calls = []

    def compute() -> np.ndarray:
        calls.append(1)
        return np.arange(1000.0)

    entry = cache.Entry("numbers", ("a", "b"), frozenset())
    cache.kept(entry, compute)
    (path,) = tmp_path.rglob("*.pkl")
    whole = path.read_bytes()
    for at in range(0, len(whole), len(whole) // 12):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        np.testing.assert_array_equal(cache.kept(entry, compute), np.arange(1000.0))
    assert "the cached numbers of ('a', 'b') could not be read, so it was computed anew" in capsys.readouterr().out
    n = len(calls)
    cache.kept(entry, compute)
    assert len(calls) == n > 8


def test_entries_of_two_kinds_or_keys_are_kept_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path))
    names = [("numbers", ("a",)), ("numbers", ("b",)), ("texts", ("a",)), ("numbers", ("a", "b"))]
    entries = [cache.Entry(kind, key, frozenset()) for kind, key in names]
    for value, entry in enumerate(entries):
        assert not cache.holds(entry)
        assert cache.kept(entry, lambda value=value: value) == value
    for value, entry in enumerate(entries):
        assert cache.holds(entry)
        assert cache.kept(entry, pytest.fail) == value
    assert sorted(row[:3] for row in cache.contents()) == [("numbers", "current", 3), ("texts", "current", 1)]


def test_one_entry_has_one_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path))
    entry = cache.Entry("numbers", ("a",), frozenset())
    held = cache.claim(entry)
    assert held is not None
    assert cache.claim(entry) is None
    others = [cache.claim(cache.Entry(*other, frozenset())) for other in (("texts", ("a",)), ("numbers", ("b",)))]
    held.release()
    again = cache.claim(entry)
    for claim in (*others, again):
        assert claim is not None
        claim.release()


def test_an_array_of_any_memory_format_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path))
    array = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    for number, strided in enumerate((array.transpose(0, 2, 3, 1), array[:, :, ::2], np.asfortranarray(array))):
        entry = cache.Entry("numbers", (number,), frozenset())
        cache.kept(entry, lambda strided=strided: {"found": [strided]})  # type: ignore[misc]
        np.testing.assert_array_equal(cache.kept(entry, pytest.fail)["found"][0], strided)


def test_what_another_computes_is_left_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path))
    claimed, second_done = threading.Event(), threading.Event()
    first = cache.Entry("numbers", ("first",), frozenset())

    def other() -> None:
        claim = cache.claim(first)
        assert claim is not None
        claimed.set()
        assert second_done.wait(60)  # so the second task was not held up by the first
        cache.kept(first, lambda: 1.0)
        claim.release()

    def second() -> float:
        second_done.set()
        return 2.0

    thread = threading.Thread(target=other)
    thread.start()
    assert claimed.wait(60)
    tasks: list[processes.Task] = [
        (first, pytest.fail, ("twice",)),
        (cache.Entry("numbers", ("second",), frozenset()), second, ()),
    ]
    assert processes.compute(tasks, 1) == [1.0, 2.0]
    thread.join()
