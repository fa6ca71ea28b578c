"""Images a second through an embedded encoder, forward and backward, as attacks and training need it.

Run: python benchmarks/throughput.py. Quote the ratios: absolute numbers vary between machines and between runs.
"""

import statistics
import time

import torch
from torch import nn

from rt_utils.models.catalogue import load_encoder
from rt_utils.models.networks.small_resnet import SmallResNet
from rt_utils.runtime import processes

BATCH, REPEATS = 64, 40


def rate(model: nn.Module, *, parameters: bool) -> float:
    """Median images a second; gradients with respect to the parameters or to the pixels alone."""
    x = torch.rand(BATCH, 3, 32, 32).to(memory_format=torch.channels_last)
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        inputs = x.clone().requires_grad_(not parameters)
        value = model(inputs).square().sum()
        value.backward() if parameters else torch.autograd.grad(value, inputs)
        times.append(time.perf_counter() - start)
    return BATCH / statistics.median(times[3:])


def one_process(parameters: bool) -> float:
    """The rate of one process on one thread."""
    net = SmallResNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model = net if parameters else load_encoder("embedded/robust")
    return rate(model, parameters=parameters)


def main() -> None:
    """Print the rates of one process with two threads, and of two processes with one thread each, in one run."""
    for name, parameters in (("training (all gradients)", True), ("attack (gradient of the pixels)", False)):
        torch.set_num_threads(2)
        threads = one_process(parameters)
        both = sum(processes.run([(one_process, (parameters,))] * 2, workers=2))
        print(f"{name}: one process, two threads {threads:.0f}/s; two processes {both:.0f}/s; "
              f"ratio {both / threads:.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
