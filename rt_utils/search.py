"""Everything the attacks find at a batch of points, reduced to the best per point.

Per point the shift and the loss are each the maximum over every perturbation that any attack found, the clean input
included. With that, the theorems' inequalities hold by their own algebra: a point that breaks one shows a mistake in
the code. What the maximum does not give is an upper bound on the true one.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from rt_utils import attacks, bounds
from rt_utils.attacks import PGDSettings
from rt_utils.encoders import Encoder
from rt_utils.losses import CROSS_ENTROPY
from rt_utils.threat import Threat
from rt_utils.transfer import Head

# Which columns each attack's finds count for; z_shift, z_loss, wrong and flipped take all of them.
SHIFT_COLUMNS = {
    "paper": ("shift_page", "shift_paper"),
    "representation": ("shift_page",),
    "loss": ("shift_page",),
    "floor": ("shift_floor",),
}
WRONG_COLUMNS = {"loss": "wrong_pgd", "apgd": "wrong_apgd"}


@dataclass(frozen=True)
class AttackPlan:
    """What a page runs on every point, and on how many points a stronger search checks it (the attack floor)."""

    representation: PGDSettings = field(default_factory=lambda: PGDSettings(steps=12, restarts=5, refine=60))
    loss: PGDSettings = field(default_factory=PGDSettings)
    loss_restarts: int = 2  # more, for points that are still classified correctly
    paper: PGDSettings = field(default_factory=lambda: PGDSettings(rel_stepsize=0.7, decay=False))
    floor: PGDSettings = field(default_factory=lambda: PGDSettings(steps=100, restarts=5, seed=1))
    floor_points: int = 64  # for the representation
    apgd_steps: int = 100
    apgd_points: int = 100  # for the loss, and for the paper's attack: 100 points resolve one percentage point


class Best:
    """The best found so far at each of n points; `columns` is what a Measurement keeps of it."""

    def __init__(
        self, encoder: Encoder, head: Head, x: Float[Tensor, "n 3 h w"], y: Int64[Tensor, " n"], threat: Threat
    ) -> None:
        self.encoder, self.head, self.x, self.y, self.threat = encoder, head, x, y, threat
        z = encoder.features(x)
        logits = head.logits(z)
        self.predicted = logits.argmax(1)
        self._shift, self._loss = torch.zeros(len(x), dtype=torch.float64), CROSS_ENTROPY(logits, y)
        nothing, wrong = torch.full((len(x),), torch.nan, dtype=torch.float64), self.predicted != y
        self.columns: dict[str, Tensor] = {
            "z": z,
            "z_shift": z.clone(),
            "z_loss": z.clone(),
            "shift_page": torch.zeros_like(self._shift),
            "shift_paper": nothing.clone(),
            "shift_floor": nothing.clone(),
            "wrong_pgd": wrong.clone(),
            "wrong_apgd": wrong.clone(),
            "wrong": wrong.clone(),
            "flipped": torch.zeros_like(wrong),
        }

    def add(self, kind: str, index: Int64[Tensor, " k"], found: Iterable[Float[Tensor, "k 3 h w"]]) -> None:
        """Evaluate what the attack `kind` found at the points `index`, once, as clean inputs are evaluated.

        Raises RuntimeError if a perturbed image lies outside the threat.
        """
        for images in found:
            outside = ~self.threat.contains(self.x[index], images)
            if outside.any():
                raise RuntimeError(f"{int(outside.sum())} images of the {kind} attack lie outside {self.threat}")
            z = self.encoder.features(images) if self.threat.eps else self.columns["z"][index]
            logits = self.head.logits(z)
            shift = bounds.shift(self.columns["z"][index].double(), z.double())
            loss, labels = CROSS_ENTROPY(logits, self.y[index]), logits.argmax(1)
            further, worse = shift > self._shift[index], loss > self._loss[index]
            self.columns["z_shift"][index[further]] = z[further]
            self.columns["z_loss"][index[worse]] = z[worse]
            self._shift[index] = torch.maximum(self._shift[index], shift)
            self._loss[index] = torch.maximum(self._loss[index], loss)
            for column in SHIFT_COLUMNS.get(kind, ()):
                self.columns[column][index] = torch.fmax(self.columns[column][index], shift)
            wrong = labels != self.y[index]
            for column in ("wrong", WRONG_COLUMNS.get(kind, "wrong")):
                self.columns[column][index] |= wrong
            self.columns["flipped"][index] |= labels != self.predicted[index]


def search(
    encoder: Encoder,
    head: Head,
    x: Float[Tensor, "n 3 h w"],
    y: Int64[Tensor, " n"],
    threat: Threat,
    plan: AttackPlan,
    first: int,
) -> dict[str, Tensor]:
    """Run the plan on n points, the first of which is number `first` of the data set; the columns of `Best`."""
    x = x.contiguous(memory_format=torch.channels_last)
    best = Best(encoder, head, x, y, threat)
    model = nn.Sequential(encoder, head.module()).eval()
    everyone = torch.arange(len(x))

    best.add("representation", everyone, attacks.representation_pgd(encoder, x, threat, plan.representation))
    best.add("loss", everyone, attacks.loss_pgd(model, x, y, threat, plan.loss))
    for restart in range(plan.loss_restarts):
        still = everyone[~best.columns["wrong_pgd"]]
        if len(still):
            again = replace(plan.loss, seed=plan.loss.seed + 1 + restart)
            best.add("loss", still, attacks.loss_pgd(model, x[still], y[still], threat, again))
    missed = everyone[best.predicted != y]
    if len(missed):  # where the true label is lost already, Theorem 2 still speaks of the predicted one
        best.add("loss", missed, attacks.loss_pgd(model, x[missed], best.predicted[missed], threat, plan.loss))

    some = everyone[first + everyone < plan.floor_points]
    if len(some):
        best.add("floor", some, attacks.representation_pgd(encoder, x[some], threat, plan.floor))
    some = everyone[first + everyone < plan.apgd_points]
    if len(some):
        best.add("paper", some, attacks.representation_pgd(encoder, x[some], threat, plan.paper))
        for loss in ("ce", "dlr") if head.weight.shape[0] > 2 else ("ce",):
            found = attacks.apgd(
                model, x[some], y[some], threat, loss=loss, steps=plan.apgd_steps, seed=plan.floor.seed
            )
            best.add("apgd", some, [found])
    return best.columns
