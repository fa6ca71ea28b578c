"""The search by successive halving: known maxima, its budget, what it makes of given starts, and foolbox beside it."""

from collections.abc import Callable

import pytest
import torch
from linear_world import PIXELS, grey_images, linear_encoder, normal, reach
from torch import Tensor, nn

from rt_utils.evaluation import attacks, per_point
from rt_utils.evaluation.attacks import PGDSettings, loss_pgd
from rt_utils.evaluation.finds import restored, stored
from rt_utils.evaluation.halving import HalvingSettings, halving
from rt_utils.evaluation.measure import fit_probes
from rt_utils.evaluation.per_point import PerPoint, at_once
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.images.catalogue import load_data_set
from rt_utils.models.catalogue import load_encoder
from rt_utils.theory import perturbations
from rt_utils.theory.threat import Threat

THREATS = [Threat("linf", 0.1), Threat("l2", 0.5)]
X = grey_images(12).float() / 255
SHIFT, LOSS = HalvingSettings.of_shift(5, 100), HalvingSettings.of_loss(5, 100)


def _shift(encoder: nn.Module, x: Tensor) -> Callable[[Tensor], Tensor]:
    with torch.no_grad():
        z = encoder(x)
    return lambda images: (encoder(images) - z).norm(dim=1)


class _Counting:
    """Counts the images whose gradient is asked for, and those of which only the value is."""

    def __init__(self, values: Callable[[Tensor], Tensor]) -> None:
        self.values, self.gradients, self.alone = values, 0, 0

    def __call__(self, images: Tensor) -> Tensor:
        if images.requires_grad:
            self.gradients += len(images)
        else:
            self.alone += len(images)
        return self.values(images)


@pytest.mark.parametrize("threat", THREATS, ids=str)
def test_a_known_maximum_is_found_inside_the_threat(threat: Threat) -> None:
    weight = normal(1, PIXELS)
    encoder = linear_encoder(weight)
    found = halving(_shift(encoder, X), X, threat, SHIFT)
    assert perturbations.allowed(threat, X, found).all()
    shifts = _shift(encoder, X)(found)
    assert (shifts >= 0.99 * reach(weight, threat)).all()
    assert (shifts <= reach(weight, threat) * (1 + 1e-5)).all()


@pytest.mark.parametrize("threat", THREATS, ids=str)
@pytest.mark.parametrize(
    "settings",
    [
        SHIFT,
        HalvingSettings(1, 3, (2, 3, 4)),
        HalvingSettings(4, 2, (1, 0, 2), crossed=0, mirrored=0),
    ],
    ids=str,
)
def test_it_takes_the_gradients_that_its_settings_name(settings: HalvingSettings, threat: Threat) -> None:
    counting = _Counting(_shift(linear_encoder(normal(2, PIXELS)), X))
    found = halving(counting, X, threat, settings)
    assert counting.gradients == settings.gradients * len(X)
    assert counting.alone <= (settings.starts + settings.kept + 1 + settings.crossed + settings.mirrored) * len(X)
    assert perturbations.allowed(threat, X, found).all()


def test_the_best_image_on_the_way_counts() -> None:
    """A narrow peak at the first start, which every step leaves."""
    peak = perturbations.random_start(THREATS[0], X, torch.Generator().manual_seed(5)).clamp(0, 1)

    def values(images: Tensor) -> Tensor:
        away = (images - peak).flatten(1).abs().amax(1)
        return torch.where(away < 1e-6, 1.0, 0.0) + 1e-3 * images.flatten(1).mean(1)

    found = halving(values, X, THREATS[0], HalvingSettings(2, 1, (1, 1, 1)), [peak])
    torch.testing.assert_close(found, peak)


def test_of_two_hills_it_keeps_the_higher_at_each_point_its_own() -> None:
    """Values with two maxima, at both ends of the ball: mirrored candidates find the higher whatever the start was."""
    threat = THREATS[0]
    sign = torch.tensor([1.0, -1.0]).repeat(6)

    def values(images: Tensor) -> Tensor:
        along = (images - X).flatten(1).mean(1)
        return along.abs() + 0.2 * sign * along

    for seed in range(5):
        found = halving(values, X, threat, HalvingSettings(1, 1, (3, 3, 6), crossed=0, mirrored=1, seed=seed))
        assert torch.equal((found - X).flatten(1).mean(1).sign(), sign)


