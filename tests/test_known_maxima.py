"""Every attack against a maximum that is known in closed form, and what its settings are there for."""

import dataclasses

import pytest
import torch
from linear_world import PIXELS, SIZE, grey_images, linear_encoder, normal, reach
from torch import Tensor, nn

from rt_utils.evaluation import apgd, attacks
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.theory import perturbations
from rt_utils.theory.threat import Threat

SHARE = 0.99  # of the known maximum that an attack must find, at every point
THREATS = [Threat("linf", 0.1), Threat("l2", 0.5)]
PAPER = PGDSettings(steps=20, rel_stepsize=0.7, decay=False)
X = grey_images(12).float() / 255
FLAT = nn.Flatten()


def _shift(encoder: nn.Module, found: Tensor) -> Tensor:
    with torch.no_grad():
        return (encoder(found) - encoder(X)).norm(dim=1)


def _two_directions() -> Tensor:
    """One direction of gain 1 in a single feature, and one of gain 0.8 that 16 features share: 3.2 in their sum."""
    directions = torch.linalg.qr(normal(PIXELS, 2)).Q.T
    return torch.cat([directions[:1], 0.2 * directions[1:].expand(16, -1)])


@pytest.mark.parametrize("settings", [PGDSettings(), PAPER, PGDSettings(steps=12, restarts=2, refine=10)], ids=str)
@pytest.mark.parametrize("threat", THREATS, ids=str)
def test_the_shift_of_one_feature(threat: Threat, settings: PGDSettings) -> None:
    weight = normal(1, PIXELS)
    encoder = linear_encoder(weight)
    for found in attacks.representation_pgd(encoder, X, threat, settings):
        assert perturbations.allowed(threat, X, found).all()
        assert (_shift(encoder, found) >= SHARE * reach(weight, threat)).all()
        assert (_shift(encoder, found) <= reach(weight, threat) * (1 + 1e-5)).all()


def test_the_shift_of_many_features_is_their_length_and_not_their_sum() -> None:
    encoder, threat = linear_encoder(_two_directions()), Threat("l2", 0.3)  # the maximum: eps times the spectral norm
    (found,) = attacks.representation_pgd(encoder, X, threat, PGDSettings(steps=40))
    assert (_shift(encoder, found) >= SHARE * threat.eps).all()


def test_the_shift_at_the_ends_of_the_pixels() -> None:
    """The ball cut with the box: each pixel moves as far as both allow, all in one direction or all in the other."""
    x, weight, threat = X.clone(), normal(1, PIXELS), Threat("linf", 0.3)
    x[:, :, :2] = 0.9
    delta = [(x.flatten(1) + s * threat.eps * weight.sign()).clamp(0, 1) - x.flatten(1) for s in (1, -1)]
    known = torch.stack([(d @ weight.T).abs()[:, 0] for d in delta]).amax(0)
    encoder = linear_encoder(weight)
    runs = list(attacks.representation_pgd(encoder, x, threat, PGDSettings(steps=12, restarts=8)))
    assert all(perturbations.allowed(threat, x, found).all() for found in runs)
    shifts = torch.stack([(encoder(found) - encoder(x)).norm(dim=1) for found in runs]).amax(0)
    assert (shifts >= SHARE * known).all()
    assert (shifts <= known * (1 + 1e-5)).all()


def _predictor(third: float = -60.0) -> tuple[nn.Module, Tensor]:
    """Logits (0, <w, x> + b, `third`), and w: the third class is far, so that all happens between two."""
    weight = torch.zeros(3, PIXELS)
    weight[1] = normal(PIXELS, seed=1)
    layer = nn.Linear(PIXELS, 3).requires_grad_(False)
    layer.load_state_dict({"weight": weight, "bias": torch.tensor([0.0, 0.0, third])})
    return nn.Sequential(FLAT, layer).eval(), weight[1]


@pytest.mark.parametrize("settings", [PGDSettings(), PAPER], ids=str)
@pytest.mark.parametrize("threat", THREATS, ids=str)
def test_the_cross_entropy(threat: Threat, settings: PGDSettings) -> None:
    """The loss at label y is softplus(other logit - own logit), largest where that difference is eps ||w||_* more."""
    model, w = _predictor()
    y = torch.arange(len(X)) % 2
    towards = torch.where(y == 0, 1.0, -1.0) * (FLAT(X) @ w)
    known = nn.functional.softplus(towards + reach(w, threat))
    (found,) = attacks.loss_pgd(model, X, y, threat, settings)
    assert perturbations.allowed(threat, X, found).all()
    loss = nn.functional.cross_entropy(model(found), y, reduction="none")
    assert (loss >= SHARE * known).all()
    assert (loss <= known * (1 + 1e-5)).all()


@pytest.mark.parametrize("loss", ["ce", "dlr"])
@pytest.mark.parametrize("threat", [Threat("linf", 0.03), Threat("l2", 0.15)], ids=str)
def test_apgd_loses_just_the_points_within_reach(threat: Threat, loss: str) -> None:
    """Points at 0.9, 0.97, 1.03 and 1.1 of the distance from which no perturbation reaches the boundary."""
    model, w = _predictor()
    factor = torch.tensor([0.9, 0.97, 1.03, 1.1]).repeat(3)
    side = torch.where(torch.arange(len(X)) % 2 == 0, 1.0, -1.0)
    along = (side * factor * reach(w, threat) - FLAT(X) @ w) / w.square().sum()
    x = X + (along[:, None] * w).view_as(X)
    y = model(x).argmax(1)
    worst = threat.eps * (w.sign() if threat.norm == "linf" else w / w.norm()).view(1, 3, SIZE, SIZE)
    assert (torch.stack([x - worst, x + worst]) > 0).all()
    assert (torch.stack([x - worst, x + worst]) < 1).all()  # so the box does not matter
    assert y.tolist() == (side > 0).long().tolist()
    found = apgd.apgd(model, x, y, threat, loss=loss, steps=30)
    assert perturbations.allowed(threat, x, found).all()
    assert ((model(found).argmax(1) != y) == (factor < 1)).all()


