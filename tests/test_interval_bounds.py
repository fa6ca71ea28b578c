"""Certified bounds of an encoder: passed by no attack, in the order that is proved, as large as the radius allows."""

import copy
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from handmade import measurement
from torch import nn

from rt_utils.evaluation import bound_checks, interval_bounds
from rt_utils.evaluation.attacks import PGDSettings, loss_pgd, margin, representation_pgd
from rt_utils.evaluation.interval_bounds import IN_SUBSPACE, MERGED, THEOREM_2, WAYS
from rt_utils.evaluation.measure import fit_probes, measure
from rt_utils.evaluation.measurement import above_bound, table
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.evaluation.search import AttackPlan
from rt_utils.images.catalogue import load_data_set
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder, frozen
from rt_utils.models.head import Head
from rt_utils.models.networks.certified_network import CertifiedNetwork
from rt_utils.pages.claims import share_of_bound
from rt_utils.pages.page import Page
from rt_utils.runtime.errors import InputError
from rt_utils.theory import sharper, statements
from rt_utils.theory.subspace import difference_basis, subspace_shift
from rt_utils.theory.threat import Threat

N, EPS = 24, 4 / 255


def small_encoder(seed: int = 0) -> Encoder:
    """Not trained. Most weights are positive, as in a network that grows with its pixels, whose bounds are exact."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = CertifiedNetwork()
        network.start_small()
        for weight in network.parameters():
            weight.data.abs_().mul_(torch.where(torch.rand_like(weight) < 0.1, -0.7, 0.7))
    return frozen("small", network, input_size=32, width=64)


def images(seed: int = 1) -> torch.Tensor:
    coarse = torch.rand(N, 1, 4, 4, generator=torch.Generator().manual_seed(seed))
    return nn.functional.interpolate(coarse, 32).expand(-1, 3, -1, -1).contiguous()


def some_head(z: torch.Tensor, seed: int = 2, classes: int = 4) -> Head:
    """Each row points to one of the images, so that margins are wide enough for some to be certified."""
    rows = nn.functional.normalize(z[:classes] - z.mean(0), dim=1)
    return Head(rows, -(rows @ z.mean(0)))


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_no_attack_passes_a_bound_nor_flips_what_is_certified(norm: str) -> None:
    encoder, x = small_encoder(), images().double()
    threat = Threat.parse(norm, EPS if norm == "linf" else 0.02)
    box = interval_bounds.feature_box(encoder, x, threat.eps)
    head = some_head(box.z)
    of = interval_bounds.points(box, head, torch.zeros(N, dtype=torch.long))
    assert list(of["shift_upper"]) == interval_bounds.shift_upper(encoder, x, threat).tolist()
    predicted = head.logits(box.z).argmax(1)
    assert list(of["right"]) == (predicted == 0).tolist()
    network = copy.deepcopy(encoder.network).double().eval()
    layer = nn.Linear(64, 4).double()
    layer.load_state_dict({"weight": head.weight, "bias": head.bias})
    model = nn.Sequential(network, layer).requires_grad_(False).eval()
    settings = PGDSettings(steps=8, restarts=2)
    finds = [
        *representation_pgd(network, x, threat, settings),
        *loss_pgd(model, x, predicted, threat, settings),
        *loss_pgd(model, x, predicted, threat, settings, margin),
    ]
    basis, found = difference_basis(head.weight), 0.0
    for moved in map(network, finds):
        shifts = statements.shift(box.z, moved)
        towards, changed = sharper.directional_shift(box.z, moved[None], head.weight, head.bias)
        for values, bound in (
            (shifts, "shift_upper"),
            (subspace_shift(box.z, moved, basis), "subspace_upper"),
            (towards, "directional_upper"),
        ):
            assert (values.numpy() <= of[bound].to_numpy() + 1e-9).all()
        for way in WAYS:
            assert not (of[way].to_numpy() & changed.numpy()).any()
        found = max(found, float((shifts.numpy() / of["shift_upper"].to_numpy()).max()))
    assert found > (0.2 if norm == "linf" else 0.001)  # the bound is one of this encoder's own size


def test_each_way_certifies_what_the_one_before_it_does() -> None:
    encoder, x = small_encoder(), images()
    head = some_head(interval_bounds.feature_box(encoder, x, 0.0).z)
    counts = []
    for eps in (0.0, 0.25 / 255, 0.5 / 255, 1 / 255, 2 / 255):
        of = interval_bounds.points(interval_bounds.feature_box(encoder, x, eps), head, torch.zeros(N).long())
        assert not (of[THEOREM_2] & ~of[IN_SUBSPACE]).any()
        assert not (of[IN_SUBSPACE] & ~of[MERGED]).any()
        assert (of["directional_upper"] <= of["subspace_upper"] + 1e-12).all()
        assert (of["subspace_upper"] <= of["shift_upper"] + 1e-12).all()
        counts.append([int(of[way].sum()) for way in WAYS])
    assert counts[0] == [N] * 3
    assert counts == sorted(counts, reverse=True)
    assert any(a < c for a, _, c in counts)


def test_radii_are_certified_and_a_little_more_is_not() -> None:
    encoder, x = small_encoder(), images()
    head, top, steps = some_head(interval_bounds.feature_box(encoder, x, 0.0).z), 4 / 255, 7
    radii = interval_bounds.largest_radii(encoder, head, x, top, steps)
    predicted = head.logits(interval_bounds.feature_box(encoder, x, 0.0).z).argmax(1)
    assert (radii[THEOREM_2] <= radii[MERGED]).all()
    for way in WAYS:
        low = torch.from_numpy(radii[way])
        assert interval_bounds.certified(interval_bounds.feature_box(encoder, x, low), head, predicted)[way].all()
        more = interval_bounds.certified(interval_bounds.feature_box(encoder, x, low + top / 2**steps), head, predicted)
        assert not more[way][low < top].any()
        assert (low < top).any()


def test_a_constant_head_is_certified_everywhere() -> None:
    encoder, x = small_encoder(), images()
    head = Head(torch.zeros(3, 64).double(), torch.tensor([0.0, 1.0, 0.0]).double())
    of = interval_bounds.points(interval_bounds.feature_box(encoder, x, 1.0), head, torch.zeros(N).long())
    assert of[list(WAYS)].all(axis=None)
    assert not of["right"].any()


def test_pixels_and_stored_images_give_one_bound_and_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = small_encoder()
    stored = (images() * 255).round().to(torch.uint8)
    whole = interval_bounds.shift_upper(encoder, stored, Threat("linf", EPS))
    assert torch.allclose(whole, interval_bounds.shift_upper(encoder, stored.double() / 255, Threat("linf", EPS)))
    monkeypatch.setattr(interval_bounds, "AT_ONCE", 7)
    assert torch.allclose(whole, interval_bounds.shift_upper(encoder, stored, Threat("linf", EPS)))


def test_which_encoders_have_bounds() -> None:
    assert interval_bounds.bounded(small_encoder())
    assert not interval_bounds.bounded(load_encoder("embedded/random"))
    odd = Encoder("odd", nn.Sequential(nn.Flatten(), nn.Softplus()), input_size=4, width=48, weights_sha256="0" * 64)
    with pytest.raises(InputError, match="no interval bound for the layer Softplus"):
        interval_bounds.shift_upper(odd, torch.rand(1, 3, 4, 4), Threat("linf", 0.1))


def test_the_a_priori_bound_is_above_every_images_and_exact_for_means() -> None:
    encoder, threat = small_encoder(), Threat("linf", EPS)
    bound = interval_bounds.a_priori(encoder, threat)
    assert interval_bounds.shift_upper(encoder, images(), threat).max() <= bound
    assert interval_bounds.a_priori(encoder, Threat("linf", 2 * EPS)) == pytest.approx(2 * bound)
    assert interval_bounds.a_priori(load_encoder("blocks"), threat) == pytest.approx(8 * EPS)
    positive = copy.deepcopy(encoder)
    for name, values in positive.network.named_parameters():
        values.copy_(torch.ones_like(values) if name.endswith("bias") else values.abs())
    exact = interval_bounds.shift_upper(positive, torch.full((1, 3, 32, 32), 0.9), threat)  # every ReLU is active
    assert exact.item() == pytest.approx(bound)
    everything = interval_bounds.a_priori(encoder, Threat("linf", 1.0))
    black, white = (encoder.network.double()(torch.full((1, 3, 32, 32), v).double()) for v in (0.0, 1.0))
    assert (white - black).norm() <= everything < interval_bounds.a_priori(encoder, Threat("linf", 0.1)) * 10
    with pytest.raises(InputError, match="no a-priori bound for embedded/random"):
        interval_bounds.a_priori(load_encoder("embedded/random"), threat)


def test_a_measurement_has_the_bound_and_nothing_found_passes_it() -> None:
    data = load_data_set("digits", size=32, n_train=60, n_test=8)
    plan = AttackPlan(PGDSettings(4), PGDSettings(4), PGDSettings(2), floor_points=0, apgd_points=0)
    plan = replace(plan, subspace=PGDSettings(4))
    cases = []
    for encoder in (small_encoder(), load_encoder("pixels"), load_encoder("embedded/random")):
        (head,) = fit_probes([(encoder, data)], ProbeSettings(epochs=2))
        cases.append((encoder, head, data))
    for norm in ("linf", "l2"):
        small, pixels, other = measure(cases, Threat.parse(norm, 0.05), plan, workers=1)
        assert small.shift_upper is not None
        assert small.shift_upper == pytest.approx(
            interval_bounds.feature_box(cases[0][0], data.test.images, 0.05).shift.numpy()
        )
        for m in (small, pixels):
            assert 0 < above_bound(m) <= 1 + 1e-4
            assert list(table(m)["shift_upper"]) == list(m.arrays()["shift_upper"])
            half = replace(m, shift_upper=m.shift_upper / 1000)
            assert above_bound(half) == pytest.approx(1000 * above_bound(m))
            silent = replace(m, shift_upper=np.zeros(8), z_shift=m.z * np.float32(1 + 1e-6), subspace=None)
            assert share_of_bound(silent) < 1 < above_bound(silent)  # by rounding alone
            assert share_of_bound(replace(m, shift_upper=np.zeros(8))) > 10  # a shift that is none of rounding
            assert share_of_bound(m) == above_bound(m)
        assert math.isnan(above_bound(other))
        assert np.isnan(table(other)["shift_upper"]).all()
        if norm == "l2":
            assert pixels.shift_upper == pytest.approx(np.full(8, 0.05 / math.sqrt(3)))


def test_a_page_enters_what_passes_no_bound(tmp_path: Path) -> None:
    page = Page(
        "certified", {"profile": "embedded", "norm": "linf", "eps": "1/255", "seed": 0, "results": str(tmp_path)}
    )
    known = measurement("pixels", n=3, shift=0.5, shift_upper=np.array([0.5, 0.6, 1.0]))
    page.save([], [known, measurement("other", shift_upper=np.full(4, np.nan)), measurement("hand")])
    (claim,) = page.claims
    assert (claim.encoder, claim.n, claim.lhs, claim.rhs, claim.verdict) == ("pixels", 3, 1.0, 1.0, "holds")
    page.save([], [measurement("pixels", n=3, shift=0.5, shift_upper=np.array([0.4, 0.6, 1.0]))])
    assert page.claims[-1].verdict == "violated"


@pytest.mark.parametrize("name", ["small", "blocks"])
def test_every_attack_stays_below_in_float64_and_a_bound_too_small_is_noticed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = small_encoder() if name == "small" else load_encoder(name)
    stored = (images() * 255).round().to(torch.uint8)
    head = some_head(interval_bounds.feature_box(encoder, stored, 0.0).z)
    arguments = (encoder, head, stored, Threat("linf", EPS), PGDSettings(steps=6, restarts=1))
    found = bound_checks.checks(*arguments)
    assert list(found["attack"])[::4] == ["PGD on the shift", "APGD"]
    ratios = found[["shift", "subspace", "directional"]]
    assert ratios.max(axis=None) <= 1 + 1e-9
    assert ratios["shift"].max() > (0.3 if name == "small" else 0.999)
    assert found["flipped"].sum() == 0
    right = interval_bounds.feature_box
    monkeypatch.setattr(interval_bounds, "feature_box", lambda e, x, eps: right(e, x, 0.2 * eps))
    wrong = bound_checks.checks(*arguments)
    assert wrong["shift"].max() > 1.2
    assert wrong["flipped"].sum() > 0


def test_the_image_that_moves_furthest_is_in_the_set() -> None:
    x, encoder = images(), load_encoder("blocks")
    moved, shift = bound_checks.furthest(encoder, x, Threat("linf", EPS), PGDSettings(steps=4))
    assert (moved - x).abs().max() == pytest.approx(EPS, abs=1e-6)
    torch.testing.assert_close((encoder(moved) - encoder(x)).norm(dim=1), shift)
    assert shift.min() > 0


@pytest.mark.parametrize("name", ["blocks", "pixels"])
def test_bounds_on_means_are_attained_by_images_that_are_written_down(name: str) -> None:
    stored = load_data_set("digits", size=32, n_train=60, n_test=6).test.images
    encoder = load_encoder(name)
    head = some_head(interval_bounds.feature_box(encoder, stored, 0.0).z)
    for values in bound_checks.at_corners(encoder, head, stored, Threat("linf", EPS)).values():
        assert values.abs().max() < 1e-12
