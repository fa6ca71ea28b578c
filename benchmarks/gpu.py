"""What the attacks get out of a GPU: images a second of WideResNet-34-10, and whether it finds what a CPU finds.

Run: python benchmarks/gpu.py [--json FILE], on a machine with a GPU; minutes. `--tiny` tries it on a CPU.
Weights are random, images 32x32, gradients with respect to the pixels alone, as in an attack. The share is that of the
card's measured rate of bf16 matrix products, which no network reaches.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import torch
from ratios import show
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from rt_utils.models.networks.wide_resnet import WideResNet

AGREE = 0.01  # relative, of AS score and accuracies
WORLD = {"encoders": ["embedded/robust"], "data": ["digits"], "norm": "linf", "eps": 8 / 255, "seed": 0, "workers": 1}
SIZES = {"n_train": 1000, "n_test": 256, "steps": 60, "restarts": 3, "floor_points": 0, "apgd_points": 0}
TINY = {"n_train": 60, "n_test": 8, "steps": 4, "restarts": 1}
PROBE = {"rel_stepsize": 3.0, "probe_epochs": 20, "probe_lr": 0.1, "batch": 128}


def found_here(sizes: dict[str, int]) -> dict[str, float]:
    """AS score, clean and robust accuracy of the book's own run on the device that RT_DEVICE names."""
    from rt_utils.pages import experiment

    points = experiment.run(SimpleNamespace(**WORLD, **SIZES | sizes, **PROBE)).points
    right = points.predicted == points.label
    robust = right & ~points.wrong.astype(bool)
    return {"AS score": float(points["shift"].mean()), "clean": float(right.mean()), "robust": float(robust.mean())}


def found_on(device: str, sizes: dict[str, int]) -> dict[str, float]:
    """The same in a process of its own, with a cache of its own."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"RT_DEVICE": device, "RT_CACHE": folder}
        command = [sys.executable, __file__, "--found", json.dumps(sizes)]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def agreement(device: str, sizes: dict[str, int]) -> dict[str, object]:
    """What CPU and device find, and whether it is the same within AGREE."""
    cpu, other = found_on("cpu", sizes), found_on(device, sizes)
    apart = {name: abs(other[name] - cpu[name]) / max(abs(cpu[name]), 1e-12) for name in cpu}
    return {"cpu": cpu, device: other, "apart": apart, "agree": max(apart.values()) <= AGREE}


def _timed(work: object, device: str, rounds: int) -> float:
    """The median of the seconds that `work()` takes, after two times that warm up."""
    times = []
    for turn in range(rounds + 2):
        start = time.perf_counter()
        work()  # type: ignore[operator]
        if device != "cpu":
            torch.cuda.synchronize()
        if turn > 1:
            times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


def matrix_rate(device: str, size: int, rounds: int) -> float:
    """Operations a second of bf16 products of square matrices: two for each multiplication and addition."""
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * size**3 / _timed(lambda: a @ b, device, rounds)


def gradient(network: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Of the mean square of the features, by the pixels."""
    inputs = x.detach().requires_grad_()
    (found,) = torch.autograd.grad(network(inputs).float().square().mean(), inputs)
    return found


def operations(network: nn.Module) -> float:
    """For one image, forward and backward to the pixels."""
    with FlopCounterMode(display=False) as counter:
        inputs = torch.rand(1, 3, 32, 32, requires_grad=True) * 1.0  # it counts no gradient of a leaf
        torch.autograd.grad(network(inputs).sum(), inputs)
    return float(counter.get_total_flops())


def rates(device: str, depth: int, widen: int, batches: list[int], size: int, rounds: int) -> dict[str, object]:
    """Images a second at growing batches until the memory is short, in full and in bf16 precision, and the share."""
    network = WideResNet(depth, widen).requires_grad_(False).eval()
    each, peak = operations(network), matrix_rate(device, size, rounds)
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    rows = []
    for precision in (torch.float32, torch.bfloat16):
        for batch in batches:
            x = torch.rand(batch, 3, 32, 32, device=device).contiguous(memory_format=torch.channels_last)
            mixed = torch.autocast(device.partition(":")[0], torch.bfloat16, enabled=precision == torch.bfloat16)
            try:
                with mixed:
                    seconds = _timed(lambda x=x: gradient(network, x), device, rounds)
            except torch.OutOfMemoryError:
                break
            rate = batch / seconds
            row = {"precision": str(precision).removeprefix("torch."), "batch": batch, "images a second": rate}
            rows.append(row | {"share of the bf16 matrix rate": rate * each / peak})
    return {"operations for an image": each, "bf16 matrix rate": peak, "rates": rows}


def main() -> None:
    """Measure, print, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="try the script on a CPU")
    parser.add_argument("--json", type=Path, default=None)
    parser.add_argument("--found", type=json.loads, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.found is not None:
        print(json.dumps(found_here(options.found)))
        return
    if not options.tiny and not torch.cuda.is_available():
        sys.exit("there is no GPU here: --tiny tries the script on a CPU")
    device = "cpu" if options.tiny else "cuda"
    network, sizes = (34, 10), SIZES
    batches, size, rounds = [32, 128, 512, 2048], 8192, 10
    if options.tiny:
        network, sizes, batches, size, rounds = (10, 1), TINY, [2, 4], 64, 1
    name = "CPU" if options.tiny else torch.cuda.get_device_name()
    measured = rates(device, *network, batches, size, rounds)
    show({"device": name, "network": network} | measured | {"agreement": agreement(device, sizes)}, options.json)


if __name__ == "__main__":
    main()
