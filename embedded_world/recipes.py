"""How the embedded encoders are trained: `make encoders` runs this from nothing.

Adversarial training (Madry et al. 2018) of `SmallResNet` and a linear head on glyphs, with a short PGD inside; eps 0
gives standard training. The shipped weights are the running average of the last third of the steps.
"""

from dataclasses import asdict, dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, update_bn
from tqdm import tqdm

from embedded_world import glyphs
from embedded_world.network import SmallResNet


@dataclass(frozen=True)
class Recipe:
    """Everything that decides an embedded encoder. eps in pixels of [0, 1], l_inf."""

    eps: float
    epochs: int
    attack_steps: int = 2
    attack_stepsize: float = 0.75  # relative to eps
    images: int = 24_000
    batch: int = 128
    max_lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    width: int = 16
    eps_warmup: float = 0.3  # share of the steps over which eps grows to its value
    seed: int = 0

    def as_dict(self) -> dict[str, float | int]:
        return asdict(self)


RECIPES = {
    "robust": Recipe(eps=8 / 255, epochs=32),
    "standard": Recipe(eps=0.0, epochs=12),
    "random": Recipe(eps=0.0, epochs=0, images=5_000),
}


def perturb(
    model: nn.Module,
    x: Float[Tensor, "n 3 h w"],
    y: Int64[Tensor, " n"],
    eps: float,
    recipe: Recipe,
    generator: torch.Generator,
) -> Float[Tensor, "n 3 h w"]:
    """The training attack: signed steps on the cross-entropy from a random start, inside the ball and the pixel box."""
    if eps == 0:
        return x
    noise = torch.rand(x.shape, generator=generator) * 2 - 1
    adversarial = (x + eps * noise).clamp(0, 1)
    for _ in range(recipe.attack_steps):
        adversarial.requires_grad_()
        (gradient,) = torch.autograd.grad(nn.functional.cross_entropy(model(adversarial), y), adversarial)
        stepped = adversarial.detach() + recipe.attack_stepsize * eps * gradient.sign()
        adversarial = torch.minimum(torch.maximum(stepped, x - eps), x + eps).clamp(0, 1)
    return adversarial


def train(recipe: Recipe, *, progress: bool = True) -> tuple[SmallResNet, nn.Linear]:
    """Train an encoder and its head by `recipe`; the same recipe and thread count give the same weights."""
    torch.manual_seed(recipe.seed)
    generator = torch.Generator().manual_seed(recipe.seed)
    encoder = SmallResNet(recipe.width)
    head = nn.Linear(encoder.width, len(glyphs.CLASSES))
    drawn, labels = glyphs.draw_many(recipe.images, seed=recipe.seed, stream=0)
    images, targets = torch.from_numpy(drawn), torch.from_numpy(labels)
    model = nn.Sequential(encoder, head)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if recipe.epochs == 0:  # random weights; BatchNorm's statistics from images, or the features would all but vanish
        update_bn([x.float() / 255 for x in images.split(500)], model)
        return encoder.eval(), head.eval()
    average = AveragedModel(model, use_buffers=True)
    steps = recipe.epochs * (recipe.images // recipe.batch)
    optimiser = torch.optim.SGD(
        model.parameters(), recipe.max_lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay, nesterov=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.max_lr, total_steps=steps, pct_start=0.2)
    bar = tqdm(total=steps, disable=not progress, unit="step", desc=f"eps {recipe.eps * 255:.0f}/255")
    for step in range(steps):
        if step % (recipe.images // recipe.batch) == 0:
            order = torch.randperm(recipe.images, generator=generator)
        start = step % (recipe.images // recipe.batch) * recipe.batch
        chosen = order[start : start + recipe.batch]
        x, y = images[chosen].float().div(255).contiguous(memory_format=torch.channels_last), targets[chosen]
        eps = recipe.eps * min(1.0, step / max(1.0, recipe.eps_warmup * steps))
        x = perturb(model, x, y, eps, recipe, generator)
        loss = nn.functional.cross_entropy(model(x), y)
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
