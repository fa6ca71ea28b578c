"""The converse of Lemma 1, this book's: how much of the AS score the worst linear head turns into loss.

Feature shifts and margins are in feature units; a left side of Lemma 1 (LHS) is too.
"""

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def mean_coordinate(width: int) -> float:
    """E|u_1| for u uniform on the unit sphere of R^width: Gamma(r/2) / (sqrt(pi) Gamma((r+1)/2)).

    It is 1, 2/pi, 1/2 for r = 1, 2, 3, never below sqrt(2 / (pi r)), and tends to that. Raises ValueError below 1.
    """
    if width < 1:
        raise ValueError(f"a sphere of R^{width} has no coordinate")
    return math.exp(math.lgamma(width / 2) - math.lgamma((width + 1) / 2)) / math.sqrt(math.pi)


def one_label_bound(shifts: Float[Tensor, " n"], width: int) -> float:
    """The converse: some two-class head and one label for all points have an LHS of at least this, up to any o(1).

    It is E|u_1| / 2 times the AS score. `width`: the number of features, or the dimension that the shifts span.
    """
    return mean_coordinate(width) / 2 * float(shifts.mean())


def given_labels_bound(shifts: Float[Tensor, " n"], labels: Int64[Tensor, " n"], width: int) -> float:
    """The converse where labels are given: E|u_1| / 2 times the largest class's sum of shifts over all n points.

    With c classes that is at least E|u_1| / (2 c) times the AS score.
    """
    sums = torch.zeros(int(labels.max()) + 1, dtype=shifts.dtype).index_add_(0, labels, shifts)
    return mean_coordinate(width) / 2 * float(sums.max()) / len(shifts)


def many_classes_bound(classes: int, width: int) -> float:
    """The largest LHS over AS of any head with so many classes, whatever its labels, on shifts uniform on a sphere.

    sqrt(2 log(c) / r): so a fixed number of classes cannot do without the factor 1 / sqrt(r).
    """
    return math.sqrt(2 * math.log(classes) / width)


def opposing_head(
    direction: Float[Tensor, " r"], bias: float, scale: float = 1.0, classes: int = 2, opposed: int = 0
) -> tuple[Float[Tensor, "c r"], Float[Tensor, " c"]]:
    """The converse's head: row -L u and bias -B for the class that it opposes, row L u and bias 0 for every other.

    A large bias never predicts the opposed class, whatever the image. `scale`: L, in logits for each unit of feature
    distance, of a unit vector `direction`. `bias`: B, in logits.
    """
    weight, offset = scale * direction.repeat(classes, 1), torch.zeros(classes, dtype=direction.dtype)
    weight[opposed] *= -1
    offset[opposed] = -bias
    return weight, offset


def lost_beyond_margin(towards: Float[Tensor, "*n"], margins: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """(D - max(m, 0))_+: per point, what a two-class head -+L u loses over 2L as its scale grows.

    `towards`: how far the features move towards the other class's side, D >= 0. `margins`: the signed distance of the
    clean features from the boundary, negative where the label is not predicted: there all of D is lost.
    """
    return (towards - margins.clamp(min=0)).clamp(min=0)
