"""Every step of every proof, evaluated on adversarial draws; and for each a planted error that the same check catches.

A check is a function of one draw and of the constants that the step claims. The draws hold what could go wrong: ties,
zero and equal rows, huge logits, one class, one dimension, float32, and perturbations along the direction in which each
inequality is tight. The adversary of a draw can reach finitely many feature vectors, so its suprema are known.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from types import ModuleType
from typing import Any, NamedTuple

import pytest
import torch
from chapter_source import planted
from scipy.stats import binom
from torch import Tensor

from rt_utils.theory import lipschitz, lipschitz_losses, sharper, statements
from rt_utils.theory.lipschitz import ORDERS
from rt_utils.theory.losses import CROSS_ENTROPY, Loss
from rt_utils.theory.statements import Alpha

DUAL = {"l1": math.inf, "l2": 2, "linf": 1}
C1 = dict(CROSS_ENTROPY.lipschitz)
SEEDS, POINTS = 15, 48
REGIMES = (
    "plain",
    "ties",
    "zero rows",
    "equal rows",
    "huge logits",
    "one class",
    "one dimension",
    "two opposite rows",
    "wrong by far",
    "float32",
    "float32, huge logits",
)


class Draw(NamedTuple):
    """A head, the features of some points, and all that the adversary can reach; reach[0] are the clean features."""

    weight: Tensor
    bias: Tensor
    reach: Tensor
    labels: Tensor

    @property
    def moves(self) -> Tensor:
        return self.reach - self.reach[0]

    @property
    def logits(self) -> Tensor:
        return self.reach @ self.weight.T + self.bias

    @property
    def size(self) -> float:
        """How large the numbers are whose rounding shows in a logit or a loss."""
        return float(self.weight.norm(dim=1).max() * self.reach.norm(dim=2).max() + self.bias.abs().max() + 1)


def at_most(left: Tensor, right: Tensor | float, size: float, what: str) -> None:
    """left <= right, up to the rounding of a few sums of terms of this size."""
    excess = float((left - right).max())
    assert excess <= 8 * torch.finfo(left.dtype).eps * size, f"{what}: exceeded by {excess:.3g}"


def unit(vectors: Tensor) -> Tensor:
    return vectors / vectors.norm(dim=-1, keepdim=True).clamp(min=1e-30)


@cache
def draw(regime: str, seed: int) -> Draw:
    generator = torch.Generator().manual_seed(seed)
    normal = partial(torch.randn, generator=generator, dtype=torch.float64)
    uniform = partial(torch.rand, generator=generator, dtype=torch.float64)
    c, r = (int(torch.randint(low, 8, (1,), generator=generator)) for low in (2, 1))
    c, r = {"one class": 1, "two opposite rows": 2}.get(regime, c), 1 if regime == "one dimension" else r
    weight, bias, z = normal(c, r), normal(c), normal(POINTS, r)
    labels = torch.randint(c, (POINTS,), generator=generator)
    if regime == "ties":
        weight, bias, z = (x.clamp(-1.4, 1.4).round() for x in (weight, bias, z))
    elif regime == "zero rows":
        weight[:: 1 + seed % 2] = 0  # every second time all of them
    elif regime == "equal rows":
        weight[1::2] = weight[0]
    elif regime == "two opposite rows":
        weight[1], bias = -weight[0], torch.tensor([-30.0, 30.0], dtype=torch.float64)
        labels[:] = 0
    elif regime == "wrong by far":
        bias[0], labels = 60.0, labels.clamp(min=1)
    if "huge" in regime:
        weight, bias = (10 ** (3 + uniform(1)) * x for x in (weight, bias))
    # The worst directions: away from the label towards the row furthest from its own, and towards the nearest boundary.
    logits, rows = z @ weight.T + bias, torch.arange(POINTS)
    predicted = logits.argmax(1)
    apart = statements.row_distances(weight)
    far = weight[apart[labels].argmax(1)] - weight[labels]
    ratios = (logits.amax(1, keepdim=True) - logits) / apart[predicted]
    ratios[rows, predicted] = math.inf
    nearest = ratios.nan_to_num(math.inf).argmin(1)
    near = weight[nearest] - weight[predicted]
    longest = ratios[rows, nearest].nan_to_num(1.0, 1.0, 1.0) * (0.8 + 0.4 * uniform(POINTS))
    moves = torch.stack(
        [0 * z, unit(far) * uniform(POINTS, 1), unit(near), unit(normal(POINTS, r)) * uniform(POINTS, 1)]
    )
    moves = moves * longest[:, None]
    if regime == "ties":  # integers stay integers, so nothing is rounded; every second point cannot be moved at all
        moves = torch.stack([0 * z, far, near, normal(POINTS, r).round()]) * (rows % 2)[:, None]
    tensors = (weight, bias, z + moves)
    return Draw(*(x.float() for x in tensors) if regime.startswith("float32") else tensors, labels)


def draws(regime: str) -> Iterator[Draw]:
    return (draw(regime, seed) for seed in range(SEEDS))


def pairs(d: Draw) -> tuple[Tensor, Tensor, Tensor]:
    """Perturbed and clean logits with their labels, flat."""
    after = d.logits
    return after.flatten(0, 1), after[:1].expand_as(after).flatten(0, 1), d.labels.repeat(len(after))


def one_hot(labels: Tensor, like: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(labels, like.shape[-1]).to(like.dtype)


def softmax(u: Tensor) -> Tensor:
    return u.softmax(1)


# Lemma 3


def jensen(d: Draw, weights: Callable[[Tensor], Tensor] = softmax, factor: float = 1.0) -> None:
    """-log sum_j q_j e^(d_j) <= -sum_j q_j d_j, so l(u) - l(v) <= <q(u) - e_y, u - v>: above its tangent, both ways."""
    u, v, y = pairs(d)
    for a, b in ((u, v), (v, u)):
        slope = factor * ((weights(a) - one_hot(y, a)) * (a - b)).sum(1)
        at_most(CROSS_ENTROPY(a, y) - CROSS_ENTROPY(b, y), slope, d.size, "Lemma 3, Jensen")


def gradient_of_cross_entropy(
    d: Draw, constants: dict[str, float] = C1, weights: Callable[..., Tensor] = softmax
) -> None:
    """The gradient is q - e_y, and with t = 1 - q_y its dual norms are at most C_1 t."""
    u, _, y = pairs(d)
    u = u.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(CROSS_ENTROPY(u, y).sum(), u)
    g = weights(u.detach()) - one_hot(y, u)
    at_most((gradient - g).abs(), 0.0, 1.0, "Lemma 3, the gradient")
    t = (g * (1 - one_hot(y, g))).sum(1)
    for alpha, constant in constants.items():
        at_most(torch.linalg.vector_norm(g, DUAL[alpha], dim=1), constant * t, 1.0, f"Lemma 3, dual norm, {alpha}")


def lemma_3(d: Draw, constants: dict[str, float] = C1) -> None:
    u, v, y = pairs(d)
    change = (CROSS_ENTROPY(u, y) - CROSS_ENTROPY(v, y)).abs()
    for alpha, constant in constants.items():
        at_most(change, constant * torch.linalg.vector_norm(u - v, ORDERS[alpha], dim=1), d.size, f"Lemma 3, {alpha}")


# Lemma 2


def rows_of_lemma_2(d: Draw, length: Callable[[Tensor], Tensor] = lambda weight: weight.norm(dim=1)) -> None:
    inner, lengths = (d.moves @ d.weight.T).abs(), d.moves.norm(dim=2, keepdim=True)
    at_most(inner, lengths * length(d.weight), d.size, "Lemma 2, a row")


def lemma_2(d: Draw, norm: Callable[..., float] = statements.head_norm) -> None:
    for alpha, order in ORDERS.items():
        moved = torch.linalg.vector_norm(d.moves @ d.weight.T, order, dim=2)
        size = d.size * len(d.weight)  # a sum over the rows
        at_most(moved, norm(d.weight, alpha) * d.moves.norm(dim=2), size, f"Lemma 2, {alpha}")


def lemma_2_is_attained(d: Draw, norm: Callable[..., float] = statements.head_norm) -> None:
    """The constants for l2 and linf are the smallest: no larger than what the worst direction needs."""
    along = {"linf": unit(d.weight[d.weight.norm(dim=1).argmax()]), "l2": torch.linalg.svd(d.weight).Vh[0]}
    for alpha, v in along.items():
        needed = torch.linalg.vector_norm(d.weight @ v, ORDERS[alpha])[None]
        at_most(norm(d.weight, alpha) - needed, 0.0, d.size, f"Lemma 2, {alpha} is attained")


def frobenius(d: Draw, spectral: Callable[..., float] = statements.head_norm) -> None:
    """Spectral <= Frobenius <= sqrt(rank) spectral, so they are equal for rank one."""
    small, large = torch.tensor([spectral(d.weight, "l2")], dtype=d.weight.dtype), d.weight.norm()
    at_most(small, large, d.size, "Lemma 2, spectral <= Frobenius")
    at_most(large[None], min(d.weight.shape) ** 0.5 * small, d.size, "Lemma 2, Frobenius <= sqrt(rank) spectral")
    moved = (d.moves @ d.weight.T).norm(dim=2)
    at_most(moved, large * d.moves.norm(dim=2), d.size, "Lemma 2 with the Frobenius norm")


# Lemma 1 and the chain of Theorem 1


def lemma_1(
    d: Draw,
    constants: dict[str, float] = C1,
    norm: Callable[..., float] = statements.head_norm,
    over: Callable[[Tensor], Tensor] = lambda shifts: shifts.amax(0),
) -> None:
    """Per perturbation, then over the adversary's choice, then on average."""
    u, v, y = pairs(d)
    clean, adversarial = (CROSS_ENTROPY(x, y).view(len(d.reach), POINTS) for x in (v, u))
    gaps, lengths = adversarial - clean, d.moves.norm(dim=2)
    shifts, worst = over(lengths), gaps.amax(0)
    size = 2 * d.size * len(d.weight)
    at_most(-worst, 0.0, size, "T >= 0, since 0 is allowed")
    for alpha, c1 in constants.items():
        factor = c1 * norm(d.weight, alpha)
        moved = torch.linalg.vector_norm(d.moves @ d.weight.T, ORDERS[alpha], dim=2)
        at_most(gaps, c1 * moved, size, f"Lemma 1, the loss, {alpha}")
        at_most(c1 * moved, factor * lengths, size, f"Lemma 1, the head, {alpha}")
        at_most(factor * lengths, factor * shifts, size, f"Lemma 1, the supremum, {alpha}")
        at_most(worst, factor * shifts, size, f"Lemma 1 at a point, {alpha}")
        lhs = statements.loss_gap_lhs(clean[0], adversarial.amax(0), c1, factor / c1)
        score = statements.as_score(shifts)
        at_most(torch.tensor([lhs - score], dtype=u.dtype), 0.0, size / factor if factor else 1.0, f"Lemma 1, {alpha}")


