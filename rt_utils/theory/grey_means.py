"""No representation at all: the features are means of the pixels, over the colours and over squares of `side` pixels.

Each feature z_b is the mean of a set of values that no other feature uses. So in l_inf its perturbed values fill an
interval, whatever the others do, and the features of x + Delta(x) fill a box: S, D and the worst margin are exact.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d


def _means(x: Float[Tensor, "n c h w"], side: int) -> Float[Tensor, "n r"]:
    return avg_pool2d(x.mean(1, keepdim=True), side).flatten(1)


def moves(x: Float[Tensor, "n c h w"], eps: float, side: int) -> tuple[Float[Tensor, "n r"], Float[Tensor, "n r"]]:
    """How far each mean can fall and rise in l_inf: the means of ``min(eps, x)`` and of ``min(eps, 1 - x)``.

    So ``S(x) = ||max(fall, rise)||_2``. Of a grey image each pixel can move by eps one way or the other if
    ``eps <= 1/2``: with side 1 and r pixels ``S(x) = eps sqrt(r)``, the same for all images.

    Args:
        x: Images in [0, 1], shape (n, c, h, w).
        eps: The l_inf radius, in pixels of [0, 1].
        side: Of the squares of pixels; 1: each pixel by itself. It divides h and w.

    Returns:
        Fall and rise, both at least 0, shape (n, r) with r = h w / side^2.

    Example:
        >>> fall, rise = moves(torch.tensor([[[[0.0, 0.5], [1.0, 0.5]]]]), 0.1, 2)
        >>> fall, rise
        (tensor([[0.0750]]), tensor([[0.0750]]))
    """
    return _means(x.clamp(max=eps), side), _means((1 - x).clamp(max=eps), side)


def l2_shift(x: Float[Tensor, "n c h w"], eps: float, side: int) -> tuple[float, Bool[Tensor, " n"]]:
    """In l_2: ``S(x) <= eps / (side sqrt(c))``, and at which images it is an equality.

    The rows of the linear map are orthogonal and have this length over eps each. The bound is attained by a move that
    is the same for all values of a mean, so exactly where the pixels leave room for one of length eps.

    Args:
        x: Images in [0, 1], shape (n, c, h, w).
        eps: The l_2 radius, in pixels of [0, 1].
        side: Of the squares.

    Returns:
        The bound, in feature units, and for each image whether S(x) equals it.

    Example:
        >>> l2_shift(torch.full((1, 1, 2, 2), 0.5), 0.5, 2)
        (0.25, tensor([True]))
    """
    values = x.shape[1] * side**2
    fall = -max_pool2d((-x).amax(1, keepdim=True), side).flatten(1)
    rise = -max_pool2d((x - 1).amax(1, keepdim=True), side).flatten(1)
    room = (values * torch.maximum(fall, rise).square().sum(1)).sqrt()
    return eps / values**0.5, room >= eps
