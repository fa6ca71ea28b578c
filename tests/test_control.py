"""The control without a representation: exact worst margins, worst-case heads, and what three channels change."""

import torch

from rt_utils.evaluation import control
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.evaluation.worst_case_probe import worst_case_probe
from rt_utils.images.data_set import DataSet, Split
from rt_utils.models.head import Head
from rt_utils.theory import worst_case

SETTINGS = ProbeSettings(epochs=5, lr=0.1, batch=16)


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
    ours = control.worst_case_head(features, y, 3, 0.1, SETTINGS)
    theirs = worst_case_probe(features.z, *features.box(0.1), y, 3, SETTINGS)
    assert torch.allclose(ours.weight, theirs.weight, atol=1e-5)


def test_what_is_exact_is_in_order() -> None:
    found = list(control.rows(drawn(), "blocks", (0.0, 0.05, 0.2), SETTINGS, worst=(0.2,)))
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
    assert control.exact(same, grey, y, 0.05) == control.exact(scaled, three, y, 0.05)
