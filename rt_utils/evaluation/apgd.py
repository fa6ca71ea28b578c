"""AutoAttack's APGD, which checks the robust accuracy under PGD. It finds lower bounds too: it is no certificate."""

import warnings

import torch
from jaxtyping import Float, Int64
from pyautoattack.autopgd_base import APGDAttack
from torch import Tensor, nn

from rt_utils.evaluation.attacks import Images
from rt_utils.theory.perturbations import into_ball
from rt_utils.theory.threat import Norm, Threat

APGD_NORM: dict[Norm, str] = {"linf": "Linf", "l2": "L2"}


class ContiguousGradient(nn.Module):
    """pyautoattack takes `.view` of gradients, which fails on those of a channels-last network."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Images) -> Float[Tensor, "n k"]:
        if x.requires_grad:
            x.register_hook(lambda gradient: gradient.contiguous())
        logits: Tensor = self.model(x)
        return logits


def apgd(
    model: nn.Module, x: Images, y: Int64[Tensor, " n"], threat: Threat, *, loss: str, steps: int = 100, seed: int = 0
) -> Images:
    """AutoAttack's APGD (Croce and Hein 2020) from the package pyautoattack.

    Args:
        model: Maps pixels to logits (n, c); its parameters should be frozen.
        x: Images in [0, 1], shape (n, c, h, w).
        y: Labels, shape (n). Points that `model` already gets wrong come back as they are.
        threat: The norm, and the radius in pixels.
        loss: 'ce', or 'dlr', which needs at least three classes.
        steps: Steps of its one run.
        seed: Of its random start.

    Returns:
        Perturbed images inside the threat, shape (n, c, h, w).

    Example:
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2)).requires_grad_(False).eval()
        >>> x = torch.full((1, 3, 2, 2), 0.5)
        >>> found = apgd(model, x, model(x).argmax(1), Threat("linf", 0.1), loss="ce", steps=5)
        >>> bool((found - x).abs().max() <= 0.1 + 1e-6)
        True
    """
    if threat.eps == 0:
        return x
    with torch.random.fork_rng(devices=[x.device] if x.is_cuda else []):  # APGD seeds the global generator
        attack = APGDAttack(
            ContiguousGradient(model),
            n_iter=steps,
            norm=APGD_NORM[threat.norm],
            eps=threat.eps,
            seed=seed,
            loss=loss,
            device=x.device,
        )
        # Its warnings are of points whose gradient vanishes: they stay "not flipped". It asks for gradients where it
        # needs them; with them on everywhere else too it would hold on to the images of every step.
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            found = attack.perturb(x.contiguous(), y)
    # APGD clips to the ball in float32 before it clips to the box: pull back what rounding let out.
    if threat.norm == "linf":
        found = into_ball(found, x, threat)
    return found.clamp(0, 1).detach()
