"""The functions behind the chapter on regression, on hand-made features and on closed forms."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from rt_utils.evaluation import image_splits, regression, regression_tables, sprite_symmetry
from rt_utils.evaluation.regression import Found, Probed
from rt_utils.evaluation.search import Find
from rt_utils.images.data_set import DataSet, Split
from rt_utils.images.drawn.sprites import FACTORS
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.pages import published_regression
from rt_utils.pages.plots import regression as plots
from rt_utils.pages.regression_experiment import with_factors
from rt_utils.runtime.errors import InputError


def test_least_squares_finds_an_affine_map() -> None:
    z = np.random.default_rng(0).normal(size=(30, 3))
    head = regression.least_squares(z, z @ np.array([[1.0, 0.0], [2.0, -1.0], [0.0, 3.0]]) + [0.5, -2.0])
    np.testing.assert_allclose(head.weight, [[1, 2, 0], [0, -1, 3]], atol=1e-12)
    np.testing.assert_allclose(head.bias, [0.5, -2], atol=1e-12)
    np.testing.assert_allclose(regression.residuals(head, z[:1], np.full((1, 2), 100.0)).shape, (1, 2))


def test_left_sides_by_hand() -> None:
    """|xi| from 1 to 3 and from 0 to 1, ||w|| = 2: mean gaps 1.5 of |xi| and 4.5 of xi^2; R = 3."""
    sides = regression.left_sides(np.array([1.0, 0.0]), np.array([3.0, 1.0]), 2.0)
    assert sides == pytest.approx({"|xi|": 0.75, "R": 3.0, "xi^2": 4.5 / (2 * 3 * 2), "code": 2.25})
    assert regression.left_sides(np.zeros(2), np.zeros(2), 1.0) == {"|xi|": 0, "R": 0, "xi^2": 0, "code": 0}


def test_the_units_move_the_codes_side_alone() -> None:
    found = Found(
        np.full((2, 4), 0.5), np.full((2, 4), 0.75), np.array([1.0, 3.0]), np.zeros((2, 1)), np.zeros((2, 4, 1))
    )
    probed = {"e": probe_of("e")}
    rows = regression_tables.in_units(probed, {("e", "l2"): found}, dict(zip(FACTORS, (1, 10, 100, 1), strict=True)))
    assert list(rows["|xi|"]) == pytest.approx([0.25] * 4)
    assert list(rows["xi^2"]) == pytest.approx([(0.75**2 - 0.25) / 1.5] * 4)
    assert list(rows["code"] / rows["code"][0]) == pytest.approx([1, 10, 100, 1])
    assert set(rows.AS) == {2.0}


def test_the_lemma_holds_for_every_loss_whatever_the_moves() -> None:
    """Both constants are needed: with half of either some random case breaks it."""
    rng, broken = np.random.default_rng(0), {"|xi|": 0, "xi^2": 0}
    for _ in range(300):
        r, w = rng.normal(size=5) * rng.choice([0.01, 1, 10]), rng.uniform(0.1, 3)
        shift = rng.uniform(0, 2, 5)
        worst = np.maximum(np.abs(r), np.abs(r + np.sign(r) * w * shift))
        sides = regression.left_sides(np.abs(r), worst, w)
        for name in broken:
            assert sides[name] <= shift.mean() + 1e-9
            broken[name] += 2 * sides[name] > shift.mean()
    assert min(broken.values()) > 0


def test_the_strongest_is_taken_over_all_finds_of_the_attacks_named() -> None:
    """One feature, two outputs z and 1 - z with target 0. A find counts for both, whatever it sought."""
    head = Head(torch.tensor([[1.0], [-1.0]]).double(), torch.tensor([0.0, 1.0]).double())
    z, y = np.array([[1.0], [2.0]]), np.zeros((2, 2))
    finds = [
        Find("page 0", np.array([0, 1]), np.array([[1.5], [1.0]], np.float32)),
        Find("page", np.array([1]), np.array([[-4.0]], np.float32)),
        Find("page 1", np.array([0, 1]), np.array([[-0.75], [4.5]], np.float32)),
        Find("floor", np.array([0]), np.array([[9.0]], np.float32)),
    ]
    found = regression.strongest(head, z, y, finds, ("page",))
    np.testing.assert_allclose(found.clean, [[1, 0], [2, 1]])
    np.testing.assert_allclose(found.shift, [1.75, 6])
    np.testing.assert_allclose(found.z_shift, [[-0.75], [-4]])
    np.testing.assert_allclose(found.worst, [[1.5, 1.75], [4.5, 5]])
    np.testing.assert_allclose(found.z_worst[:, :, 0], [[1.5, -0.75], [4.5, -4]])
    assert regression.strongest(head, z, y, finds, {"page": 0, "floor": 0}).shift[0] == 8
    few = regression.first(finds, 1)
    assert [len(find.index) for find in few] == [1, 0, 1, 1]
    assert regression.strongest(head, z[:1], y[:1], few, ("page",)).shift[0] == 1.75


def test_what_symmetry_takes_away() -> None:
    for shape, least in (("square", 125 / 1521), ("ellipse", 100 / 1521), ("heart", 0)):
        assert sprite_symmetry.least_error(shape) == pytest.approx(least, abs=1e-12)
        assert sprite_symmetry.squared_error(np.tile(sprite_symmetry.best_prediction(shape), 4)) == pytest.approx(least)
        assert sprite_symmetry.largest_difference(shape) <= 64
    constant = sprite_symmetry.squared_error(np.full(160, 0.5))
    assert constant == pytest.approx(1599 / (12 * 1521))
    images = sprite_symmetry.all_turns("heart").int()
    assert (images - images.roll(20, dims=0)).abs().max() > 200  # half a turn is another image


def probe_of(name: str, n: int = 30, seed: int = 0) -> Probed:
    """An identity on four features as the factors, with noise; n training and n test images of one grey pixel."""
    rng = np.random.default_rng(seed)
    y = rng.uniform(size=(2 * n, 4))
    z = y + 0.01 * rng.normal(size=y.shape)
    splits = [
        Split(
            torch.zeros(n, 3, 1, 1, dtype=torch.uint8),
            torch.arange(n) % 3,
            torch.from_numpy(part.astype(np.float32)),
        )
        for part in (y[:n], y[n:])
    ]
    data = DataSet("d", ("a", "b", "c"), *splits, fingerprint="f", factors=FACTORS)
    encoder = Encoder(name, nn.Flatten(), input_size=1, width=3, weights_sha256="")
    head = Head(torch.eye(4).double(), torch.zeros(4).double())
    return Probed(encoder, data, z[:n], z[n:], y[:n], y[n:], head)


NAMES = ("embedded/robust", "natural/robust")  # one short name


def found_of(clean: float, worst: float, shift: float, n: int = 4) -> Found:
    return Found(
        np.full((n, 4), clean), np.full((n, 4), worst), np.full(n, shift), np.zeros((n, 4)), np.zeros((n, 4, 4))
    )


def test_two_encoders_of_one_short_name_stay_two_rows() -> None:
    probed = {name: probe_of(name, seed=k) for k, name in enumerate(NAMES)}
    found = {(name, norm): found_of(0.1, 0.11 + k, 2.0 + k) for k, name in enumerate(NAMES) for norm in ("linf", "l2")}
    sides = pd.concat([regression.both_sides(probed[e], n, found[e, n]) for e, n in found], ignore_index=True)
    table = regression_tables.lemma_1(sides, probed)
    assert list(table.encoder) == [NAMES[0], NAMES[0], NAMES[1], NAMES[1]]
    assert list(table.AS) == [2, 2, 3, 3]
    assert list(table.scale) == pytest.approx([0.01, 0.01, 1.01, 1.01])
    assert len(regression_tables.probes(probed.values())) == 2
    explained = regression_tables.probes(probed.values())["\\(R^2\\) scale"]
    assert (explained > 0.99).all()
    errors = regression_tables.errors(probed, found)
    assert list(errors.encoder) == ["constant", *NAMES[:1] * 3, *NAMES[1:] * 3]
    assert regression_tables.worse_than_constant(errors) == {NAMES[0]: [], NAMES[1]: list(FACTORS)}
    square = regression_tables.square(sides)
    assert len(square) == 8
    assert square.iloc[0]["AS passed at ×"] == pytest.approx(2 / (0.11**2 - 0.1**2))
    slack = regression_tables.slack(sides)
    assert (slack["least"], slack["most"]) == pytest.approx((3 / 1.01, 200))
    assert slack["loosest"] == f"{NAMES[0]}, l_inf, scale"
    assert regression_tables.slack(sides.assign(**{"|xi|": 0.0}))["loosest"] == "nowhere"
    order = regression_tables.in_order(table[table.norm == "l2"], dict(zip(NAMES, "ab", strict=True)))["order"]
    assert order == "a < b"
    plots.lhs_against_as(sides, published_regression.sides(), {"linf": "a", "l2": "b"}, NAMES)


def test_the_attack_floor_of_a_regression() -> None:
    page, strong = found_of(0.1, 0.3, 0.9), found_of(0.1, 0.5, 1.0)
    ratios = regression_tables.floor_ratios(page, strong)
    assert ratios == pytest.approx({"AS": 0.9} | dict.fromkeys(FACTORS, 0.5))
    nothing = found_of(0.1, 0.1, 0.0)
    assert set(regression_tables.floor_ratios(nothing, nothing).values()) == {1.0}
    rows = pd.DataFrame([{"encoder": "e", "norm": "linf", **ratios, "paper: AS": 0.7, "paper: gaps": 0.4}])
    reading = regression_tables.floor_reading(rows, {"e": "E"})
    assert reading["ratio"] == pytest.approx(0.5)
    assert (reading["encoder"], reading["norm"], reading["met"]) == ("E", "l_inf", "misses")
    assert reading["linf"] == {"min": 0.7, "max": 0.7}
    long = regression_tables.by_quantity(rows)
    assert list(long.what) == ["AS score", *(f"loss gap, {factor}," for factor in FACTORS)]
    assert list(long.lacks) == pytest.approx([1 / 0.9 - 1, 1, 1, 1, 1])


def test_the_ordered_cut_holds_the_last_shape_and_its_larger_scales() -> None:
    shapes, scale = np.repeat([0, 1, 2], 20), np.tile(np.arange(20.0)[::-1], 3)
    start, last = image_splits.cut_in_order(shapes, np.c_[scale, np.zeros((60, 3))])
    assert len(start) == 48
    assert set(shapes[last]) == {2}
    assert sorted(scale[last]) == list(range(8, 20))


def test_readings_of_the_splits() -> None:
    rows = pd.DataFrame(
        {
            "encoder": np.repeat(NAMES, 3),
            "split": ["random", "all", "ordered"] * 2,
            **{factor: [1.0, 1.1, 2.0, 1.0, 0.8, 3.0] for factor in FACTORS},
        }
    )
    probed = {name: probe_of(name, seed=k) for k, name in enumerate(NAMES)}
    reading = image_splits.reading(rows, probed, dict(zip(NAMES, "ab", strict=True)))
    assert reading["changed"] == "2.00 to 2.00 on the a encoder; 3.00 to 3.00 on the b encoder"
    assert reading["seen"] == pytest.approx(0.2)
    assert reading["held"] == "heart"


def test_grey_images_keep_one_channel_where_the_network_takes_them() -> None:
    images = torch.arange(24, dtype=torch.uint8).reshape(2, 3, 2, 2)
    assert torch.equal(regression.as_taken(load_encoder("embedded/sprites-random"), images), images[:, :1])
    assert regression.as_taken(probe_of("e").encoder, images) is images


def test_true_and_predicted_orientations() -> None:
    probed = probe_of("e")
    shapes = np.arange(30) % 3
    both = regression_tables.orientations(probed, shapes)
    np.testing.assert_array_equal(both["true"], probed.y_test[:, 1])
    assert regression_tables.correlations(**both) == "1.00 (square), 1.00 (ellipse), 1.00 (heart)"
    plots.orientation_by_shape(**both, with_best=True, encoder="e", encoders=["e"])
    plots.quarter_turns()


def test_the_published_table_has_one_lhs_a_factor() -> None:
    wide, long = published_regression.table_7(), published_regression.sides()
    assert list(wide.columns) == ["norm", "encoder", *FACTORS, "AS"]
    assert len(long) == 4 * len(wide) == 24
    assert (long["|xi|"] <= long.AS).all()
    assert (wide[wide.norm == "l2"].AS.to_numpy() < wide[wide.norm == "linf"].AS.to_numpy()).all()


@pytest.mark.parametrize("data", [["digits"], ["sprites", "glyphs"], ["sprites", "dsprites"]])
def test_data_without_factors_are_one_line(data: list[str]) -> None:
    with pytest.raises(InputError, match=f"data '{', '.join(data)}' has no factors to regress: give sprites"):
        with_factors(data)
    assert with_factors(["dsprites:a.npz"]) == "dsprites:a.npz"


def test_cards_are_of_this_books_encoders_alone() -> None:
    rows = regression_tables.cards(["embedded/sprites-robust", "embedded/robust"])
    assert list(rows.encoder) == ["embedded/sprites-robust"]
    assert rows["trained at"][0] == "8/255"
    assert regression_tables.cards(["embedded/robust"]).empty


def test_a_probe_of_an_encoder_of_a_flattened_image() -> None:
    """Features are the three equal pixels; the factors are an affine map of them."""
    values = torch.arange(40, dtype=torch.uint8)
    factors = torch.stack([values / 255 * k for k in (1.0, 2.0, 3.0, 4.0)], dim=1)
    split = Split(values[:, None, None, None].expand(-1, 3, 1, 1).contiguous(), values.long() % 3, factors)
    data = DataSet("ramp", ("a", "b", "c"), split, split, fingerprint="f", factors=FACTORS)
    encoder = Encoder("flat", nn.Flatten(), input_size=1, width=3, weights_sha256="")
    probed = regression.probe(encoder, data)
    assert regression.residuals(probed.head, probed.z_test, probed.y_test).max() < 1e-6
    assert replace(probed, head=Head(2 * probed.head.weight, probed.head.bias)).norms == pytest.approx(2 * probed.norms)
