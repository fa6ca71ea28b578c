"""Where attacks and training run: on the GPU where there is one, and with smaller batches where its memory is short."""

import copy
import ctypes
import functools
import os
import sys
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

Module = TypeVar("Module", bound=nn.Module)
Result = TypeVar("Result")


def _keep_freed_memory() -> None:
    """Let glibc keep what tensors free: to get it anew from the system, page by page, is a fifth of an attack."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library
        return
    mallopt(-3, 16 * 2**20)  # M_MMAP_THRESHOLD: smaller blocks come from the heap
    mallopt(-1, 32 * 2**20)  # M_TRIM_THRESHOLD: how much the heap keeps at its end


@functools.cache
def device() -> torch.device:
    """The GPU where PyTorch sees one, else the CPU; $RT_DEVICE (cpu, cuda, cuda:1) decides otherwise.

    Convolutions run in full single precision, or the numbers would not be those of a CPU.
    """
    torch.backends.cudnn.allow_tf32 = False
    _keep_freed_memory()
    return torch.device(os.environ.get("RT_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu"))


def placed(module: Module) -> Module:
    """The module where attacks run: itself on a CPU, else a copy, so that the caller's stays where it is."""
    return module if device().type == "cpu" else copy.deepcopy(module).to(device())


class Parts:
    """Work on n things in parts of at most `most` at once, as many as the GPU's memory holds.

    Where it is short the part is halved, for all that follows too, and stderr says so.
    """

    def __init__(self, most: int = sys.maxsize) -> None:
        self.most = most

    def __call__(self, work: Callable[[slice], Result], n: int) -> list[Result]:
        """`work(part)` for each part of range(n). Raises PyTorch's error where there is no memory for even one."""
        results: list[Result] = []
        start = 0
        while start < n or not results:
            part = slice(start, min(n, start + self.most))
            size = part.stop - part.start
            try:
                results.append(work(part))
            except torch.OutOfMemoryError:
                if size < 2:
                    raise
            else:
                start = part.stop
                continue
            # After the except clause: in it, the error holds on to the memory of the calls that it came through.
            torch.cuda.empty_cache()
            self.most = (size + 1) // 2
            print(f"out of GPU memory with {size} images at once: going on with {self.most}", file=sys.stderr)
        return results

    def backward(self, module: nn.Module, loss: Callable[[slice], Tensor], n: int) -> Tensor:
        """Set the gradients of the mean over a batch of n things; `loss(part)` is the mean over a part. Returns it.

        In several parts it is the same gradient, but for BatchNorm layers in training mode: they then normalise each
        part by itself, and update their running statistics with each.
        """
        module.zero_grad()

        def work(part: slice) -> Tensor:
            before = [buffer.clone() for buffer in module.buffers()]
            parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
            try:
                share = loss(part) * ((part.stop - part.start) / n)
                gradients = torch.autograd.grad(share, parameters)  # all of them, or none
            except torch.OutOfMemoryError:
                for buffer, value in zip(module.buffers(), before, strict=True):
                    buffer.copy_(value)
                raise
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
            return share.detach()

        return torch.stack(self(work, n)).sum()
