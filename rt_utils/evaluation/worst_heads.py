"""Heads that turn as much of the feature shifts into loss as a search finds: the converse of Lemma 1, measured."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import pandas as pd
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from rt_utils.evaluation.measurement import Measurement
from rt_utils.theory import converse, statements
from rt_utils.theory.losses import CROSS_ENTROPY

BOUND, BEST = "bound / AS", "best head / AS"
Family = Callable[[int, torch.Generator], Float[Tensor, "n r"]]


def found(m: Measurement) -> tuple[Float[Tensor, "n r"], Float[Tensor, "2 n r"]]:
    """Clean features, and how they move under the perturbations with the largest shift and the largest loss found."""
    z, *moved = (torch.from_numpy(features).double() for features in (m.z, m.z_shift, m.z_loss))
    return z, torch.stack(moved) - z


def reached(direction: Float[Tensor, " r"], moves: Float[Tensor, "k n r"]) -> float:
    """The mean over points of max(0, <u, v>), v among a point's k moves: the limit of LHS for the converse's head."""
    return float((moves @ direction).amax(0).clamp(min=0).mean())


def climbed(direction: Float[Tensor, " r"], moves: Float[Tensor, "k n r"], steps: int = 100) -> Float[Tensor, " r"]:
    """A unit vector that reaches at least as far as this one: each step goes along a subgradient.

    `reached` is convex in u and positively homogeneous. So with a subgradient g at u its value at g / ||g|| is at least
    <g, g> / ||g|| >= <g, u>, which is its value at u.
    """
    for _ in range(steps):
        along = moves @ direction
        taken = torch.zeros_like(along).scatter_(0, along.argmax(0, keepdim=True), 1.0) * (along > 0)
        gradient = taken.flatten() @ moves.flatten(0, 1)
        length = gradient.norm()
        if length == 0 or torch.equal(gradient / length, direction):
            break
        direction = gradient / length
    return direction


def search(moves: Float[Tensor, "k n r"], generator: torch.Generator, starts: int = 8) -> Float[Tensor, " r"]:
    """The unit vector that reaches furthest among the ends of ascents, each from a direction and from its opposite.

    They start at the mean move, along the axis of largest spread, and at `starts` uniform directions.
    """
    every = moves.flatten(0, 1)
    drawn = torch.randn(starts, moves.shape[2], generator=generator, dtype=moves.dtype)
    spread = torch.linalg.eigh(every.T @ every).eigenvectors[:, -1]
    begun = torch.nn.functional.normalize(torch.stack([every.mean(0), spread, *drawn]), dim=1)
    ends = [climbed(sign * u, moves) for u in begun for sign in (1, -1)]
    return max(ends, key=lambda u: reached(u, moves))


def lhs(
    head: tuple[Float[Tensor, "c r"], Float[Tensor, " c"]],
    z: Float[Tensor, "n r"],
    moves: Float[Tensor, "k n r"],
    labels: Int64[Tensor, " n"],
) -> float:
    """The left side of Lemma 1 for this weight and bias, in l_inf; the adversary has a point's k moves, or none."""
    weight, bias = head
    clean, *losses = (CROSS_ENTROPY(features @ weight.T + bias, labels) for features in (z, *(z + moves)))
    worst = torch.stack([clean, *losses]).amax(0)
    return statements.loss_gap_lhs(clean, worst, CROSS_ENTROPY.lipschitz["linf"], statements.head_norm(weight))


def span(direction: Float[Tensor, " r"], z: Float[Tensor, "n r"]) -> float:
    """2 max |<u, z>|: with this bias, in logits, the converse's head -+u opposes its label at every clean image."""
    return 2 * float((z @ direction).abs().max())


def against_bias(
    direction: Float[Tensor, " r"],
    z: Float[Tensor, "n r"],
    moves: Float[Tensor, "k n r"],
    biases: Sequence[float],
    label: int = 0,
) -> list[float]:
    """LHS of the converse's head for each bias, counted from `span`, where all points carry `label`; it opposes 0."""
    least, labels = span(direction, z), torch.full((len(z),), label)
    return [lhs(converse.opposing_head(direction, least + bias), z, moves, labels) for bias in biases]


