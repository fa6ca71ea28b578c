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
    weight_decay: float = 0.0  # lambda of lambda / 2 ||W||_F^2
    decay_bias: bool = False  # the released code's weight decay is on the bias too
    seed: int = 0


Gradients = tuple[Float[Tensor, "c r"], Float[Tensor, " c"]]  # of a mean loss, in the weight and in the bias


def fit_head(
    layer: nn.Linear,
    n: int,
    settings: ProbeSettings,
    loss: Callable[[nn.Linear, Int64[Tensor, " b"]], Float[Tensor, ""]],
) -> Head:
    """The head that SGD with momentum finds for `loss`, from 0: a function of the layer and of a batch of n points."""

    def gradients(layer: nn.Linear, chosen: Int64[Tensor, " b"]) -> Gradients:
        in_weight, in_bias = torch.autograd.grad(loss(layer, chosen), (layer.weight, layer.bias))
        return in_weight, in_bias

    return descend(layer, n, settings, gradients)


def descend(
    layer: nn.Linear,
    n: int,
    settings: ProbeSettings,
    gradients: Callable[[nn.Linear, Int64[Tensor, " b"]], Gradients],
) -> Head:
    """`fit_head` for a loss that is given by its gradients."""
    generator = torch.Generator().manual_seed(settings.seed)
    nn.init.zeros_(layer.weight)  # convex problem: no random start needed
    nn.init.zeros_(layer.bias)
    groups = [
        {"params": [layer.weight], "weight_decay": settings.weight_decay},
        {"params": [layer.bias], "weight_decay": settings.weight_decay * settings.decay_bias},
    ]
    optimiser = torch.optim.SGD(groups, settings.lr, momentum=0.9)
    starts = range(0, n, settings.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.epochs * len(starts))
    for _ in range(settings.epochs):
        order = torch.randperm(n, generator=generator)
        for start in starts:
            layer.weight.grad, layer.bias.grad = gradients(layer, order[start : start + settings.batch])
            optimiser.step()
            schedule.step()
    return Head.of(layer)


@torch.no_grad()
def cross_entropy_gradients(layer: nn.Linear, x: Float[Tensor, "b r"], y: Int64[Tensor, " b"]) -> Gradients:
    """The gradients of the batch's mean cross-entropy, number for number autograd's, at a third of its time.

    A batch is so small that to record it costs more than to compute it.
    """
    logs = torch.log_softmax(layer(x), 1)
    outer = torch.zeros_like(logs).scatter_(1, y[:, None], -1 / len(y))
    inner = torch.ops.aten._log_softmax_backward_data(outer, logs, 1, logs.dtype)
    return inner.t() @ x, inner.sum(0)


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

    def gradients(layer: nn.Linear, chosen: Int64[Tensor, " b"]) -> Gradients:
        return cross_entropy_gradients(layer, features[chosen], labels[chosen])

    return descend(nn.Linear(features.shape[1], n_classes, dtype=features.dtype), len(features), settings, gradients)


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
