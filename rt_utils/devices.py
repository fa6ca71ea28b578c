"""Where attacks and training run: on the GPU where there is one, and with smaller batches where its memory is short."""

import copy
import functools
import os
import sys
from collections.abc import Callable
from typing import TypeVar

import torch
from jaxtyping import Int64
from torch import Tensor, nn

Module = TypeVar("Module", bound=nn.Module)


@functools.cache
def device() -> torch.device:
    """The GPU where PyTorch sees one, else the CPU; $RT_DEVICE (cpu, cuda, cuda:1) decides otherwise.

    Convolutions run in full single precision, or the numbers would not be those of a CPU.
    """
    torch.backends.cudnn.allow_tf32 = False
    return torch.device(os.environ.get("RT_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu"))


def placed(module: Module) -> Module:
    """The module where attacks run: itself on a CPU, else a copy, so that the caller's stays where it is."""
    return module if device().type == "cpu" else copy.deepcopy(module).to(device())


def in_memory(work: Callable[[Int64[Tensor, " k"]], None], index: Int64[Tensor, " n"]) -> None:
    """`work(index)`; where the GPU's memory is short, on each half of it instead, and so on, saying so."""
    try:
        work(index)
    except torch.OutOfMemoryError:
        if len(index) < 2:
            raise
        torch.cuda.empty_cache()
        half = (len(index) + 1) // 2
        print(f"out of GPU memory with {len(index)} images at once: going on with {half}", file=sys.stderr)
        for part in index.split(half):
            in_memory(work, part)
