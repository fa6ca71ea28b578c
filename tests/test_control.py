"""The control without a representation: exact worst margins, worst-case heads, and what three channels change."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from rt_utils.evaluation import control
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.evaluation.worst_case_probe import worst_case_probe
from rt_utils.images.data_set import DataSet, Split
from rt_utils.models.head import Head
from rt_utils.runtime.errors import InputError
from rt_utils.theory import worst_case
from rt_utils.theory.threat import Threat
from rt_utils.training import control as kept_run

SETTINGS = ProbeSettings(epochs=5, lr=0.1, batch=16)
THREATS = [Threat("linf", eps) for eps in (0.0, 0.05, 0.2)]


def drawn(n: int = 48, seed: int = 0) -> DataSet:
    """Grey images in three equal channels, in which a square of 16 pixels says the class."""
    draw = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 200, (n, 1, 32, 32), generator=draw, dtype=torch.uint8)
    labels = torch.arange(n) % 3
    for k, label in enumerate(labels.tolist()):
        images[k, :, 8 * label : 8 * label + 8, :8] = 255
    split = Split(images.expand(-1, 3, -1, -1).contiguous(), labels)
    return DataSet("drawn", ("a", "b", "c"), split, split, "none")


def test_the_gaps_by_class_are_the_merged_ones() -> None:
    draw = torch.Generator().manual_seed(1)
    z, weight, bias = (torch.randn(*shape, generator=draw, dtype=torch.float64) for shape in ((30, 7), (4, 7), (4,)))
    y = torch.randint(0, 4, (30,), generator=draw)
    lower, upper = z - z.abs(), z + 0.3
    assert torch.allclose(
        control.worst_gaps(lower, upper, weight, bias, y), worst_case.merged_gaps(lower, upper, weight, bias, y)
    )


def test_the_worst_case_head_is_that_of_the_worst_case_probe() -> None:
    data = drawn()
    features = control.GreyFeatures.of(data.train.images, "blocks")
    y = data.train.required_labels()
    ours = control.worst_case_head(features, y, 3, Threat("linf", 0.1), SETTINGS)
    theirs = worst_case_probe(features.z, *features.box(Threat("linf", 0.1)), y, 3, SETTINGS)
    assert torch.allclose(ours.weight, theirs.weight, atol=1e-5)


def test_what_is_exact_is_in_order() -> None:
    found = list(control.rows(drawn(), "blocks", THREATS, SETTINGS, worst=THREATS[-1:]))
    assert [row["head"] for row in found] == [control.CLEAN] * 3 + ["worst case at 51/255"] * 3
    for row in found:
        assert row["fulfilled and right"] <= row["robust acc."] <= row["clean acc."]  # type: ignore[operator]
    for part in (found[:3], found[3:]):
        assert part[0]["robust acc."] == part[0]["clean acc."]
        robust = [row["robust acc."] for row in part]
        assert robust == sorted(robust, reverse=True)  # type: ignore[type-var]


def test_three_equal_channels_are_grey_times_the_root_of_three() -> None:
    """SGD on (x, x, x) has the logits of SGD on sqrt(3) x at every step; shift and margin ratio grow alike."""
    data = drawn()
    grey, three = (control.GreyFeatures.of(data.train.images, "blocks", channels) for channels in control.CHANNELS)
    y = data.train.required_labels()
    apart = control.linear_probe(grey.z.repeat(1, 3), y, 3, SETTINGS)
    scaled = control.linear_probe(three.z, y, 3, SETTINGS)
    assert torch.allclose(apart.logits(grey.z.repeat(1, 3)), scaled.logits(three.z), atol=1e-4)
    same = Head(3**0.5 * scaled.weight, scaled.bias)
    assert control.exact(same, grey, y, THREATS[1]) == control.exact(scaled, three, y, THREATS[1])


def test_the_kept_run_has_every_case_and_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attacks_of_one_step: None
) -> None:
    world = replace(kept_run.WORLDS["embedded"], encoders={"digits": "embedded/robust"}, probe=SETTINGS)
    few = replace(world, worst_epochs=1, n_train=60, n_test=12, n_attacked=8, n_adversarial=10)
    monkeypatch.setattr(kept_run, "WORLDS", {"embedded": few})
    monkeypatch.setattr(kept_run, "SEEDS", (0,))
    kept_run.main(tmp_path)
    record = json.loads((tmp_path / "embedded.json").read_text("utf-8"))
    assert record["settings"]["adversarial"]["n_train"] == 10
    cases = [(row["encoder"], row["head"], row["n"]) for row in record["rows"]]
    heads = (("pixels", 12), ("blocks", 12), ("embedded/robust", 8))
    how = {"embedded/robust": "adversarial at 8/255"}
    assert cases == [
        (name, head, n)
        for name, n in heads
        for head in ("clean", how.get(name, "worst case at 8/255"))
        for _ in range(3)
    ]
    assert all(
        0 <= row["fulfilled and right"] <= row["robust acc."] <= row["clean acc."] <= 1 for row in record["rows"]
    )
    monkeypatch.setattr(kept_run, "rows", lambda *_: pytest.fail("computed again"))
    kept_run.main(tmp_path)
    assert json.loads((tmp_path / "embedded.json").read_text("utf-8")) == record


def test_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown kind 'photos': use photographs"):
        kept_run.main(tmp_path / "none", "photos")
    assert not (tmp_path / "none").exists()
