"""An attacked image as a strip shows it: PNGs, the perturbation magnified, what is read, its place on the live page."""

import math
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from rt_utils.evaluation.examples import Examples
from rt_utils.images.data_set import DataSet, resized
from rt_utils.pages import live_adversary
from rt_utils.pages.labels import short_name, shortened
from rt_utils.pages.plots.thumbnails import encoded
from rt_utils.theory.threat import Threat, format_eps

EXAMPLE = 13  # the running example, a test digit that the live page has
LARGEST = 96  # pixels a side of an image shown


def shown_levels(pixels: Float[Tensor, "c h w"]) -> UInt8[Tensor, "3 _h _w"]:
    """Pixels in [0, 1] as an image has them: the nearest of 256 levels, three colours, at most LARGEST a side."""
    levels = (255 * pixels).round().clamp(0, 255).byte()
    levels = levels.expand(3, -1, -1) if len(levels) == 1 else levels
    if max(levels.shape[1:]) > LARGEST:
        levels = torch.from_numpy(resized(levels[None].numpy(), LARGEST))[0]
    return levels


def magnified(delta: Float[Tensor, "c h w"]) -> tuple[Float[Tensor, "c h w"], int]:
    """A perturbation around grey, as often enlarged as fits into [0, 1], and how often; 0 where it is zero."""
    largest = float(delta.abs().max())
    times = max(1, math.floor(0.5 / largest + 1e-4)) if largest > 1e-6 else 0
    return (0.5 + times * delta).clamp(0, 1), times


def live_query(threat: Threat, encoder: str, point: int) -> str:
    """The live page's address for an image, an encoder's short name and a threat, from a chapter, attacked."""
    eps = round(255 * threat.eps, 2) if threat.norm == "linf" else round(threat.eps, 2)
    return f"../book/fool_it_yourself.html?image={point}&eps={eps:g}&encoder={encoder}&norm={threat.norm}&attack=1"


def is_live(data: DataSet, point: int) -> bool:
    """Whether the live page has this test image under the same number."""
    if data.name != "digits" or point >= live_adversary.SHOWN:
        return False
    return torch.equal(data.test.images[point], live_adversary.digits().test.images[point])


def images(x: Float[Tensor, "c h w"], perturbed: Float[Tensor, "c h w"]) -> dict[str, Any]:
    """An image, what was added to it, and the sum, as PNG in base64, and by how much what was added is magnified."""
    delta, times = magnified(perturbed - x)
    clean, drawn, moved = encoded(torch.stack([shown_levels(each) for each in (x, delta, perturbed)]))
    return {"clean": clean, "delta": drawn, "times": times, "perturbed": moved}


def group(found: Examples, i: int, data: DataSet, encoder: str, point: int, threat: Threat) -> dict[str, Any]:
    """Image i of what was found, the test image `point` of `data`, as `strips.attacked` takes it."""
    own = {
        "data": shortened(data.name),
        "encoder": shortened(short_name(encoder)),
        "point": point,
        "eps": format_eps(threat.eps, threat.norm),
        **images(found.x[i], found.perturbed[i]),
        "label": data.classes[int(found.label[i])],
        "predicted": data.classes[int(found.predicted[i])],
        "read": data.classes[int(found.read[i])],
        "shift": float(found.shift[i]),
        "ratio": float(found.ratio[i]),
    }
    if is_live(data, point):
        own["example"] = str(point)
        if encoder in live_adversary.LIVE:
            own["live"] = live_query(threat, short_name(encoder), point)
    return own
