"""A sprite of Appendix B.2's experiment under attack, and the factor whose regressed value moves."""

from typing import TYPE_CHECKING

from rt_utils.evaluation import examples
from rt_utils.evaluation.regression import as_taken
from rt_utils.images.drawn.sprites import FACTORS
from rt_utils.pages.elements import Element
from rt_utils.pages.image_groups import images
from rt_utils.pages.labels import shortened
from rt_utils.pages.plots import strips
from rt_utils.pages.regression_experiment import Regression
from rt_utils.theory.threat import format_eps

if TYPE_CHECKING:
    from rt_utils.pages.page import Page

_SPRITES = (
    "The first test sprite and what a search for the largest shift of its features found within {attack}; "
    "\\(\\delta\\) is drawn around grey, magnified as often as said. Below: the factor, scaled to [0, 1], whose "
    "regressed value moved most. Seen: {seen}. \\(S\\) found is a lower bound."
)


def attacked(page: "Page", run: Regression, key: str = "attacked-images", *, encoders: int = 2) -> Element:
    """The first test sprite attacked on its representation in l_inf, and the factor whose value moves most."""
    threat, groups, seen = run.threats["linf"], [], []
    for name in page.encoders[:encoders]:
        its = run.probed[name]
        x = as_taken(its.encoder, its.data.test.images[:1]).float() / 255
        perturbed = examples.furthest(its.encoder, x, threat, seed=page.p.seed).cpu()
        z, moved = (its.encoder.features(each).double() for each in (x, perturbed))
        before, after = its.head.logits(z)[0], its.head.logits(moved)[0]
        k = int((after - before).abs().argmax())
        words = [f"{FACTORS[k]} {float(value[k]):.2f}" for value in (before, after)]
        seen.append(f"{page.label[name]}: {words[0]} becomes {float(after[k]):.2f}")
        groups.append(
            {
                "data": shortened(its.data.name),
                "encoder": page.label[name],
                "point": 0,
                "eps": format_eps(threat.eps, threat.norm),
                **images(x[0], perturbed[0]),
                "label": its.data.classes[int(its.data.test.required_labels()[0])],
                "predicted": words[0],
                "read": words[1],
                "changed": False,
                "shift": float((moved - z).norm()),
            }
        )
    return page.figure(
        key,
        strips.attacked,
        {"groups": groups},
        caption=_SPRITES,
        alt="The first test sprite clean, the perturbation found, perturbed. {seen}.",
        seen="; ".join(seen),
        attack=str(threat),
    )
