"""What an attack increases, one number a point, and how many of its starts share a batch."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from rt_utils.theory.perturbations import Images

Values = Callable[[Tensor], Tensor]  # images to one number each
TOGETHER = 2**17  # pixels in a batch of several starts on a CPU: 128 images of 32x32


@dataclass(frozen=True)
class PerPoint:
    """Values that need something of each of n points, its label or its clean features: `value(images, own)`.

    Takes n images, or k n: those of the first start, then those of the next. So several starts can share a batch.
    """

    value: Callable[[Tensor, Tensor], Tensor]
    own: Shaped[Tensor, "n ..."]

    def __call__(self, images: Images) -> Float[Tensor, " n"]:
        return self.value(images, repeated(self.own, len(images) // len(self.own)))


def repeated(part: Shaped[Tensor, "n ..."], times: int) -> Shaped[Tensor, "m ..."]:
    """n things, then again, `times` times in all, in their own memory format."""
    return part if times == 1 else torch.cat([part] * times)


def at_once(values: Values, x: Images) -> int:
    """How many starts of the n points share a batch.

    In small batches a CPU takes up to half as long again for an image, whose numbers are the same in any batch. On a
    GPU one start at a time: its memory decides there, and the caller halves the batch where it is short (`Parts`).
    """
    if x.is_cuda or not isinstance(values, PerPoint):
        return 1
    return max(1, TOGETHER // max(1, x[:, 0].numel()))
