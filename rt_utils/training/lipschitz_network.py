"""Training of the network with a known Lipschitz constant, for the certificate."""

import torch
from torch import nn

from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder, frozen
from rt_utils.models.head import Head
from rt_utils.models.networks.orthonormal import OrthonormalNetwork

EPOCHS, BATCH, LEARNING_RATE = 30, 128, 5e-3
SCALE = 8  # of the logits in the loss: one over the temperature. A larger one is content with narrower margins


def trained(name: str, data: DataSet, seed: int, scale: float = SCALE) -> tuple[Encoder, Head, float]:
    """The encoder, a head whose rows have length 1, and the encoder's Lipschitz constant.

    The loss is the cross-entropy of `scale` times the logits. Trained on the training split; 32x32 pixels. On one
    thread, so that the same seed gives the same weights. Raises InputError where the data set has no labels.
    """
    x, y = data.train.pixels(), data.train.required_labels()
    batch = min(BATCH, len(x))
    steps, threads = len(x) // batch, torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        network = OrthonormalNetwork()
        last = nn.Linear(network.width, len(data.classes))
        optimiser = torch.optim.Adam([*network.parameters(), *last.parameters()], LEARNING_RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=EPOCHS * steps)
        for _ in range(EPOCHS):
            for chosen in torch.randperm(len(x))[: steps * batch].split(batch):
                logits = network(x[chosen]) @ nn.functional.normalize(last.weight, dim=1).T + last.bias
                loss = nn.functional.cross_entropy(scale * logits, y[chosen])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
        network.fix()
        torch.set_num_threads(threads)
    constant = network.lipschitz_constant()
    encoder = frozen(name, network, input_size=network.input_size, width=network.width)
    head = Head(nn.functional.normalize(last.weight, dim=1).detach().double(), last.bias.detach().double())
    return encoder, head, constant