def bias_curves(m: Measurement, biases: Sequence[float], seed: int) -> tuple[pd.DataFrame, float]:
    """`against_bias` of the best head found, over AS, where the bias opposes and favours all labels; and the limit."""
    z, moves = found(m)
    direction = search(moves, torch.Generator().manual_seed(seed))
    score = statements.as_score(moves.norm(dim=2).amax(0)) or 1.0
    opposed, favoured = ([gap / score for gap in against_bias(direction, z, moves, biases, label)] for label in (0, 1))
    limit = reached(direction, moves) / score
    return pd.DataFrame({"bias": biases, "opposed": opposed, "favoured": favoured}), limit


def given_labels(
    z: Float[Tensor, "n r"],
    moves: Float[Tensor, "k n r"],
    labels: Int64[Tensor, " n"],
    classes: int,
    generator: torch.Generator,
    bias: float,
) -> float:
    """The largest LHS found where points keep their labels: over the classes, of the head that opposes one of them."""
    best = 0.0
    for opposed in labels.unique().tolist():
        direction = search(moves[:, labels == opposed], generator, starts=2)
        head = converse.opposing_head(direction, span(direction, z) + bias, classes=classes, opposed=opposed)
        best = max(best, lhs(head, z, moves, labels))
    return best


def uniform(width: int, generator: torch.Generator, n: int = 2000) -> Float[Tensor, "n r"]:
    """n shifts of length 1, uniform on the sphere: in expectation no direction reaches further than another."""
    drawn = torch.randn(n, width, generator=generator, dtype=torch.float64)
    return drawn / drawn.norm(dim=1, keepdim=True)


def axes(width: int, generator: torch.Generator) -> Float[Tensor, "r r"]:
    """As many points as features, of which the i-th moves by the unit vector e_i or not at all."""
    return torch.eye(width, dtype=torch.float64)


def parallel(width: int, generator: torch.Generator) -> Float[Tensor, "n r"]:
    """Shifts that all have one direction."""
    return uniform(width, generator, 1).repeat(10, 1)


def over_widths(families: Mapping[str, Family], widths: Sequence[int], seed: int, starts: int = 2) -> pd.DataFrame:
    """Per family of simulated shifts and number r of features: the best head found and the bound, both over AS."""
    rows = []
    for name, family in families.items():
        for width in widths:
            generator = torch.Generator().manual_seed(seed)
            moves = family(width, generator)[None]
            best = reached(search(moves, generator, starts), moves) / statements.as_score(moves[0].norm(dim=1))
            rows.append({"shifts": name, "r": width, BOUND: converse.mean_coordinate(width) / 2, BEST: best})
    return pd.DataFrame(rows)


def of_encoders(measurements: Iterable[Measurement], seed: int, bias: float) -> pd.DataFrame:
    """Per encoder and data set the AS score found, and LHS of the best head found beside the converse's bound.

    Once with one label for all points, which the head opposes, and once with the given labels. `bias`: in logits,
    beyond `span`. The shifts of n points span at most n dimensions, which then take the place of r.
    """
    rows = []
    for m in measurements:
        (z, moves), generator = found(m), torch.Generator().manual_seed(seed)
        labels, width = torch.from_numpy(m.labels), min(z.shape)
        shifts = moves.norm(dim=2).amax(0)
        score, direction = statements.as_score(shifts), search(moves, generator)
        (one,) = against_bias(direction, z, moves, [bias])
        case = {"encoder": m.encoder, "data": m.data, "n": len(z), "r": z.shape[1], "AS": score}
        one_label = {"bound": converse.one_label_bound(shifts, width), "best head": one}
        both = {
            "bound, given labels": converse.given_labels_bound(shifts, labels, width),
            "best head, given labels": given_labels(z, moves, labels, len(m.classes), generator, bias),
        }
        rows.append(case | one_label | both | {BOUND: one_label["bound"] / score, BEST: one / score})
    return pd.DataFrame(rows)
