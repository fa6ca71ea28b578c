"""Corruptions against closed forms, encoders at other sizes, and what a page says of images that drift."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from rt_utils.evaluation import distribution_shift, input_size
from rt_utils.evaluation import paired as paired_images
from rt_utils.evaluation.measurement import Measurement
from rt_utils.evaluation.paired import two_standard_errors
from rt_utils.evaluation.ranks import kendall_tau
from rt_utils.evaluation.statistics import sign_test
from rt_utils.images import corruptions
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.input_sizes import at_size, before_enlarging, takes
from rt_utils.pages import published_corruptions
from rt_utils.pages.plots import distribution_shift as plots
from rt_utils.pages.plots.thumbnails import decoded, encoded
from rt_utils.theory.threat import Threat

STRENGTHS = {"noise": [0.04, 0.1], "blur": [1.06, 1.26]}


def test_zoom_blur_of_a_ramp_is_known_on_both_axes() -> None:
    """A ramp u, zero in the centre, becomes the mean of u and of all u / zoom; what is flat stays."""
    ramp = ((torch.arange(16) + 0.5) / 16 - 0.5).expand(1, 3, 16, 16).contiguous()
    ends = [1.06, 1.26]
    upright = corruptions.zoom_blur(ramp.transpose(2, 3).contiguous(), ends)
    for end, blurred, turned in zip(ends, corruptions.zoom_blur(ramp, ends), upright, strict=True):
        inverse = [1.0] + [1 / (1 + k / 100) for k in range(round(100 * (end - 1)) + 1)]
        torch.testing.assert_close(blurred, ramp * float(np.mean(inverse)), atol=1e-5, rtol=0)
        torch.testing.assert_close(turned, blurred.transpose(2, 3), atol=1e-6, rtol=0)
    flat = torch.full((2, 3, 8, 8), 0.3)
    torch.testing.assert_close(next(corruptions.zoom_blur(flat, [1.5])), flat)


def test_noise_has_its_deviation_is_cut_and_keeps_its_draw() -> None:
    grey = torch.full((40, 3, 16, 16), 0.5)
    weak, strong = corruptions.gaussian_noise(grey, [0.05, 0.1], torch.Generator().manual_seed(0))
    assert (weak - grey).std().item() == pytest.approx(0.05, rel=0.01)
    inside = (strong > 0) & (strong < 1)
    torch.testing.assert_close((strong - grey)[inside], 2 * (weak - grey)[inside], atol=1e-6, rtol=0)
    (white,) = corruptions.gaussian_noise(torch.ones(4, 3, 8, 8), [0.5], torch.Generator().manual_seed(0))
    assert white.max() == 1
    assert white.min() >= 0


@pytest.fixture(scope="module")
def digits() -> DataSet:
    return load_data_set("digits", size=16, n_train=30, n_test=10)


def test_levels_keep_labels_and_corrupt_both_splits(digits: DataSet) -> None:
    clean, *corrupted = corruptions.levels(digits, STRENGTHS, seed=0)
    assert clean.images is digits
    assert [level.label for level in corrupted] == ["noise 0.04", "noise 0.10", "blur 1.06", "blur 1.26"]
    assert [(level.level, level.strength) for level in corrupted] == [(1, 0.04), (2, 0.1), (1, 1.06), (2, 1.26)]
    assert len({level.images.fingerprint for level in (clean, *corrupted)}) == 5
    for level in corrupted:
        assert level.images.name == f"digits, {level.label}"
        for changed, split in ((level.images.train, digits.train), (level.images.test, digits.test)):
            assert torch.equal(changed.required_labels(), split.required_labels())
            assert changed.images.dtype == torch.uint8
            assert not torch.equal(changed.images, split.images)
    stored = corrupted[1].images.test.pixels() - digits.test.pixels()
    again = corruptions.levels(digits, STRENGTHS, seed=0)[2].images.test.pixels() - digits.test.pixels()
    assert torch.equal(stored, again)


def test_severity_scales_the_distance_from_no_corruption_and_names_stay_apart() -> None:
    assert corruptions.scaled("noise", 0.1, 2) == pytest.approx(0.2)
    assert corruptions.scaled("blur", 1.26, 0.5) == pytest.approx(1.13)
    assert corruptions.named([0.04, 0.06, 0.1]) == ["0.04", "0.06", "0.10"]
    assert corruptions.named([0.004, 0.006, 0.01]) == ["0.004", "0.006", "0.010"]  # two digits: one name for two


def test_the_stored_image_is_the_enlarged_one(digits: DataSet) -> None:
    stored = corruptions.enlarged(digits, 32, "digits at 32")
    difference = stored.test.pixels() - corruptions.enlarge(digits.test.pixels(), 32)
    assert difference.abs().max() <= 0.5 / 255 + 1e-6
    assert (stored.name, tuple(stored.train.images.shape[1:])) == ("digits at 32", (3, 32, 32))
    assert stored.fingerprint != digits.fingerprint


class Rows(nn.Module):
    """Three features a place; a pooling over windows folds a larger image's windows into further rows."""

    def __init__(self, pooling: nn.Module) -> None:
        super().__init__()
        self.pooling = pooling

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.pooling(x).permute(0, 2, 3, 1).reshape(-1, 3)


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [(nn.AdaptiveAvgPool2d(1), {16: True, 32: True, 64: True}), (nn.AvgPool2d(32), {16: False, 32: True, 64: False})],
    ids=["over all places", "over a window"],
)
def test_which_sizes_an_encoder_takes(pooling: nn.Module, expected: dict[int, bool]) -> None:
    """RobustBench's wide residual networks fold a larger image's windows into further rows, without an error."""
    leading = Encoder("pooled", Rows(pooling), input_size=32, width=3, weights_sha256="")
    assert {size: takes(leading, size) for size in expected} == expected


