"""One test digit that goes through the chapters: its pixels, its attack, and what each chapter says about it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from rt_utils.evaluation import interval_bounds
from rt_utils.evaluation.examples import Examples
from rt_utils.evaluation.examples import attacked as search
from rt_utils.evaluation.measure import fit_probes
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.images.data_set import DataSet
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.pages import live_adversary
from rt_utils.pages.elements import Element
from rt_utils.pages.image_groups import EXAMPLE, group
from rt_utils.pages.labels import short_name
from rt_utils.pages.plots import strips
from rt_utils.pages.running_texts import ENCODERS, SAID
from rt_utils.theory import converse
from rt_utils.theory.losses import CROSS_ENTROPY
from rt_utils.theory.threat import Threat

if TYPE_CHECKING:
    from rt_utils.pages.page import Page

DEFAULT = Threat("linf", 8 / 255)
BIAS = 40.0  # in logits, of the converse's head beyond the largest logit: e^-40 is nothing
FULFILLED, OPEN, FLIPPED = (
    "S found is below m, and nothing found changes the prediction",
    "S is at least m, so the theorem is silent; no change of the prediction was found",
    "S is at least m, and the prediction changes",
)
_SEARCH = (
    " <em>Symbols.</em> \\(S\\): how far an allowed \\(\\delta\\) moves the features; \\(m\\): how far they would have "
    "to move to be read as another class; \\(S_P\\): the part of \\(S\\) that the head sees; \\(T\\): the rise of the "
    "loss. {threat}, digits, linear probes; what is <em>found</em> is a lower bound, by a search for this one image."
)


def opposed(e: Examples) -> float:
    """LHS of Lemma 1 at the one image for the converse's head that opposes the move found; 0 where nothing moves."""
    move = (e.furthest - e.z)[0]
    if not float(move.norm()):
        return 0.0
    direction = move / move.norm()
    weight, bias = converse.opposing_head(direction, BIAS + 2 * float((e.z[0] @ direction).abs()))
    head, label = Head(weight, bias), torch.tensor([0])
    return float(CROSS_ENTROPY(head.logits(e.furthest), label) - CROSS_ENTROPY(head.logits(e.z), label)) / 2


def values(e: Examples, encoder: Encoder, head: Head, data: DataSet, threat: Threat) -> dict[str, Any]:
    """The numbers of the example with one encoder: feature units, losses in nats. `upper`: None without a bound."""
    shift, ratio = float(e.shift), float(e.ratio)
    bound = interval_bounds.bounded(encoder)
    image = data.test.images[EXAMPLE : EXAMPLE + 1]
    changed = bool(e.read != e.predicted)
    return {
        "shift": shift,
        "subspace": float(e.subspace),
        "ratio": ratio,
        "label": data.classes[int(e.label)],
        "predicted": data.classes[int(e.predicted)],
        "read": data.classes[int(e.read)],
        "loss": float(e.loss),
        "gap": float(e.found_loss - e.loss),
        "factor": live_adversary.loss_factor(head.weight),
        "bound": live_adversary.loss_factor(head.weight) * shift,
        "moved_loss": float(CROSS_ENTROPY(e.moved_logits, e.label)),
        "loss_change": abs(float(CROSS_ENTROPY(e.moved_logits, e.label) - e.loss)),
        "loss_allowed": CROSS_ENTROPY.lipschitz["linf"] * float((e.moved_logits - e.logits).abs().max()),
        "opposed": opposed(e),
        "upper": float(interval_bounds.shift_upper(encoder, image, threat)) if bound else None,
        "verdict": FLIPPED if changed else FULFILLED if shift < ratio else OPEN,
        "share": float(e.subspace) / shift if shift else 0.0,
        "in_subspace": "refutes" if float(e.subspace) >= ratio else "does not refute",
    }


def compute(names: Sequence[str], threat: Threat) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """With each encoder the group of images that `strips.example` takes; and the `values`."""
    data, loaded = live_adversary.digits(), [load_encoder(name) for name in names]
    heads = fit_probes([(encoder, data) for encoder in loaded], ProbeSettings())
    part = slice(EXAMPLE, EXAMPLE + 1)
    groups, numbers = [], []
    for encoder, head in zip(loaded, heads, strict=True):
        found = search(encoder, head, data.test.images[part], data.test.required_labels()[part], threat)
        groups.append(group(found, 0, data, encoder.name, EXAMPLE, threat))
        numbers.append(values(found, encoder, head, data, threat))
    return groups, numbers


def _fact(own: dict[str, Any]) -> str:
    """What stands below the example's images beside S and m."""
    upper = own["upper"]
    if upper is None:
        proof = "no bound above <i>S</i>"
    else:
        proved = "proved: no change" if upper < own["ratio"] else "no proof"
        proof = f"<i>S</i> at most {upper:.2f}, {proved}"
    return (
        f"<br><i>S<sub>P</sub></i> found {own['subspace']:.2f} · <i>T</i> found {own['gap']:.2g} nats<br>"
        f"certificate: {proof}"
    )


def box(page: "Page") -> Element:
    """The running example at the page's threat, and what the page says about it (`running_texts`).

    Pages without a threat take l_inf, 8/255.
    """
    encoders, statement = ENCODERS.get(page.chapter, ENCODERS[""]), SAID[page.chapter]
    threat = page.threat if hasattr(page.p, "eps") and hasattr(page.p, "norm") else DEFAULT
    groups, numbers = compute(encoders, threat)
    names = [short_name(name) for name in encoders]
    given = {f"{name}_{key}": value for name, own in zip(names, numbers, strict=True) for key, value in own.items()}
    label = numbers[0]["label"]
    return page.figure(
        "running-example",
        strips.example,
        {
            "groups": groups,
            "title": f"The running example: test digit {EXAMPLE}, a {label}",
            "facts": [_fact(own) for own in numbers],
        },
        caption=statement + _SEARCH,
        alt="Test digit {number}, a {label}: clean, its perturbation, perturbed, with the encoders {names}.",
        **given | {"number": EXAMPLE, "label": label, "names": " and ".join(names), "threat": str(threat)},
    )
