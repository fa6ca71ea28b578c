"""The linear probe: a head fitted on features that were computed once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn

from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime.devices import placed


@dataclass(frozen=True)
class ProbeSettings:
    """SGD with momentum 0.9 and a cosine schedule, as in the paper (there: 20 epochs, batch 128, lr 0.01)."""

    epochs: int = 60
    lr: float = 0.1
    batch: int = 128
    weight_decay: float = 0.0
    seed: int = 0


def linear_probe(
    features: Float[Tensor, "n r"], labels: Int64[Tensor, " n"], n_classes: int, settings: ProbeSettings
) -> Head:
    """Fit a softmax regression on fixed features by SGD with momentum. The encoder is not touched, nor even seen.

    Args:
        features: Of the training images, float32, shape (n, r).
        labels: Their classes, from 0, shape (n).
        n_classes: How many rows c the head gets.
        settings: Epochs, step size, batch size, weight decay, seed.

    Returns:
        The head, in float64.

    Example:
        >>> features = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> head = linear_probe(features, torch.tensor([0, 1]), 2, ProbeSettings(epochs=20))
        >>> head.logits(features).argmax(1)
        tensor([0, 1])
    """
    return fit(lambda chosen: features[chosen], features.shape[1], labels, n_classes, settings)


def fit(
    features_of: Callable[[Int64[Tensor, " k"]], Float[Tensor, "k r"]],
    width: int,
    labels: Int64[Tensor, " n"],
    n_classes: int,
    settings: ProbeSettings,
) -> Head:
    """`linear_probe`, with the features of each batch of indices from `features_of`; `width` of them."""
    generator = torch.Generator().manual_seed(settings.seed)
    layer = nn.Linear(width, n_classes)
    nn.init.zeros_(layer.weight)  # convex problem: no random start needed
    nn.init.zeros_(layer.bias)
    optimiser = torch.optim.SGD(layer.parameters(), settings.lr, momentum=0.9, weight_decay=settings.weight_decay)
    starts = range(0, len(labels), settings.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.epochs * len(starts))
    for _ in range(settings.epochs):
        order = torch.randperm(len(labels), generator=generator)
        for start in starts:
            chosen = order[start : start + settings.batch]
            loss = nn.functional.cross_entropy(layer(features_of(chosen)), labels[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return Head(layer.weight.detach().double(), layer.bias.detach().double())


def clean_features(encoder: Encoder, images: UInt8[Tensor, "n _ h w"]) -> Float[np.ndarray, "n r"]:
    """The frozen encoder's features, evaluated where attacks run."""
    return placed(encoder).features(images).numpy()


def fitted(
    encoder: Encoder,
    images: UInt8[Tensor, "n _ h w"],
    labels: Int64[Tensor, " n"],
    n_classes: int,
    settings: ProbeSettings,
) -> tuple[Float[np.ndarray, "c r"], Float[np.ndarray, " c"]]:
    """Weight and bias of the linear probe on the clean features of these images, as they are kept."""
    head = linear_probe(placed(encoder).features(images), labels, n_classes, settings)
    return head.weight.numpy(), head.bias.numpy()