def cut_loss(d: Draw, cut: Callable[[Tensor], Tensor] = lambda loss: loss.clamp(max=3.0)) -> None:
    """min(l, C_2): between 0 and C_2 on both sides, so 0 <= T <= C_2; and never a larger difference than l's."""
    u, v, y = pairs(d)
    after, before = CROSS_ENTROPY(u, y), CROSS_ENTROPY(v, y)
    gap = (cut(after) - cut(before)).view(len(d.reach), POINTS).amax(0)
    at_most(gap, 3.0, 3.0, "T <= C_2")
    at_most(-gap, 0.0, 3.0, "T >= 0")
    at_most((cut(after) - cut(before)).abs(), (after - before).abs(), d.size, "the cut keeps the constant")


# Theorem 2


def logit_gaps(d: Draw) -> tuple[Tensor, Tensor, Tensor]:
    """The predicted class, f_y - f_j at everything reached, and <W_y - W_j, move>."""
    y = d.logits[0].argmax(1)
    gaps = d.logits.gather(2, y.expand(len(d.reach), -1)[..., None]) - d.logits
    return y, gaps, torch.einsum("kir,ijr->kij", d.moves, d.weight[y][:, None] - d.weight)


def difference_of_logits(d: Draw, factor: float = 1.0) -> None:
    """f(x + d)_y - f(x + d)_j = f(x)_y - f(x)_j + <W_y - W_j, move>: the bias cancels."""
    _, gaps, inner = logit_gaps(d)
    at_most((gaps - gaps[0] - factor * inner).abs(), 0.0, 4 * d.size, "Theorem 2, the identity")


