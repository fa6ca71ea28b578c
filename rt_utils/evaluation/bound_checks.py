"""Every attack of the book against certified bounds, in float64: how close each comes, and that none passes."""

import copy
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn

from rt_utils.evaluation import apgd, attacks, interval_bounds
from rt_utils.evaluation.attacks import PGDSettings, margin
from rt_utils.evaluation.interval_bounds import WAYS
from rt_utils.evaluation.measurement import Measurement
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.models.networks.no_representation import GreyMeans
from rt_utils.theory import grey_means, sharper, statements, worst_case
from rt_utils.theory.subspace import difference_basis, subspace_shift
from rt_utils.theory.threat import Threat


def _layer(weight: Float[Tensor, "c r"], bias: Float[Tensor, " c"] | None = None) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], len(weight), bias=bias is not None, dtype=torch.float64)
    layer.load_state_dict({"weight": weight} | ({} if bias is None else {"bias": bias}))
    return layer


def _attacks(
    network: nn.Module, head: Head, x: Float[Tensor, "n c h w"], threat: Threat, settings: PGDSettings
) -> Iterator[tuple[str, Float[Tensor, "n c h w"]]]:
    """What each attack finds, by its name; those on a loss aim away from the predicted class."""
    model = nn.Sequential(network, _layer(head.weight, head.bias)).requires_grad_(False).eval()
    within = nn.Sequential(network, _layer(difference_basis(head.weight))).requires_grad_(False).eval()
    y = model(x).argmax(1)
    for name, found in (
        ("PGD on the shift", attacks.representation_pgd(network, x, threat, settings)),
        ("PGD on the shift in the subspace", attacks.representation_pgd(within, x, threat, settings)),
        ("PGD on the cross-entropy", attacks.loss_pgd(model, x, y, threat, settings)),
        ("PGD on the margin", attacks.loss_pgd(model, x, y, threat, settings, margin)),
    ):
        for images in found:
            yield name, images
    single, steps = copy.deepcopy(model).float(), max(2, settings.steps)  # APGD works in single precision
    for loss in ("ce", "dlr") if len(head.weight) > 2 else ("ce",):
        yield "APGD", apgd.apgd(single, x.float(), y, threat, loss=loss, steps=steps, seed=settings.seed).double()


def checks(
    encoder: Encoder, head: Head, images: UInt8[Tensor, "n 3 h w"], threat: Threat, settings: PGDSettings
) -> pd.DataFrame:
    """A row per attack: the largest shift, shift in the head's subspace and D that it found, each over its bound.

    And how many points that are certified, in any of `WAYS`, it flips. Images are pulled back into the set in float64
    before they count. Ratios above 1, up to rounding, or a flipped point would show a mistake in the code.
    """
    x = images.double() / 255
    network = copy.deepcopy(encoder.network).double().requires_grad_(False).eval()
    box = interval_bounds.feature_box(encoder, x, threat.eps)
    of = interval_bounds.points(box, head, torch.zeros(len(x), dtype=torch.long))
    proved, basis = torch.from_numpy(of[list(WAYS)].any(axis=1).to_numpy().copy()), difference_basis(head.weight)
    names = ("shift", "subspace", "directional")
    bounds = [torch.tensor(of[f"{name}_upper"].to_numpy()).clamp(min=1e-12) for name in names]
    rows: dict[str, dict[str, float]] = {}
    for name, moved in _attacks(network, head, x, threat, settings):
        inside = torch.minimum(torch.maximum(moved, x - threat.eps), x + threat.eps).clamp(0, 1)
        with torch.no_grad():
            z = network(inside)
        along, changed = sharper.directional_shift(box.z, z[None], head.weight, head.bias)
        found = (statements.shift(box.z, z), subspace_shift(box.z, z, basis), along)
        row = rows.setdefault(name, dict.fromkeys((*names, "flipped"), 0.0))
        for kind, values, bound in zip(names, found, bounds, strict=True):
            row[kind] = max(row[kind], float((values / bound).max()))
        row["flipped"] += int((changed & proved).sum())
    return pd.DataFrame([{"attack": name, "n": len(x), **row} for name, row in rows.items()]).astype({"flipped": int})


