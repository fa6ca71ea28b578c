"""One loop that trains an encoder with a head, and the recipe that it follows. The same recipe gives the same weights.

The weights kept are the running average of the last part of the steps.
"""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR
from torch.optim.swa_utils import AveragedModel, update_bn
from tqdm import tqdm

from rt_utils.theory.perturbations import Images
from rt_utils.theory.threat import Threat
from rt_utils.training.adversarial import Loss, perturbed


@dataclass(frozen=True)
class Training:
    """What decides how a network is trained; 0 epochs leave it untrained."""

    threat: Threat
    epochs: int
    images: int = 24_000
    batch: int = 128
    max_lr: float = 0.1
    seed: int = 0

    def as_dict(self) -> dict[str, Any]:
        """As a card and a stopped training keep it: the threat by its radius, l_inf."""
        return {"eps": self.threat.eps} | {name: value for name, value in asdict(self).items() if name != "threat"}

    def parts(self) -> tuple[nn.Module, nn.Linear, Tensor, Tensor]:
        """The untrained encoder and its head, uint8 images, and targets."""
        raise NotImplementedError

    def optimiser(self, model: nn.Module) -> torch.optim.Optimizer:
        raise NotImplementedError

    def loss(
        self, model: nn.Sequential, x: Images, y: Tensor, step: int, steps: int, generator: torch.Generator
    ) -> Tensor:
        """What step number `step` of `steps` makes smaller, on the batch x with targets y."""
        raise NotImplementedError

    def schedule(self, optimiser: torch.optim.Optimizer, steps: int) -> LRScheduler:
        """The rate of every step: it grows over the first fifth, then falls by a cosine."""
        return OneCycleLR(optimiser, self.max_lr, total_steps=steps, pct_start=0.2)

    def limit_gradient(self, model: nn.Sequential) -> None:
        """What happens to a gradient before it is used: by default nothing."""

    def average_from(self, steps: int) -> int:
        """The first step whose weights count in the average: by default the last third does."""
        return 2 * steps // 3


@dataclass(frozen=True)
class AdversarialTraining(Training):
    """Adversarial training (Madry et al. 2018) with a short PGD inside, by SGD; at radius 0 it is standard training."""

    attack_steps: int = 2
    attack_stepsize: float = 0.75  # relative to eps
    momentum: float = 0.9
    weight_decay: float = 5e-4
    eps_warmup: float = 0.3  # share of the steps over which eps grows to its value

    def threat_at(self, done: float, steps: int) -> Threat:
        """What a batch is attacked with after `done` of all steps."""
        return Threat(self.threat.norm, self.threat.eps * min(1.0, done / max(1.0, self.eps_warmup * steps)))

    def output_loss(self, outputs: Tensor, y: Tensor) -> Tensor:
        """The mean loss of a batch: the cross-entropy."""
        return nn.functional.cross_entropy(outputs, y)

    def perturbed(
        self, model: nn.Module, x: Images, y: Tensor, loss: Loss, threat: Threat, generator: torch.Generator
    ) -> Images:
        """The images that a batch trains on."""
        steps, size = self.attack_steps, self.attack_stepsize
        return perturbed(model, x, y, loss, threat, steps=steps, size=size, generator=generator)

    def loss(
        self, model: nn.Sequential, x: Images, y: Tensor, step: int, steps: int, generator: torch.Generator
    ) -> Tensor:
        found = self.perturbed(model, x, y, self.output_loss, self.threat_at(step, steps), generator)
        return self.output_loss(model(found), y)

    def optimiser(self, model: nn.Module) -> torch.optim.Optimizer:
        """SGD with Nesterov's momentum."""
        return torch.optim.SGD(
            model.parameters(), self.max_lr, momentum=self.momentum, weight_decay=self.weight_decay, nesterov=True
        )


def train(recipe: Training, *, progress: bool = True) -> tuple[nn.Module, nn.Linear]:
    """Train an encoder and its head by `recipe`; the same recipe and thread count give the same weights."""
    torch.manual_seed(recipe.seed)
    generator = torch.Generator().manual_seed(recipe.seed)
    encoder, head, images, targets = recipe.parts()
    model = nn.Sequential(encoder, head)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if recipe.epochs == 0:  # random weights; BatchNorm's statistics from images, or the features would all but vanish
        update_bn([x.float() / 255 for x in images.split(500)], model)
        return encoder.eval(), head.eval()
    average = AveragedModel(model, use_buffers=True)
    steps = recipe.epochs * (recipe.images // recipe.batch)
    optimiser = recipe.optimiser(model)
    schedule = recipe.schedule(optimiser, steps)
    bar = tqdm(total=steps, disable=not progress, unit="step", desc=str(recipe.threat))
    for step in range(steps):
        if step % (recipe.images // recipe.batch) == 0:
            order = torch.randperm(recipe.images, generator=generator)
        start = step % (recipe.images // recipe.batch) * recipe.batch
        chosen = order[start : start + recipe.batch]
        x, y = images[chosen].float().div(255).contiguous(memory_format=torch.channels_last), targets[chosen]
        loss = recipe.loss(model, x, y, step, steps, generator)
        optimiser.zero_grad()
        loss.backward()
        recipe.limit_gradient(model)
        optimiser.step()
        schedule.step()
        if step >= recipe.average_from(steps):
            average.update_parameters(model)
        bar.update()
        if step % 50 == 0:
            bar.set_postfix(loss=f"{loss.item():.3f}")
    bar.close()
    model.load_state_dict(average.module.state_dict())
    return encoder.eval(), head.eval()
