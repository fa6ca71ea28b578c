"""The control: what a linear head reaches without any representation, exactly in l_inf (`pixels`, `blocks`).

Three equal colour channels are the same family of heads as one grey channel: shift and margin ratio both change by
sqrt(3). Their training is another one: it is that on grey pixels times sqrt(3), so the same rate acts threefold.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor, nn

from rt_utils.evaluation.probe import ProbeSettings, fit_head, linear_probe
from rt_utils.images.data_set import DataSet
from rt_utils.models.head import Head
from rt_utils.models.networks.no_representation import GreyMeans
from rt_utils.models.no_representation import SIDES
from rt_utils.theory import grey_means, statements, worst_case
from rt_utils.theory.threat import Threat

AT_ONCE = 512  # images whose worst margins are computed together
CLEAN = "clean"
CHANNELS = {"grey": 1, "three equal channels": 3}


@dataclass(frozen=True)
class GreyFeatures:
    """Features of images without a representation, and how far each can fall and rise."""

    z: Float[Tensor, "n r"]
    side: int
    scale: float
    images: UInt8[Tensor, "n c h w"]

    @classmethod
    def of(cls, images: UInt8[Tensor, "n c h w"], name: str, channels: str = "grey") -> "GreyFeatures":
        """`name`: pixels or blocks; `channels`: one of CHANNELS."""
        side, scale = SIDES[name], CHANNELS[channels] ** 0.5
        with torch.no_grad():
            parts = [GreyMeans(side)(part.float() / 255) for part in images.split(AT_ONCE)]
        return cls(scale * torch.cat(parts), side, scale, images)

    def box(self, threat: Threat) -> tuple[Float[Tensor, "n r"], Float[Tensor, "n r"]]:
        """The box that the features of all perturbed images fill, in l_inf alone: its lower and upper ends."""
        assert threat.norm == "linf"
        ends = [grey_means.moves(part.float() / 255, threat.eps, self.side) for part in self.images.split(AT_ONCE)]
        fall, rise = (self.scale * torch.cat(parts) for parts in zip(*ends, strict=True))
        return self.z - fall, self.z + rise


def worst_gaps(
    lower: Float[Tensor, "n r"],
    upper: Float[Tensor, "n r"],
    weight: Float[Tensor, "c r"],
    bias: Float[Tensor, " c"],
    y: Int64[Tensor, " n"],
) -> Float[Tensor, "n c"]:
    """`worst_case.merged_gaps`, class after class: for thousands of features that is many times faster."""
    order, centre, radius = y.argsort(), (lower + upper) / 2, (upper - lower) / 2
    labels, counts = y[order].unique_consecutive(return_counts=True)
    parts: list[Tensor] = []
    for label, at in zip(labels, order.split(counts.tolist()), strict=True):
        normals = weight - weight[label]
        parts.append(centre[at] @ normals.T + radius[at] @ normals.abs().T + bias - bias[label])
    return torch.cat(parts)[order.argsort()]


def worst_case_head(
    features: GreyFeatures, y: Int64[Tensor, " n"], c: int, threat: Threat, settings: ProbeSettings
) -> Head:
    """The head that SGD finds for the exact worst case, which is convex: `worst_case_probe`, faster."""
    lower, upper = features.box(threat)

    def loss(layer: nn.Linear, chosen: Int64[Tensor, " b"]) -> Float[Tensor, ""]:
        gaps = worst_gaps(lower[chosen], upper[chosen], layer.weight, layer.bias, y[chosen])
        return nn.functional.cross_entropy(gaps, y[chosen])

    return fit_head(nn.Linear(features.z.shape[1], c), len(y), settings, loss)


def exact(head: Head, features: GreyFeatures, labels: Tensor, threat: Threat) -> dict[str, float]:
    """Clean and exactly robust accuracy, and the share that fulfils Theorem 2's criterion with the exact S, in l_inf.

    `fulfilled and right`: of all points; by the theorem these are among the robust ones.
    """
    each = exact_points(head, features, labels, threat)
    return {name: float(values.double().mean()) for name, values in each.items()}


def exact_points(head: Head, features: GreyFeatures, labels: Tensor, threat: Threat) -> dict[str, Bool[Tensor, " n"]]:
    """`exact`, image by image."""
    lower, upper = features.box(threat)
    robust, fulfilled, right = [], [], []
    for part in torch.arange(len(labels)).split(AT_ONCE):
        z, low, high, y = (values[part].double() for values in (features.z, lower, upper, labels))
        logits = head.logits(z)
        shift = worst_case.largest_move(z, low, high).norm(dim=1)
        robust.append(worst_case.certified(worst_gaps(low, high, head.weight, head.bias, y.long()), y.long()))
        fulfilled.append(statements.criterion(shift, statements.margin_ratio(logits, head.weight)))
        right.append(logits.argmax(1) == y.long())
    r, f, c = torch.cat(robust), torch.cat(fulfilled), torch.cat(right)
    return {"clean acc.": c, "robust acc.": r & c, "fulfilled": f, "fulfilled and right": f & c}


def rows(
    data: DataSet,
    name: str,
    threats: Sequence[Threat],
    settings: ProbeSettings,
    *,
    worst: Sequence[Threat] = (),
    channels: str = "grey",
    worst_epochs: int | None = None,
) -> Iterator[dict[str, object]]:
    """One row for each head and threat: of the clean-trained head, and of one for the exact worst case at each `worst`.

    All are l_inf; a worst-case head is measured under every threat too. `channels`: one of CHANNELS;
    `worst_epochs`: of the worst-case heads, where not those of `settings`.
    """
    train, test = (GreyFeatures.of(split.images, name, channels) for split in (data.train, data.test))
    y, labels = data.train.required_labels(), data.test.required_labels()
    case = {"encoder": name, "data": data.name, "channels": channels, "seed": settings.seed, "n": len(labels)}
    longer = replace(settings, epochs=worst_epochs or settings.epochs)
    for trained in (None, *worst):
        if trained is None:
            head = linear_probe(train.z, y, len(data.classes), settings)
        else:
            head = worst_case_head(train, y, len(data.classes), trained, longer)
        how = CLEAN if trained is None else f"worst case at {255 * trained.eps:g}/255"
        for threat in threats:
            yield case | {"head": how, "eps": threat.eps} | exact(head, test, labels, threat)