def test_who_acts_before_the_enlarging_faces_the_same_encoder(digits: DataSet) -> None:
    network = nn.Sequential(nn.Conv2d(3, 3, 3), Rows(nn.AdaptiveAvgPool2d(1)))
    leading = Encoder("small", network, input_size=32, width=3, weights_sha256="abc", made_by="there")
    before, after, x = before_enlarging(leading, 16, 32), at_size(leading, 32), digits.test.pixels()
    torch.testing.assert_close(before.features(x), after.features(corruptions.enlarge(x, 32)))
    assert (before.name, after.name) == ("small@16 to 32", "small@32")
    assert (before.weights_sha256, after.made_by) == ("abc", "there")


def test_paired_statistics_against_closed_forms() -> None:
    assert two_standard_errors(np.array([1.0, 3.0])) == pytest.approx(2.0)  # 2 sqrt(2) / sqrt(2)
    assert np.isnan(two_standard_errors(np.array([1.0])))
    assert sign_test(0, 0) == 1
    assert sign_test(3, 0) == pytest.approx(0.25)
    assert sign_test(2, 2) == 1
    assert kendall_tau([1, 2, 3], [3, 2, 1]) == -1
    assert kendall_tau([1, 2, 3], [5, 5, 5]) == 0


def measurement(name: str, z: np.ndarray, shift: np.ndarray, *, wrong: list[bool], encoder: str) -> Measurement:
    """Two classes that the first of two features decides; the adversary moves the second by `shift`."""
    n = len(z)
    moved = z + np.stack([np.zeros(n), shift], axis=1)
    nothing = np.full(n, np.nan)
    columns = dict.fromkeys(("shift_page", "shift_paper", "shift_floor", "loss_page", "loss_floor"), nothing)
    unknown = dict.fromkeys(("wrong_pgd", "wrong_paper", "wrong_apgd"), np.zeros(n, bool))
    return Measurement(
        encoder=encoder,
        data=name,
        classes=("a", "b"),
        weights_sha256="",
        fingerprint="",
        labels=(z[:, 0] < 0).astype(np.int64),
        z=z,
        z_shift=moved,
        z_loss=z.copy(),
        weight=np.array([[1.0, 0.0], [-1.0, 0.0]]),
        bias=np.zeros(2),
        wrong=np.array(wrong),
        flipped=np.array(wrong),
        **columns,
        **unknown,
    )


Z = np.array([[1.0, 0.0], [2.0, 0.0], [-1.0, 0.0], [-2.0, 0.0]])


@pytest.fixture
def own() -> dict[str, Measurement]:
    """Clean: shifts of 1. Noise: of 2, and two images are lost. Blur: of 1, and the features cross the boundary."""
    nobody, two = [False] * 4, [True, True, False, False]
    blurred = measurement("x, blur 1.06", -Z, np.full(4, 1.0), wrong=nobody, encoder="e")
    return {
        "clean": measurement("x", Z, np.full(4, 1.0), wrong=nobody, encoder="e"),
        "noise 0.04": measurement("x, noise 0.04", Z, np.array([2.0, 2.0, 2.0, 3.0]), wrong=two, encoder="e"),
        "blur 1.06": replace(blurred, labels=(Z[:, 0] < 0).astype(np.int64)),
    }


