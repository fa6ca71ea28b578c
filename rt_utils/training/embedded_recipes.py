"""How the embedded encoders are trained: `make encoders` runs this from nothing.

Adversarial training (Madry et al. 2018) of an encoder and a linear head, with a short PGD inside; eps 0 gives standard
training. The shipped weights are the running average of the last third of the steps. `SmallResNet` learns the classes
of the glyphs, `RegressionNetwork` the orientation of the sprites.
"""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, update_bn
from tqdm import tqdm

from rt_utils.images.drawn import glyphs, sprites
from rt_utils.models.networks.regression_network import RegressionNetwork
from rt_utils.models.networks.small_resnet import SmallResNet
from rt_utils.theory.perturbations import Images
from rt_utils.theory.threat import Threat
from rt_utils.training.adversarial import Loss, perturbed


@dataclass(frozen=True)
class Training:
    """What decides how a network is trained. eps in pixels of [0, 1], l_inf."""

    eps: float
    epochs: int
    attack_steps: int = 2
    attack_stepsize: float = 0.75  # relative to eps
    images: int = 24_000
    batch: int = 128
    max_lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    eps_warmup: float = 0.3  # share of the steps over which eps grows to its value
    seed: int = 0

    def as_dict(self) -> dict[str, float | int]:
        return asdict(self)

    def eps_at(self, done: float, steps: int) -> float:
        """The radius after `done` of all steps."""
        return self.eps * min(1.0, done / max(1.0, self.eps_warmup * steps))

    def parts(self) -> tuple[nn.Module, nn.Linear, Tensor, Tensor, Loss]:
        """The untrained encoder and its head, uint8 images, targets, and the loss of a batch."""
        raise NotImplementedError

    def perturbed(
        self, model: nn.Module, x: Images, y: Tensor, loss: Loss, eps: float, generator: torch.Generator
    ) -> Images:
        """The images that a batch trains on, with the radius `eps`."""
        steps, size = self.attack_steps, self.attack_stepsize
        return perturbed(model, x, y, loss, Threat("linf", eps), steps=steps, size=size, generator=generator)

    def optimiser(self, model: nn.Module) -> torch.optim.Optimizer:
        """SGD with Nesterov's momentum."""
        return torch.optim.SGD(
            model.parameters(), self.max_lr, momentum=self.momentum, weight_decay=self.weight_decay, nesterov=True
        )


@dataclass(frozen=True)
class Recipe(Training):
    """Everything that decides an encoder of the glyphs."""

    width: int = 16

    def parts(self) -> tuple[nn.Module, nn.Linear, Tensor, Tensor, Loss]:
        encoder = SmallResNet(self.width)
        head = nn.Linear(encoder.width, len(glyphs.CLASSES))
        images, labels = glyphs.draw_many(self.images, seed=self.seed, stream=0)
        return encoder, head, torch.from_numpy(images), torch.from_numpy(labels), nn.functional.cross_entropy


@dataclass(frozen=True)
class SpritesRecipe(Training):
    """Everything that decides an encoder of the sprites: it regresses the orientation, with squared error."""

    images: int = 24_000
    max_lr: float = 4e-3
    weight_decay: float = 0.0
    eps_warmup: float = 0.4
    clean: float = 0.4  # share of the steps before eps grows: attacked at once, it stayed as bad as a constant

    def eps_at(self, done: float, steps: int) -> float:
        return super().eps_at(max(0.0, done - self.clean * steps), steps)

    def parts(self) -> tuple[nn.Module, nn.Linear, Tensor, Tensor, Loss]:
        encoder = RegressionNetwork()
        head = nn.Linear(encoder.width, 1)
        images, _, factors = sprites.draw_grey(self.images, seed=self.seed, stream=0)
        targets = torch.from_numpy(factors[:, [sprites.FACTORS.index("orientation")]])
        return encoder, head, torch.from_numpy(images[:, None]), targets, nn.functional.mse_loss

    def optimiser(self, model: nn.Module) -> torch.optim.Optimizer:
        """Adam, as in the released code: in as many steps SGD learnt much less (rate 0.02) or diverged (0.1)."""
        return torch.optim.Adam(model.parameters(), self.max_lr)


RECIPES: dict[str, Training] = {
    "robust": Recipe(eps=8 / 255, epochs=32),
    "standard": Recipe(eps=0.0, epochs=12),
    "random": Recipe(eps=0.0, epochs=0, images=5_000),
    "sprites-robust": SpritesRecipe(eps=8 / 255, epochs=7),
    "sprites-standard": SpritesRecipe(eps=0.0, epochs=5),
    "sprites-random": SpritesRecipe(eps=0.0, epochs=0, images=5_000),
}


def train(recipe: Training, *, progress: bool = True) -> tuple[nn.Module, nn.Linear]:
    """Train an encoder and its head by `recipe`; the same recipe and thread count give the same weights."""
    torch.manual_seed(recipe.seed)
    generator = torch.Generator().manual_seed(recipe.seed)
    encoder, head, images, targets, batch_loss = recipe.parts()
    model = nn.Sequential(encoder, head)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if recipe.epochs == 0:  # random weights; BatchNorm's statistics from images, or the features would all but vanish
        update_bn([x.float() / 255 for x in images.split(500)], model)
        return encoder.eval(), head.eval()
    average = AveragedModel(model, use_buffers=True)
    steps = recipe.epochs * (recipe.images // recipe.batch)
    optimiser = recipe.optimiser(model)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.max_lr, total_steps=steps, pct_start=0.2)
    bar = tqdm(total=steps, disable=not progress, unit="step", desc=f"eps {recipe.eps * 255:.0f}/255")
    for step in range(steps):
        if step % (recipe.images // recipe.batch) == 0:
            order = torch.randperm(recipe.images, generator=generator)
        start = step % (recipe.images // recipe.batch) * recipe.batch
        chosen = order[start : start + recipe.batch]
        x, y = images[chosen].float().div(255).contiguous(memory_format=torch.channels_last), targets[chosen]
        x = recipe.perturbed(model, x, y, batch_loss, recipe.eps_at(step, steps), generator)
        loss = batch_loss(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step >= 2 * steps // 3:
            average.update_parameters(model)
        bar.update()
        if step % 50 == 0:
            bar.set_postfix(loss=f"{loss.item():.3f}")
    bar.close()
    model.load_state_dict(average.module.state_dict())
    return encoder.eval(), head.eval()
