"""The control that needs no training: the pixels themselves, or means of squares of them, as features."""

from jaxtyping import Float
from torch import Tensor, nn


class GreyMeans(nn.Module):
    """Pixels in [0, 1], shape (n, c, h, w), to the means over the colours and over squares of `side` x `side` pixels.

    One grey channel: three equal ones would be another training, since the same rate acts as three times the rate.
    Without parameters, and in l_inf with a known largest shift (`theory.grey_means`).
    """

    input_size = 32
    bounded = True  # interval bounds of it are worth computing

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side, self.width = side, (self.input_size // side) ** 2

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n r"]:
        return nn.functional.avg_pool2d(x.mean(1, keepdim=True), self.side).flatten(1)
