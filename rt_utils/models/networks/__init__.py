"""The architectures of the encoders that come with the book, by the name that their model cards give."""

from collections.abc import Callable, Mapping
from typing import Any

from rt_utils.models.networks.certified_network import CertifiedNetwork
from rt_utils.models.networks.regression_network import RegressionNetwork
from rt_utils.models.networks.small_resnet import SmallResNet
from rt_utils.models.networks.wide_resnet import WideResNet

Network = SmallResNet | RegressionNetwork | CertifiedNetwork | WideResNet
NETWORKS: dict[str, Callable[[], Network]] = {
    "SmallResNet(8)": lambda: SmallResNet(8),  # for tests
    "SmallResNet(32)": lambda: SmallResNet(32),  # for two cores
    "CertifiedNetwork": CertifiedNetwork,
    "WideResNet-28-4": lambda: WideResNet(28, 4),  # for a GPU
}


def build(card: Mapping[str, Any]) -> Network:
    """The untrained network that a model card names."""
    recipe = card["recipe"]
    if "network" in recipe:
        return NETWORKS[recipe["network"]]()
    return SmallResNet(recipe["width"]) if "width" in recipe else RegressionNetwork()