def test_changes_image_by_image(own: dict[str, Measurement]) -> None:
    rows = paired_images.image_by_image(own).set_index("images")
    noise = rows.loc["noise 0.04"]
    assert (noise["AS change"], noise["grew"], noise["lost"], noise["gained"]) == (1.25, 1.0, 2, 0)
    assert noise["± (AS)"] == pytest.approx(0.5)
    assert noise["p"] == pytest.approx(0.5)
    assert rows.loc["blur 1.06", "AS change"] == 0
    undecided = paired_images.undecided(rows.reset_index())
    assert undecided == {"shift": "blur 1.06", "accuracy": "noise 0.04, blur 1.06"}
    grown = distribution_shift.against_claim(own["clean"], own["noise 0.04"])
    assert grown["pattern"] == "as in the paper's claim"
    fallen = distribution_shift.against_claim(own["noise 0.04"], own["clean"])
    assert str(fallen["pattern"]).startswith("against")
    assert str(distribution_shift.against_claim(own["clean"], own["blur 1.06"])["pattern"]).startswith("within")


def test_a_probe_that_is_not_refitted(own: dict[str, Measurement]) -> None:
    """On the blurred features the clean probe is always wrong; its robust accuracy is known where it was attacked."""
    rows = distribution_shift.not_refitted(own, {"noise 0.04": own["noise 0.04"]}).set_index("images")
    assert list(rows["acc.*"]) == [1, 1, 0]
    assert list(rows["robust acc.*"][:2]) == [1, 0.5]
    assert np.isnan(rows.loc["blur 1.06", "robust acc.*"])
    # Margin ratios are 1 and 2 (a logit difference of 2 |z_1| over the rows' distance 2).
    assert list(rows["fulfilled*"]) == [0.5, 0, 0.5]


def test_what_a_corruption_moves(own: dict[str, Measurement], digits: DataSet) -> None:
    grey = replace(digits, test=replace(digits.test, images=torch.full((10, 3, 2, 2), 100, dtype=torch.uint8)))
    other = replace(digits, test=replace(digits.test, images=torch.full((10, 3, 2, 2), 151, dtype=torch.uint8)))
    levels = [
        corruptions.Level("clean", 0, np.nan, "clean", grey),
        corruptions.Level("noise", 1, 0.04, "noise 0.04", other),
        corruptions.Level("blur", 1, 1.06, "blur 1.06", grey),
    ]
    rows = distribution_shift.moves(levels, own)
    assert list(rows["max pixel"]) == pytest.approx([0.2, 0])
    assert rows["\\(\\ell_2\\)"][0] == pytest.approx(0.2 * 12**0.5)
    assert list(rows["features"]) == [0, 3]  # blurred features are the mirrored ones: 2 and 4 away
    assert list(rows["AS corr."]) == [2.25, 1]
    assert list(rows["kept"]) == [1, 0]
    said = distribution_shift.against_attack(rows, levels[1:], Threat("linf", 0.1))
    assert said["noise"] == pytest.approx({"pixels": 2.0, "features": 0.0})
    assert (said["further"], said["outside"], said["n"]) == (1, 1, 2)


def test_both_sides_by_level_keep_encoders_of_one_short_name_apart(
    own: dict[str, Measurement], digits: DataSet
) -> None:
    level = corruptions.Level("noise", 1, 0.04, "noise 0.04", digits)
    names = ("embedded/robust", "natural/robust")
    weak = replace(own["noise 0.04"], encoder=names[0])
    rows = pd.DataFrame(distribution_shift.by_level(level, m) for m in (weak, replace(own["clean"], encoder=names[1])))
    assert list(rows.encoder) == list(names)
    assert list(rows.AS) == [2.25, 1]
    assert list(rows["robust acc."]) == [0.5, 1]
    assert list(rows[distribution_shift.NORM]) == [1, 1]
    plots.severity(rows.assign(kind="noise"), published_corruptions.levels(), names)


def test_trends_and_orders() -> None:
    rows = pd.DataFrame(
        {
            "kind": ["clean", "noise", "noise", "blur"],
            "strength": [np.nan, 0.04, 0.1, 1.06],
            "level": [0, 1, 2, 1],
            "AS": [1.0, 2.0, 4.0, 0.5],
            "LHS": [0.1, 0.2, 0.3, 0.1],
            "acc.": [0.9, 0.8, 0.7, 0.9],
            "robust acc.": [0.5, 0.5, 0.4, 0.6],
        }
    )
    noise = distribution_shift.along(rows, "noise")
    assert list(noise.strength) == [0, 0.04, 0.1]
    assert list(distribution_shift.along(rows, "blur").strength) == [1, 1.06]
    trend = distribution_shift.trend(noise)
    assert (trend["rises"], trend["falls"], trend["factor"]) == ("rises", "does not fall", 4)
    assert trend["points"] == pytest.approx(-20)
    table_of = distribution_shift.agreement({"noise": noise, "both": rows.drop(columns="level")}).set_index("order of")
    assert table_of.loc["severity and AS", "noise"] == 1
    assert np.isnan(table_of.loc["severity and AS", "both"])
    assert table_of.loc["severity and robust acc.", "noise"] < 0


