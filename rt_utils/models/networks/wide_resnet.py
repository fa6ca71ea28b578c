"""RobustBench's wide residual network, for the natural encoders that a GPU trains."""

from jaxtyping import Float
from torch import Tensor, nn


class WideResNet(nn.Module):
    """RobustBench's wide residual network without its head, for 32x32 RGB images in [0, 1]."""

    input_size = 32

    def __init__(self, depth: int, widen_factor: int) -> None:
        super().__init__()
        # Here, not above: it takes seconds to import, and only after the first of the two.
        from rt_utils.models import robustbench  # noqa: F401
        from robustbench.model_zoo.architectures.wide_resnet import WideResNet as Classifier  # isort: skip

        self.network = Classifier(num_classes=1, depth=depth, widen_factor=widen_factor)
        self.width: int = self.network.fc.in_features
        self.network.fc = nn.Identity()

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n width"]:
        features: Tensor = self.network((x - 0.5) * 4.0)
        return features
