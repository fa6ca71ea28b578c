"""The full AutoAttack: any number of classes, a world with a known truth, batches that survive a stop, its record."""

import json
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jupytext
import pytest
import torch
import yaml
from conftest import ROOT
from filelock import FileLock
from linear_world import data_set, normal, reach
from pyautoattack import AutoAttack
from torch import Tensor, nn

from rt_utils.evaluation import autoattack, autoattack_batches, autoattack_record, autoattack_sets
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.autoattack import CLEAN, Effort, names, right_after
from rt_utils.evaluation.autoattack_batches import in_batches
from rt_utils.evaluation.autoattack_sets import EIGHT, SETS, Set
from rt_utils.evaluation.search import AttackPlan
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import DataSet, Split
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.pages import execution, experiment
from rt_utils.runtime import paths
from rt_utils.runtime.errors import InputError
from rt_utils.theory.threat import Norm, Threat

SMALL = Threat("linf", 0.02)
QUICK = Effort(steps=20, queries=20)
PLAN = AttackPlan(PGDSettings(steps=3), PGDSettings(steps=3), PGDSettings(steps=3), floor_points=0, apgd_points=0)


def world(n_classes: int, n: int = 24, size: int = 6) -> tuple[Encoder, Head, Split]:
    """A linear encoder with a head, images, and labels that are right at all of them but the first three."""
    layer = nn.Linear(3 * size**2, 8, bias=False)
    layer.load_state_dict({"weight": normal(8, 3 * size**2)})
    network = nn.Sequential(nn.Flatten(), layer)
    encoder = Encoder("linear", network, input_size=size, width=8, weights_sha256="0" * 64)
    head = Head(normal(n_classes, 8, seed=1).double(), torch.zeros(n_classes, dtype=torch.float64))
    # between 0.4 and 0.6: no perturbation here meets the ends of the pixels
    images = torch.randint(102, 154, (n, 3, size, size), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    y = head.logits(encoder.features(images)).argmax(1)
    y[:3] = (y[:3] + 1) % n_classes
    return encoder, head, Split(images, y)


def radii(given: tuple[Encoder, Head, Split], norm: Norm) -> Tensor:
    """At which radius each point is lost: the distance to the nearest boundary; 0 where it is wrong."""
    encoder, head, points = given
    y = points.required_labels()
    whole = head.weight @ encoder.network[1].weight.double()
    logits = head.logits(encoder.features(points.images))
    margins = logits.gather(1, y[:, None]) - logits
    moved = reach(whole[y][:, None] - whole[None], Threat(norm, 1.0))
    others = torch.arange(len(whole)) != y[:, None]
    return (margins / moved.clamp(min=1e-9)).where(others, torch.inf).amin(1).clamp(min=0)


def between(lost_at: Tensor) -> float:
    """A radius that loses some of the points, in the widest gap between two of them."""
    ordered = lost_at.sort().values
    k = int(ordered[8:18].diff().argmax()) + 8
    return (ordered[k] + ordered[k + 1]).item() / 2


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("n_classes", [2, 3, 4, 6, 12])
def test_of_a_linear_classifier_it_finds_the_robust_accuracy(n_classes: int, norm: Norm) -> None:
    given = world(n_classes)
    lost_at = radii(given, norm)
    eps = between(lost_at)
    after = right_after(*given, Threat(norm, eps), Effort(steps=60, queries=20))
    assert list(after) == [CLEAN, *names(n_classes)]
    assert torch.equal(after[CLEAN], lost_at > 0)
    assert torch.equal(list(after.values())[-1], lost_at > eps)


@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_each_attack_runs_on_what_is_left_and_leaves_no_more(n_classes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[int] = []
    attacks_of = autoattack._attacks

    def counted(*given: object) -> list[autoattack.Attack]:
        def one(attack: autoattack.Attack) -> autoattack.Attack:
            def run(x: Tensor, y: Tensor) -> Tensor:
                ran.append(len(x))
                return attack(x, y)

            return run

        return [one(attack) for attack in attacks_of(*given)]  # type: ignore[arg-type]

    monkeypatch.setattr(autoattack, "_attacks", counted)
    given = world(n_classes)
    after = list(right_after(*given, Threat("linf", between(radii(given, "linf"))), QUICK).values())
    assert ran == [int(right.sum()) for right in after[:-1] if right.any()]
    for before, then in pairwise(after):
        assert not (then & ~before).any()
    assert 0 < after[-1].sum() < after[0].sum()


def test_below_four_classes_it_has_other_attacks_and_with_one_it_is_refused() -> None:
    assert names(3) == ("APGD-CE", "margin", "FAB", "Square")
    assert names(4) == names(100) == ("APGD-CE", "APGD-T", "FAB-T", "Square")
    with pytest.raises(InputError, match="at least two classes, and here is 1"):
        names(1)
    encoder, head, points = world(3)
    with pytest.raises(InputError, match="takes 7 features"):
        right_after(encoder, Head(head.weight[:, :7], head.bias), points, Threat("linf", 0.1))
    with pytest.raises(InputError, match=r"needs images of 5 x 5 pixels, and these have \(4, 4\)"):
        right_after(*world(3, size=4), Threat("l2", 0.1))


def test_it_is_set_up_as_the_packages_standard_version() -> None:
    model, place = nn.Linear(2, 10), torch.device("cpu")
    theirs = AutoAttack(model, norm="Linf", eps=0.1, seed=0, version="standard")
    ours = [m.__self__ for m in autoattack._attacks(model, Threat("linf", 0.1), 10, Effort(), place)]  # type: ignore[attr-defined]
    theirs.fab.targeted = True  # as it sets before it runs FAB-T
    for own, other in zip(ours, (theirs.apgd, theirs.apgd_targeted, theirs.fab, theirs.square), strict=True):
        assert type(own) is type(other)
        unused = {"logger", "device", "model", "predict"}
        apart = {k for k in vars(own) if k not in unused and vars(own)[k] != vars(other)[k]}
        assert not apart


def test_nothing_is_attacked_at_radius_zero() -> None:
    after = right_after(*world(4), Threat("linf", 0.0), QUICK)
    assert all(torch.equal(right, after[CLEAN]) for right in after.values())


def test_a_stopped_measurement_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given, threat = world(4), Threat("linf", 0.02)
    computed: list[int] = []

    def stopping(
        encoder: Encoder, head: Head, points: Split, threat: Threat, effort: Effort | None = None
    ) -> dict[str, Tensor]:
        if len(computed) == stop:
            raise KeyboardInterrupt
        computed.append(len(points))
        return right_after(encoder, head, points, threat, effort)

    monkeypatch.setattr(autoattack_batches, "right_after", stopping)
    stop = 2
    with pytest.raises(KeyboardInterrupt):
        in_batches(*given, threat, tmp_path, effort=QUICK, batch=10)
    assert len([*tmp_path.iterdir()]) == 2
    stop = -1
    found = in_batches(*given, threat, tmp_path, effort=QUICK, batch=10)
    assert computed == [10, 10, 4]
    whole = in_batches(*given, threat, tmp_path / "other", effort=QUICK, batch=10)
    assert found.accuracies == whole.accuracies
    assert all(torch.equal(found.after[name], whole.after[name]) for name in whole.after)

    del computed[:]
    (some, *_) = sorted(tmp_path.glob("*.json"))
    some.write_text(some.read_text("utf-8")[:50], "utf-8")  # cut short
    assert in_batches(*given, threat, tmp_path, effort=QUICK, batch=10).accuracies == found.accuracies
    assert len(computed) == 1

    del computed[:]
    encoder, head, points = given
    in_batches(encoder, Head(2 * head.weight, head.bias), points, threat, tmp_path, effort=QUICK, batch=10)
    in_batches(*given, Threat("linf", 0.03), tmp_path, effort=QUICK, batch=10)
    in_batches(*given, threat, tmp_path, effort=Effort(steps=20, queries=20, seed=1), batch=10)
    assert computed == [10, 10, 4] * 3


def measured(tmp_path: Path, threat: Threat = SMALL) -> dict[str, Any]:
    encoder, head, *_ = world(4, size=4)
    base = data_set(24, 4)
    y = head.logits(encoder.features(base.test.images)).argmax(1)
    data: DataSet = data_set(24, 4, labels=y)
    its = Set("embedded/robust", "digits", threat, n=24)
    return autoattack_record.row(its, (encoder, head, data), PLAN, tmp_path, QUICK, lambda line: None)


def test_a_row_holds_both_accuracies_of_the_same_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path / "cache"))
    row = measured(tmp_path)
    found, page = row["autoattack"], row["page"]
    assert found["attacks"] == list(found["accuracies"]) == [*names(4)]
    assert found["n"] == row["n"] == 24
    assert row["clean"] == 1
    last = found["accuracies"]["Square"]
    assert row["difference"] == page["robust"] - last
    assert row["both"] <= min(last, page["robust"])
    assert json.loads(json.dumps(row)) == row


