"""`rt audit`: what is asked for, intervals, the clock, the bars of the verdict, and a report from end to end."""

import json
import math
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import test_book_in_browser
import torch
from PIL import Image
from test_audit_parts import audited, encoder_of, images

from rt_utils import cli
from rt_utils.evaluation import (
    audit_clock,
    audit_intervals,
    audit_known,
    audit_probes,
    audit_radii,
    audit_worst,
    measure,
)
from rt_utils.evaluation.audit_clock import Clock
from rt_utils.evaluation.audit_intervals import Estimate, OverPairs
from rt_utils.evaluation.audit_known import Bars, Known
from rt_utils.evaluation.audit_radii import AtRadius
from rt_utils.evaluation.audit_worst import Shown
from rt_utils.evaluation.pairs import Pairs
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import DataSet, Split
from rt_utils.models import public_files
from rt_utils.models.catalogue import load_encoder
from rt_utils.pages import (
    audit_compared,
    audit_headline,
    audit_report,
    audit_report_tables,
    audit_request,
    audit_run,
)
from rt_utils.pages.audit_compared import SIZES, Compared
from rt_utils.pages.audit_request import Request
from rt_utils.pages.audit_run import Audited, Report
from rt_utils.pages.audit_stock import Stock
from rt_utils.pages.audit_subject import Subject
from rt_utils.runtime import processes
from rt_utils.runtime.errors import InputError
from rt_utils.theory.threat import Threat

browser = test_book_in_browser.browser  # the fixture
Z = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])
ASKED = {"n_test": 200, "restarts": 5, "steps": 100, "floor_points": 24, "apgd_points": 50, "n_train": 4000}


