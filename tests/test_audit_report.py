"""`rt audit`: what is asked for, intervals, the clock, the bars of the verdict, and a report from end to end."""

import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import test_book_in_browser
import torch
from PIL import Image
from test_audit_parts import audited, encoder_of, images

from rt_utils import cli
from rt_utils.evaluation import audit_clock, audit_intervals, audit_known, audit_radii, audit_worst
from rt_utils.evaluation.audit_clock import Clock
from rt_utils.evaluation.audit_intervals import Estimate, OverPairs
from rt_utils.evaluation.audit_known import Bars, Known
from rt_utils.evaluation.audit_radii import AtRadius
from rt_utils.evaluation.audit_worst import Shown
from rt_utils.evaluation.pairs import Pairs
from rt_utils.pages import audit_headline, audit_report, audit_request, audit_run
from rt_utils.pages.audit_request import Request
from rt_utils.pages.audit_run import Audited, Report
from rt_utils.pages.audit_subject import Subject
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
    ladder = audit_clock.sizes(ASKED, labelled=True)
    for rung, (size, passes) in enumerate(ladder):
        seconds = clock.expected(passes, 0.01)
        assert audit_clock.choose(clock, seconds, 0.01, ASKED, labelled=True, name="e") == (size, passes, rung)
        assert size["references"] == 0
    with pytest.raises(InputError, match=r"--minutes 10 is too short for e on this machine: .* about --minutes 22"):
        audit_clock.choose(clock, seconds / 2, 0.01, ASKED, labelled=True, name="e")
    smallest = audit_clock.choose(clock, 0.0, 0.01, ASKED, labelled=True, name="e", or_smallest=True)
    assert smallest == (size, passes, len(ladder) - 1)
    slow = Clock(600, workers=2)
    slow.learn(took=30, passes=1000, per_pass=0.01)  # 5 expected
    assert slow.pace == 6
    slow.learn(took=0.1, passes=1000, per_pass=0.01)  # from the cache
    assert slow.pace == 6


def known(name: str, robust: list[bool] | None, shift: float = 1.0) -> Known:
    none = None if robust is None else np.ones(len(robust), bool)
    return Known(name, np.full(3, shift), Pairs.of(Z), none, None if robust is None else np.array(robust))


def test_the_bars_are_computed_from_the_known_encoders() -> None:
    rows = [
        known("natural/robust", [True, True, False]),
        known("embedded/robust", [True, False, False]),
        known("natural/standard", [True, False, False]),
        known("pixels", [False, False, False]),
    ]
    bars = audit_known.bars(rows, 0.2)
    assert bars == Bars(1 / 3, "natural/standard", 2 / 3, "natural/robust", labelled=True)
    assert [bars.level(v) for v in (0.2, 1 / 3, 0.5, 0.7)] == ["low", "low", "between", "high"]
    assert audit_known.bars(rows, 0.5).low_by == "always the most frequent class"
    free = [known("natural/robust", None, 1.0), known("natural/standard", None, 3.0), known("pixels", None, 0.1)]
    bars = audit_known.bars(free, None)
    assert (bars.high_by, bars.low_by) == ("natural/robust", "natural/standard")
    assert [bars.level(v) for v in (bars.high / 2, bars.low / 2, bars.low)] == ["high", "between", "low"]
    with pytest.raises(InputError, match="no known encoder"):
        audit_known.bars(free[1:], None)


def test_the_headline_follows_the_labels() -> None:
    done = audited(labels=[0, 1, 0])  # 100% clean, 67% robust
    low, high = Bars(0.7, "pixels", 0.9, "natural/robust", True), Bars(0.1, "pixels", 0.5, "natural/robust", True)
    said = audit_headline.headline(done, low)
    assert said.level == "low"
    assert "right on 100% (29% to 100%) of the clean images, and on at most 66.7%" in said.text
    assert audit_headline.headline(done, high).title == "As robust here as the best known encoder"
    assert audit_headline.sure(done, low).startswith("The interval of the robust accuracy crosses")
    assert audit_headline.headline(done, None).level == "none"
    free = audit_headline.headline(audited(), Bars(0.1, "natural/standard", 0.05, "natural/robust", False))
    assert free.level == "low"
    failing = audited(done.checks.assign(verdict="fails"))
    assert audit_headline.headline(failing, None).title == "Do not rely on these numbers"


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
    radii = [AtRadius(eps / 255, eps * done.found / 4, some, some) for eps in (2, 4, 8)]
    answers: list[Any] = [None, None] if labels is None else [(0, 0.9), (1, 0.8)]
    x = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))
    shown = [Shown(i, x, (x + 4 / 255).clamp(0, 1), 1.0, *answers) for i in range(3)]
    rows = [None if labels is None else found for found in ([True, True, False], [True, False, False])]
    shifts = zip(audit_known.TRAINING, rows * 2, (1.0, 1.0, 3.0, 3.0), strict=False)
    others = [known(name, row, shift) for name, row, shift in shifts]
    bars = audit_known.bars(others, None if labels is None else 0.5)
    item = Audited(encoder_of(name=encoder), data, done, {}, radii, shown, 3.0, ["attacked 3 of 9 images"])
    request = Request([encoder], "digits", Threat("linf", 4 / 255), 2.0, Path("sent"), 3, 3, 0, 1)
    return Report(request, Subject("digits", None, 0), [item], others, bars, [], 60.0, [])


@pytest.mark.parametrize("labels", [None, [0, 1, 0]])
def test_a_page_asks_nothing_of_a_server_and_shows_names_as_they_stand(labels: list[int] | None) -> None:
    page = audit_report.page(handmade(labels))
    assert not re.search(r"""(src|href)=["'](?!data:|#)|url\((?!#)|<script|@import""", page)
    assert "mine/&lt;b&gt;odd" in page
    assert "<b>odd" not in page
    assert ("Each class" in page) == ("clean accuracy" in page) == (labels is not None)
    assert "attacked 3 of 9 images" in page
    assert "Asked for 2 minutes; all of it took 1.0." in page


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
    monkeypatch.setattr(audit_run, "KNOWN_STEPS", 6)
    monkeypatch.setattr(audit_run, "LOOK_STEPS", 6)
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
        assert item["headline"]["level"] in ("low", "between", "high", "doubt")
    assert (numbers.low <= numbers.value + 1e-9).all()
    assert (numbers.value <= numbers.high + 1e-9).all()
    radii = pd.read_csv("sent/radii.csv")
    assert sorted(radii.eps.unique()) == pytest.approx([4 / 255, 8 / 255, 16 / 255])
    assert set(pd.read_csv("sent/classes.csv")["class"]) == {"above", "below"}
    assert set(pd.read_csv("sent/known.csv").encoder) == {*audit_known.TRAINING, "embedded/random"}
    assert summary["minutes_taken"] < 5