def _nearness(outputs: Tensor, target: Tensor) -> Tensor:
    return -(outputs - target).square().sum(1)


def test_falling_steps_settle_where_constant_ones_jump_over() -> None:
    """A maximum inside the ball: with `decay` PGD ends within a twentieth of eps of it, without it does not."""
    threat = Threat("linf", 0.1)
    target = FLAT(X) + 0.3 * threat.eps
    ends = {}
    for decay in (True, False):
        (found,) = attacks.loss_pgd(FLAT, X, target, threat, PGDSettings(steps=40, decay=decay), _nearness)
        ends[decay] = (FLAT(found) - target).abs().mean() / threat.eps
    assert ends[True] < 0.05
    assert ends[False] > 0.3


@pytest.mark.parametrize("rel_stepsize", [0.1, 0.4])
def test_the_first_step_is_relative_to_the_radius(rel_stepsize: float) -> None:
    """From a corner of the ball towards the middle, whose gradient points inwards in every pixel."""
    threat, settings = Threat("linf", 0.1), PGDSettings(steps=1, rel_stepsize=rel_stepsize)
    (found,) = attacks.loss_pgd(FLAT, X, FLAT(X), threat, settings, _nearness)
    torch.testing.assert_close((found - X).abs(), torch.full_like(X, (1 - rel_stepsize) * threat.eps))
    first, refined = attacks.loss_pgd(FLAT, X, FLAT(X), threat, dataclasses.replace(settings, refine=1), _nearness)
    torch.testing.assert_close((first - refined).abs(), torch.full_like(X, rel_stepsize * 2 / 3 * threat.eps))


def _two_hills(outputs: Tensor, clean: Tensor) -> Tensor:
    """Of t in [-1, 1], the first pixel's move: a hill of 1.25 at 1 and one of 0.75 at -1, to which t = 0 leads."""
    t = (outputs - clean)[:, 0] / 0.1
    return t.square() - 0.05 * t + 0.3 * t**3


def test_the_refinement_starts_from_each_points_best() -> None:
    """Starts lie at the hills. Of five some is at the higher one, often not the last; from x it cannot be reached."""
    threat, settings = Threat("linf", 0.1), PGDSettings(steps=3, restarts=5, refine=10)
    *runs, refined = attacks.loss_pgd(FLAT, X, FLAT(X), threat, settings, _two_hills)
    values = torch.stack([_two_hills(FLAT(found), FLAT(X)) for found in runs])
    assert len(runs) == 5
    assert (values.amax(0) > 1.2).sum() >= 10  # of the 12 points
    assert (values[-1] < 1).any()
    torch.testing.assert_close(_two_hills(FLAT(refined), FLAT(X)), values.amax(0), rtol=1e-4, atol=0)
    assert len(list(attacks.loss_pgd(FLAT, X, FLAT(X), threat, PGDSettings(restarts=3), _two_hills))) == 3


def _bent() -> nn.Module:
    """A network with hidden units: where an attack ends depends on where it starts."""
    layers = nn.Sequential(FLAT, nn.Linear(PIXELS, 30), nn.Tanh(), nn.Linear(30, 3)).requires_grad_(False)
    for index in (1, 3):
        layers[index].weight.copy_(3 * normal(*layers[index].weight.shape, seed=index))
        nn.init.zeros_(layers[index].bias)
    return layers.eval()


def test_every_seed_and_every_restart_changes_something() -> None:
    model, threat, y = _bent(), Threat("linf", 0.1), torch.zeros(len(X), dtype=torch.long)
    for attack in (
        lambda settings: attacks.representation_pgd(model, X, threat, settings),
        lambda settings: attacks.loss_pgd(model, X, y, threat, settings),
    ):
        runs = [found for seed in (0, 1) for found in attack(PGDSettings(steps=2, restarts=2, seed=seed))]
        again = list(attack(PGDSettings(steps=2, restarts=2, seed=0)))
        assert torch.equal(runs[0], again[0])
        assert torch.equal(runs[1], again[1])
        assert len({found.numpy().tobytes() for found in runs}) == 4
    y = model(X).argmax(1)
    found = [apgd.apgd(model, X, y, threat, loss="ce", steps=2, seed=seed) for seed in (0, 0, 1)]
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    assert not torch.equal(found[0], apgd.apgd(model, X, y, threat, loss="dlr", steps=2, seed=0))


def test_a_start_is_where_the_seed_says_and_the_global_generator_is_left_alone() -> None:
    """With a step of nothing an attack returns its random start: a corner of the ball, drawn from its own generator."""
    model, threat, settings = _bent(), Threat("linf", 0.1), PGDSettings(steps=1, rel_stepsize=1e-6, seed=7)
    before = torch.get_rng_state()
    (found,) = attacks.representation_pgd(model, X, threat, settings)
    list(attacks.loss_pgd(model, X, torch.zeros(len(X), dtype=torch.long), threat, settings))
    apgd.apgd(model, X, model(X).argmax(1), threat, loss="ce", steps=2)
    assert torch.equal(torch.get_rng_state(), before)
    torch.testing.assert_close((found - X).abs(), torch.full((len(X), 3, SIZE, SIZE), threat.eps))