def cauchy_schwarz(d: Draw, distances: Callable[[Tensor], Tensor] = statements.row_distances) -> None:
    y, _, inner = logit_gaps(d)
    distance, lengths = distances(d.weight)[y], d.moves.norm(dim=2)
    at_most(-inner, distance * lengths[..., None], 4 * d.size, "Theorem 2, Cauchy-Schwarz")
    at_most(-inner, distance * lengths.amax(0)[:, None], 4 * d.size, "Theorem 2, the supremum")


def theorem_2(
    d: Draw,
    ratio: Callable[..., Tensor] = statements.margin_ratio,
    criterion: Callable[..., Tensor] = statements.criterion,
    over: Callable[[Tensor], Tensor] = lambda shifts: shifts.amax(0),
) -> None:
    """Where the criterion holds, no class reaches the logit of the predicted one, at anything within reach."""
    y, gaps, _ = logit_gaps(d)
    gaps = gaps.scatter(2, y.expand(len(d.reach), -1)[..., None], math.inf)
    shifts, m = over(d.moves.norm(dim=2)), ratio(d.logits[0], d.weight)
    overtaken = -gaps.amin(2)[:, criterion(shifts, m)]
    if overtaken.numel():
        at_most(overtaken, 0.0, 4 * d.size, "Theorem 2")
    # At ties nothing is rounded but the ratio, so there the inequality must be strict.
    if d.reach.frac().abs().sum() == 0 and d.weight.frac().abs().sum() == 0:
        assert (gaps[:, criterion(shifts, m * (1 - 1e-9))] > 0).all(), "Theorem 2: a tie counts as robust"


