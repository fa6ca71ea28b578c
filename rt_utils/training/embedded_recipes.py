"""How the embedded encoders are trained: `make encoders` runs this from nothing.

`SmallResNet` learns the classes of the glyphs, `RegressionNetwork` the orientation of the sprites, each by adversarial
training (at radius 0: standard training); `CertifiedNetwork` learns the letters under interval bounds.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rt_utils.images.drawn import glyphs, sprites
from rt_utils.models.networks.regression_network import RegressionNetwork
from rt_utils.models.networks.small_resnet import SmallResNet
from rt_utils.theory.threat import Threat
from rt_utils.training.certified_recipe import CertifiedTraining
from rt_utils.training.recipe import AdversarialTraining, Training


@dataclass(frozen=True)
class Recipe(AdversarialTraining):
    """Everything that decides an encoder of the glyphs."""

    width: int = 16

    def parts(self) -> tuple[nn.Module, nn.Linear, Tensor, Tensor]:
        encoder = SmallResNet(self.width)
        head = nn.Linear(encoder.width, len(glyphs.CLASSES))
        images, labels = glyphs.draw_many(self.images, seed=self.seed, stream=0)
        return encoder, head, torch.from_numpy(images), torch.from_numpy(labels)


@dataclass(frozen=True)
class SpritesRecipe(AdversarialTraining):
    """Everything that decides an encoder of the sprites: it regresses the orientation, with squared error."""

    images: int = 24_000
    max_lr: float = 4e-3
    weight_decay: float = 0.0
    eps_warmup: float = 0.4
    clean: float = 0.4  # share of the steps before eps grows: attacked at once, it stayed as bad as a constant

    def threat_at(self, done: float, steps: int) -> Threat:
        return super().threat_at(max(0.0, done - self.clean * steps), steps)

    def parts(self) -> tuple[nn.Module, nn.Linear, Tensor, Tensor]:
        encoder = RegressionNetwork()
        head = nn.Linear(encoder.width, 1)
        images, _, factors = sprites.draw_grey(self.images, seed=self.seed, stream=0)
        targets = torch.from_numpy(factors[:, [sprites.FACTORS.index("orientation")]])
        return encoder, head, torch.from_numpy(images[:, None]), targets

    def output_loss(self, outputs: Tensor, y: Tensor) -> Tensor:
        return nn.functional.mse_loss(outputs, y)

    def optimiser(self, model: nn.Module) -> torch.optim.Optimizer:
        """Adam, as in the released code: in as many steps SGD learnt much less (rate 0.02) or diverged (0.1)."""
        return torch.optim.Adam(model.parameters(), self.max_lr)


RECIPES: dict[str, Training] = {
    "robust": Recipe(Threat("linf", 8 / 255), epochs=32),
    "standard": Recipe(Threat("linf", 0.0), epochs=12),
    "random": Recipe(Threat("linf", 0.0), epochs=0, images=5_000),
    "certified": CertifiedTraining(Threat("linf", 4 / 255), epochs=34),
    "sprites-robust": SpritesRecipe(Threat("linf", 8 / 255), epochs=7),
    "sprites-standard": SpritesRecipe(Threat("linf", 0.0), epochs=5),
    "sprites-random": SpritesRecipe(Threat("linf", 0.0), epochs=0, images=5_000),
}
