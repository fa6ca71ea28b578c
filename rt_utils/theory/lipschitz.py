"""How fast losses and heads change, and a search for the draws that need the largest Lipschitz constants."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from rt_utils.theory import statements
from rt_utils.theory.losses import CROSS_ENTROPY
from rt_utils.theory.statements import Alpha

Function = Callable[[Float[Tensor, "n c"], Int64[Tensor, " n"]], Float[Tensor, " n"]]
ORDERS: dict[Alpha, float] = {"l1": 1, "l2": 2, "linf": math.inf}


def steepest(gradient: Float[Tensor, "n c"], alpha: Alpha) -> Float[Tensor, "n c"]:
    """The direction d with ||d||_alpha = 1 in which a function with this gradient rises fastest; 0 for a gradient of 0.

    There <gradient, d> is the dual norm of the gradient.
    """
    if alpha == "l1":
        largest = gradient.abs().argmax(1)
        return torch.nn.functional.one_hot(largest, gradient.shape[1]) * gradient.sign()
    if alpha == "l2":
        return gradient / gradient.norm(dim=1, keepdim=True).clamp(min=1e-30)
    return gradient.sign()


def fastest_change(
    loss: Function,
    u: Float[Tensor, "n c"],
    step: Float[Tensor, "n c"],
    labels: Int64[Tensor, " n"],
    alpha: Alpha,
) -> float:
    """The largest |l(u + step, y) - l(u, y)| / ||step||_alpha: by Definition 1 at most C_1. No step counts 0."""
    change = (loss(u + step, labels) - loss(u, labels)).abs()
    length = torch.linalg.vector_norm(step, ORDERS[alpha], dim=1)
    return float((change / length.clamp(min=1e-30)).max())


def longest_move(weight: Float[Tensor, "c r"], moves: Float[Tensor, "n r"], alpha: Alpha) -> float:
    """The largest ||W v||_alpha / ||v||_2 over the given v: by Lemma 2 at most L_alpha(W). The v are not 0."""
    moved = torch.linalg.vector_norm(moves @ weight.T, ORDERS[alpha], dim=1)
    return float((moved / moves.norm(dim=1)).max())


def _normal(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def steep_steps(
    n_classes: int, generator: torch.Generator
) -> tuple[Float[Tensor, "64 c"], Float[Tensor, "64 c"], Int64[Tensor, "64"]]:
    """Logits, steps and labels: half of them with the true class far behind, a quarter along the steepest direction."""
    scales = _normal(generator, 64, n_classes), 10 ** (2 * torch.rand(64, 1, generator=generator) - 1)
    u = scales[0] * scales[1]
    labels = torch.randint(n_classes, (64,), generator=generator)
    own = torch.nn.functional.one_hot(labels, n_classes)
    u[:32] -= 8 * own[:32]
    step = 0.01 * _normal(generator, 64, n_classes)
    step[:16] = 0.01 * (u[:16].argmax(1, keepdim=True) == torch.arange(n_classes)).double() - 0.01 * own[:16]
    return u, step, labels


def stretching_moves(n_classes: int, generator: torch.Generator) -> tuple[Float[Tensor, "c 5"], Float[Tensor, "n 5"]]:
    """A head, half the time with parallel rows, and directions: random ones, its rows, its singular vectors."""
    weight = _normal(generator, n_classes, 5)
    apart = float(torch.rand(1, generator=generator) < 0.5)
    weight[1:] = weight[:1] + apart * _normal(generator, n_classes - 1, 5)
    return weight, torch.cat([_normal(generator, 8, 5), weight, torch.linalg.svd(weight).Vh])


def worst_ratios(generator: torch.Generator, repeats: int = 300) -> dict[str, float]:
    """By lemma and norm, the largest left side over right side found.

    Above 1 the lemma would be wrong; far below 1 its constant would be too large.
    """
    worst = {f"{lemma}, {alpha}": 0.0 for lemma in ("Lemma 3", "Lemma 2") for alpha in ORDERS}
    for _ in range(repeats):
        n_classes = int(torch.randint(2, 9, (1,), generator=generator))
        u, step, labels = steep_steps(n_classes, generator)
        weight, moves = stretching_moves(n_classes, generator)
        for alpha, c1 in CROSS_ENTROPY.lipschitz.items():
            loss = fastest_change(CROSS_ENTROPY, u, step, labels, alpha) / c1
            head = longest_move(weight, moves, alpha) / statements.head_norm(weight, alpha)
            worst[f"Lemma 3, {alpha}"] = max(worst[f"Lemma 3, {alpha}"], loss)
            worst[f"Lemma 2, {alpha}"] = max(worst[f"Lemma 2, {alpha}"], head)
    return worst
