"""A frozen encoder: eval mode, pixels in [0, 1] outside, preprocessing inside, known by the hash of its weights."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from rt_utils.models.weights import digest
from rt_utils.runtime.devices import Parts


def _blank(made_by: str) -> "Encoder":
    """An encoder still without its state, after the module that makes such encoders was imported."""
    importlib.import_module(made_by)
    return Encoder.__new__(Encoder)


class Encoder(nn.Module):
    """A representation f_theta that nothing changes: parameters frozen, eval mode always (no BatchNorm update).

    Maps pixels in [0, 1], shape (n, 3, input_size, input_size), to features, shape (n, width); those of the
    sprites take one channel too. `made_by` is the module that made it, on whose code its features depend; `notes` say
    in words how it was loaded.
    """

    def __init__(
        self,
        name: str,
        network: nn.Module,
        *,
        input_size: int,
        width: int,
        weights_sha256: str,
        made_by: str = __name__,
        notes: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.name, self.input_size, self.width, self.weights_sha256 = name, input_size, width, weights_sha256
        self.made_by, self.notes = made_by, tuple(notes)
        self.parts = Parts(max(4, 2**18 // input_size**2))  # 256 images of 32x32, 5 of 224x224
        self.network = network.requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.eval()

    def __reduce__(self) -> tuple[Callable[..., "Encoder"], tuple[str], dict[str, Any]]:
        """A process that unpickles it imports `made_by` before the network, whose modules may need what that does."""
        return _blank, (self.made_by,), self.__dict__

    @property
    def code(self) -> frozenset[str]:
        """The modules whose code decides its features: what made it, and its layers' classes."""
        return frozenset({self.made_by, *(type(layer).__module__ for layer in self.modules())})

    def train(self, mode: bool = True) -> "Encoder":
        """Stays in eval mode, whatever `mode`: a linear probe must leave the encoder untouched."""
        return super().train(False)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n width"]:
        features: Tensor = self.network(x)
        return features

    @torch.no_grad()
    def features(self, x: Float[Tensor, "n c h w"] | UInt8[Tensor, "n c h w"]) -> Float[Tensor, "n width"]:
        """Features of any number of images, in batches, without gradients. The one evaluation that results rest on.

        They come back on the CPU, wherever the encoder is. Images as they are stored, uint8, become pixels in [0, 1] a
        batch at a time: all at once they take four times the memory.
        """
        place = next(self.parameters(), x).device

        def evaluate(part: slice) -> Tensor:
            stored = x[part].to(place)
            pixels = stored if stored.is_floating_point() else stored.float() / 255
            features: Tensor = self(pixels.contiguous(memory_format=torch.channels_last)).cpu()
            return features

        return torch.cat(self.parts(evaluate, len(x)))


def frozen(name: str, network: nn.Module, *, input_size: int, width: int) -> Encoder:
    """A network that was just trained, as an encoder that is known by the hash of its weights.

    Where it can, it folds its BatchNorm layers into the convolutions before them.
    """
    sha256 = digest(network)
    network.eval()
    if fold := getattr(network, "fold_norms", None):
        fold()
    return Encoder(name, network, input_size=input_size, width=width, weights_sha256=sha256)
