"""A few images attacked so that they can be looked at: clean, the perturbation found, perturbed, and what is read.

A modest search, for pictures and the numbers beside them: a chapter's tables rest on `measure`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn

from rt_utils.evaluation import attacks
from rt_utils.evaluation.halving import HalvingSettings, halving
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime import processes
from rt_utils.runtime.cache import Entry
from rt_utils.runtime.devices import device, placed
from rt_utils.theory import statements
from rt_utils.theory.losses import CROSS_ENTROPY
from rt_utils.theory.perturbations import allowed
from rt_utils.theory.subspace import difference_basis, subspace_shift
from rt_utils.theory.threat import Threat

RESTARTS, STEPS = 3, 60  # of the search for the shift and of that for the margin between classes
SMALL = 64  # pixels a side; of larger images a search takes a fifth of the steps, from one start


@dataclass(frozen=True)
class Examples:
    """Per image the clean pixels, and of the images that the search found the one with the worst margin.

    `shift` and `subspace` are the largest over everything found, in feature units, and so lower bounds on S and S_P.
    `z` and `furthest` are the features at x and at the largest shift found. `logits` and `moved_logits` are float64, at
    x and at the pictured x + delta. `found_loss`: the largest loss found, in nats, at the label; where there is no
    label the predicted class stands for it.
    """

    x: Float[Tensor, "n c h w"]
    perturbed: Float[Tensor, "n c h w"]
    z: Float[Tensor, "n r"]
    furthest: Float[Tensor, "n r"]
    logits: Float[Tensor, "n k"]
    moved_logits: Float[Tensor, "n k"]
    label: Int64[Tensor, " n"]
    shift: Float[Tensor, " n"]
    subspace: Float[Tensor, " n"]
    ratio: Float[Tensor, " n"]
    loss: Float[Tensor, " n"]
    found_loss: Float[Tensor, " n"]

    @property
    def predicted(self) -> Int64[Tensor, " n"]:
        """What the head reads the clean images as."""
        return self.logits.argmax(1)

    @property
    def read(self) -> Int64[Tensor, " n"]:
        """What the head reads the pictured perturbed images as."""
        return self.moved_logits.argmax(1)


def _cost(x: Float[Tensor, "n c h w"]) -> tuple[int, int]:
    """Restarts and steps of a search."""
    return (RESTARTS, STEPS) if x.shape[-1] <= SMALL else (1, STEPS // 5)


def furthest(encoder: Encoder, x: Float[Tensor, "n c h w"], threat: Threat, *, seed: int = 0) -> Tensor:
    """The images at which a search found the largest shift of the features, shape (n, c, h, w)."""
    network, x = placed(encoder), x.to(device())
    if not threat.eps:
        return x.clone()
    return halving(attacks.shifts_from(network, x), x, threat, HalvingSettings.of_shift(*_cost(x), seed=seed))


def attacked(
    encoder: Encoder,
    head: Head,
    images: UInt8[Tensor, "n 3 h w"],
    labels: Int64[Tensor, " n"] | None,
    threat: Threat,
    *,
    seed: int = 0,
) -> Examples:
    """Search for the largest shift and, from there, for the smallest margin of the predicted class.

    Kept in the cache: many chapters show the same image. Raises RuntimeError if an image found lies outside the threat.
    """
    taken = (images.numpy(), None if labels is None else labels.numpy(), head.weight.numpy(), head.bias.numpy())
    key = (encoder.name, encoder.weights_sha256, joblib.hash(taken), repr(threat), seed)
    entry = Entry("examples", key, encoder.code | {__name__})
    found = processes.kept(entry, _arrays, encoder, head, images, labels, threat, seed)
    return Examples(**{name: torch.from_numpy(value) for name, value in found.items()})


def _arrays(*arguments: Any) -> dict[str, np.ndarray]:
    return {name: value.cpu().numpy() for name, value in vars(_attacked(*arguments)).items()}


def _attacked(
    encoder: Encoder,
    head: Head,
    images: UInt8[Tensor, "n 3 h w"],
    labels: Int64[Tensor, " n"] | None,
    threat: Threat,
    seed: int,
) -> Examples:
    network, x = placed(encoder), (images.float() / 255).to(device())
    z = network.features(x).double()
    logits = head.logits(z)
    predicted = logits.argmax(1)
    label = predicted if labels is None else labels
    found = [x]
    if threat.eps:
        model = nn.Sequential(network, head.module().to(device())).eval()
        found.append(furthest(network, x, threat, seed=seed))
        flipping: Callable[[Tensor], Tensor] = attacks.losses_of(model, predicted.to(device()), attacks.margin)
        found.append(halving(flipping, x, threat, HalvingSettings.of_loss(*_cost(x), seed=seed), found[1:]))
    if not all(bool(allowed(threat, x, each).all()) for each in found):
        raise RuntimeError(f"a pictured image lies outside {threat}")
    moved = torch.stack([network.features(each).double() for each in found])
    reached = torch.stack([head.logits(each) for each in moved])
    worst = torch.stack([attacks.margin(each, predicted) for each in reached]).argmax(0)
    everyone = torch.arange(len(x))
    basis = difference_basis(head.weight)
    shifts = torch.stack([statements.shift(z, each) for each in moved])
    return Examples(
        x=x.cpu(),
        perturbed=torch.stack(found)[worst.to(x.device), everyone.to(x.device)].cpu(),
        z=z,
        furthest=moved[shifts.argmax(0), everyone],
        logits=logits,
        moved_logits=reached[worst, everyone],
        label=label,
        shift=shifts.amax(0),
        subspace=torch.stack([subspace_shift(z, each, basis) for each in moved]).amax(0),
        ratio=statements.margin_ratio(logits, head.weight),
        loss=CROSS_ENTROPY(logits, label),
        found_loss=torch.stack([CROSS_ENTROPY(each, label) for each in reached]).amax(0),
    )
