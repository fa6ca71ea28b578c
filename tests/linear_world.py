"""A world whose maxima are known: features and logits linear in the pixels, images far from the pixels' ends."""

import torch
from torch import Tensor, nn

from rt_utils.images.data_set import DataSet, Split, fingerprint
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.theory.threat import Threat

SIZE = 4
PIXELS = 3 * SIZE**2


def linear_encoder(weight: Tensor, *, name: str = "linear", sha: str = "0" * 64) -> Encoder:
    """f(x) = `weight` x, for `weight` of shape (r, 48) and images of 3 x 4 x 4 pixels."""
    layer = nn.Linear(PIXELS, len(weight), bias=False)
    layer.load_state_dict({"weight": weight.float()})
    return Encoder(name, nn.Sequential(nn.Flatten(), layer), input_size=SIZE, width=len(weight), weights_sha256=sha)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def grey_images(n: int, seed: int = 0) -> Tensor:
    """Stored images, uint8, between 0.4 and 0.6: no perturbation of up to 0.4 meets the ends of the pixels."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(102, 154, (n, 3, SIZE, SIZE), generator=generator, dtype=torch.uint8)


def data_set(n: int, n_classes: int, seed: int = 0, labels: Tensor | None = None) -> DataSet:
    """`n` training and `n` test images, with random labels or these in the test part."""
    generator = torch.Generator().manual_seed(seed)
    y = [torch.randint(n_classes, (n,), generator=generator) for _ in range(2)]
    train = Split(grey_images(n, seed), y[0])
    test = Split(grey_images(n, seed + 1), y[1] if labels is None else labels)
    return DataSet("grey", tuple("abcdefgh"[:n_classes]), train, test, fingerprint(train, test))


def reach(a: Tensor, threat: Threat) -> Tensor:
    """max <a, delta> over the ball: eps times the dual norm of each row of `a`."""
    return threat.eps * (a.abs().sum(-1) if threat.norm == "linf" else a.norm(dim=-1))
