"""The attack aimed at P f_theta, P projecting onto the span of the head's row differences; what it and all others find.

Its finds stay out of every other column: `finds.best` does not see them. So each quantity has here a value of its own
over everything found, the aimed attack's finds included, and between these values the order D <= S_P <= S holds by
algebra.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn

from rt_utils.evaluation import attacks
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.finds import Find
from rt_utils.evaluation.search import Finder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime.devices import device
from rt_utils.theory import sharper, statements
from rt_utils.theory.subspace import difference_basis, subspace_shift
from rt_utils.theory.threat import Threat

KIND = "subspace"


@dataclass(frozen=True)
class SubspaceFound:
    """What was found at each test point in the head's own subspace. Shifts in feature units.

    z_subspace: features at the perturbation with the largest shift in the subspace, which is `shift_subspace`.
    shift_subspace_aimed: what the attack aimed at the subspace found alone. shift_with_subspace, shift_directional:
    the largest S and D over everything found, the aimed attack's finds included; flipped_with_subspace: whether any of
    it changes the prediction.
    """

    z_subspace: Float[np.ndarray, "n r"]
    shift_subspace: Float[np.ndarray, " n"]
    shift_subspace_aimed: Float[np.ndarray, " n"]
    shift_with_subspace: Float[np.ndarray, " n"]
    shift_directional: Float[np.ndarray, " n"]
    flipped_with_subspace: Bool[np.ndarray, " n"]

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays, by name, for a file."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


def search_subspace(
    encoder: Encoder,
    weight: Float[Tensor, "c r"],
    images: UInt8[Tensor, "n 3 h w"],
    threat: Threat,
    settings: PGDSettings,
) -> list[Find]:
    """Attacks on ||P (f_theta(x + delta) - f_theta(x))||_2: no labels, and of the head its row differences alone."""
    finder, everyone, basis = Finder(encoder, images, threat), torch.arange(len(images)), difference_basis(weight)
    if not len(basis):  # no two rows differ: every shift in the subspace is 0
        return []
    onto = nn.Linear(basis.shape[1], len(basis), bias=False)
    onto.load_state_dict({"weight": basis.float()})
    model = nn.Sequential(finder.encoder, onto.to(device())).requires_grad_(False).eval()
    finder.add(KIND, everyone, lambda i: attacks.representation_pgd(model, finder.x[i], threat, settings))
    return finder.finds


def best_in_subspace(head: Head, z: Float[Tensor, "n r"], finds: Sequence[Find]) -> SubspaceFound:
    """The best per point over all finds, those of the aimed attack among them; of a clean image every shift is 0."""
    basis = difference_basis(head.weight)
    within, aimed, furthest, towards = torch.zeros(4, len(z), dtype=torch.float64)
    at, flipped = z.clone(), torch.zeros(len(z), dtype=torch.bool)
    for find in finds:
        index, found = torch.from_numpy(find.index), torch.from_numpy(find.z)
        clean = z[index].double()
        shifts = subspace_shift(clean, found.double(), basis)
        along, changed = sharper.directional_shift(clean, found.double()[None], head.weight, head.bias)
        at[index[shifts > within[index]]] = found[shifts > within[index]]
        for column, values in (
            (within, shifts),
            (furthest, statements.shift(clean, found.double())),
            (towards, along),
            *(((aimed, shifts),) if find.kind == KIND else ()),
        ):
            column[index] = torch.maximum(column[index], values)
        flipped[index] |= changed
    columns = (at, within, aimed, furthest, towards, flipped)
    return SubspaceFound(*(column.numpy() for column in columns))
