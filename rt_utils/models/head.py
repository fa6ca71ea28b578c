"""The linear head W z + b on a representation."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn


@dataclass(frozen=True)
class Head:
    """A linear head in float64: logits = z W^T + b. The bias cancels in every difference the theorems use."""

    weight: Float[Tensor, "c r"]
    bias: Float[Tensor, " c"]

    @classmethod
    def of(cls, layer: nn.Linear) -> "Head":
        """The head that a trained layer is."""
        return cls(layer.weight.detach().double(), layer.bias.detach().double())

    def logits(self, z: Float[Tensor, "n r"]) -> Float[Tensor, "n c"]:
        return z.double() @ self.weight.T + self.bias

    def module(self) -> nn.Linear:
        """The same head as a frozen float32 layer, for attacks."""
        layer = nn.Linear(self.weight.shape[1], self.weight.shape[0])
        layer.load_state_dict({"weight": self.weight.float(), "bias": self.bias.float()})
        return layer.requires_grad_(False).eval()