def test_sizes_and_what_is_owed_to_the_enlarging() -> None:
    """AS of 1 at the smallest size; at the larger one 4 for who acts after the enlarging, 3 for who acts before."""

    def at(shift: float, robust: int) -> Measurement:
        return measurement("d", Z, np.full(4, shift), wrong=[k >= robust for k in range(4)], encoder="e")

    rows = input_size.by_size({8: at(1, 4), 16: at(4, 1)}, {16: at(3, 2)})
    assert list(zip(rows["size"], rows.adversary, strict=True)) == [(8, "after"), (16, "after"), (16, "before")]
    distance = np.mean([1, 2, 3, 3, 4, 1])
    assert list(rows["AS / dist."]) == pytest.approx([1 / distance, 4 / distance, 3 / distance])
    said = input_size.reading(rows, "linf")
    assert (said["agrees"], said["differs"]) == ("robust acc., AS", "acc.")
    assert said["owed"] == "So 25% of the AS score at that size is owed to pixels that the enlarging made."
    assert said["held"] == "100.0% at size 8, 50.0% at size 16"
    assert said["robust_acc"]["word"] == "rises"
    tie = input_size.by_size({8: at(1, 1), 16: at(4, 1)}, {16: at(3, 2)})
    assert input_size.reading(tie, "linf")["robust_acc"]["word"] == "stays"  # neither right nor wrong
    assert input_size.reading(rows, "l2")["owed"] == input_size.OWED["l2"]
    weak = input_size.by_size({8: at(1, 4), 16: at(2, 1)}, {16: at(3, 2)})
    assert input_size.reading(weak, "linf")["owed"] == input_size.OWED["weak"]
    alone = input_size.by_size({32: at(1, 4)}, {})
    assert input_size.reading(alone, "linf")["agrees"] == "nothing"
    for frame in (rows, alone):
        plots.sizes(frame, published_corruptions.sizes(), ["embedded/robust"])


def test_published_corruptions_agree_with_themselves() -> None:
    rows = published_corruptions.levels()
    assert list(rows.images) == ["clean", *(f"noise {s}" for s in ("0.04", "0.06", "0.10"))] + [
        f"blur {s}" for s in ("1.06", "1.11", "1.26")
    ]
    assert ((rows["robust CE"] - rows.CE - rows.gap).abs() <= 0.015).all()
    assert ((rows.gap / (2 * rows[distribution_shift.NORM]) - rows.LHS).abs() <= 0.0025).all()
    assert published_corruptions.strengths(2)["blur"] == pytest.approx([1.12, 1.22, 1.52])
    said = published_corruptions.discrepancy()
    assert said["least"] < said["there"] < said["most"] < said["here"]
    for frame in (rows, published_corruptions.sizes()):
        marked = published_corruptions.marked(frame)
        assert set(marked.columns[1:]) <= set(published_corruptions.MARKED)
        assert len(marked) == len(frame)


def test_levels_below_what_the_attacks_may_miss(own: dict[str, Measurement]) -> None:
    paired = pd.DataFrame({"images": ["a", "b"], "AS change": [0.5, -0.01], "gap change": [0.01, 0.5]})
    rows = pd.DataFrame({"AS": [2.0], "gap": [1.0]})
    summary = pd.DataFrame(
        {"encoder": ["e", "e"], "data": ["x", "y"], "AS ratio": [1.0, 0.95], "gap ratio": [1.0, 1.0]}
    )
    summary = summary.assign(**{"robust acc.": 0.5, "APGD": [0.48, 0.5], "n''": 50})
    said = distribution_shift.below_floor(paired, rows, summary)
    assert said == {"AS": "b", "gap": "no level", "missed": "e on x; e on y", "one": 2}


def test_images_as_text_come_back(digits: DataSet) -> None:
    images = digits.test.images[:3]
    back = np.stack([decoded(text) for text in encoded(images)])
    assert np.array_equal(back, images.permute(0, 2, 3, 1).numpy())
    plots.images({"clean": encoded(images), "noise 0.04": encoded(images)})