def test_mixtures_join_what_two_candidates_found() -> None:
    """Each given start is right on one half of the image, whose blocks are 8 x 8, and there is no gradient."""
    wide, threat = torch.full((64, 1, 16, 16), 0.5), Threat("linf", 0.1)
    left = torch.zeros_like(wide)
    left[..., :8] = 1
    starts = [wide + 0.1 * left, wide + 0.1 * (1 - left)]

    def values(images: Tensor) -> Tensor:
        return (images - wide).flatten(1).mean(1).detach() + 0 * images.flatten(1).sum(1)

    plain = values(halving(values, wide, threat, HalvingSettings(2, 1, (0, 0, 0), crossed=0, mirrored=0), starts))
    mixed = values(halving(values, wide, threat, HalvingSettings(2, 1, (0, 0, 0), crossed=6, mirrored=0), starts))
    assert (mixed >= plain - 1e-7).all()
    assert (mixed > plain + 1e-3).double().mean() > 0.9


@pytest.mark.parametrize("threat", THREATS, ids=str)
def test_the_seed_alone_decides_and_no_global_generator_is_touched(threat: Threat) -> None:
    values = _shift(linear_encoder(normal(3, PIXELS)).requires_grad_(False), X)
    short = HalvingSettings(3, 2, (1, 1, 1))
    state = torch.get_rng_state()
    first, again = (halving(values, X, threat, short) for _ in range(2))
    other = halving(values, X, threat, HalvingSettings(3, 2, (1, 1, 1), seed=1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("threat", THREATS, ids=str)
def test_what_a_search_found_comes_back_as_a_start(threat: Threat) -> None:
    found = perturbations.random_start(threat, X, torch.Generator().manual_seed(3)).clamp(0, 1)
    delta = stored((found - X).contiguous(memory_format=torch.channels_last))
    assert delta.flags.c_contiguous
    assert delta.dtype.name == "int8"
    again = restored(delta, X, threat)
    assert perturbations.allowed(threat, X, again).all()
    inside = ((found > 0) & (found < 1)).flatten(1).all(1)
    if threat.norm == "linf":  # an entry is off by at most half a 127th of the largest
        torch.testing.assert_close(again, found, atol=threat.eps / 254 + 1e-6, rtol=0)
    else:
        assert inside.any()
        torch.testing.assert_close(again[inside], found[inside], atol=threat.eps / 100, rtol=0)


@pytest.mark.parametrize("data", ["digits", "glyphs", "textures"])
def test_at_its_budget_it_reaches_foolboxs_objective(data: str) -> None:
    """foolbox's PGD in the book's own schedule, on the shift and on the loss, at as many gradients and more."""
    encoder, threat = load_encoder("embedded/robust"), Threat("linf", 8 / 255)
    images = load_data_set(data, size=32, n_train=100, n_test=10)
    (head,) = fit_probes([(encoder, images)], ProbeSettings(epochs=10), workers=1)
    x, y = images.test.pixels(), images.test.required_labels()
    model = nn.Sequential(encoder, head.module()).requires_grad_(False).eval()

    def losses(u: Tensor) -> Tensor:
        return nn.functional.cross_entropy(model(u), y, reduction="none")

    shift = _shift(encoder, x)
    ours = halving(shift, x, threat, SHIFT)
    worse = halving(losses, x, threat, LOSS, [ours])
    constant = {"rel_stepsize": 0.7, "decay": False}
    (theirs,) = attacks.representation_pgd(encoder, x, threat, PGDSettings(SHIFT.gradients, **constant))
    (their_loss,) = attacks.loss_pgd(model, x, y, threat, PGDSettings(SHIFT.gradients, **constant))
    with torch.no_grad():
        assert shift(ours).mean() >= shift(theirs).mean()
        assert losses(worse).mean() >= losses(their_loss).mean()


@pytest.mark.parametrize("threat", THREATS, ids=str)
def test_starts_that_share_a_batch_find_what_each_finds_alone(threat: Threat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven starts of 12 points: one by one, in twos with one left over, all at once; and foolbox's runs likewise."""
    model = nn.Sequential(linear_encoder(normal(5, PIXELS)), nn.Linear(5, 3)).requires_grad_(False).eval()
    y = torch.arange(len(X)) % 3
    found: list[Tensor] = []
    for together in (1, 2, 7):
        monkeypatch.setattr(per_point, "TOGETHER", together * X[:, 0].numel())
        losses = attacks.losses_of(model, y)
        assert at_once(losses, X) == together
        settings = HalvingSettings(7, 3, (2, 2, 2), seed=1)
        own = halving(losses, X, threat, settings)
        found.append(torch.stack([own, *loss_pgd(model, X, y, threat, PGDSettings(2, 7, 2, seed=1))]))
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=1e-5, atol=1e-6)


def test_values_per_point_take_several_rounds_of_the_points() -> None:
    own = torch.tensor([1.0, 2.0])
    values = PerPoint(lambda images, its: images.sum((1, 2, 3)) * its, own)
    images = torch.arange(4.0)[:, None, None, None]
    assert values(images).tolist() == [0.0, 2.0, 2.0, 6.0]
    assert at_once(lambda images: images.sum((1, 2, 3)), X) == 1
