"""The images that fare worst in an audit, with a perturbation of each that does it, to be looked at."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from rt_utils.evaluation import attacks
from rt_utils.evaluation.audit import Audit
from rt_utils.evaluation.halving import HalvingSettings, halving
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime.devices import device, placed
from rt_utils.theory import statements
from rt_utils.theory.perturbations import allowed
from rt_utils.theory.threat import Threat


@dataclass(frozen=True)
class Shown:
    """Image number `index` and what a search found: pixels in [0, 1], the shift in feature units.

    before, after: the probe's class and its probability, None without labels.
    """

    index: int
    clean: Float[Tensor, "3 h w"]
    perturbed: Float[Tensor, "3 h w"]
    shift: float
    before: tuple[int, float] | None
    after: tuple[int, float] | None


def worst(audit: Audit, k: int) -> Int64[np.ndarray, " k"]:
    """Which images: with labels those whose right answer was lost, by the loss found; else by the shift found."""
    if audit.points is None:
        return np.argsort(-audit.found, kind="stable")[:k]
    points = audit.points.reset_index(drop=True)
    lost = points.wrong & (points.label == points.predicted)
    return points.assign(lost=lost).sort_values(["lost", "adversarial_loss"], ascending=False).index.to_numpy()[:k]


def _answers(head: Head, z: Float[Tensor, "n r"]) -> list[tuple[int, float]]:
    probability, label = head.logits(z).softmax(1).max(1)
    return list(zip(label.tolist(), probability.tolist(), strict=True))


def look(
    audit: Audit,
    encoder: Encoder,
    images: DataSet,
    threat: Threat,
    *,
    k: int,
    restarts: int,
    steps: int,
    seed: int,
) -> list[Shown]:
    """Search the worst k images anew, for the loss of the probe, or without labels for the shift, and keep the images.

    The search is this one's own: it may miss what another found before. Raises RuntimeError if an image lies outside
    the threat.
    """
    chosen = worst(audit, k).copy()
    network = placed(encoder)
    x = images.test.pixels()[chosen].contiguous(memory_format=torch.channels_last).to(device())
    head = None if audit.measurement is None else audit.measurement.head
    if head is None:
        found = halving(
            attacks.shifts_from(network, x), x, threat, HalvingSettings.of_shift(restarts, steps, seed=seed)
        )
    else:
        model = nn.Sequential(network, head.module().to(device())).eval()
        y = images.test.required_labels()[chosen].to(device())
        found = halving(attacks.losses_of(model, y), x, threat, HalvingSettings.of_loss(restarts, steps, seed=seed))
        margins = attacks.losses_of(model, y, attacks.margin)
        further = halving(margins, x, threat, HalvingSettings.of_margin(restarts, steps, seed=seed), [found])
        with torch.no_grad():
            found = torch.where((margins(further) > margins(found))[:, None, None, None], further, found)
    if not allowed(threat, x, found).all():
        raise RuntimeError(f"an image lies outside {threat}")
    z, moved = network.features(x), network.features(found)
    shifts = statements.shift(z.double(), moved.double()).tolist()
    nothing: Sequence[tuple[int, float] | None] = [None] * len(chosen)
    before, after = (nothing, nothing) if head is None else (_answers(head, z), _answers(head, moved))
    rows = zip(chosen.tolist(), x.cpu(), found.cpu(), shifts, before, after, strict=True)
    return [Shown(*row) for row in rows]
