"""Transfer methods. Here: the linear probe, a head fitted on features that were computed once."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn


@dataclass(frozen=True)
class ProbeSettings:
    """SGD with momentum 0.9 and a cosine schedule, as in the paper (there: 20 epochs, batch 128, lr 0.01)."""

    epochs: int = 60
    lr: float = 0.1
    batch: int = 128
    weight_decay: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Head:
    """A linear head in float64: logits = z W^T + b. The bias cancels in every difference the theorems use."""

    weight: Float[Tensor, "c r"]
    bias: Float[Tensor, " c"]

    def logits(self, z: Float[Tensor, "n r"]) -> Float[Tensor, "n c"]:
        return z.double() @ self.weight.T + self.bias

    def module(self) -> nn.Linear:
        """The same head as a frozen float32 layer, for attacks."""
        layer = nn.Linear(self.weight.shape[1], self.weight.shape[0])
        layer.load_state_dict({"weight": self.weight.float(), "bias": self.bias.float()})
        return layer.requires_grad_(False).eval()


def linear_probe(
    features: Float[Tensor, "n r"], labels: Int64[Tensor, " n"], n_classes: int, settings: ProbeSettings
) -> Head:
    """Fit a softmax regression on fixed features by SGD with momentum. The encoder is not touched, nor even seen."""
    generator = torch.Generator().manual_seed(settings.seed)
    layer = nn.Linear(features.shape[1], n_classes)
    nn.init.zeros_(layer.weight)  # convex problem: no random start needed
    nn.init.zeros_(layer.bias)
    optimiser = torch.optim.SGD(layer.parameters(), settings.lr, momentum=0.9, weight_decay=settings.weight_decay)
    starts = range(0, len(features), settings.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.epochs * len(starts))
    for _ in range(settings.epochs):
        order = torch.randperm(len(features), generator=generator)
        for start in starts:
            chosen = order[start : start + settings.batch]
            loss = nn.functional.cross_entropy(layer(features[chosen]), labels[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return Head(layer.weight.detach().double(), layer.bias.detach().double())