@pytest.mark.parametrize(
    ("names", "options", "says"),
    [
        (["embedded/robust"], {}, "name an encoder and then a folder of images"),
        (["embedded/robst", "digits"], {}, "unknown encoder 'embedded/robst': use embedded/robust"),
        (["embedded/robust", "embedded/robust", "digits"], {}, "names the same encoder twice"),
        (["embedded/robust", "digit"], {}, "unknown data set 'digit': use digits"),
        (["embedded/robust", "digits"], {"eps": "8"}, "eps '8' is out of range"),
        (["embedded/robust", "digits"], {"eps": "0"}, "--eps 0 allows no perturbation"),
        (["embedded/robust", "digits"], {"norm": "l7"}, "unknown norm 'l7'"),
        (["embedded/robust", "digits"], {"minutes": "soon"}, "--minutes 'soon' is not a number"),
        (["embedded/robust", "digits"], {"minutes": "0"}, "--minutes '0' is out of range"),
        (["embedded/robust", "digits"], {"n_test": "1"}, "--n-test '1' is out of range"),
    ],
)
def test_what_is_wrong_is_refused_in_one_line(names: list[str], options: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as caught:
        audit_request.parse(names, **options)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_refusal_imports_nothing_heavy() -> None:
    code = "import sys; from rt_utils import cli\ntry: cli.main(['audit', 'embedded/robst', 'digits'])\n"
    code += "except SystemExit as e: print(e, 'torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.startswith("rt: unknown encoder 'embedded/robst'")
    assert found.endswith("False\n")


def test_a_folder_may_be_given_as_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for i in range(3):
        Image.new("RGB", (9, 9), (40 * i, 0, 0)).save(f"photos/{i}.png")
    request = audit_request.parse(["embedded/robust", "pixels", "photos"], eps="2/255", minutes="1.5")
    assert (request.encoders, request.data) == (["embedded/robust", "pixels"], "folder:photos")
    assert (request.minutes, request.threat) == (1.5, Threat("linf", 2 / 255))


def test_means_over_pairs_by_hand() -> None:
    pairs, shifts = Pairs.of(Z), np.array([2.0, 3.0, 0.0])
    over = OverPairs(pairs, 3, 500, 0)
    assert over.mean(pairs.apart).value == pytest.approx(pairs.mean_distance)
    assert over.mean(pairs.blocked(shifts)).value == pytest.approx(2 / 3)
    assert over.mean(pairs.blocked(shifts), np.array([True, False, True])).value == pytest.approx(1 / 2)
    assert over.ratio(shifts).value == pytest.approx(5 / 3 / pairs.mean_distance)
    assert np.isnan(over.mean(pairs.apart, np.zeros(3, bool)).value)
    assert over.mean(pairs.apart, np.zeros(3, bool)).shown(".2f") == "–"


def test_the_interval_of_a_mean_distance_covers_the_true_one() -> None:
    """Standard normal points on a line, whose mean distance is 2 / sqrt(pi)."""
    rng, covered = np.random.default_rng(0), 0
    for k in range(100):
        pairs = Pairs.of(rng.normal(size=(40, 1)))
        found = OverPairs(pairs, 40, 300, k).mean(pairs.apart)
        covered += found.low <= 2 / np.pi**0.5 <= found.high
    assert 86 <= covered <= 99


def test_the_nearest_of_another_class_by_hand() -> None:
    pairs = Pairs.of(Z)
    different = pairs.differ(np.array([0, 1, 0]))
    assert audit_intervals.nearest_other(pairs, different, 3) == pytest.approx([5.0, 18**0.5, 18**0.5])
    assert np.isinf(audit_intervals.nearest_other(pairs, np.zeros(3, bool), 3)).all()
    shifts = np.array([2.0, 3.0, 0.0])
    assert audit_intervals.blocked_with_nearest(pairs, different, shifts).tolist() == [True, False, False]


def test_the_clock_takes_the_first_size_that_fits() -> None:
    clock = Clock(600, workers=2)
    ladder = audit_clock.sizes(ASKED)
    costs = [audit_clock.passes(size, True, 2) for size in ladder]
    assert costs == sorted(costs, reverse=True)
    for rung, (size, passes) in enumerate(zip(ladder, costs, strict=True)):
        seconds = clock.expected(passes, 0.01) * (1 + 1e-9)
        chosen = audit_clock.choose(clock, seconds, 0.01, ASKED, labelled=True, name="e")
        assert chosen == (size, passes, rung)
        assert size["references"] == 0
    # Time for more images than a size has at least goes into images; the attack's strength stays that size's.
    size, passes, rung = audit_clock.choose(clock, 1.2 * seconds, 0.01, ASKED, labelled=True, name="e")
    assert rung == len(ladder) - 1
    assert ladder[-1]["n_test"] < size["n_test"] < ladder[-2]["n_test"]
    assert clock.expected(passes, 0.01) <= 1.2 * seconds
    with pytest.raises(InputError, match=r"--minutes 10 is too short for e on this machine: .* about --minutes 22"):
        audit_clock.choose(clock, seconds / 2, 0.01, ASKED, labelled=True, name="e")
    for within in (seconds, math.inf):
        smallest = audit_clock.choose(clock, seconds / 2, 0.01, ASKED, labelled=True, name="e", smallest_within=within)
        assert smallest == (ladder[-1], costs[-1], len(ladder) - 1)
    with pytest.raises(InputError, match=r"about --minutes 18"):
        audit_clock.choose(clock, seconds / 2, 0.01, ASKED, labelled=True, name="e", smallest_within=seconds / 1.6)
    slow = Clock(600, workers=2)
    slow.learn(took=30, passes=1000, per_pass=0.01)  # 5 expected
    assert slow.pace == 6
    slow.learn(took=0.1, passes=1000, per_pass=0.01)  # from the cache
    assert slow.pace == 6


def test_time_that_loading_took_is_not_planned_again() -> None:
    """Of 60 s loading took 45 (or 70), and the smallest audit needs 9 s of the half that it gets: 45 (70) + 18 s."""
    least = audit_clock.passes(audit_clock.sizes(ASKED)[-1], True, 1)
    for fixed, says in ((45.0, 2), (70.0, 2), (200.0, 4)):
        clock = Clock(60, workers=1, fixed=fixed)
        per_pass, seconds = 9 / clock.expected(least, 1), 0.5 * (60 - fixed)
        with pytest.raises(InputError, match=f"about --minutes {says}$"):
            audit_clock.choose(clock, seconds, per_pass, ASKED, labelled=True, name="e")


def test_an_audit_plans_with_what_loading_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        audit_run, "Clock", lambda seconds, workers: Clock(seconds, workers, time.perf_counter() - 50.0)
    )
    least = audit_clock.passes(audit_clock.sizes(ASKED)[-1], True, 1)
    rate = 20 / Clock(60, 1).expected(least, 1)  # 20 s for the smallest audit, which would fit into 60 s, not into 10
    monkeypatch.setattr(audit_clock, "seconds_a_pass", lambda *_: [rate])
    request = Request(["pixels"], "digits", Threat("linf", 4 / 255), 1.0, Path("sent"), 200, 4000, 0, 1)
    with pytest.raises(InputError, match="--minutes 1 is too short for pixels on this machine"):
        audit_run.run(request, lambda _: None)