def runner_up_only(logits: Tensor, weight: Tensor) -> Tensor:
    """A margin ratio that looks at one class alone, the runner-up: wrong with more than two classes."""
    if logits.shape[1] == 1:
        return torch.full_like(logits[:, 0], math.inf)
    values, classes = logits.topk(2, dim=1)
    return (values[:, 0] - values[:, 1]) / statements.row_distances(weight)[classes[:, 0], classes[:, 1]]


def without_the_other_row(logits: Tensor, weight: Tensor) -> Tensor:
    """||W_y|| in place of ||W_y - W_j||."""
    top, second = logits.topk(2, dim=1).values.T if logits.shape[1] > 1 else logits.expand(-1, 2).T
    return (top - second) / weight[logits.argmax(1)].norm(dim=1)


# Slack: the chain link by link, and the criterion with direction


@cache
def sharper_with(plant: tuple[str, str]) -> ModuleType:
    return planted(sharper, *plant) if plant[0] else sharper


def found(d: Draw) -> tuple[Tensor, Tensor, Tensor]:
    """In float64 the clean features, and those with the largest shift and with the largest loss, as pages hold them."""
    u, _, y = pairs(d)
    rows, reach = torch.arange(POINTS), d.reach.double()
    by_shift, by_loss = d.moves.norm(dim=2), CROSS_ENTROPY(u, y).view(len(d.reach), POINTS)
    furthest, moved = (reach[values.argmax(0), rows] for values in (by_shift, by_loss))
    return reach[0], furthest, moved


def slack_chain(d: Draw, plant: tuple[str, str] = ("", "")) -> None:
    z, furthest, moved = found(d)
    values = sharper_with(plant).chain(z, moved, furthest, d.weight.double(), d.bias.double(), d.labels)
    for link in range(5):
        at_most(values[:, link], values[:, link + 1], 4 * d.size, f"link ({link + 1})")


def directional(d: Draw, plant: tuple[str, str] = ("", "")) -> None:
    """0 <= D <= S, and D < m keeps the prediction: between Theorem 2 and robustness."""
    weight, reach, (z, *others) = d.weight.double(), d.reach.double(), found(d)
    along, changed = sharper_with(plant).directional_shift(z, torch.stack(others), weight, d.bias.double())
    shifts = (reach - reach[0]).norm(dim=2).amax(0)
    m = statements.margin_ratio(reach[0] @ weight.T + d.bias.double(), weight)
    at_most(-along, 0.0, 1.0, "D >= 0")
    apart = statements.row_distances(weight)
    smallest = float(apart[apart > 0].min()) if (apart > 0).any() else 1.0
    at_most(along, shifts, 4 * d.size / smallest, "D <= S")
    assert not ((along < m * (1 - 1e-9)) & changed).any(), "D < m, and the prediction changes"


CHECKS = (
    jensen,
    gradient_of_cross_entropy,
    lemma_3,
    rows_of_lemma_2,
    lemma_2,
    lemma_2_is_attained,
    frobenius,
    lemma_1,
    cut_loss,
    difference_of_logits,
    cauchy_schwarz,
    theorem_2,
    slack_chain,
    directional,
)


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_step(check: Callable[..., None], regime: str) -> None:
    for d in draws(regime):
        check(d)


