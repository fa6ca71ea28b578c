"""What attacks found at a batch of points, as features, and the best of it per point.

Per point the shift and the loss are each the maximum over every perturbation that any attack found, the clean input
included. With that, the theorems' inequalities hold by their own algebra: a point that breaks one shows a mistake in
the code. What the maximum does not give is an upper bound on the true one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int8, Int64
from torch import Tensor

from rt_utils.models.head import Head
from rt_utils.theory import statements
from rt_utils.theory.losses import CROSS_ENTROPY
from rt_utils.theory.perturbations import size
from rt_utils.theory.threat import Threat

# Which columns each attack's finds count for, beside the overall best: of the page's own attacks, of the stronger
# search (the attack floor), of the paper's attacks.
PAGE = ("representation", "loss", "margin", "predicted")
SHIFT_COLUMNS = {**dict.fromkeys(PAGE, "shift_page"), "floor": "shift_floor", "paper": "shift_paper"}
LOSS_COLUMNS = {**dict.fromkeys(PAGE, "loss_page"), "loss_floor": "loss_floor"}
WRONG_COLUMNS = {"loss": "wrong_pgd", "margin": "wrong_pgd", "apgd": "wrong_apgd", "paper_loss": "wrong_paper"}
# Whose finds say that the page's attack on the representation was too weak, where that alone lets the criterion hold.
ON_THE_LOSS = ("loss", "margin", "predicted", "loss_floor", "paper_loss", "apgd")


@dataclass(frozen=True)
class Find:
    """Features of the images that one run of the attack `kind` found at the points `index` of a batch.

    delta: their perturbations in 127ths of each one's largest entry, where another search starts from them.
    """

    kind: str
    index: Int64[np.ndarray, " k"]
    z: Float[np.ndarray, "k r"]
    delta: Int8[np.ndarray, "k c h w"] | None = None


def stored(delta: Float[Tensor, "k c h w"]) -> Int8[np.ndarray, "k c h w"]:
    """Perturbations in a byte an entry: in 127ths of the largest entry of each."""
    largest = delta.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-30)
    # In one memory format, whatever that of the images was: keys of the cache hash an array's strides too.
    scaled: np.ndarray = np.ascontiguousarray((127 * delta / largest).round().to(torch.int8).cpu().numpy())
    return scaled


def restored(delta: Int8[np.ndarray, "k c h w"], x: Float[Tensor, "k c h w"], threat: Threat) -> Tensor:
    """Images around x with the directions that were `stored`, as far from x as the threat allows."""
    direction = torch.from_numpy(delta).to(x.device, x.dtype) / 127
    length = size(threat, direction).clamp(min=1e-12)[:, None, None, None]
    return (x + threat.eps * direction / length).clamp(0, 1)


def best(
    head: Head,
    z: Float[Tensor, "n r"],
    y: Int64[Tensor, " n"],
    finds: Sequence[Find],
    checked: dict[str, int],
) -> dict[str, Tensor]:
    """The best per point: the columns of a Measurement, from clean features, labels and all finds.

    `checked` says for how many of the first points a column was searched; beyond them it is NaN.
    """
    logits = head.logits(z)
    predicted, clean = logits.argmax(1), CROSS_ENTROPY(logits, y)
    shift, loss = torch.zeros_like(clean), clean.clone()
    wrong = predicted != y
    columns: dict[str, Tensor] = {"z": z, "z_shift": z.clone(), "z_loss": z.clone()}
    for column in sorted({*SHIFT_COLUMNS.values(), *LOSS_COLUMNS.values()}):
        columns[column] = (shift if column.startswith("shift") else clean).clone()
        columns[column][checked.get(column, len(z)) :] = torch.nan
    columns |= {column: wrong.clone() for column in ("wrong", *WRONG_COLUMNS.values())}
    columns |= {column: torch.zeros_like(wrong) for column in ("flipped", "flipped_by_loss")}
    columns["shift_representation"] = torch.zeros_like(shift)
    for find in finds:
        index, found = torch.from_numpy(find.index), torch.from_numpy(find.z)
        logits = head.logits(found)
        shifts, losses = statements.shift(z[index].double(), found.double()), CROSS_ENTROPY(logits, y[index])
        further, worse = shifts > shift[index], losses > loss[index]
        columns["z_shift"][index[further]] = found[further]
        columns["z_loss"][index[worse]] = found[worse]
        shift[index], loss[index] = torch.maximum(shift[index], shifts), torch.maximum(loss[index], losses)
        for values, kind in ((shifts, SHIFT_COLUMNS.get(find.kind)), (losses, LOSS_COLUMNS.get(find.kind))):
            if kind is not None:
                columns[kind][index] = torch.maximum(columns[kind][index], values)
        labels = logits.argmax(1)
        for name in {"wrong", WRONG_COLUMNS.get(find.kind, "wrong")}:
            columns[name][index] |= labels != y[index]
        columns["flipped"][index] |= labels != predicted[index]
        if find.kind in ON_THE_LOSS:
            columns["flipped_by_loss"][index] |= predicted[index] != labels
        if find.kind == "representation":
            alone = columns["shift_representation"]
            alone[index] = torch.maximum(alone[index], shifts)
    return columns