def test_passes_are_timed_in_one_job_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    encoders = [load_encoder("pixels"), load_encoder("blocks")]
    clock = iter([0.0, 100.0, 0.0, 8.0, 0.0, 1.0, 0.0, 4.0])  # the first warms up; then 8, 1 and 4 s
    with monkeypatch.context() as patch:
        patch.setattr(audit_clock, "time", SimpleNamespace(perf_counter=clock.__next__))
        assert audit_clock._timed(encoders[0], 2, 3) == 2.0  # the median, an image
    took = iter([1.0, 2.0, 4.0, 1.5])
    jobs: list[processes.Job] = []

    def run(given: list[processes.Job], workers: int) -> list[Any]:
        jobs.extend(given)
        return [function(*arguments) for function, arguments in given]

    monkeypatch.setattr(audit_clock, "_timed", lambda *_: next(took))
    monkeypatch.setattr(processes, "run", run)
    assert audit_clock.seconds_a_pass(encoders, 2) == [4.0, 2.0]  # of the slowest process
    assert len(jobs) == 2


def test_a_fast_encoder_leaves_its_time_to_a_slow_one() -> None:
    clock = Clock(600, workers=2)
    full = clock.expected(audit_clock.passes(audit_clock.sizes(ASKED)[0], True, 2), 1e-4)
    found = audit_clock.parts(clock, 300.0, [0.5, 1e-4, 0.4], ASKED, labelled=True)
    assert full < 100
    assert found == pytest.approx([(300 - full) / 2, 100, (300 - full) / 2])