def smaller(constants: dict[str, float], alpha: str, factor: float = 0.95) -> dict[str, float]:
    return constants | {alpha: factor * constants[alpha]}


def wrong_norm(alpha: str, wrong: Callable[[Tensor], Tensor]) -> Callable[..., float]:
    return lambda weight, a="linf": float(wrong(weight)) if a == alpha else statements.head_norm(weight, a)


def longest_mean(weight: Tensor) -> Tensor:
    return weight.norm(dim=1).mean()


PLANTED: dict[str, tuple[Callable[..., None], Any]] = {
    "jensen, weights all equal": (jensen, {"weights": lambda u: torch.full_like(u, 1 / u.shape[1])}),
    "jensen, slope too small": (jensen, {"factor": 0.95}),
    "gradient, e_y missing a factor": (gradient_of_cross_entropy, {"weights": lambda u: u.softmax(1) / 2}),
    **{
        f"{check.__name__}, {alpha}": (check, {"constants": smaller(C1, alpha)})
        for check in (gradient_of_cross_entropy, lemma_3)
        for alpha in ORDERS
    },
    "a row, mean length": (rows_of_lemma_2, {"length": longest_mean}),
    "lemma 2, l1, largest row": (lemma_2, {"norm": wrong_norm("l1", lambda w: w.norm(dim=1).max())}),
    "lemma 2, l2, too small": (lemma_2, {"norm": wrong_norm("l2", lambda w: 0.95 * torch.linalg.matrix_norm(w, 2))}),
    "lemma 2, linf, mean row": (lemma_2, {"norm": wrong_norm("linf", longest_mean)}),
    "lemma 2, l2, Frobenius is not attained": (
        lemma_2_is_attained,
        {"norm": wrong_norm("l2", torch.linalg.matrix_norm)},
    ),
    "lemma 2, linf, twice the row": (
        lemma_2_is_attained,
        {"norm": wrong_norm("linf", lambda w: 2 * w.norm(dim=1).max())},
    ),
    "Frobenius, spectral too large": (frobenius, {"spectral": lambda w, a: 1.05 * statements.head_norm(w, a)}),
    "Frobenius, spectral too small": (frobenius, {"spectral": lambda w, a: 0.95 * statements.head_norm(w, a)}),
    "lemma 1, C_1 = 1 in linf": (lemma_1, {"constants": C1 | {"linf": 1.0}}),
    "lemma 1, mean row": (lemma_1, {"norm": wrong_norm("linf", longest_mean)}),
    "lemma 1, mean shift for the largest": (lemma_1, {"over": lambda shifts: shifts.mean(0)}),
    "cut, not at all": (cut_loss, {"cut": lambda loss: loss}),
    "cut, twice as steep": (cut_loss, {"cut": lambda loss: (2 * loss).clamp(max=3.0)}),
    "identity, missing factor": (difference_of_logits, {"factor": 0.5}),
    "cauchy-schwarz, mean distance": (
        cauchy_schwarz,
        {"distances": lambda w: 0 * statements.row_distances(w) + statements.row_distances(w).mean()},
    ),
    "cauchy-schwarz, one row alone": (
        cauchy_schwarz,
        {"distances": lambda w: w.norm(dim=1)[:, None].expand(-1, len(w))},
    ),
    "theorem 2, ratio 5% too large": (theorem_2, {"ratio": lambda *a: 1.05 * statements.margin_ratio(*a)}),
    "theorem 2, runner-up alone": (theorem_2, {"ratio": runner_up_only}),
    "theorem 2, one row alone": (theorem_2, {"ratio": without_the_other_row}),
    "theorem 2, mean shift": (theorem_2, {"over": lambda shifts: shifts.mean(0)}),
    "theorem 2, ties count": (theorem_2, {"criterion": lambda shifts, m: shifts <= m}),
    "chain (1), tangent at the wrong end": (slack_chain, ("after.softmax(1)", "before.softmax(1)")),
    "chain (2), largest entry for the length": (
        slack_chain,
        ("(gradient @ weight).norm(dim=1)", "(gradient @ weight).abs().amax(1)"),
    ),
    "chain (3), mean for the largest": (
        slack_chain,
        ("statements.row_distances(weight).amax(1)", "statements.row_distances(weight).mean(1)"),
    ),
    "chain (4), missing factor 2": (
        slack_chain,
        ("row = 2 * statements.head_norm(weight)", "row = statements.head_norm(weight)"),
    ),
    "chain (5), the other attack's mean": (
        slack_chain,
        ("row * statements.shift(z, furthest)", "row * statements.shift(z, furthest).mean().expand(len(z))"),
    ),
    "directional, mean for the largest": (directional, ("towards.amax((0, 2))", "towards.mean((0, 2))")),
    "directional, wrong factor": (directional, ("own) / distances", "own) / (1.3 * distances)")),
    "directional, factor missing": (directional, ("own) / distances", "own)")),
}


