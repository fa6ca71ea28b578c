"""Images of a page's own experiment: attacked ones, and the test points with the largest and the smallest S / m."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from rt_utils.evaluation import examples
from rt_utils.evaluation.measure import fit_probes
from rt_utils.images.data_set import DataSet
from rt_utils.models.catalogue import load_encoder
from rt_utils.pages.elements import Element
from rt_utils.pages.experiment import Experiment, loaded_images, probe_settings
from rt_utils.pages.image_groups import EXAMPLE, group, is_live, shown_levels
from rt_utils.pages.labels import shortened
from rt_utils.pages.plots import strips
from rt_utils.pages.plots.thumbnails import encoded
from rt_utils.pages.wording import enumeration

if TYPE_CHECKING:
    from rt_utils.pages.page import Page

_ATTACKED = (
    "Seen: {seen}. {threat}; the head is a linear probe on the frozen encoder. \\(\\delta\\) is drawn around grey, "
    "magnified as often as said. \\(S\\) found is a lower bound on \\(S(x)\\). Red and ✗: read as another class. Digit "
    "{example} is the book’s running example; of other data it is the first test image."
)
_STRETCHED = " <em>digits:stretched</em>: the handwritten digits enlarged until they fill the frame, without a margin."
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


def _cases(page: "Page", most_data: int, most_encoders: int) -> Iterator[tuple[str, DataSet, dict[str, Any]]]:
    p = page.p
    names, loaded = p.data[:most_data], [load_encoder(name) for name in page.encoders[:most_encoders]]
    sets = loaded_images(p, names, loaded)
    cases = [(encoder, sets[name, encoder.input_size]) for name in names for encoder in loaded]
    workers = page.workers if hasattr(p, "workers") else 1
    settings = probe_settings(p)
    heads = fit_probes(cases, settings, workers=workers)
    for (encoder, data), head in zip(cases, heads, strict=True):
        point = EXAMPLE if data.name == "digits" and len(data.test) > EXAMPLE else 0
        part = slice(point, point + 1)
        found = examples.attacked(
            encoder, head, data.test.images[part], data.test.required_labels()[part], page.threat, seed=p.seed
        )
        own = group(found, 0, data, encoder.name, point, page.threat)
        yield encoder.name, data, own | {"encoder": shortened(page.label[encoder.name])}


def attacked(page: "Page", key: str = "attacked-images", *, data: int = 3, encoders: int = 2) -> Element:
    """One test image of each of the page's first data sets, attacked, with each of its first encoders."""
    groups, by_encoder = [], dict[str, list[bool]]()
    for name, _, own in _cases(page, data, encoders):
        groups.append(own)
        by_encoder.setdefault(name, []).append(own["read"] != own["predicted"])
    seen = "; ".join(
        f"with the {page.label[name]} encoder {sum(changed)} of {len(changed)} read as another class under the attack"
        for name, changed in by_encoder.items()
    )
    stretched = any(own["data"] == "digits:stretched" for own in groups)
    return page.figure(
        key,
        strips.attacked,
        {"groups": groups},
        caption=_ATTACKED + _STRETCHED * stretched,
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


def extremes(
    page: "Page", run: Experiment, key: str = "extreme-images", *, k: int = 3, encoders: int = 2, of_each: bool = False
) -> Element:
    """With each of the first encoders the k test images with the largest S / m found, and the k with the smallest.

    Of the running example's data set where the page has it, else of its first; `of_each`: where the page has several
    data sets, of each of the first three one image in the place of k.
    """
    names = page.p.data[:3] if of_each else ["digits" if "digits" in page.p.data else page.p.data[0]]
    most = 1 if len(names) > 1 else k
    groups, changed, sizes = [], {"largest": 0, "smallest": 0}, []
    for encoder in list(run.encoders)[:encoders]:
        pictures: dict[str, list[dict[str, Any]]] = {"largest": [], "smallest": []}
        for name in names:
            data, points = run.images[name, encoder.input_size], run.points
            points = points[(points.encoder == encoder.name) & (points.data == name)]
            relative = points["shift"] / points.margin_ratio.clip(lower=1e-12)
            ordered = points.assign(number=relative).sort_values("number", ascending=False, kind="stable")
            few = min(most, max(1, len(ordered) // 2))
            sizes.append(len(points))
            for which, part in (("largest", ordered.head(few)), ("smallest", ordered.tail(few).iloc[::-1])):
                changed[which] += int(part.flipped.sum())
                pictures[which] += _points(part, data)
        for which, chosen in pictures.items():
            heading = f"{page.label[encoder.name]} encoder, {which} S/m"
            groups.append({"heading": heading, "pictures": chosen})
    least, largest = min(sizes), max(sizes)
    return page.figure(
        key,
        strips.points,
        {"groups": groups},
        caption=_EXTREMES,
        alt="Test images of {data} with the largest and the smallest S/m found.",
        data="each of " * (len(names) > 1) + enumeration([shortened(name) for name in names]),
        n=least if least == largest else f"{least} to {largest}",
        k=few if few > 1 else "one",
        shown=sum(len(group["pictures"]) for group in groups) // 2,
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
