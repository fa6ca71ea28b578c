"""The recipes of the natural encoders.

On two cores first with one signed gradient step from a random start for each batch ("fast" adversarial training, Wong,
Rice and Kolter 2020), which costs two passes; then with two steps, and on images that are shifted at random as well as
mirrored, because one step teaches less than it seems to (a longer PGD after every epoch shows it). On a GPU with three
steps throughout. At radius 0 it is standard training. How a recipe is followed: `natural_training`.
"""

from dataclasses import dataclass, replace

from rt_utils.theory.threat import Threat
from rt_utils.training.recipe import AdversarialTraining

NONE, EIGHT = Threat("linf", 0.0), Threat("linf", 8 / 255)


@dataclass(frozen=True)
class Recipe(AdversarialTraining):
    """Everything that decides an encoder of natural images, but for the images."""

    network: str = "SmallResNet(32)"
    start: str = ""  # the recipe whose weights it starts from; none: PyTorch's initialisation
    shift: int = 4  # pixels that an image is shifted by at most, with black beyond its border
    images: int = 1_000_000  # at most; an epoch is all that the folder holds
    attack_steps: int = 1
    attack_stepsize: float = 1.0
    weight_decay: float = 2e-4


_WIDE = Recipe(NONE, epochs=30, network="WideResNet-28-4", weight_decay=5e-4)
RECIPES = {
    "one-step": Recipe(EIGHT, epochs=36, shift=0),
    "robust": Recipe(
        EIGHT, epochs=12, start="one-step", attack_steps=2, attack_stepsize=0.75, max_lr=0.03, eps_warmup=0.0
    ),
    "standard": Recipe(NONE, epochs=12),
    "random": Recipe(NONE, epochs=0),
    "robust-wide": replace(_WIDE, threat=EIGHT, epochs=40, attack_steps=3, attack_stepsize=0.5),
    "standard-wide": _WIDE,
    "random-wide": replace(_WIDE, epochs=0),
}