def everywhere(check: Callable[..., None], **wrong: Any) -> None:
    for regime in REGIMES:
        for d in draws(regime):
            check(d, **wrong)


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_error_is_caught(name: str) -> None:
    check, wrong = PLANTED[name]
    with pytest.raises(AssertionError, match=r"exceeded|counts as robust|prediction changes"):
        everywhere(check, **(wrong if isinstance(wrong, dict) else {"plant": wrong}))


# Definition 1: the losses and the steepest directions of its chapter

OUTPUTS = ("plain", "ties", "zero", "huge", "wrong by far", "axes", "diagonals", "float32")
LOSS_NAMES = tuple(loss.name for loss in lipschitz_losses.losses(5))


def named(name: str, n_classes: int) -> Loss:
    (loss,) = (loss for loss in lipschitz_losses.losses(n_classes) if loss.name == name)
    return loss


def outputs(regime: str, name: str, n_classes: int, n: int = 400) -> tuple[Tensor, Tensor]:
    """Outputs and labels; for the squared norm the residuals are cut to length R."""
    generator = torch.Generator().manual_seed(n_classes)
    size = named(name, n_classes).outputs
    assert size is not None
    u = torch.randn(n, size, generator=generator, dtype=torch.float64)
    y = torch.randint(n_classes, (n,), generator=generator)
    target = lipschitz_losses.targets(u, y) if size == n_classes else y[:, None].double()
    if regime == "ties":
        u = u.round()
    elif regime == "zero":
        u = 0 * u
    elif regime == "huge":
        u = u * 10 ** (3 + torch.rand(n, 1, generator=generator, dtype=torch.float64))
    elif regime == "wrong by far":
        u = u - 30 * (target if size > 1 else lipschitz_losses.sign(y)[:, None])
    elif regime == "axes":
        u = target + 4 * torch.eye(size).double()[torch.randint(size, (n,), generator=generator)]
    elif regime == "diagonals":
        u = target + 4 * u.sign()
    if regime == "float32":
        u = u.float()
    return ball(name, u, y), y


def ball(name: str, u: Tensor, y: Tensor) -> Tensor:
    if name != "squared norm":
        return u
    target = lipschitz_losses.targets(u, y)
    return target + (u - target) * (lipschitz_losses.R / (u - target).norm(dim=1, keepdim=True)).clamp(max=1)


