"""What an encoder with interval bounds keeps on another task: attacked, and certified with three probes."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pandas as pd
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from rt_utils.evaluation import attacks, interval_bounds
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.interval_bounds import MERGED, THEOREM_2, FeatureBox
from rt_utils.evaluation.probe import ProbeSettings, linear_probe
from rt_utils.evaluation.worst_case_probe import Way, worst_case_probe
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.theory import statements
from rt_utils.theory.threat import Threat, format_eps

PROBES: dict[str, tuple[Way, str]] = {"M-probe": ("merged", MERGED), "T-probe": ("theorem_2", THEOREM_2)}
LARGEST_BOUND = 1 + 1e-5  # attacks run in float32


@dataclass(frozen=True)
class Plan:
    """The attacks on the loss and on the representation, and how all three probes are trained.

    worst_epochs: of the two that are trained on worst cases, if not as many as the first has.
    """

    loss: PGDSettings = field(default_factory=lambda: PGDSettings(steps=40, restarts=3))
    representation: PGDSettings = field(default_factory=lambda: PGDSettings(steps=40))
    probe: ProbeSettings = field(default_factory=ProbeSettings)
    worst_epochs: int | None = None

    @property
    def worst(self) -> ProbeSettings:
        """Of the probes that are trained on worst cases."""
        return replace(self.probe, epochs=self.worst_epochs or self.probe.epochs)


def attacked(
    encoder: Encoder, head: Head, x: Float[Tensor, "n c h w"], y: Int64[Tensor, " n"], threat: Threat, plan: Plan
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """Per point whether it is right whatever was found (1 or 0), and the largest shift that anything found."""
    model, z = nn.Sequential(encoder, head.module()).eval(), encoder.features(x)
    right, shift = (head.logits(z).argmax(1) == y).double(), torch.zeros(len(x))
    for found in (
        *attacks.loss_pgd(model, x, y, threat, plan.loss),
        *attacks.representation_pgd(encoder, x, threat, plan.representation),
    ):
        moved = encoder.features(found)
        right *= head.logits(moved).argmax(1) == y
        shift = torch.maximum(shift, statements.shift(z, moved))
    return right, shift


def probes(
    train: FeatureBox, labels: Int64[Tensor, " n"], n_classes: int, settings: ProbeSettings
) -> dict[str, tuple[Head, str]]:
    """The two probes trained on worst cases, by name, with the way in which each is meant to be certified."""
    boxes = (train.z, train.lower, train.upper)
    return {
        name: (worst_case_probe(*boxes, labels, n_classes, settings, way=way), certifies)
        for name, (way, certifies) in PROBES.items()
    }


def transfer(encoder: Encoder, data: DataSet, radii: Sequence[float], plan: Plan) -> pd.DataFrame:
    """One row a radius (l_inf, in pixels): shares of the test points, and mean shifts in feature units.

    With the book's probe: right clean, right after every attack, right and certified in each of `WAYS`. With each probe
    trained on the worst case at that radius: right clean, and right and certified. `passed`: points at which an
    attack moved the features further than the bound says, beyond float32's rounding; it must be 0.
    """
    data.check_trainable()
    x, y, labels = data.test.pixels(), data.test.required_labels(), data.train.required_labels()
    head = linear_probe(encoder.features(data.train.images), labels, len(data.classes), plan.probe)
    rows = []
    for eps in radii:
        box = interval_bounds.feature_box(encoder, data.test.images, eps)
        points = interval_bounds.points(box, head, y)
        right, found = attacked(encoder, head, x, y, Threat("linf", eps), plan)
        row = {"data": data.name, "eps": format_eps(eps), "n": len(y), "clean": points.right.mean()}
        row |= {"attacked": right.mean().item()}
        row |= {way: (points.right & points[way]).mean() for way in interval_bounds.WAYS}
        train = interval_bounds.feature_box(encoder, data.train.images, eps, torch.float32)  # it proves nothing
        for name, (other, certifies) in probes(train, labels, len(data.classes), plan.worst).items():
            its = interval_bounds.points(box, other, y)
            row |= {f"{name}, clean": its.right.mean(), f"{name}, certified": (its.right & its[certifies]).mean()}
        row |= {"mean bound": box.shift.mean().item(), "mean found": found.double().mean().item()}
        rows.append(row | {"passed": int((found.double() > box.shift * LARGEST_BOUND).sum())})
    return pd.DataFrame(rows)
