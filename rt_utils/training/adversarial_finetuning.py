"""Adversarial linear probing, and adversarial finetuning from a random head (RanLI) or from the probe's (RoLI).

Hua et al. 2024. The network stays in eval mode: BatchNorm's statistics are frozen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import joblib
import numpy as np
import torch
from torch import nn

from rt_utils.images.data_set import DataSet, Split
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.models.weights import digest
from rt_utils.runtime import processes
from rt_utils.runtime.cache import Entry
from rt_utils.theory.threat import Threat
from rt_utils.training.adversarial import perturbed
from rt_utils.training.finetuning import first_head
from rt_utils.training.peft import merged, prepared


@dataclass(frozen=True)
class Inner:
    """What training images are perturbed within, by how many PGD steps, and in which batches."""

    threat: Threat
    steps: int
    size: float = 0.75  # of a step, relative to eps
    batch: int = 32


class Finetuned(NamedTuple):
    """An encoder and its head; `merging`: the relative change of features that storing V + BA as one weight made."""

    encoder: Encoder
    head: Head
    merging: float = 0.0


def train(
    network: nn.Module,
    head: nn.Linear,
    images: Split,
    inner: Inner,
    optimiser: torch.optim.Optimizer,
    epochs: int,
    seed: int,
) -> None:
    """Adversarial training of what `optimiser` holds, cosine schedule, batches and attacks from `seed`."""
    model, x, y = nn.Sequential(network, head).eval(), images.pixels(), images.required_labels()
    draw = torch.Generator().manual_seed(seed)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * -(-len(x) // inner.batch))
    total = partial(nn.functional.cross_entropy, reduction="sum")
    attack = partial(perturbed, model, steps=inner.steps, size=inner.size, generator=draw, leaves_box=True)
    for _ in range(epochs):
        for chosen in torch.randperm(len(x), generator=draw).split(inner.batch):
            inputs = attack(x[chosen], y[chosen], total, inner.threat)
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(inputs), y[chosen]).backward()
            optimiser.step()
            schedule.step()


def _arrays(layer: nn.Linear) -> tuple[np.ndarray, np.ndarray]:
    """Its weight and bias in double precision."""
    return layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()


def _kept(kind: str, function: Callable[..., Any], encoder: Encoder, *arguments: Any) -> Any:
    """`function(encoder, *arguments)` from the cache, or computed in this process; data sets and heads by value."""
    key = [_by_value(argument) for argument in arguments]
    entry = Entry(kind, (encoder.name, encoder.weights_sha256, *key), encoder.code | {__name__})
    return processes.kept(entry, function, encoder, *arguments)


def _by_value(argument: object) -> object:
    if isinstance(argument, DataSet):  # its training part may be one of what the fingerprint covers
        train = argument.train
        return argument.fingerprint, joblib.hash((train.images.numpy(), train.required_labels().numpy()))
    if isinstance(argument, Head):
        return joblib.hash((argument.weight.numpy(), argument.bias.numpy()))
    return repr(argument)


def _probe(
    encoder: Encoder, data: DataSet, inner: Inner, lr: float, epochs: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    layer = first_head(encoder.width, len(data.classes), None, seed)
    nn.init.zeros_(layer.weight)  # convex but for the attack: no random start needed
    nn.init.zeros_(layer.bias)
    optimiser = torch.optim.SGD(layer.parameters(), lr, momentum=0.9)
    train(encoder.network, layer, data.train, inner, optimiser, epochs, seed)
    return _arrays(layer)


def adversarial_probe(encoder: Encoder, data: DataSet, inner: Inner, *, lr: float, epochs: int, seed: int) -> Head:
    """The head alone, on the frozen encoder: SGD with momentum 0.9. Kept in the cache."""
    weight, bias = _kept("adversarial probes", _probe, encoder, data, inner, lr, epochs, seed)
    return Head(torch.from_numpy(weight), torch.from_numpy(bias))


def _prepared(encoder: Encoder, method: str, rank: int, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return prepared(encoder.network, method, rank)


def _tuned(
    encoder: Encoder,
    head: Head | None,
    data: DataSet,
    inner: Inner,
    method: str,
    rank: int,
    lr: float,
    epochs: int,
    seed: int,
) -> tuple[list[np.ndarray], tuple[np.ndarray, np.ndarray], float]:
    """The network's state after `merged`, the head, and the relative change of features that merging made."""
    network = _prepared(encoder, method, rank, seed)
    layer = first_head(encoder.width, len(data.classes), head, seed)
    trained = [values for values in (*network.parameters(), *layer.parameters()) if values.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr, weight_decay=0.01)
    train(network, layer, data.train, inner, optimiser, epochs, 1000 + seed)
    x = data.test.pixels()[:32]
    with torch.no_grad():
        before = network(x)
        network = merged(network)
        change = float((network(x) - before).norm() / before.norm())
    return [values.numpy() for values in network.state_dict().values()], _arrays(layer), change


def adversarial_finetuning(
    encoder: Encoder,
    head: Head | None,
    data: DataSet,
    inner: Inner,
    *,
    method: str,
    rank: int,
    lr: float,
    epochs: int,
    seed: int,
) -> Finetuned:
    """Head and encoder, or what `method` trains of it (`peft`), from `head` (RoLI) or a random one (RanLI): AdamW.

    The encoder that is given stays as it is. Kept in the cache.
    """
    how = (head, data, inner, method, rank, lr, epochs, seed)
    state, (weight, bias), change = _kept("adversarially finetuned", _tuned, encoder, *how)
    network = merged(_prepared(encoder, method, rank, seed))
    values = zip(network.state_dict(), map(torch.from_numpy, state), strict=True)
    network.load_state_dict(dict(values))
    name = f"{encoder.name}+{'RanLI' if head is None else 'RoLI'}-{method}"
    tuned = Encoder(name, network, input_size=encoder.input_size, width=encoder.width, weights_sha256=digest(network))
    return Finetuned(tuned, Head(torch.from_numpy(weight), torch.from_numpy(bias)), change)