def test_rows_are_entered_in_the_order_of_the_sets_and_a_new_one_replaces_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path / "cache"))
    for data, clean in (("glyphs", 0.5), ("digits", 0.6), ("glyphs", 0.7)):
        autoattack_record.enter(tmp_path, "embedded", {"encoder": "embedded/robust", "data": data, "clean": clean})
    kept = autoattack_record.kept(tmp_path, "embedded")
    assert [(row["data"], row["clean"]) for row in kept] == [("digits", 0.6), ("glyphs", 0.7)]
    assert autoattack_record.kept(tmp_path, "natural") == []


def test_what_is_entered_is_not_measured_again_and_what_lacks_files_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(paths, "reference", lambda: tmp_path)
    ran: list[tuple[str, str]] = []
    without = "natural/robust"

    def case(its: Set) -> None:
        if its.encoder == without:
            raise InputError("no images")

    monkeypatch.setattr(autoattack_record, "case", case)

    def row(its: Set, *_: object) -> dict[str, object]:
        ran.append((its.encoder, its.data))
        sha = load_encoder(its.encoder).weights_sha256
        same = {name: getattr(its, name) for name in ("encoder", "data", "n", "head")} | asdict(its.threat)
        same |= {"probe": autoattack_sets.recipe(its)}
        return same | {"weights_sha256": sha, "autoattack": {}, "page": {"robust": 0.5}, "both": 0.5}

    monkeypatch.setattr(autoattack_record, "row", row)
    threads = torch.get_num_threads()
    autoattack_record.main(["embedded/robust,digits"])
    autoattack_record.main(["embedded", "natural"])
    torch.set_num_threads(threads)
    assert capsys.readouterr().out.count("is left out: no images") == 3
    embedded = [its for its in SETS if its.world == "embedded"]
    assert ran == [(its.encoder, its.data) for its in embedded]
    rows = autoattack_record.kept(tmp_path / "autoattack", "embedded")
    assert [autoattack_record.is_of(*pair) for pair in zip(rows, embedded, strict=True)] == [True] * len(embedded)
    probe = rows[0]["probe"]
    for other in ({"weights_sha256": "other"}, {"probe": probe | {"epochs": probe["epochs"] + 1}}, {"probe": None}):
        assert not autoattack_record.is_of(rows[0] | other, embedded[0])