@pytest.mark.parametrize(("spent", "fast"), [(300.0, 100.0), (450.0, 0.0)])
def test_encoders_leave_the_time_that_slower_ones_need(
    spent: float, fast: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 600 s the comparison took 300 or 450, and the slow encoder's smallest audit needs 200."""
    request = Request(["slow", "fast"], "digits", Threat("linf", 4 / 255), 10.0, Path("sent"), 200, 4000, 0, 1)
    subject = SimpleNamespace(testable=200, labelled=True, relative_files=lambda _: [])
    least = audit_clock.passes(audit_clock.sizes(ASKED)[-1], True, 1)
    rates, parts = [200 / Clock(600, 1).expected(least, 1), 1e-6], dict[str, float]()
    images = SimpleNamespace(test=[], train=[])

    def compared(_request: Any, _subject: Any, _encoders: Any, clock: Clock, *_: Any) -> None:
        clock.started -= spent

    def one(encoder: Any, _request: Any, _stock: Any, _clock: Any, seconds: float, *_: Any) -> Any:
        parts[encoder.name] = seconds
        return SimpleNamespace(encoder=encoder, images=images)

    def report_of(*given: Any) -> Report:  # without the checks of its fields' types
        made = object.__new__(Report)
        vars(made).update(audited=given[2], cut=given[6])
        return made

    loaded = {name: SimpleNamespace(name=name) for name in request.encoders}
    monkeypatch.setattr("rt_utils.evaluation.published_accuracy.loaded", lambda name, **_: loaded[name])
    monkeypatch.setattr("rt_utils.runtime.processes.ready", lambda workers: workers)
    monkeypatch.setattr(audit_clock, "seconds_a_pass", lambda *_: rates)
    monkeypatch.setattr("rt_utils.pages.audit_subject.one", lambda *_: subject)
    monkeypatch.setattr(audit_run, "Stock", lambda *_: SimpleNamespace(train=[0]))
    monkeypatch.setattr("rt_utils.pages.audit_compared.run", compared)
    monkeypatch.setattr(audit_run, "_one", one)
    monkeypatch.setattr(audit_run, "Report", report_of)
    report = audit_run.run(request, lambda _: None)
    assert [item.encoder.name for item in report.audited] == ["slow", "fast"]
    assert not [line for line in report.cut if "left out" in line]
    assert parts == pytest.approx({"fast": fast, "slow": 600 - spent}, abs=5)


def test_a_probe_gets_as_many_images_as_its_time_allows() -> None:
    clock = Clock(600, workers=2)
    seconds = clock.expected(300 / 3, 0.1)  # forward alone is a third of a pass
    assert audit_clock.trained(clock, seconds, 0.1, 1000) == [300, 500, 1000]
    assert audit_clock.trained(clock, 0.0, 0.1, 1000) == [50, 100, 200, 300, 500, 1000]
    assert audit_clock.trained(clock, 1e9, 0.1, 4000) == [4000]
    assert audit_clock.trained(clock, 0.0, 0.1, 30) == [30]


def test_more_images_fit_the_probe_where_a_tested_class_needs_them(image_folder: Path) -> None:
    for i in range(2):
        (image_folder / f"rare{i}").mkdir()
        for k in range(2):
            Image.new("RGB", (40, 40), (100 * i, 100 * k, 0)).save(image_folder / f"rare{i}" / f"{k}.png")
    name = f"folder:{image_folder}"
    request = Request(["pixels"], name, Threat("linf", 4 / 255), 2.0, Path("sent"), 8, 1000, 0, 1)
    stock = Stock(request, Subject(name, str(image_folder), 0), [1, 1000])
    images = stock.images(8)
    assert stock.train == [1000]
    images.check_trainable()
    assert stock.images(8) is images  # read once
    with pytest.raises(InputError, match=r"no training image|are of class"):
        Stock(request, Subject(name, str(image_folder), 0), [1]).images(8)


def test_images_are_not_read_again_where_more_would_not_help(monkeypatch: pytest.MonkeyPatch) -> None:
    digits = load_data_set("digits", size=8, n_train=4, n_test=2)
    labels, read = torch.zeros(4, dtype=torch.int64), list[int]()
    one = replace(digits, classes=("zero",), train=Split(digits.train.images, labels))
    bare = replace(digits, train=Split(digits.train.images, None))
    request = Request(["pixels"], "digits", Threat("linf", 4 / 255), 2.0, Path("sent"), 8, 1000, 0, 1)
    for data, says in ((one, "one class"), (bare, "no labels")):
        stock = Stock(request, Subject("digits", None, 0), [1, 10, 1000])

        def of(size: int, n: int, data: DataSet = data) -> DataSet:
            read.append(n)
            return data

        monkeypatch.setattr(stock, "_of", of)
        with pytest.raises(InputError, match=says):
            stock.images(8)
    assert read == [1, 1]


def test_every_process_has_a_part_of_the_images() -> None:
    encoder, data = load_encoder("embedded/random"), load_data_set("digits", size=32, n_train=70, n_test=10)
    for workers, sizes in ((1, [70]), (4, [18, 18, 18, 16])):
        assert [len(arguments[1]) for *_, arguments in audit_probes._parts(encoder, data, workers)] == sizes


def test_the_probe_of_parts_is_the_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = load_encoder("embedded/random")
    data, settings = load_data_set("digits", size=32, n_train=70, n_test=10), ProbeSettings(epochs=3)
    monkeypatch.setattr(audit_probes, "PIXELS", 32 * 32 * 32)  # parts of 32, 32 and 6 images
    (expected,), (found,) = (
        fit([(encoder, data)], settings, workers=1) for fit in (measure.fit_probes, audit_probes.fit)
    )
    torch.testing.assert_close(found.weight, expected.weight)
    torch.testing.assert_close(found.bias, expected.bias)


def known(name: str, robust: list[bool] | None, shift: float = 1.0) -> Known:
    z = Z if robust is None else np.eye(len(robust), 2)
    none = None if robust is None else np.ones(len(robust), bool)
    return Known(name, np.full(len(z), shift), Pairs.of(z), none, None if robust is None else np.array(robust))


def test_the_bars_are_computed_from_the_known_encoders() -> None:
    rows = [
        known("natural/robust", [True, True, False]),
        known("embedded/robust", [True, False, False]),
        known("natural/standard", [True, False, False]),
        known("pixels", [False, False, False]),
    ]
    bars = audit_known.bars(rows, np.zeros(3, bool))
    assert bars == Bars(1 / 3, "natural/standard", 2 / 3, "natural/robust", labelled=True)
    assert not bars.crossed
    bars = audit_known.bars(rows, np.array([True, True, False]))
    assert (bars.low_by, bars.crossed) == ("always the most frequent class", True)
    free = [known("natural/robust", None, 1.0), known("natural/standard", None, 3.0), known("pixels", None, 0.1)]
    bars = audit_known.bars(free, None)
    assert (bars.high_by, bars.low_by) == ("natural/robust", "natural/standard")
    assert not bars.crossed
    assert audit_known.bars([*free[1:], known("natural/robust", None, 4.0)], None).crossed
    with pytest.raises(InputError, match="no known encoder"):
        audit_known.bars(free[1:], None)


def right(first: int, n: int = 60) -> list[bool]:
    return [i < first for i in range(n)]


@pytest.mark.parametrize(
    ("own", "constant", "expected"),
    [
        (5, 6, ("low",)),
        (30, 6, ("between",)),
        (60, 6, ("high",)),
        (48, 6, ("between", "high")),
        (14, 6, ("low", "between")),
        (5, 55, ("low",)),  # here the bars cross: never 'high'
        (60, 46, ("above",)),
        (47, 46, ("low", "above")),
    ],
)
def test_intervals_of_paired_differences_decide_the_level(own: int, constant: int, expected: tuple[str, ...]) -> None:
    rows = [known("natural/robust", right(45)), known("natural/standard", right(12))]
    assert audit_known.levels(known("mine", right(own)), rows, np.array(right(constant)), 0) == expected


def test_few_images_decide_nothing_and_an_encoder_is_no_better_than_itself() -> None:
    rows = [known("natural/robust", right(3, 4)), known("natural/standard", right(0, 4))]
    constant = np.zeros(4, bool)
    assert audit_known.levels(known("mine", right(3, 4)), rows, constant, 0) == ("low", "between", "high")
    assert audit_known.levels(known("natural/robust", right(3, 4)), rows, constant, 0) == ("low", "high")


@pytest.mark.parametrize(("shift", "expected"), [(0.9, "high"), (2.0, "between"), (3.5, "low")])
def test_without_labels_the_ratios_difference_decides(shift: float, expected: str) -> None:
    rng = np.random.default_rng(0)
    z, spread = rng.normal(size=(40, 3)), rng.uniform(0.9, 1.1, 40)
    rows = [
        Known(name, k * spread, Pairs.of(z), None, None)
        for name, k in (("natural/robust", 1.0), ("natural/random", 3.0))
    ]
    assert audit_known.levels(Known("mine", shift * spread, Pairs.of(z), None, None), rows, None, 0) == (expected,)
    few = [known("natural/robust", None, 1.0), known("natural/random", None, 3.0)]
    assert audit_known.levels(known("mine", None, 0.5), few, None, 0) == ("low", "between", "high")


def test_the_headline_follows_the_labels() -> None:
    done = audited(labels=[0, 1, 0])  # 100% clean, 67% robust
    bars, own = Bars(0.7, "pixels", 0.9, "natural/robust", True), known("mine", [True, False, False])
    said = audit_headline.headline(done, bars, own, ("low",))
    assert (said.level, said.title) == ("low", "No more robust here than without robust pretraining")
    assert "right on 100% (29% to 100%) of the clean images, and on at most 66.7%" in said.text
    assert "the probe keeps 33.3%, pixels, which is no representation, keeps 70.0%" in said.text
    said = audit_headline.headline(done, bars, own, ("between", "high"))
    assert said.title == "Undecided: between standard and robust encoders, or as robust here as the best known encoder"
    said = audit_headline.headline(done, bars, own, ("low", "between", "high"))
    assert said.title == "Undecided: too few images to tell it from encoders that were not trained to be robust"
    assert audit_headline.headline(done, None, None, ()).level == "none"
    crossed = Bars(0.6, "always the most frequent class", 0.4, "natural/robust", True)
    said = audit_headline.headline(done, crossed, own, ("above",))
    assert "the constant answer of the most frequent class is right on 60.0%" in said.text
    assert "No known robust encoder beats that here" in said.text
    assert "not trained" not in said.text
    bars = Bars(0.1, "natural/standard", 0.05, "natural/robust", False)
    assert audit_headline.headline(audited(), bars, known("mine", None), ("low",)).level == "low"
    failing = audited(done.checks.assign(verdict="fails"))
    assert audit_headline.headline(failing, None, None, ()).title == "Do not rely on these numbers"


def test_the_comparison_is_cut_before_it_is_left_out() -> None:
    passes = [audit_radii.passes(*size, True, audit_compared.PREDICTED) for size in SIZES]
    seconds = [some * 0.1 * audit_clock.SPARE / audit_compared.SHARE for some in passes]
    assert audit_compared.size(Clock(24.5 * seconds[0], 1), 0.1, 200, True) == (24, *SIZES[0])
    assert audit_compared.size(Clock(24.5 * seconds[1], 1), 0.1, 200, True) == (24, *SIZES[1])
    assert audit_compared.size(Clock(3.5 * seconds[2], 1), 0.1, 200, True) == (3, *SIZES[2])
    assert audit_compared.size(Clock(1e9, 1), 0.1, 5, True) == (5, *SIZES[0])


def test_nothing_but_an_earlier_audit_is_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("work").mkdir()
    Path("work/classes.csv").write_text("mine")
    for content in (None, "{}", "no JSON"):
        if content is not None:
            Path("work/report.json").write_text(content)
        with pytest.raises(InputError, match="'work' is not empty, and no report of rt audit lies there"):
            audit_request.parse(["embedded/robust", "digits"], output=Path("work"))
    Path("work/report.json").unlink()
    report = handmade(None)
    audit_report.write(replace(report, request=replace(report.request, folder=Path("work"))))
    assert Path("work/classes.csv").read_text() == "mine"  # no table of classes was written, so none is removed
    assert audit_request.parse(["embedded/robust", "digits"], output=Path("work")).folder == Path("work")
    report = handmade([0, 1, 0])
    audit_report.write(report)
    assert Path("sent/classes.csv").exists()
    audit_report.write(handmade(None))
    assert not Path("sent/classes.csv").exists()  # the earlier report's own


def test_audits_of_other_parameters_stay_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["embedded/robust", "digits"]
    folders = [
        audit_request.parse(names, eps=eps, workers=k).folder for eps, k in (("1/255", 1), ("1/255", 2), ("0.1", 1))
    ]
    assert folders[0] == folders[1] != folders[2]
    assert re.fullmatch(r"results/audit_report-[0-9a-f]{8}", folders[0].as_posix())


def test_a_few_images_have_no_interval() -> None:
    assert audit_intervals.mean(np.array([0.5]), 100, 0).shown(".2f") == "0.50 (–)"
    assert "to" not in audit_intervals.mean(np.arange(7.0), 100, 0).shown(".2f")
    assert "to" in audit_intervals.mean(np.arange(8.0), 100, 0).shown(".2f")
    assert OverPairs(Pairs.of(Z), 3, 100, 0).ratio(np.ones(3)).shown(".2f").endswith("(–)")


def test_other_radii_stay_in_the_range() -> None:
    assert [t.eps for t in audit_radii.around(Threat("linf", 4 / 255))] == [2 / 255, 8 / 255]
    assert [t.eps for t in audit_radii.around(Threat("linf", 1.0))] == [0.5]
    assert [t.eps for t in audit_radii.around(Threat("l2", 3.0))] == [1.5, 5.0]


def test_the_worst_images_are_those_that_lost_a_right_answer() -> None:
    assert audit_worst.worst(audited(), 2).tolist() == [1, 0]
    done = audited(labels=[0, 1, 1])
    assert done.points is not None
    done.points["adversarial_loss"] = [1.0, 2.0, 9.0]
    done.points["wrong"] = [False, True, True]
    assert audit_worst.worst(done, 2).tolist() == [1, 2]  # the last was wrong before


def test_a_perturbation_is_magnified_to_black_and_white() -> None:
    delta = torch.tensor([2 / 255, -2 / 255, 0.0])[:, None, None].expand(3, 4, 4)
    shown, factor = audit_report.magnified(delta, Threat("linf", 2 / 255))
    assert shown[:, 0, 0].tolist() == pytest.approx([1.0, 0.0, 0.5])
    assert factor == pytest.approx(0.5 * 255 / 2)
    assert audit_report.picture(shown).startswith("data:image/png;base64,")


def test_an_estimate_is_shown_with_its_interval() -> None:
    assert Estimate(0.5, 0.25, 0.75).shown(".1%") == "50.0% (25.0% to 75.0%)"


def handmade(labels: list[int] | None, encoder: str = "mine/<b>odd") -> Report:
    """A report on three images whose numbers were not measured."""
    done, data = audited(labels=labels), images(3)
    if done.points is not None:
        done.points["loss"], done.points["adversarial_loss"] = 0.5, 2.0
    some = None if labels is None else np.array([True, False, True])
    radii = [AtRadius(Threat("linf", eps / 255), eps * done.found / 4, some, some) for eps in (2, 4, 8)]
    answers: list[Any] = [None, None] if labels is None else [(0, 0.9), (1, 0.8)]
    x = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))
    shown = [Shown(i, x, (x + 4 / 255).clamp(0, 1), 1.0, *answers) for i in range(3)]
    rows = [None if labels is None else found for found in ([True, True, False], [True, False, False])]
    shifts = zip(audit_known.TRAINING, rows * 2, (1.0, 1.0, 3.0, 3.0), strict=False)
    others = [known(name, row, shift) for name, row, shift in shifts]
    constant = None if labels is None else np.array([True, False, False])
    own = known(encoder, None if labels is None else [True, False, False])
    possible = {encoder: audit_known.levels(own, others, constant, 0)}
    compared = Compared(others, {encoder: own}, audit_known.bars(others, constant), possible, 3, 2, 40)
    item = Audited(encoder_of(name=encoder), data, done, {}, radii, shown, 3.0, ["attacked 3 of 9 images"])
    request = Request([encoder], "digits", Threat("linf", 4 / 255), 2.0, Path("sent"), 3, 3, 0, 1)
    return Report(request, Subject("digits", None, 0), [item], compared, [], 60.0, [])


