"""What interval bounds prove of an encoder on images: an upper bound on each shift, and which points are certified.

All in float64, from a box that holds the features of every perturbed image (`models.intervals`): proofs up to rounding,
for the encoder's own weights. In l_2 the pixels are enclosed in the l_inf ball of the same radius: true, and far wider.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor, nn

from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.models.intervals import interval
from rt_utils.models.networks.no_representation import GreyMeans
from rt_utils.runtime.errors import InputError
from rt_utils.theory import grey_means, statements, worst_case
from rt_utils.theory.feature_box import directional_bound, subspace_bound
from rt_utils.theory.subspace import difference_basis
from rt_utils.theory.threat import Threat

AT_ONCE = 100  # images
THEOREM_2, IN_SUBSPACE, MERGED = WAYS = ("S < m", "S_P < m", "merged")  # each certifies all that those before it do
LOGITS = "logits"  # each logit bounded by itself, as classifiers are usually verified: weaker than merged alone

Images = Float[Tensor, "n c h w"] | UInt8[Tensor, "n c h w"]


@dataclass(frozen=True)
class FeatureBox:
    """Clean features z, and bounds l and u on the features of every perturbed image; shape (n, r)."""

    z: Float[Tensor, "n r"]
    lower: Float[Tensor, "n r"]
    upper: Float[Tensor, "n r"]

    @property
    def shift(self) -> Float[Tensor, " n"]:
        """``||v||_2``, an upper bound on S(x)."""
        return worst_case.largest_move(self.z, self.lower, self.upper).norm(dim=1)


def bounded(encoder: Encoder) -> bool:
    """Whether an encoder says that interval bounds on it are worth computing: it was trained for them, or is linear."""
    return bool(getattr(encoder.network, "bounded", False))


@torch.no_grad()
def feature_box(
    encoder: Encoder,
    x: Images,
    eps: float | Float[Tensor, " n"],
    dtype: torch.dtype = torch.float64,
    z: Float[Tensor, "n r"] | None = None,
) -> FeatureBox:
    """The box of features over the l_inf ball of radius `eps`, one for all images or one each, cut with the pixel box.

    `x`: pixels in [0, 1], or as they are stored. In another `dtype` it is faster and no proof. `z`: the clean features
    of another box, which are not computed again. Raises InputError for an encoder without interval bounds.
    """
    radii = torch.as_tensor(eps, dtype=dtype).expand(len(x))
    parts = []
    for first in range(0, len(x), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        pixels = x[part].to(dtype) if x.is_floating_point() else x[part].to(dtype) / 255
        radius = radii[part, None, None, None]
        lower, upper = interval(encoder, (pixels - radius).clamp(min=0), (pixels + radius).clamp(max=1))
        clean = interval(encoder, pixels, pixels)[0] if z is None else z[part]
        parts.append((clean, lower, upper))
    return FeatureBox(*(torch.cat(values) for values in zip(*parts, strict=True)))


def shift_upper(encoder: Encoder, x: Images, threat: Threat) -> Float[Tensor, " n"]:
    """An upper bound on the feature shift S(x): ``||v||_2`` with ``v_k = max(u_k - z_k, z_k - l_k)``.

    Args:
        encoder: Of layers with interval bounds.
        x: Images, pixels in [0, 1] or uint8, shape (n, 3, h, w).
        threat: In l_2 the bound is that of the l_inf ball of the same radius, which holds the l_2 ball; for means of
            pixels the smaller of it and `grey_means.l2_shift`.

    Returns:
        Shape (n), float64, in feature units. No attack finds more, up to rounding.

    Raises:
        InputError: for an encoder without interval bounds.

    Example:
        >>> from rt_utils.models.catalogue import load_encoder
        >>> x = torch.full((1, 3, 32, 32), 0.5)
        >>> shift_upper(load_encoder("blocks"), x, Threat("linf", 0.125))
        tensor([1.], dtype=torch.float64)
    """
    bound, network = feature_box(encoder, x, threat.eps).shift, encoder.network
    if threat.norm == "l2" and isinstance(network, GreyMeans):
        bound = bound.clamp(max=grey_means.l2_shift(x[:1].double(), threat.eps, network.side)[0])
    return bound


@torch.no_grad()
def a_priori(encoder: Encoder, threat: Threat) -> float:
    """An upper bound on S(x) for every image at once, known before any is seen; in feature units.

    The smaller of two. The diagonal of the box of features of all images; and, layer after layer,
    ``|h' - h| <= |W| |x' - x|`` entry by entry, since a ReLU moves no entry by more than its input moved: the network
    with |W| for W, without biases, at eps everywhere. In l_2 that of the l_inf ball of the same radius. Raises
    InputError for an encoder that is not `bounded`.
    """
    if not bounded(encoder):
        raise InputError(f"no a-priori bound for {encoder.name}: there is one for CertifiedNetwork, pixels and blocks")
    moved = torch.full((1, 3, encoder.input_size, encoder.input_size), threat.eps, dtype=torch.float64)
    whole = feature_box(encoder, 0 * moved, 1.0)
    absolute = copy.deepcopy(encoder.network).double()
    for name, values in absolute.named_parameters():
        values.copy_(torch.zeros_like(values) if name.endswith("bias") else values.abs())
    if isinstance(absolute, nn.Sequential):
        moved = absolute.scaled(moved) - absolute.scaled(0 * moved)  # type: ignore[operator]
        moves = nn.Sequential.forward(absolute, moved)
    else:
        moves = absolute(moved)
    return min(float((whole.upper - whole.lower).norm()), float(moves.norm()))


def certified(
    box: FeatureBox, head: Head, predicted: Int64[Tensor, " n"], ways: Sequence[str] = (*WAYS, LOGITS)
) -> dict[str, Bool[Tensor, " n"]]:
    """Which points keep their prediction under every perturbation, proved in each of the `ways`.

    By Theorem 2, ``||v||_2 < m(x)``; with the smaller bound on S_P in its place; by the head merged into the last
    interval; by bounds on each logit. A constant predictor with equal rows is certified everywhere: a share of these
    says something only beside the accuracy.
    """

    def proved(way: str) -> Bool[Tensor, " n"]:
        if way == MERGED:
            parts = zip(*(values.split(AT_ONCE) for values in (box.lower, box.upper, predicted)), strict=True)
            gaps = [worst_case.merged_gaps(low, up, head.weight, head.bias, y) for low, up, y in parts]
            return worst_case.certified(torch.cat(gaps), predicted)
        if way == LOGITS:
            apart = worst_case.logit_gaps(box.lower, box.upper, head.weight, head.bias, predicted)
            return worst_case.certified(apart, predicted)
        margins = statements.margin_ratio(head.logits(box.z), head.weight)
        if way == THEOREM_2:
            return box.shift < margins
        return subspace_bound(box.z, box.lower, box.upper, difference_basis(head.weight)) < margins

    return {way: proved(way) for way in ways}


def points(box: FeatureBox, head: Head, labels: Int64[Tensor, " n"]) -> pd.DataFrame:
    """One row per point: right, ``margin_ratio``, ``shift_upper``, bounds on S_P and D, and `WAYS` and `LOGITS`."""
    logits = head.logits(box.z)
    predicted, ends = logits.argmax(1), (box.z, box.lower, box.upper)
    columns = {
        "right": predicted == labels,
        "margin_ratio": statements.margin_ratio(logits, head.weight),
        "shift_upper": box.shift,
        "subspace_upper": subspace_bound(*ends, difference_basis(head.weight)),
        "directional_upper": directional_bound(*ends, head.weight, predicted),
        **certified(box, head, predicted),
    }
    return pd.DataFrame({name: values.numpy() for name, values in columns.items()})


def largest_radii(
    encoder: Encoder, head: Head, x: Images, top: float, steps: int = 8, ways: Sequence[str] = WAYS
) -> dict[str, Float[np.ndarray, " n"]]:
    """In each of the `ways` the largest radius up to `top` at which a point is certified, in l_inf; 0 where at none.

    By bisection, the low end of a last bracket of length ``top / 2^steps``: boxes grow with the radius, so what is
    certified at a radius is certified at all smaller ones. Whether the prediction is right is not asked.
    """
    z = feature_box(encoder, x, 0.0).z
    predicted, found = head.logits(z).argmax(1), {}
    for way in ways:
        low, high = torch.zeros(2, len(x), dtype=torch.float64)
        high += top
        for radius in (high, *[None] * steps):
            tried = (low + high) / 2 if radius is None else radius
            proved = certified(feature_box(encoder, x, tried, z=z), head, predicted, [way])[way]
            low, high = torch.where(proved, tried, low), torch.where(proved, high, tried)
        found[way] = low.numpy()
    return found
