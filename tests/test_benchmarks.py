"""The benchmarks run, at a size that says nothing; what they share counts right."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from conftest import ROOT
from torch import nn

FOLDER = ROOT / "benchmarks"
sys.path.insert(0, str(FOLDER))
import gpu  # noqa: E402
import growth  # noqa: E402
import inner_loop  # noqa: E402
import probe  # noqa: E402
import ratios  # noqa: E402
import search  # noqa: E402
import table_cell  # noqa: E402
import whole_book  # noqa: E402


def test_ratios_are_of_the_same_round() -> None:
    times = pd.DataFrame({"base": [1.0, 10.0, 2.0], "other": [2.0, 20.0, 2.0]})
    found = ratios.against(times, "base")
    assert found["base"]["ratio"] == 1
    assert found["other"]["ratio"] == 2


def test_every_round_measures_all_for_each_unit() -> None:
    done: list[str] = []

    def work(name: str) -> float:
        done.append(name)
        return 2.0

    times = ratios.in_turn({"a": lambda: work("a"), "b": lambda: work("b")}, 3)
    assert times.shape == (3, 2)
    assert done == ["a", "b", "b", "a", "a", "b", "b", "a"]


def test_the_bare_loop_stays_in_the_ball_and_finds_its_corner() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2)).requires_grad_(False)
    x, y = torch.full((2, 3, 2, 2), 0.5), torch.tensor([0, 1])
    counting = inner_loop.Counting(model)
    found = inner_loop.bare(counting, x, y, 9)
    torch.testing.assert_close((found - x).abs(), torch.full_like(x, inner_loop.EPS))
    assert counting.images == 18


def test_a_pages_search_is_compared_with_the_one_before_it() -> None:
    rows = search.compare(points=3, seeds=1, encoders=search.ENCODERS[:1], data_sets=search.DATA[:1], n_train=60)
    for what, before, now in (("shift", 5 * 12 + 60, 8 * 5 + 3 * 6 + 34), ("loss", 5 * 12 + 100, 5 * 4 + 2 * 6 + 34)):
        assert (rows[f"gradients, {what}, before"] == before).all()
        assert (rows[f"gradients, {what}, now"] == now).all()
    assert rows["shift ratio"].between(0.9, 1.1).all()
    assert rows["gap ratio"].between(0.7, 1.5).all()


def test_the_inner_loop_is_measured() -> None:
    found = inner_loop.measure(images=4, steps=3, rounds=2, n_train=60)
    loops = found["seconds for an image's gradient, and the ratio to the bare loop"]
    assert isinstance(loops, dict)
    assert loops["bare loop"]["ratio"] == 1
    assert set(loops) >= {"this book's PGD", "foolbox as it comes", "foolbox, parameters frozen", "APGD-CE"}
    assert all(0 < row["seconds"] < 10 for row in loops.values())
    reached = found["mean cross-entropy reached, and with how many evaluations"]
    assert isinstance(reached, dict)
    assert math.isfinite(reached["foolbox"])
    assert math.isfinite(reached["this book's PGD"])


def test_growth_measures_the_points_that_it_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path))
    found = growth.measured(40, 6)
    assert found["seconds"] > 0
    assert found["bytes"] > 50e6
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(growth, "alone", lambda *its: asked.append(its) or {"seconds": its[1], "bytes": 1e6})  # type: ignore[func-returns-value]
    (row,) = growth.growth([64], 2).to_dict("records")
    assert asked == [(64, 64), (64, 640)]  # two chunks of 32
    assert (row["time"], row["memory"]) == (10, 1)


def test_both_probes_take_the_same_batches() -> None:
    found = probe.measure(images=40, epochs=2, rounds=1, test=20)
    assert found["apart"] < 1e-4  # type: ignore[operator]
    ours, theirs = found["clean accuracy"].values()  # type: ignore[attr-defined]
    assert ours == theirs


def test_a_cell_of_table_1_is_filled_both_ways() -> None:
    found = table_cell.measure(points=4, rounds=1, n_train=60)
    assert found[table_cell.PAPER]["ratio"] == 1
    assert found[table_cell.BOOK]["ratio"] > 0
    for row in found.values():
        assert 0 <= row["robust acc."] <= row["clean acc."] <= 1
        assert row["AS score"] > 0


@pytest.mark.slow
def test_a_command_is_timed_until_it_says_a_line_and_until_it_ends(tmp_path: Path) -> None:
    code = "import time; print('so far', flush=True); time.sleep(2.5); print('so far'); raise SystemExit({})"
    found = whole_book.timed([sys.executable, "-c", code.format(0)], tmp_path, "so far")
    assert found["first"] < found["seconds"] - 2
    assert 0.001 < found["memory"] < 1
    with pytest.raises(RuntimeError, match="so far"):
        whole_book.timed([sys.executable, "-c", code.format(3)], tmp_path)


def test_operations_of_a_network_are_counted() -> None:
    """A convolution of 3 to 5 channels, 1x1, on 32x32 pixels: as many forward as backward to the pixels."""
    network = nn.Sequential(nn.Conv2d(3, 5, 1, bias=False), nn.Flatten()).requires_grad_(False)
    assert gpu.operations(network) == 2 * (2 * 3 * 5 * 32 * 32)


@pytest.mark.slow
def test_the_script_for_a_gpu_runs_on_a_cpu(tmp_path: Path) -> None:
    import rt_utils.models.robustbench  # noqa: F401  # makes it importable

    pytest.importorskip("robustbench.model_zoo", reason="RobustBench is not installed")
    command = [sys.executable, str(FOLDER / "gpu.py"), "--tiny", "--json", str(tmp_path / "gpu.json")]
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    found = json.loads((tmp_path / "gpu.json").read_text("utf-8"))
    assert found["agreement"]["agree"]
    assert found["agreement"]["cpu"]["AS score"] > 0
    assert [(row["precision"], row["batch"]) for row in found["rates"]] == [
        *(("float32", 2), ("float32", 4)),
        *(("bfloat16", 2), ("bfloat16", 4)),
    ]
    assert all(row["images a second"] > 0 for row in found["rates"])
