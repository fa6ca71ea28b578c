"""Images of a page's own experiment: attacked ones, and the test points with the largest and the smallest S / m."""

import math
from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from rt_utils.evaluation.examples import Examples
from rt_utils.evaluation.examples import attacked as search
from rt_utils.evaluation.measure import fit_probes
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import DataSet, resized
from rt_utils.models.catalogue import load_encoder
from rt_utils.pages import live_adversary
from rt_utils.pages.elements import Element
from rt_utils.pages.experiment import Experiment
from rt_utils.pages.labels import short_name, shortened
from rt_utils.pages.plots import strips
from rt_utils.pages.plots.thumbnails import encoded
from rt_utils.theory.threat import Threat, format_eps

if TYPE_CHECKING:
    from rt_utils.pages.page import Page

EXAMPLE = 13  # the running example, a test digit that the live page has
LARGEST = 96  # pixels a side of an image shown
_ATTACKED = (
    "Seen: {seen}. {threat}; the head is a linear probe on the frozen encoder. \\(\\delta\\) is drawn around grey, "
    "magnified as often as said. \\(S\\) found is a lower bound on \\(S(x)\\). Red and ✗: read as another class. Digit "
    "{example} is the book’s running example; of other data it is the first test image."
)
_EXTREMES = (
    "Of {n} test images of {data} the {k} with the largest and the {k} with the smallest \\(S/m\\) found, which stands "
    "below each; {threat}, linear probe. From 1 on the criterion is not fulfilled. Red and ✗: a perturbation that was "
    "found changes what the head reads. Seen: {flipped_largest} of {shown} with the largest change, {flipped_smallest} "
    "of {shown} with the smallest."
)

_FURTHEST = (
    "Of {n} images of {data} the {k} whose features the attack moved furthest, and the {k} it moved least; {threat}. "
    "Below each: the shift found over the mean distance between two images. Seen: from {most:.2f} down to {least:.2f}."
)
_WITH_HEAD = " Red and ✗: a perturbation that was found changes what the linear probe reads."


def shown_levels(pixels: Float[Tensor, "c h w"]) -> UInt8[Tensor, "3 h w"]:
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