def test_two_processes_do_not_measure_the_same_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(autoattack_record, "case", lambda its: pytest.fail("measured twice"))
    with FileLock(tmp_path / "embedded_robust-digits.lock"):
        autoattack_record.land(SETS[0], tmp_path, tmp_path)
    assert "another process measures it" in capsys.readouterr().out


def test_an_unknown_set_is_one_line() -> None:
    with pytest.raises(InputError, match="unknown set 'embedded/robst': use embedded/robust"):
        autoattack_record.main(["embedded/robst"])


def test_more_textures_are_the_pages_and_further_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    its = Set("embedded/robust", "textures", EIGHT, n=210, n_train=6)
    data, pages = autoattack_sets.images(its, 32), load_data_set("textures", size=32, n_train=6)
    assert (len(data.test), len(pages.test)) == (210, 200)
    assert torch.equal(data.test.images[:200], pages.test.images)
    assert data.fingerprint != pages.fingerprint
    monkeypatch.setattr(autoattack_sets, "load_data_set", lambda *_, **__: data_set(24, 4))
    with pytest.raises(InputError, match="'intel' has 24 test images, and 25 are asked for"):
        autoattack_sets.images(Set("embedded/robust", "intel", EIGHT, n=25), 4)


def test_the_pages_attacks_are_those_of_their_parameters() -> None:
    """The plan that stands beside AutoAttack is what Theorem 2's page runs under each world's profile."""
    own = execution.declared_parameters(jupytext.read(execution.source("theorem_2_criterion")))
    for world_name in {its.world for its in SETS}:
        profile = yaml.safe_load((ROOT / "notebooks" / "profiles" / f"{world_name}.yaml").read_text("utf-8"))
        p = SimpleNamespace(**own | {name: value for name, value in profile.items() if name in own})
        assert autoattack_sets.plan(world_name) == experiment.attack_plan(p), world_name
        assert autoattack_sets.probe(world_name) == experiment.probe_settings(p), world_name
        fitted_on = {its.n_train for its in SETS if its.world == world_name and its.encoder != "embedded/certified"}
        assert world_name == "public" or fitted_on == {p.n_train}
