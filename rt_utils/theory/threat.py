"""The threat: a norm, a radius, and the pixel range that a perturbed image must stay in. Imports nothing heavy.

Both theorems hold for any set of perturbations that contains 0 and is the same on both sides; here it is the ball
{||delta||_p <= eps} cut with the pixel box. A radius is never a naked float: 8 (of 255?) is refused, "8/255" is taken.
"""

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

from rt_utils.runtime.errors import InputError, unknown

Norm = Literal["linf", "l2"]
_SPELLED: dict[str, Norm] = {"linf": "linf", "inf": "linf", "l2": "l2", "2": "l2"}
NORMS: tuple[Norm, ...] = get_args(Norm)
NORM_SYMBOLS: dict[Norm, str] = {"linf": "l_inf", "l2": "l_2"}
MAX_EPS: dict[Norm, float] = {"linf": 1.0, "l2": 5.0}
_NUMBER = r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*"
_FRACTION = re.compile(f"{_NUMBER}/{_NUMBER}")


def parse_norm(value: object) -> Norm:
    """'linf' or 'l2', also as Linf, l_inf, inf, L2, l_2 or 2. Raises InputError for anything else."""
    if isinstance(value, str | int | float):
        norm = _SPELLED.get(str(value).lower().replace("_", "").strip())
        if norm is not None:
            return norm
    raise unknown("norm", value, NORMS)


def parse_eps(value: object, norm: Norm = "linf") -> float:
    """A radius in pixel units of [0, 1], from a fraction ("8/255") or a number ("0.03", 0.03).

    Raises InputError for anything that is not a number from 0 to 1 (l_inf) or 0 to 5 (l_2), naming what would be right.
    """
    hint = f"give a radius in pixels of [0, 1], such as '8/255' or 0.03, at most {MAX_EPS[norm]:g} for {norm}"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InputError(f"eps {value!r} is not a number: {hint}")
    try:
        if isinstance(value, str) and (match := _FRACTION.fullmatch(value)):
            radius = float(Fraction(match[1]) / Fraction(match[2]))
        else:
            radius = float(value)
    except ZeroDivisionError:
        raise InputError(f"eps {value!r} divides by zero: {hint}") from None
    except ValueError:
        raise InputError(f"eps {value!r} is not a number: {hint}") from None
    if not math.isfinite(radius):
        raise InputError(f"eps {value!r} is not finite: {hint}")
    if not 0 <= radius <= MAX_EPS[norm]:
        raise InputError(f"eps {value!r} is out of range: {hint}")
    return radius


def format_eps(eps: float, norm: Norm = "linf") -> str:
    """'8/255' where an l_inf radius below 1 is a whole number of grey levels, else four significant digits."""
    levels = eps * 255
    whole = norm == "linf" and 1 <= round(levels) < 255 and abs(levels - round(levels)) < 1e-6
    return f"{round(levels)}/255" if whole else f"{eps:.4g}"


@dataclass(frozen=True)
class Threat:
    """The set ``{x' in [0, 1]^d : ||x' - x||_p <= eps}``. eps in pixels of [0, 1].

    The paper writes an open ball; on a continuous encoder the supremum is the same. What it does to tensors is in
    `perturbations`.
    """

    norm: Norm
    eps: float

    @classmethod
    def parse(cls, norm: object, eps: object) -> "Threat":
        """From what a user wrote.

        Args:
            norm: "linf" or "l2".
            eps: The radius in pixels of [0, 1]: a fraction ("8/255") or a number, at most 1 (l_inf) or 5 (l_2).

        Raises:
            InputError: for anything else, naming what would be right.

        Example:
            >>> print(Threat.parse("linf", "8/255"))
            l_inf, eps = 8/255
            >>> Threat.parse("linf", 8)
            Traceback (most recent call last):
            rt_utils.runtime.errors.InputError: eps 8 is out of range: give a radius in pixels of [0, 1], ...
        """
        checked = parse_norm(norm)
        return cls(checked, parse_eps(eps, checked))

    def __str__(self) -> str:
        return f"{NORM_SYMBOLS[self.norm]}, eps = {format_eps(self.eps, self.norm)}"
