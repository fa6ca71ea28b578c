"""Convolutions of few input channels whose gradient in the image is computed a block of pixels at a time.

An attack on a CPU asks for it at every step. A library's kernel fills a vector register, 16 numbers, with the channels
of one pixel: of a grey image it uses one number in 16. Here it is filled with the pixels of a block.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import conv2d, pixel_shuffle


def block_weight(weight: Float[Tensor, "o i k k"], side: int) -> Float[Tensor, "j o m m"]:
    """The weight of the convolution, stride `side`, that gives the gradient at all side x side pixels of a block.

    A pixel at (d, e) of its block gets tap (k, l) from the output k to the left of it and l above, so its own window of
    the outputs lies d + side to the right; m = K + side - 1. Other entries are 0, and adding them changes no sum.
    """
    outputs, inputs, size = weight.shape[:3]
    blocks = weight.new_zeros(inputs, side, side, outputs, size + side - 1, size + side - 1)
    i, down, right, o, row, column = blocks.stride()
    windows = (i, down + row, right + column, o, row, column)  # at (d, e) they begin at row d and column e
    turned = weight.flip(2, 3).transpose(0, 1)[:, None, None]
    blocks.as_strided((inputs, side, side, outputs, size, size), windows).copy_(
        turned.expand(-1, side, side, -1, -1, -1)
    )
    return blocks.flatten(0, 2).contiguous(memory_format=torch.channels_last)


class _InBlocks(torch.autograd.Function):
    """A convolution of stride 1 without padding, whose only gradient is that in its input."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, side: int) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.side = side
        return conv2d(x, weight, bias)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        (weight,) = ctx.saved_tensors
        blocks = conv2d(gradient, block_weight(weight, ctx.side), stride=ctx.side, padding=weight.shape[-1] - 1)
        return pixel_shuffle(blocks, ctx.side), None, None, None


class FewChannels(nn.Conv2d):
    """nn.Conv2d of stride 1 without padding; where it is frozen its gradient in the image is computed in blocks.

    The same sums in the same order, so the same numbers as PyTorch's on a CPU with AVX-512. While it is trained, on a
    GPU, and for images that are no multiple of `side` it is nn.Conv2d.
    """

    def __init__(self, inputs: int, outputs: int, size: int, *, side: int) -> None:
        super().__init__(inputs, outputs, size)
        self.side = side

    def forward(self, input: Float[Tensor, "n i h w"]) -> Float[Tensor, "n o h2 w2"]:
        trained = any(values.requires_grad for values in self.parameters())
        fits = (
            input.requires_grad and not input.is_cuda and not (input.shape[2] % self.side or input.shape[3] % self.side)
        )
        if trained or not fits or input.dtype != torch.float32:
            return super().forward(input)
        found: Tensor = _InBlocks.apply(input, self.weight, self.bias, self.side)
        return found
