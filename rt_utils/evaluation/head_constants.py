"""Lemma 2 on measured heads: their three constants, and how fast the logits moved under the perturbations found."""

from collections.abc import Iterable

import pandas as pd
import torch

from rt_utils.evaluation.measurement import Measurement
from rt_utils.theory import lipschitz, statements
from rt_utils.theory.statements import Alpha

CONSTANTS = ("row", "spectral", "Frobenius")
FOUND: tuple[Alpha, ...] = ("linf", "l2")


def table(measurements: Iterable[Measurement]) -> pd.DataFrame:
    """One row per encoder and data set, in logits for each unit of feature distance.

    row: max_j ||W_j||_2, Lemma 2's constant in l_inf. spectral, Frobenius: two in l_2, the second from Cauchy-Schwarz
    row by row. linf, l2: the largest ||W v|| / ||v||_2 in each of these norms over the moves v found, those
    with the largest shift and with the largest loss of each point; 0 where nothing moved.
    """
    rows = []
    for m in measurements:
        weight, z, *moved = (torch.from_numpy(a).double() for a in (m.weight, m.z, m.z_shift, m.z_loss))
        moves = torch.cat([found - z for found in moved])
        moves = moves[moves.norm(dim=1) > 0]
        sizes = (statements.head_norm(weight), statements.head_norm(weight, "l2"), float(weight.norm()))
        found = (lipschitz.longest_move(weight, moves, alpha) if len(moves) else 0.0 for alpha in FOUND)
        case = {"encoder": m.encoder, "data": m.data}
        rows.append(case | dict(zip((*CONSTANTS, *FOUND), (*sizes, *found), strict=True)))
    return pd.DataFrame(rows)


def largest_share(heads: pd.DataFrame) -> float:
    """The largest share of Lemma 2's constant that a move found uses, over both norms: at most 1 by the lemma."""
    return float(max((heads["linf"] / heads["row"]).max(), (heads["l2"] / heads["spectral"]).max()))


def spread(heads: pd.DataFrame) -> dict[str, float]:
    """The least and most of the spectral norm that a move found uses, and of the Frobenius norm over the spectral."""
    used, wasted = heads["l2"] / heads["spectral"], heads["Frobenius"] / heads["spectral"]
    return {"least": used.min(), "most": used.max(), "low": wasted.min(), "high": wasted.max()}