def gradient_at(loss: Callable[..., Tensor], u: Tensor, y: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(loss(u.requires_grad_(), y).sum(), u)
    u.requires_grad_(False)
    return gradient


def changes(name: str, alpha: Alpha, regime: str, n_classes: int, factor: float = 1.0) -> None:
    """|l(u) - l(v)| <= C_1 ||u - v||, along the steepest direction, at random, and across the whole draw."""
    loss = named(name, n_classes)
    constant = factor * loss.lipschitz[alpha]
    u, y = outputs(regime, name, n_classes)
    down = lipschitz.steepest(gradient_at(loss, u, y), alpha)
    for v in (u - 0.1 * down, u + 0.1 * down, u + u.roll(1, 0), u.flip(1) / 2):
        v = ball(name, v.to(u.dtype), y)
        values = loss(u, y), loss(v, y)
        distance = torch.linalg.vector_norm(u - v, ORDERS[alpha], dim=1)
        size = float(max(x.abs().max() for x in (u, v, *values))) + 1
        at_most((values[0] - values[1]).abs(), constant * distance, size * max(1, constant), f"{name}, {alpha}")


def read_off_the_gradient(
    name: str, alpha: Alpha, regime: str, n_classes: int, factor: float = 1.0, dual: bool = True
) -> None:
    """The steps of the proposition: a convex loss lies above its tangents; Hoelder; the steepest step attains it."""
    loss = named(name, n_classes)
    u, y = outputs(regime, name, n_classes)
    g = factor * gradient_at(loss, u, y)
    v = u + torch.tensor([1.0, 0.01])[torch.arange(len(u)) % 2, None] * (u.roll(1, 0) - u)
    size = float(max(u.abs().max(), 1) * max(g.abs().max(), 1, loss(v, y).abs().max())) * n_classes
    at_most(loss(u, y) + (g * (v - u)).sum(1), loss(v, y), size, f"{name}, the tangent")
    norm = torch.linalg.vector_norm(g, (DUAL if dual else ORDERS)[alpha], dim=1)
    at_most(
        (g * (v - u)).sum(1).abs(),
        norm * torch.linalg.vector_norm(v - u, ORDERS[alpha], dim=1),
        size,
        f"{name}, Hoelder",
    )
    at_most((norm - (g * lipschitz.steepest(g, alpha)).sum(1)).abs(), 0.0, size, f"{name}, the dual norm is attained")


def of_every_output(
    check: Callable[..., None], name: str, norms: Iterable[str] = ORDERS, n_classes: int = 5, **wrong: Any
) -> None:
    for regime in OUTPUTS:
        for alpha in norms:
            check(name, alpha, regime, n_classes, **wrong)


@pytest.mark.parametrize("name", LOSS_NAMES)
@pytest.mark.parametrize("n_classes", [1, 2, 5])
def test_definition_1(name: str, n_classes: int) -> None:
    of_every_output(changes, name, n_classes=n_classes)
    of_every_output(read_off_the_gradient, name, n_classes=n_classes)


@pytest.mark.parametrize("alpha", ORDERS)
@pytest.mark.parametrize("name", LOSS_NAMES)
def test_a_wrong_constant_of_a_loss_is_caught(name: str, alpha: str) -> None:
    with pytest.raises(AssertionError, match="exceeded"):
        of_every_output(changes, name, (alpha,), factor=0.95)


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_a_wrong_gradient_is_caught(name: str) -> None:
    with pytest.raises(AssertionError, match="the tangent: exceeded"):
        of_every_output(read_off_the_gradient, name, factor=1.1)


@pytest.mark.parametrize("name", [name for name in LOSS_NAMES if named(name, 5).outputs == 5])
def test_a_norm_that_is_not_the_dual_is_caught(name: str) -> None:
    with pytest.raises(AssertionError, match=r"(Hoelder|attained): exceeded"):
        of_every_output(read_off_the_gradient, name, dual=False)


# The steps with probability in them


def hoeffding_exactly(exponent: float = 2.0) -> None:
    """P(mean - p >= t) <= exp(-2 n t^2) for coins, from the binomial distribution: no simulation."""
    for p in (0.01, 0.1, 0.5, 0.9, 0.99):
        for n in (1, 2, 10, 100, 2000):
            for k in range(math.floor(n * p) + 1, n + 1, max(1, n // 100)):
                t = k / n - p
                assert binom.logsf(k - 1, n, p) <= -exponent * n * t**2 + 1e-9, (
                    f"exceeded for p = {p}, n = {n}, k = {k}"
                )


def the_term_of_theorem_1(term: Callable[..., float] = statements.hoeffding, c2: float = 7.0) -> None:
    """The deviation is exceeded with probability at most rho: coins with values 0 and C_2, one side and two."""
    for p in (0.02, 0.3, 0.5):
        for n in (5, 50, 500):
            for rho in (0.01, 0.05, 0.5):
                for sides in (1, 2):
                    distance = n * term(c2, n, rho, sides) / c2
                    low = float(binom.cdf(math.ceil(n * p - distance - 1e-9) - 1, n, p))
                    high = float(binom.sf(math.floor(n * p + distance + 1e-9), n, p)) if sides == 2 else 0.0
                    assert low + high <= rho, f"exceeded with probability {low + high:.3f}, not {rho}"


def samples(kind: str, n: int, repeats: int) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Sorted samples of a shift in [0, 1], and its distribution function."""
    u = torch.rand(repeats, n, generator=torch.Generator().manual_seed(n), dtype=torch.float64)
    if kind == "ties":
        return ((4 * u).floor() / 3).sort(1).values, lambda s: ((3 * s).round() + 1) / 4
    if kind == "coin":
        return u.round().sort(1).values, lambda s: (1 + s) / 2
    return u.sort(1).values, lambda s: s


def ahead(s: Tensor, distribution: Callable[[Tensor], Tensor]) -> Tensor:
    """sup (F_n - F), which is attained at an observation; the last of several equal ones counts."""
    return (torch.arange(1, s.shape[1] + 1, dtype=s.dtype) / s.shape[1] - distribution(s)).amax(1).clamp(min=0)


def few(misses: Tensor, rho: float, what: str) -> None:
    share, n = misses.double().mean().item(), len(misses)
    assert share <= rho + 4 * math.sqrt(rho * (1 - rho) / n), (
        f"{what}: exceeded in {share:.3f} of {n} samples, not {rho}"
    )


def dkw(factor: float = 1.0) -> None:
    for kind in ("uniform", "ties", "coin"):
        for n, repeats in ((1, 20_000), (5, 20_000), (200, 10_000)):
            found = ahead(*samples(kind, n, repeats))
            for rho in (0.05, 0.5):
                few(found > factor * math.sqrt(math.log(1 / rho) / (2 * n)) + 1e-12, rho, "DKW")


def from_tails_to_means(factor: float = 1.0, c2: float = 3.0) -> None:
    """E min(C_2, lambda S) - mean min(C_2, lambda S_i) <= C_2 sup(F_n - F) in each sample, for all lambda."""
    for kind, values in (("ties", (0, 1 / 3, 2 / 3, 1)), ("coin", (0, 1))):
        for n in (1, 5, 50):
            s, distribution = samples(kind, n, 500)
            for scale in (0.0, 0.3, 2.0, 9.0, 1e4):
                expected = (scale * torch.tensor(values, dtype=torch.float64)).clamp(max=c2).mean()
                mean = (scale * s).clamp(max=c2).mean(1)
                at_most(expected - mean, factor * c2 * ahead(s, distribution), 10 * c2, "the integral of the tails")


def theorem_1_and_all_heads(
    two: float = 1.0, one: float = 1.0, truncate: float = 1.0, c2: float = 3.0, rho: float = 0.05
) -> None:
    """Coverage where the gap attains the first term: Theorem 1 for one head, the other bound for the worst of many."""
    n, repeats, scales = 50, 1500, (0.3, 2.0, c2, 1e4)
    for kind, values in (("ties", (0, 1 / 3, 2 / 3, 1)), ("coin", (0, 1))):
        s, _ = samples(kind, n, repeats)
        expected = {scale: (scale * torch.tensor(values, dtype=torch.float64)).clamp(max=c2).mean() for scale in scales}
        extra, single = (x * statements.hoeffding(c2, n, rho, sides) for x, sides in ((two - 1, 2), (one - 1, 1)))
        fixed = [expected[c2] > statements.loss_gap_bound(row, c2, c2, rho) + extra for row in s]
        every = [
            any(expected[a] > truncate * statements.uniform_loss_gap_bound(row, a, c2, rho) + single for a in scales)
            for row in s
        ]
        few(torch.tensor(fixed), rho, "Theorem 1")
        few(torch.tensor(every), rho, "all heads")
        for a in scales:
            assert statements.uniform_loss_gap_bound(s[0], a, c2, rho) < statements.loss_gap_bound(s[0], a, c2, rho)


PROBABILITY: dict[str, tuple[Callable[..., None], dict[str, Any]]] = {
    "Hoeffding, wrong exponent": (hoeffding_exactly, {"exponent": 2.2}),
    "Hoeffding's term, too small": (the_term_of_theorem_1, {"term": lambda *a: statements.hoeffding(*a) / 1.5}),
    "Hoeffding's term, C_2 missing": (the_term_of_theorem_1, {"term": lambda c2, *a: statements.hoeffding(1.0, *a)}),
    "DKW, too small": (dkw, {"factor": 0.93}),
    "tails, half of C_2": (from_tails_to_means, {"factor": 0.5}),
    "Theorem 1, half its term": (theorem_1_and_all_heads, {"two": 0.5}),
    "all heads, half its term": (theorem_1_and_all_heads, {"one": 0.5}),
    "all heads, mean too small": (theorem_1_and_all_heads, {"truncate": 0.8}),
}


@pytest.mark.parametrize(
    "check", [hoeffding_exactly, the_term_of_theorem_1, dkw, from_tails_to_means, theorem_1_and_all_heads]
)
def test_a_step_with_probability(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize("name", PROBABILITY)
def test_a_planted_error_in_a_probability_is_caught(name: str) -> None:
    check, wrong = PROBABILITY[name]
    with pytest.raises(AssertionError, match="exceeded"):
        check(**wrong)