def test_public_networks_are_known_where_their_files_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The robust one may be the best of them, the standard one needs no robust pretraining; of other data: none."""
    monkeypatch.setenv("RT_MODELS", str(tmp_path))
    assert audit_known.training() == audit_known.TRAINING
    names = {"public/cifar_resnet4b": "against attacks", "public/cifar_resnet20": "without attacks"}
    names |= {"public/cifar_small_8px": "for a certified bound"}
    for name in (*names, "public/fashion_mnist", "public/dsprites_scale"):
        file = public_files.place(name)
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"")
    assert audit_known.training() == audit_known.TRAINING | names
    constant = np.array([True, False, False])
    rows = [known("embedded/robust", [True, False, False]), known("embedded/standard", [False] * 3)]
    rows += [known("public/cifar_resnet4b", [True] * 3), known("public/cifar_resnet20", [True, True, False])]
    found = audit_known.bars(rows, constant)
    assert (found.high_by, found.low_by) == ("public/cifar_resnet4b", "public/cifar_resnet20")
    cut: list[str] = []
    assert audit_compared._public(["public/cifar_resnet4b"], cut) == []
    assert cut[0].startswith("public/cifar_resnet4b is not among the known encoders: ")


def test_a_known_encoder_that_is_audited_has_one_row() -> None:
    rows = audit_report_tables.known(handmade([0, 1, 0], "natural/robust"))
    assert list(rows.encoder).count("natural/robust") == 1
    assert "against attacks; audited here" in set(rows.pretrained)
    assert "audited here" in set(audit_report_tables.known(handmade(None)).pretrained)


@pytest.mark.parametrize("labels", [None, [0, 1, 0]])
def test_a_page_asks_nothing_of_a_server_and_shows_names_as_they_stand(labels: list[int] | None) -> None:
    page = audit_report.page(handmade(labels))
    assert not re.search(r"""(src|href)=["'](?!data:|#)|url\((?!#)|<script|@import""", page)
    assert "mine/&lt;b&gt;odd" in page
    assert "<b>odd" not in page
    assert ("Each class" in page) == ("clean accuracy" in page) == (labels is not None)
    assert "attacked 3 of 9 images" in page
    assert "<svg" in page
    alone = handmade(labels)
    alone = replace(alone, audited=[replace(item, radii=item.radii[1:2]) for item in alone.audited])
    assert "<svg" not in audit_report.page(alone)  # a single radius is no curve
    assert "The time did not allow it." in audit_report.page(alone)
    assert "Asked for 2 minutes; all of it took 1.0." in page
    assert "Asked for, and not here" not in page
    lost = handmade(labels)
    lost = replace(lost, request=replace(lost.request, encoders=[*lost.request.encoders, "file:<i>a", "file:b"]))
    assert "Asked for, and not here: <code>file:&lt;i&gt;a</code>, <code>file:b</code>." in audit_report.page(lost)


