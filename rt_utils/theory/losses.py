"""Loss functions of Definition 1, each with its Lipschitz constants in the logits."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from rt_utils.theory.statements import Alpha


@dataclass(frozen=True)
class Loss:
    """A loss l(u, y) of logits and label, and its C_1 > 0 of Definition 1: |l(u, y) - l(u', y)| <= C_1 ||u - u'||.

    `outputs`: how many outputs of a predictor it takes; None: one for each class, however many there are.
    """

    name: str
    function: Callable[[Float[Tensor, "n c"], Int64[Tensor, " n"]], Float[Tensor, " n"]]
    lipschitz: dict[Alpha, float]
    outputs: int | None = None

    def __call__(self, logits: Float[Tensor, "n c"], labels: Int64[Tensor, " n"]) -> Float[Tensor, " n"]:
        return self.function(logits, labels)


def _cross_entropy(logits: Float[Tensor, "n c"], labels: Int64[Tensor, " n"]) -> Float[Tensor, " n"]:
    return torch.nn.functional.cross_entropy(logits, labels, reduction="none")


# The gradient in the logits is softmax(f) - e_y: its l_1, l_2 and l_inf norms are below 2, sqrt 2 and 1, and the
# constant in a norm is the largest dual norm of the gradient (Lemma 3 for l_inf).
CROSS_ENTROPY = Loss("softmax cross-entropy", _cross_entropy, {"l1": 1.0, "l2": 2.0**0.5, "linf": 2.0})
