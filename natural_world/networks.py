"""The networks of the natural encoders, by the name that their model cards give: pixels in [0, 1] to features."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn

from embedded_world.network import SmallResNet


class WideResNet(nn.Module):
    """RobustBench's wide residual network without its head, for 32x32 RGB images in [0, 1]."""

    input_size = 32

    def __init__(self, depth: int, widen_factor: int) -> None:
        super().__init__()
        # Here, not above: it takes seconds to import, and only after the first of the two.
        from rt_utils import robustbench_models  # noqa: F401
        from robustbench.model_zoo.architectures.wide_resnet import WideResNet as Classifier  # isort: skip

        self.network = Classifier(num_classes=1, depth=depth, widen_factor=widen_factor)
        self.width: int = self.network.fc.in_features
        self.network.fc = nn.Identity()

    def forward(self, x: Float[Tensor, "n 3 32 32"]) -> Float[Tensor, "n width"]:
        features: Tensor = self.network((x - 0.5) * 4.0)
        return features


NETWORKS: dict[str, Callable[[], SmallResNet | WideResNet]] = {
    "SmallResNet(8)": lambda: SmallResNet(8),  # for tests
    "SmallResNet(32)": lambda: SmallResNet(32),  # for two cores
    "WideResNet-28-4": lambda: WideResNet(28, 4),  # for a GPU
}
