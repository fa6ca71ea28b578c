"""An image of the chapter on RoLI under attack: before finetuning, and with the finetuned encoders of both starts."""

from typing import TYPE_CHECKING

from rt_utils.evaluation import examples
from rt_utils.evaluation.finetuned_runs import STARTS, Grid
from rt_utils.pages import example_images
from rt_utils.pages.elements import Element
from rt_utils.pages.image_groups import group
from rt_utils.pages.plots import strips
from rt_utils.pages.starts_experiment import Trained

if TYPE_CHECKING:
    from rt_utils.pages.page import Page

_STARTS = (
    "The first test image, attacked after full finetuning at the high rate from both starts; first seed, {threat}. "
    "\\(\\delta\\) is drawn around grey, magnified as often as said. \\(S\\) found is a lower bound on \\(S(x)\\), in "
    "the finetuned encoder's units. Red and ✗: read as another class. Seen: {seen}."
)


def before_finetuning(page: "Page") -> Element:
    """The first test image with the pretrained encoders and a linear probe on each."""
    return example_images.attacked(page, "before-finetuning", data=1)


def attacked(page: "Page", trained: Trained, grid: Grid, key: str = "attacked-images", *, encoders: int = 2) -> Element:
    """The first test image with the first encoders, finetuned from a random head and from the linear probe's."""
    groups, seen = [], []
    for name in page.encoders[:encoders]:
        data = trained.images[name, 0]
        for start in STARTS:
            tuned, head, _ = trained.models[grid.full(name, start, grid.high), 0]
            labels = data.test.required_labels()[:1]
            found = examples.attacked(tuned, head, data.test.images[:1], labels, page.threat, seed=page.p.seed)
            own = group(found, 0, data, name, 0, page.threat) | {"encoder": f"{page.label[name]}, {start}"}
            own.pop("live", None)  # the live page has the encoders as they were before
            groups.append(own)
            changed = "another class" if own["read"] != own["predicted"] else "the same class"
            seen.append(f"{page.label[name]} encoder, {start}: {changed} under attack")
    return page.figure(
        key,
        strips.attacked,
        {"groups": groups},
        caption=_STARTS,
        alt="An image clean, the perturbation found, perturbed. {seen}.",
        seen="; ".join(seen),
    )
