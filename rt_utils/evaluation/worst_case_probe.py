"""A linear probe trained on the worst case that interval bounds leave it, the encoder fixed.

The features of every perturbed image lie in a box. The probe minimises the cross-entropy of the worst gaps over that
box, which is convex in the head; what it gives up in clean accuracy it may gain in certified accuracy.
"""

from typing import Literal

from jaxtyping import Float, Int64
from torch import Tensor, nn

from rt_utils.evaluation.probe import ProbeSettings, fit_head
from rt_utils.models.head import Head
from rt_utils.theory.worst_case import largest_move, merged_gaps, theorem_2_gaps

Way = Literal["merged", "theorem_2"]


def worst_case_probe(
    z: Float[Tensor, "n r"],
    lower: Float[Tensor, "n r"],
    upper: Float[Tensor, "n r"],
    labels: Int64[Tensor, " n"],
    n_classes: int,
    settings: ProbeSettings,
    *,
    way: Way = "merged",
) -> Head:
    """Fit a head by SGD on the worst gaps of fixed features' boxes, as `linear_probe` fits one on the features.

    Args:
        z: Clean features of the training images, shape (n, r).
        lower: Lower bounds on the features of every perturbed image, shape (n, r).
        upper: Upper bounds, shape (n, r). With lower = z = upper both ways are the linear probe.
        labels: Classes, from 0, shape (n).
        n_classes: How many rows c the head gets.
        settings: Epochs, step size, batch size, weight decay, seed.
        way: Whose gaps: `merged`, the worst over the box; `theorem_2`, with S = ||v||_2, v the largest move.

    Returns:
        The head, in float64.

    Example:
        >>> z = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> head = worst_case_probe(z, z - 0.1, z + 0.1, torch.tensor([0, 1]), 2, ProbeSettings(epochs=20))
        >>> head.logits(z).argmax(1)
        tensor([0, 1])
    """
    shift = largest_move(z, lower, upper).norm(dim=1)

    def loss(layer: nn.Linear, chosen: Int64[Tensor, " b"]) -> Float[Tensor, ""]:
        y = labels[chosen]
        if way == "merged":
            gaps = merged_gaps(lower[chosen], upper[chosen], layer.weight, layer.bias, y)
        else:
            gaps = theorem_2_gaps(layer(z[chosen]), layer.weight, y, shift[chosen])
        return nn.functional.cross_entropy(gaps, y)

    return fit_head(nn.Linear(z.shape[1], n_classes, dtype=z.dtype), len(z), settings, loss)