def group(found: Examples, i: int, data: DataSet, encoder: str, point: int, threat: Threat) -> dict[str, Any]:
    """Image i of what was found, the test image `point` of `data`, as `strips.attacked` takes it."""
    delta, times = magnified(found.perturbed[i] - found.x[i])
    clean, drawn, moved = encoded(torch.stack([shown_levels(each) for each in (found.x[i], delta, found.perturbed[i])]))
    own = {
        "data": shortened(data.name),
        "encoder": shortened(short_name(encoder)),
        "point": point,
        "eps": format_eps(threat.eps, threat.norm),
        "clean": clean,
        "delta": drawn,
        "times": times,
        "perturbed": moved,
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


def _cases(page: "Page", most_data: int, most_encoders: int) -> Iterator[tuple[str, DataSet, dict[str, Any]]]:
    p = page.p
    names, loaded = p.data[:most_data], [load_encoder(name) for name in page.encoders[:most_encoders]]
    images = {
        (name, size): load_data_set(name, size=size, n_train=p.n_train, n_test=p.n_test, seed=p.seed)
        for name, size in product(names, sorted({encoder.input_size for encoder in loaded}))
    }
    cases = [(encoder, images[name, encoder.input_size]) for name in names for encoder in loaded]
    heads = fit_probes(cases, ProbeSettings(p.probe_epochs, p.probe_lr, seed=p.seed), workers=getattr(p, "workers", 1))
    for (encoder, data), head in zip(cases, heads, strict=True):
        point = EXAMPLE if data.name == "digits" and len(data.test) > EXAMPLE else 0
        part = slice(point, point + 1)
        found = search(
            encoder, head, data.test.images[part], data.test.required_labels()[part], page.threat, seed=p.seed
        )
        yield encoder.name, data, group(found, 0, data, encoder.name, point, page.threat)


def attacked(page: "Page", key: str = "attacked-images", *, data: int = 3, encoders: int = 2) -> Element:
    """One test image of each of the page's first data sets, attacked, with each of its first encoders."""
    groups = [own for _, _, own in _cases(page, data, encoders)]
    by_encoder: dict[str, list[bool]] = {}
    for own in groups:
        by_encoder.setdefault(own["encoder"], []).append(own["read"] != own["predicted"])
    seen = "; ".join(
        f"with the {name} encoder {sum(changed)} of {len(changed)} read as another class under the attack"
        for name, changed in by_encoder.items()
    )
    return page.figure(
        key,
        strips.attacked,
        {"groups": groups},
        caption=_ATTACKED,
        alt="Images clean, the perturbation found, perturbed: {seen}.",
        seen=seen,
        example=EXAMPLE,
    )


def _points(part: pd.DataFrame, data: DataSet) -> list[dict[str, Any]]:
    """As `strips.points` takes them, from rows with point and number, and label, predicted, flipped with a head."""
    pngs = encoded(torch.stack([shown_levels(image / 255) for image in data.test.images[part.point.tolist()]]))
    pictures = []
    for png, row in zip(pngs, part.to_dict("records"), strict=True):
        own: dict[str, Any] = {
            "png": png,
            "data": shortened(data.name),
            "point": int(row["point"]),
            "number": float(row["number"]),
        }
        if "predicted" in row:
            own |= {name: data.classes[int(row[name])] for name in ("label", "predicted")}
            own["flipped"] = bool(row["flipped"])
        if is_live(data, int(row["point"])):
            own["example"] = str(row["point"])
        pictures.append(own)
    return pictures


def extremes(page: "Page", run: Experiment, key: str = "extreme-images", *, k: int = 3, encoders: int = 2) -> Element:
    """With each of the first encoders the k test images with the largest S / m found, and the k with the smallest.

    Of the running example's data set where the page has it, else of its first.
    """
    name = "digits" if "digits" in page.p.data else page.p.data[0]
    groups, changed = [], {"largest": 0, "smallest": 0}
    for encoder in list(run.encoders)[:encoders]:
        data, points = run.images[name, encoder.input_size], run.points
        points = points[(points.encoder == encoder.name) & (points.data == name)]
        relative = points["shift"] / points.margin_ratio.clip(lower=1e-12)
        ordered = points.assign(number=relative).sort_values("number", ascending=False, kind="stable")
        few = min(k, max(1, len(ordered) // 2))
        for which, part in (("largest", ordered.head(few)), ("smallest", ordered.tail(few).iloc[::-1])):
            changed[which] += int(part.flipped.sum())
            heading = f"{page.label[encoder.name]} encoder, {which} S/m"
            groups.append({"heading": heading, "pictures": _points(part, data)})
    return page.figure(
        key,
        strips.points,
        {"groups": groups},
        caption=_EXTREMES,
        alt="Test images of {data} with the largest and the smallest S/m found.",
        data=shortened(name),
        n=len(points),
        k=few,
        shown=few * len(groups) // 2,
        **{f"flipped_{which}": count for which, count in changed.items()},
    )


def furthest(
    page: "Page",
    data: DataSet,
    relative: Float[np.ndarray, " n"],
    points: pd.DataFrame | None,
    key: str = "furthest-images",
) -> Element:
    """The test images whose features moved furthest, and least, in units of the distance between two images.

    `points` are the rows of `measurement.table`, where there is a head.
    """
    columns = ["point", "label", "predicted", "flipped"]
    rows = pd.DataFrame({"point": np.arange(len(relative))}) if points is None else points[columns]
    ordered = rows.assign(number=relative).sort_values("number", ascending=False, kind="stable")
    k = min(3, max(1, len(ordered) // 2))
    parts = {"furthest": ordered.head(k), "least far": ordered.tail(k).iloc[::-1]}
    return page.figure(
        key,
        strips.points,
        {"groups": [{"heading": f"moved {name}", "pictures": _points(part, data)} for name, part in parts.items()]},
        caption=_FURTHEST if points is None else _FURTHEST + _WITH_HEAD,
        alt="The images of {data} whose features an attack moved furthest, and least.",
        data=shortened(data.name),
        n=len(ordered),
        k=k,
        most=float(ordered.number.iloc[0]),
        least=float(ordered.number.iloc[-1]),
    )
