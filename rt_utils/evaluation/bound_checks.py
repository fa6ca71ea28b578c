"""Every attack of the book against certified bounds, in float64: how close each comes, and that none passes."""

import copy
from collections.abc import Iterator

import pandas as pd
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from rt_utils.evaluation import apgd, attacks, interval_bounds
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.interval_bounds import WAYS
from rt_utils.evaluation.margin_attack import margin
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.theory import sharper, statements
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
    return pd.DataFrame([{"attack": name, "n": len(x), **row} for name, row in rows.items()])


def furthest(
    encoder: Encoder, images: UInt8[Tensor, "n 3 h w"], threat: Threat, settings: PGDSettings
) -> UInt8[Tensor, "n 3 h w"]:
    """The perturbed images with the largest shift found, rounded to what a screen shows."""
    x = images.float() / 255
    z, best = encoder.features(x), x.clone()
    reached = torch.zeros(len(x))
    for moved in attacks.representation_pgd(encoder, x, threat, settings):
        shifts = statements.shift(z, encoder.features(moved))
        best[shifts > reached] = moved[shifts > reached]
        reached = torch.maximum(reached, shifts)
    return (best * 255).round().to(torch.uint8)
