"""Where the proofs lose: the chain behind Lemma 1 link by link, and a criterion that knows where the features move."""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from rt_utils.theory import statements
from rt_utils.theory.losses import CROSS_ENTROPY

LINKS = ("convexity", "angle", "saturation", "row", "attack")


def per_sample_constants(weight: Float[Tensor, "c r"], labels: Int64[Tensor, " n"]) -> Float[Tensor, " n"]:
    """max_j ||W_y - W_j||_2 at every label: with the shift, where the chain stops at link (3)."""
    return statements.row_distances(weight).amax(1)[labels]


def chain(
    z: Float[Tensor, "n r"],
    moved: Float[Tensor, "n r"],
    furthest: Float[Tensor, "n r"],
    weight: Float[Tensor, "c r"],
    bias: Float[Tensor, " c"],
    labels: Int64[Tensor, " n"],
) -> Float[Tensor, "n 6"]:
    """The six quantities of the chain behind Lemma 1 at every point, one column each, none above the next; in nats.

    `moved` are the features at the largest loss, `furthest` those at the largest shift.
    """
    v, before, after = moved - z, z @ weight.T + bias, moved @ weight.T + bias
    gradient = after.softmax(1) - torch.nn.functional.one_hot(labels, len(weight))
    length, pairwise = v.norm(dim=1), per_sample_constants(weight, labels)
    row = 2 * statements.head_norm(weight)
    return torch.stack(
        [
            CROSS_ENTROPY(after, labels) - CROSS_ENTROPY(before, labels),
            (gradient * (v @ weight.T)).sum(1),
            (gradient @ weight).norm(dim=1) * length,
            pairwise * length,
            row * length,
            row * statements.shift(z, furthest),
        ],
        dim=1,
    )


def directional_shift(
    z: Float[Tensor, "n r"],
    found: Float[Tensor, "k n r"],
    weight: Float[Tensor, "c r"],
    bias: Float[Tensor, " c"],
) -> tuple[Float[Tensor, " n"], Bool[Tensor, " n"]]:
    """D(x) over k perturbations of each point, in feature units, and whether one of them changes the prediction.

    D is the furthest move towards another class's hyperplane: 0 <= D <= S, and D < m(x) keeps the prediction.
    """
    y = (z @ weight.T + bias).argmax(1)
    distances = statements.row_distances(weight)[y]
    moves = (found - z) @ weight.T
    own = moves.gather(2, y.expand(len(found), -1)[..., None])
    towards = torch.where(distances > 0, (moves - own) / distances, 0.0)
    changed = ((found @ weight.T + bias).argmax(2) != y).any(0)
    return towards.amax((0, 2)).clamp(min=0), changed
