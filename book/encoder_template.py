"""An encoder of your own: copy this file, put your network and its weights in, and give the page its name.

rt run audit -p encoder python:encoder.py:encoder -p data folder:PATH -p eps 4/255
"""

from pathlib import Path

import torch
from torch import nn

WEIGHTS = Path(__file__).with_name("weights.pt")  # torch.save(network.state_dict(), "weights.pt")


class Network(nn.Module):
    """Yours; or import it, from a file beside this one or from a package."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)
        )
        self.head = nn.Linear(32, 10)  # cut off: the representation is what goes into it

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x).flatten(1))


def encoder() -> nn.Module:
    """The network with its weights loaded, which says what it wants to see."""
    network = Network()
    network.load_state_dict(torch.load(WEIGHTS, map_location="cpu", weights_only=True))
    network.rt_encoder = {  # type: ignore[assignment]
        "input_size": 32,  # pixels a side; needed
        "mean": (0.485, 0.456, 0.406),  # of pixels in [0, 1], as in its training; leave both out where there was none,
        "std": (0.229, 0.224, 0.225),  # or where the network normalises itself
        # "output": "features",  # where the output is the representation already, so that nothing is cut off
    }
    return network
