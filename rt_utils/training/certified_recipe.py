"""How `embedded/certified` is trained: under interval bounds, on Theorem 2's own margin.

Interval bounds say how far the features can move at most; the worst case that the loss sees is a head's worst case
over what they allow. So nothing is attacked while it trains, and what it learns is to be certified.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from rt_utils.images.drawn import letters
from rt_utils.models.intervals import interval
from rt_utils.models.networks.certified_network import CertifiedNetwork
from rt_utils.theory.perturbations import Images
from rt_utils.theory.worst_case import largest_move, merged_gaps, theorem_2_gaps
from rt_utils.training.recipe import Training


@dataclass(frozen=True)
class CertifiedTraining(Training):
    """Everything that decides an encoder of the letters that is trained to be certified.

    The loss is kappa CE(clean) + (1 - kappa) CE(worst case), and the worst case is `merged` parts merged gaps, the rest
    Theorem 2's with S = ||v||_2. eps grows from 0, kappa falls from 1, over the steps from `clean` to `clean + growth`.
    """

    max_lr: float = 1.5e-3
    network: str = "CertifiedNetwork"
    kappa: float = 0.25  # the clean loss's share at the end
    merged: float = 0.3
    clean: float = 0.08  # share of the steps before eps grows
    growth: float = 0.55  # share of the steps over which it grows
    rate_warmup: int = 200  # steps
    rate_falls: float = 0.6  # share of the steps after which the rate falls to 0, by a cosine
    gradient_norm: float = 5.0  # of the encoder, at most
    averaged: float = 0.15  # share of the steps

    def grown(self, step: int, steps: int) -> float:
        """How far eps has grown, from 0 to 1."""
        return min(1.0, max(0.0, (step / steps - self.clean) / self.growth))

    def parts(self) -> tuple[nn.Module, nn.Linear, Tensor, Tensor]:
        encoder = CertifiedNetwork()
        encoder.start_small()
        head = nn.Linear(encoder.width, len(letters.CLASSES))
        images, labels = letters.draw_many(self.images, seed=self.seed, stream=0)
        return encoder, head, torch.from_numpy(images), torch.from_numpy(labels)

    def loss(
        self, model: nn.Sequential, x: Images, y: Tensor, step: int, steps: int, generator: torch.Generator
    ) -> Tensor:
        encoder, head = model
        assert isinstance(head, nn.Linear)
        z = encoder(x)
        logits, grown = head(z), self.grown(step, steps)
        clean = cross_entropy(logits, y)
        if grown == 0:
            return clean
        eps, kappa = grown * self.threat.eps, 1 - grown * (1 - self.kappa)
        lower, upper = interval(encoder, (x - eps).clamp(0, 1), (x + eps).clamp(0, 1))
        theorem = theorem_2_gaps(logits, head.weight, y, largest_move(z, lower, upper).norm(dim=1))
        merged = merged_gaps(lower, upper, head.weight, head.bias, y)
        worst = (1 - self.merged) * cross_entropy(theorem, y) + self.merged * cross_entropy(merged, y)
        return kappa * clean + (1 - kappa) * worst

    def optimiser(self, model: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(model.parameters(), self.max_lr)

    def schedule(self, optimiser: torch.optim.Optimizer, steps: int) -> LRScheduler:
        """Up over the first steps, then constant, then down to 0 by a cosine."""

        def share(step: int) -> float:
            fall = max(0.0, (step / steps - self.rate_falls) / (1 - self.rate_falls))
            return min(1.0, (step + 1) / self.rate_warmup) * (1 + math.cos(math.pi * min(1.0, fall))) / 2

        return LambdaLR(optimiser, share)

    def limit_gradient(self, model: nn.Sequential) -> None:
        nn.utils.clip_grad_norm_(model[0].parameters(), self.gradient_norm)

    def average_from(self, steps: int) -> int:
        return round((1 - self.averaged) * steps)
