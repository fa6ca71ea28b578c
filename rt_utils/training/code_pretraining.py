"""One two-layer network on sparse codes, pretrained clean or against an adversary, on tasks or by contrast."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from rt_utils.evaluation.code_search import ascend
from rt_utils.evaluation.four_cases import rotation
from rt_utils.evaluation.sparse_codes import HIGH, LOW, NODES, D, Nodes, codes, purity, radii
from rt_utils.theory.purity import ACTIVATIONS

TASKS, BATCH, RATE = 8, 256, 0.02
Purities = dict[int, Float[Tensor, " k"]]  # by step
Loss = Callable[[Tensor], Tensor]  # of a batch of inputs: the sum over them


@dataclass(frozen=True)
class Recipe:
    """A pretraining. The rest is of contrastive ones: the temperature of its softmax, the standard deviation of
    noise on every entry of both views, and whether the second view shows one active feature alone.

    rotated: the features are the columns of a random orthogonal matrix, and the optimiser sees no axis of theirs.
    """

    kind: str
    adversary: str
    activation: str = "soft"
    temperature: float = 0.2
    noise: float = 0.0
    one_feature: bool = False
    rotated: bool = False


def moments(steps: int) -> list[int]:
    """The steps of a pretraining at which the purities are looked at."""
    return sorted({0, steps // 15, steps // 5, steps})


def views(
    recipe: Recipe, s: Float[Tensor, "n 32"], draw: torch.Generator
) -> tuple[Float[Tensor, "n 32"], Float[Tensor, "n 32"]]:
    """Two views of codes: the code, and one with the same support and signs and fresh sizes."""
    other = s.sign() * (LOW + (HIGH - LOW) * torch.rand(s.shape, generator=draw))
    if recipe.one_feature:
        chosen = (torch.rand(s.shape, generator=draw) * (s != 0)).argmax(1, keepdim=True)
        other = torch.zeros_like(s).scatter(1, chosen, other.gather(1, chosen))
    if recipe.noise:
        s, other = (view + recipe.noise * torch.randn(s.shape, generator=draw) for view in (s, other))
    return s, other


def contrast(z: Float[Tensor, "*k n r"], other: Float[Tensor, "*k n r"], temperature: float) -> Tensor:
    """The sum of the cross-entropies of which of the other views belongs to each input, by cosine similarity."""
    first, second = (functional.normalize(view, dim=-1, eps=1e-6) for view in (z, other))
    similarities = (first @ second.mT / temperature).flatten(0, -2)
    own = torch.arange(z.shape[-2]).repeat(len(similarities) // z.shape[-2])
    return functional.cross_entropy(similarities, own, reduction="sum")


def pretrain_together(
    recipe: Recipe, *, eps: float, threshold: float, steps: int, seeds: Sequence[int]
) -> list[tuple[Nodes, Purities]]:
    """Fit all weights by Adam, against an adversary of three PGD steps or clean; the nodes, and purities on the way.

    One network for each seed, each from random numbers of its own. They are trained side by side, since operations on
    matrices this small cost nearly the same for several. eps in units of the code, of the l_2 adversary (`radii`). Of a
    contrastive pretraining the first view is attacked.
    """
    draws = [torch.Generator().manual_seed(seed) for seed in seeds]

    def normal(*shape: int) -> Tensor:
        return torch.stack([torch.randn(shape, generator=draw) for draw in draws])

    tasks = 1 if recipe.kind == "one task" else TASKS
    beta = 2 * normal(tasks, D) / D**0.5
    weight = nn.Parameter(normal(NODES, D) / D**0.5)
    head = nn.Parameter(normal(tasks, NODES) / NODES**0.5)
    contrastive = recipe.kind == "contrastive"
    optimiser = torch.optim.Adam([weight] if contrastive else [weight, head], RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    turn = torch.stack([rotation(seed) for seed in seeds]).to(weight.dtype) if recipe.rotated else None
    radius = radii(eps).get(recipe.adversary, 0.0)

    def content() -> Tensor:
        return weight if turn is None else weight @ turn

    def hidden(x: Tensor) -> Tensor:
        return ACTIVATIONS[recipe.activation](x @ content().mT, threshold)

    def objective() -> tuple[Tensor, Loss]:
        drawn = [codes(BATCH, draw) for draw in draws]
        if contrastive:
            pairs = [views(recipe, s, draw) for s, draw in zip(drawn, draws, strict=True)]
            s, other = (torch.stack(view) for view in zip(*pairs, strict=True))
            shown = hidden(other)  # the same at every step of the attack on the first view
            return s, lambda x: contrast(hidden(x), shown, recipe.temperature)
        s = torch.stack(drawn)
        targets = s @ beta.mT
        return s, lambda x: (hidden(x) @ head.mT - targets).square().sum()

    def purities() -> list[Tensor]:
        return [purity(own) for own in content().detach()]

    seen = {0: purities()}
    for step in range(1, steps + 1):
        s, loss = objective()
        x = s
        if radius:
            start = 1e-3 * normal(*s.shape[1:])
            x = s + ascend(lambda inputs, _, loss=loss: loss(inputs), s, start, recipe.adversary, radius, [0.7] * 3)  # type: ignore[misc]
        optimiser.zero_grad()
        (loss(x) / BATCH).backward()
        optimiser.step()
        schedule.step()
        if step in moments(steps):
            seen[step] = purities()
    return [
        (Nodes(own, recipe.activation, threshold), {step: found[k] for step, found in seen.items()})
        for k, own in enumerate(content().detach())
    ]


def pretrain(recipe: Recipe, *, eps: float, threshold: float, steps: int, seed: int) -> tuple[Nodes, Purities]:
    """`pretrain_together` with one seed."""
    (found,) = pretrain_together(recipe, eps=eps, threshold=threshold, steps=steps, seeds=[seed])
    return found