@torch.no_grad()
def at_corners(
    encoder: Encoder, head: Head, images: UInt8[Tensor, "n 3 h w"], threat: Threat
) -> dict[str, Float[Tensor, " n"]]:
    """For means of pixels, in l_inf: each bound minus what a perturbed image attains that is written down; 0 if exact.

    For S every mean moves the way in which it can go further. For the worst margin, the least f_y - f_j over the other
    classes, one image a class: each mean moves in the direction of its entry of W_j - W_y.
    """
    network, x, eps = encoder.network, images.double() / 255, threat.eps
    assert isinstance(network, GreyMeans)
    assert threat.norm == "linf"
    box, (fall, rise) = interval_bounds.feature_box(encoder, x, eps), grey_means.moves(x, eps, network.side)
    logits = head.logits(box.z)
    y = logits.argmax(1)

    def features(up: Bool[Tensor, "n r"]) -> Float[Tensor, "n r"]:
        signs = (2 * up.double() - 1).view(len(x), 1, x.shape[2] // network.side, -1)
        moves = signs.repeat_interleave(network.side, 2).repeat_interleave(network.side, 3)
        moved: Tensor = network((x + eps * moves).clamp(0, 1))
        return moved

    attained = torch.full_like(logits, -torch.inf)
    for j in range(len(head.weight)):
        moved = head.logits(features(head.weight[j] > head.weight[y]))
        attained[:, j] = (moved[:, j] - moved.gather(1, y[:, None])[:, 0]).where(y != j, -torch.inf)
    bound = worst_case.merged_gaps(box.lower, box.upper, head.weight, head.bias, y)
    worst = bound.scatter(1, y[:, None], -torch.inf).amax(1)
    shift = statements.shift(box.z, features(rise >= fall))
    return {"S": box.shift - shift, "worst margin": worst - attained.amax(1)}


def furthest(
    encoder: Encoder, x: Float[Tensor, "n c h w"], threat: Threat, settings: PGDSettings
) -> tuple[Float[Tensor, "n c h w"], Float[Tensor, " n"]]:
    """The perturbed images with the largest shift that PGD finds, and that shift; clean and 0 where it finds none."""
    z, best = encoder.features(x), x.clone()
    reached = torch.zeros(len(x))
    for moved in attacks.representation_pgd(encoder, x, threat, settings):
        shifts = statements.shift(z, encoder.features(moved))
        best[shifts > reached] = moved[shifts > reached]
        reached = torch.maximum(reached, shifts)
    return best, reached


def all_checks(
    measurements: Sequence[Measurement],
    encoders: Sequence[Encoder],
    images: Mapping[tuple[str, int], DataSet],
    threat: Threat,
    settings: PGDSettings,
    n: int,
) -> pd.DataFrame:
    """`checks` of each measurement's head on the first n test images of its data set, with encoder and data."""
    by_name, found = {encoder.name: encoder for encoder in encoders}, []
    for m in measurements:
        encoder = by_name[m.encoder]
        x = images[m.data, encoder.input_size].test.images[:n]
        found.append(checks(encoder, m.head, x, threat, settings).assign(encoder=m.encoder, data=m.data))
    return pd.concat(found, ignore_index=True)


def over_data(rows: pd.DataFrame) -> pd.DataFrame:
    """Of `all_checks` the largest ratios and all flips of each encoder and attack, over the data sets."""
    largest = dict.fromkeys(("shift", "subspace", "directional"), "max")
    return rows.groupby(["encoder", "attack"], sort=False, as_index=False).agg(
        {"n": "sum", **largest, "flipped": "sum"}
    )
