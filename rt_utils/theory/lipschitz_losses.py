"""The losses in use with their Lipschitz constants, and a search that comes close to each constant.

Outputs u of a predictor: logits, one score whose sign decides, or regressed values. Targets of the norms are unit
vectors e_y, those of Huber's and the quantile loss the number y, so that every loss takes labels.
"""

from dataclasses import replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from rt_utils.theory.lipschitz import Function, fastest_change, steepest
from rt_utils.theory.losses import CROSS_ENTROPY, Loss
from rt_utils.theory.statements import Alpha

R, KAPPA, TAU = 3.0, 1.5, 0.8  # the largest residual of the squared norm; Huber's bend; the quantile
Outputs = Float[Tensor, "n c"]
Labels = Int64[Tensor, " n"]
PerPoint = Float[Tensor, " n"]


def targets(u: Outputs, y: Labels) -> Outputs:
    """The unit vectors e_y, of the outputs' shape and type."""
    return torch.nn.functional.one_hot(y, u.shape[1]).to(u.dtype)


def crammer_singer(u: Outputs, y: Labels) -> PerPoint:
    """max(0, 1 + max_{j != y} u_j - u_y)."""
    others = u.scatter(1, y[:, None], -torch.inf).amax(1)
    return (1 + others - u.gather(1, y[:, None])[:, 0]).clamp(min=0)


def weston_watkins(u: Outputs, y: Labels) -> PerPoint:
    """sum_{j != y} max(0, 1 + u_j - u_y)."""
    return (1 + u - u.gather(1, y[:, None])).clamp(min=0).scatter(1, y[:, None], 0.0).sum(1)


def sign(y: Labels) -> Float[Tensor, " n"]:
    """The class of one score: +1 for odd labels, -1 for even ones."""
    return 2.0 * (y % 2) - 1


def logistic(u: Float[Tensor, "n 1"], y: Labels) -> PerPoint:
    """log(1 + e^(-yu)) for one score."""
    return torch.nn.functional.softplus(-sign(y) * u[:, 0])


def hinge(u: Float[Tensor, "n 1"], y: Labels) -> PerPoint:
    """max(0, 1 - yu) for one score."""
    return (1 - sign(y) * u[:, 0]).clamp(min=0)


def norm(u: Outputs, y: Labels) -> PerPoint:
    """||u - e_y||_2."""
    return (u - targets(u, y)).norm(dim=1)


def squared_norm(u: Outputs, y: Labels) -> PerPoint:
    """||u - e_y||_2^2: 2R-Lipschitz in l_2 on the domains Z_y = {||u - e_y||_2 <= R}, one for each label."""
    return (u - targets(u, y)).square().sum(1)


def huber(u: Float[Tensor, "n 1"], y: Tensor) -> PerPoint:
    """xi^2 / 2 for |xi| <= kappa, else kappa |xi| - kappa^2 / 2, of one residual xi = u - y."""
    return torch.nn.functional.huber_loss(u[:, 0], y.to(u.dtype), delta=KAPPA, reduction="none")


def quantile(u: Float[Tensor, "n 1"], y: Tensor) -> PerPoint:
    """max(-tau xi, (1 - tau) xi) of one residual xi = u - y."""
    return torch.maximum(TAU * (y - u[:, 0]), (1 - TAU) * (u[:, 0] - y))


def losses(n_classes: int) -> list[Loss]:
    """Every loss with its constants in l_1, l_2 and l_inf, for c classes or regressed values."""
    c, root2, wide = n_classes, 2**0.5, n_classes**0.5

    def loss(name: str, function: Function, outputs: int, l1: float, l2: float, linf: float) -> Loss:
        return Loss(name, function, {"l1": l1, "l2": l2, "linf": linf}, outputs)

    return [
        replace(CROSS_ENTROPY, outputs=c),
        loss("Crammer–Singer hinge", crammer_singer, c, 1, root2, 2),
        loss("Weston–Watkins hinge", weston_watkins, c, c - 1, (c * (c - 1)) ** 0.5, 2 * (c - 1)),
        loss("logistic", logistic, 1, 1, 1, 1),
        loss("hinge", hinge, 1, 1, 1, 1),
        loss("norm", norm, c, 1, 1, wide),
        loss("squared norm", squared_norm, c, 2 * R, 2 * R, 2 * R * wide),
        loss("Huber", huber, 1, KAPPA, KAPPA, KAPPA),
        loss("quantile", quantile, 1, *(max(TAU, 1 - TAU),) * 3),
    ]


def _drawn(
    loss: Loss, n: int, n_classes: int, generator: torch.Generator, largest: float | None
) -> tuple[Outputs, Labels]:
    """Outputs on several scales, half of them with entries of equal size, and labels.

    For the norms that holds of the residuals, and every fourth of these lies along an axis, where in l_1 a norm changes
    fastest, however many outputs there are; those of the squared norm end at length `largest`.
    """
    u = torch.randn(n, loss.outputs or n_classes, generator=generator, dtype=torch.float64)
    u[::2] = u[::2].sign()
    u *= 10 ** (3 * torch.rand(n, 1, generator=generator, dtype=torch.float64) - 1)
    y = torch.randint(n_classes, (n,), generator=generator)
    if loss.function in (norm, squared_norm):
        u[1::4] *= torch.nn.functional.one_hot(u[1::4].abs().argmax(1), u.shape[1])
    if loss.function is squared_norm and largest is not None:
        u *= (largest / u.norm(dim=1, keepdim=True)).clamp(max=1)
    return u + targets(u, y) if loss.function in (norm, squared_norm) else u, y


def largest_ratio(
    loss: Loss, alpha: Alpha, n_classes: int, seed: int, *, bounded: bool = True, n: int = 20_000
) -> float:
    """The largest |l(u, y) - l(u', y)| / ||u - u'||_alpha found: by Definition 1 at most C_1.

    From each of n drawn outputs one short step in the direction in which the loss changes fastest. `bounded`: the
    squared norm's residuals stay within R, where alone it has a constant.
    """
    generator = torch.Generator().manual_seed(seed)
    room = 0.002 * R  # for the step, in l_2
    u, y = _drawn(loss, n, n_classes, generator, R - room if bounded else None)
    u.requires_grad_()
    (gradient,) = torch.autograd.grad(loss(u, y).sum(), u)
    with torch.no_grad():
        step = 1e-3 * steepest(gradient, alpha)
        step *= (room / step.norm(dim=1, keepdim=True)).clamp(max=1)
        return fastest_change(loss, u, step, y, alpha)
