"""The full standard AutoAttack (Croce and Hein 2020) from the package pyautoattack, for two classes and more.

What it leaves right is an upper bound on the true robust accuracy, and no certificate.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int64
from pyautoattack.autopgd_base import APGDAttack, APGDAttack_targeted
from pyautoattack.fab_pt import FABAttack_PT
from pyautoattack.square import SquareAttack
from torch import Tensor, nn

from rt_utils.evaluation.apgd import APGD_NORM, ContiguousGradient
from rt_utils.evaluation.attacks import Images
from rt_utils.images.data_set import Split
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime.devices import placed
from rt_utils.runtime.errors import InputError
from rt_utils.theory.perturbations import allowed, into_ball
from rt_utils.theory.threat import Threat

CLEAN = "clean"
STANDARD = ("APGD-CE", "APGD-T", "FAB-T", "Square")
BELOW_FOUR = ("APGD-CE", "margin", "FAB", "Square")  # the targeted DLR loss has four logits
FAB_STARTS = 5  # of FAB without targets, as the package's longer version has
Attack = Callable[[Images, Int64[Tensor, " n"]], Images]


@dataclass(frozen=True)
class Effort:
    """How much work each attack does; the defaults are those of the standard version."""

    steps: int = 100  # of APGD and FAB, for each target
    targets: int = 9  # at most; with c classes there are c - 1
    queries: int = 5000  # of Square
    seed: int = 0


class _Margin(APGDAttack_targeted):
    """APGD on the difference of two logits, each other class in turn: the targeted DLR loss without its denominator."""

    def dlr_loss_targeted(self, x: Tensor, y: Tensor) -> Tensor:
        every = torch.arange(len(x), device=x.device)
        loss: Tensor = x[every, self.y_target] - x[every, y]
        return loss


def names(n_classes: int) -> tuple[str, ...]:
    """The attacks that run with so many classes, in their order. Raises InputError below two classes."""
    if n_classes < 2:
        raise InputError(f"AutoAttack needs at least two classes, and here is {n_classes}")
    return STANDARD if n_classes > 3 else BELOW_FOUR


def _attacks(model: nn.Module, threat: Threat, n_classes: int, effort: Effort, device: torch.device) -> list[Attack]:
    """The attacks in the order of `names`, set up as the package's standard version does, with c - 1 targets at most.

    With more targets than there are other classes the package raises an IndexError.
    """
    common = {"norm": APGD_NORM[threat.norm], "eps": threat.eps, "seed": effort.seed, "device": device}
    few, targets = n_classes < 4, min(effort.targets, n_classes - 1)
    apgd = {"n_iter": effort.steps} | common
    aimed = (_Margin if few else APGDAttack_targeted)(model, n_target_classes=targets, **apgd)
    starts = FAB_STARTS if few else 1
    fab = FABAttack_PT(model, targeted=not few, n_restarts=starts, n_target_classes=targets, **apgd)
    square = SquareAttack(model, p_init=0.8, n_queries=effort.queries, resc_schedule=False, **common)
    return [APGDAttack(model, loss="ce", **apgd).perturb, aimed.perturb, fab.perturb, square.perturb]


def _inside(threat: Threat, x: Images, found: Images) -> Images:
    """What rounding let out of the ball pulled back. Raises RuntimeError where it was more than rounding."""
    if threat.norm == "linf":
        found = into_ball(found, x, threat)
    found = found.clamp(0, 1).detach()
    if (outside := int((~allowed(threat, x, found)).sum())) > 0:
        raise RuntimeError(f"{outside} images of AutoAttack lie outside {threat}")
    return found


def right_after(
    encoder: Encoder,
    head: Head,
    points: Split,
    threat: Threat,
    effort: Effort | None = None,
) -> dict[str, Bool[Tensor, " n"]]:
    """Which points are right clean, and still right after each attack; each runs on those that the ones before left.

    Args:
        encoder: Frozen.
        head: On its features; it judges in float64 what the attacks find in float32.
        points: Images as they are stored, 0 to 255, shape (n, 3, h, w), with their labels.
        threat: The norm, and the radius in pixels.
        effort: Steps, targets, queries and seed; else those of the standard version.

    Returns:
        By name, 'clean' and then the attacks in their order, whether each point is still right.

    Raises:
        InputError: where there are no labels; where the head has one class, or not the encoder's width; for images
            below 5 x 5 pixels in l_2, which Square cannot cut into tiles.
    """
    effort = effort or Effort()
    its_names = names(len(head.weight))
    images, y = points.images, points.required_labels()
    takes = head.weight.shape[1]
    if takes != encoder.width:
        raise InputError(f"the head takes {takes} features, {encoder.name} gives {encoder.width}")
    if threat.norm == "l2" and min(images.shape[2:]) < 5:
        raise InputError(f"AutoAttack in l_2 needs images of 5 x 5 pixels, and these have {tuple(images.shape[2:])}")
    encoder = placed(encoder)
    place = next(encoder.parameters()).device
    x, labels = (images.float() / 255).contiguous().to(place), y.to(place)
    right = head.logits(encoder.features(x)).argmax(1) == y
    after = {CLEAN: right.clone()}
    model = ContiguousGradient(nn.Sequential(encoder, head.module().to(place)).eval())
    attacks = _attacks(model, threat, len(head.weight), effort, place)
    for name, attack in zip(its_names, attacks, strict=True):
        left = right.nonzero().flatten()
        if len(left) and threat.eps:
            # The attacks seed the global generator; their warnings are of points whose gradient vanishes. They ask for
            # gradients where they need them.
            with torch.random.fork_rng(devices=[place] if x.is_cuda else []), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with torch.no_grad():
                    found = attack(x[left].clone(), labels[left].clone())
            moved = _inside(threat, x[left], found)
            right[left] &= head.logits(encoder.features(moved)).argmax(1) == y[left]
        after[name] = right.clone()
    return after
