"""torchattacks' PGD against the bare loop, in an environment of its own, since its pins are old.

Run from `inner_loop.py --torchattacks PYTHON`, where PYTHON is that environment's, made once by:

    python -m venv /tmp/peer && /tmp/peer/bin/pip install torch torchattacks
    python benchmarks/inner_loop.py --torchattacks /tmp/peer/bin/python

It takes a folder with a traced model, images, labels and settings, and prints seconds for an image's gradient, round by
round. It needs torch and torchattacks alone; both loops run here, in turn, so that their ratio is of one run.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn


def bare(model: nn.Module, x: Tensor, y: Tensor, steps: int, eps: float, size: float) -> Tensor:
    """As in inner_loop.py, which is not imported: this book is not installed here."""
    low, high = (x - eps).clamp(min=0), (x + eps).clamp(max=1)
    found = (x + eps * torch.randn_like(x).sign()).clamp(0, 1)
    for _ in range(steps):
        found.requires_grad_()
        loss = nn.functional.cross_entropy(model(found), y, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, found)
        found = (found.detach() + size * eps * gradient.sign()).clamp(low, high)
    return found


def main(folder: Path) -> None:
    """Time both loops."""
    import torchattacks

    torch.set_num_threads(1)
    its = json.loads((folder / "settings.json").read_text("utf-8"))
    model = torch.jit.load(str(folder / "model.pt")).eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    x, y = torch.load(folder / "images.pt")
    x = x.contiguous(memory_format=torch.channels_last)
    peer = torchattacks.PGD(model, eps=its["eps"], alpha=its["size"] * its["eps"], steps=its["steps"])
    loops: dict[str, Callable[[], Tensor]] = {
        "bare loop": lambda: bare(model, x, y, its["steps"], its["eps"], its["size"]),
        "torchattacks": lambda: peer(x, y),
    }
    rows = []
    for turn in range(its["rounds"] + 1):
        row = {}
        for name in sorted(loops, reverse=bool(turn % 2)):
            start = time.perf_counter()
            loops[name]()
            row[name] = (time.perf_counter() - start) / (len(x) * its["steps"])
        rows.append(row)
    print(json.dumps(rows[1:]))  # the first round warms up


if __name__ == "__main__":
    main(Path(sys.argv[1]))