@pytest.mark.book
@pytest.mark.parametrize("labels", [None, [0, 1, 0]])
def test_a_page_can_be_read_on_a_phone_and_by_everybody(labels: list[int] | None, browser: Any, tmp_path: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe

    (tmp_path / "report.html").write_text(audit_report.page(handmade(labels, "a/" + 8 * "very_long_")), "utf-8")
    for width, scheme in ((1280, "light"), (360, "dark")):
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        page.goto(f"file://{tmp_path}/report.html")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(page)
        assert not found.violations_count, found.generate_report()
        page.close()


def _few_known(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> None:
    few = {name: module.TRAINING[name] for name in ("embedded/robust", "embedded/standard", "pixels")}
    monkeypatch.setattr(module, "TRAINING", few)


@pytest.mark.slow
def test_a_report_from_end_to_end(
    image_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two encoders on two classes: one page that asks nothing of a server, and its numbers in JSON and CSV."""
    monkeypatch.chdir(image_folder.parent)
    _few_known(monkeypatch, audit_known)
    monkeypatch.setattr(audit_run, "FULL", {"restarts": 1, "steps": 6, "floor_points": 2, "apgd_points": 2})
    monkeypatch.setattr(audit_compared, "SIZES", ((1, 6),))
    monkeypatch.setattr(audit_run, "LOOKS", ((2, 6),))
    single = image_folder / "<i>single"
    single.mkdir()
    Image.new("RGB", (50, 40)).save(single / "=1+1.png")
    names = ["embedded/robust", "embedded/random", "images"]
    options = ["--minutes", "5", "--n-test", "12", "--n-train", "20", "--workers", "1", "-o", "sent"]
    cli.main(["audit", *names, "--eps", "8/255", *options])
    assert capsys.readouterr().out.endswith("wrote sent/report.html\n")
    page = Path("sent/report.html").read_text("utf-8")
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", page)
    assert "url(http" not in page
    assert "<script" not in page
    assert "No image of these classes was tested: &lt;i&gt;single." in page
    assert page.count("data:image/png") == 2 * 6 * 3
    summary = json.loads(Path("sent/report.json").read_text("utf-8"))
    points, numbers = pd.read_csv("sent/images.csv"), pd.read_csv("sent/encoders.csv")
    for item in summary["encoders_audited"]:
        own = points[points.encoder == item["encoder"]]
        assert item["numbers"]["robust accuracy found"]["value"] == pytest.approx(1 - own.wrong.mean())
        assert item["numbers"]["AS score"]["value"] == pytest.approx(own["shift"].mean())
        assert item["headline"]["level"] in ("low", "between", "high", "above", "undecided", "doubt")
    assert (numbers.low <= numbers.value + 1e-9).all()
    assert (numbers.value <= numbers.high + 1e-9).all()
    radii = pd.read_csv("sent/radii.csv")
    assert sorted(radii.eps.unique()) == pytest.approx([4 / 255, 8 / 255, 16 / 255])
    assert set(pd.read_csv("sent/classes.csv")["class"]) == {"above", "below"}
    assert set(pd.read_csv("sent/known.csv").encoder) == {*audit_known.TRAINING, "embedded/random"}
    assert pd.read_csv("sent/known.csv").n.nunique() == 1
    assert summary["minutes_taken"] < 5
