"""What is certified of networks that others trained, as a kept record, certified_networks.json: both sides of it all.

`python -m rt_utils.evaluation.certified_networks` writes it, where the files and the images are. Bounds are
float64; the attacks are float32, but for those of `bound_checks`, which are float64 from end to end.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from rt_utils.evaluation import bound_checks, interval_bounds, score_bracket
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.halving import HalvingSettings
from rt_utils.evaluation.interval_bounds import IN_SUBSPACE, LOGITS, MERGED, THEOREM_2
from rt_utils.evaluation.measure import fit_probes, measure
from rt_utils.evaluation.measurement import Measurement
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.evaluation.search import AttackPlan
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import DataSet
from rt_utils.models import public, public_files
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime import paths
from rt_utils.runtime.files import whole_file
from rt_utils.theory.threat import Threat, format_eps

OWN, PROBE = "its own", "probe"
ALL_WAYS = (THEOREM_2, IN_SUBSPACE, MERGED, LOGITS)
ROUNDING = 1 + 1e-5  # of features in float32
FEW = 100  # images
SHORT = PGDSettings(steps=20, restarts=2, rel_stepsize=3.0)
PLAN = AttackPlan(
    representation=HalvingSettings.of_shift(4, 60),
    loss=HalvingSettings.of_loss(4, 60),
    margin=HalvingSettings.of_margin(4, 60),
    predicted=PGDSettings(steps=20, rel_stepsize=3.0, seed=100),
    floor_points=0,
    apgd_points=100,
    subspace=PGDSettings(12, 2, 18, rel_stepsize=3.0, seed=400),
)


def ways(points: pd.DataFrame, m: Measurement, head: str) -> list[dict[str, Any]]:
    """A row for each of `ALL_WAYS`: shares certified, and certified and right, between what is right and unflipped."""
    right = points["right"].to_numpy()
    return [
        {
            "head": head,
            "way": way,
            "right": right.mean(),
            "certified": points[way].mean(),
            "certified and right": (points[way].to_numpy() & right).mean(),
            "right under attack": 1 - m.wrong.mean(),
            "not flipped": 1 - m.flipped.mean(),
        }
        for way in ALL_WAYS
    ]


def checks(points: pd.DataFrame, m: Measurement) -> dict[str, float]:
    """What must be 0, or at most 1: crossed brackets, flips of certified points, Theorem 2 where merging fails."""
    proved = np.any([points[way] for way in ALL_WAYS], axis=0)
    return {
        "crossed": int((m.shift > points["shift_upper"] * ROUNDING + 1e-9).sum()),
        "flipped": int((proved & m.flipped).sum()),
        "not merged": int((points[THEOREM_2] & ~points[MERGED]).sum() + (points[IN_SUBSPACE] & ~points[MERGED]).sum()),
        "largest share of a bound": float((m.shift / points["shift_upper"].clip(lower=1e-12)).max()),
    }


def picture(encoder: Encoder, head: Head, data: DataSet, points: pd.DataFrame, threat: Threat) -> dict[str, Any]:
    """The first test image certified by Theorem 2 and right whose features can move, and what moves them furthest."""
    index = int(np.flatnonzero(points[THEOREM_2] & points["right"] & (points["shift_upper"] > 0))[0])
    x = data.test.pixels()[index : index + 1]
    moved, shift = bound_checks.furthest(encoder, x, threat, replace(SHORT, steps=100, restarts=5))
    after = head.logits(encoder.features(moved)).argmax(1).item()
    return {
        "index": index,
        "class": data.classes[int(data.test.required_labels()[index])],
        "said after": data.classes[int(after)],
        "shift": float(shift[0]),
        "bound": float(points["shift_upper"][index]),
        "margin ratio": float(points["margin_ratio"][index]),
        "clean": data.test.images[index].tolist(),
        "moved": (moved[0] * 255).round().to(torch.uint8).tolist(),
    }


def in_depth(name: str, data: DataSet, threat: Threat, radii: Sequence[float], plan: AttackPlan) -> dict[str, Any]:
    """Of one network, with its own head and with a probe: shares by way, both sides of AS, curves, one picture."""
    encoder = load_encoder(name)
    (probe,) = fit_probes([(encoder, data)], ProbeSettings(60, 0.1))
    heads = {OWN: public.own_head(name), PROBE: probe}
    box = interval_bounds.feature_box(encoder, data.test.images, threat.eps)
    found = measure([(encoder, head, data) for head in heads.values()], threat, plan, workers=1)
    of = {kind: interval_bounds.points(box, head, data.test.required_labels()) for kind, head in heads.items()}
    by_head = dict(zip(heads, found, strict=True))
    top = 2 * threat.eps
    largest = interval_bounds.largest_radii(encoder, heads[OWN], data.test.images, top, 8, ALL_WAYS)
    unchecked = replace(plan, apgd_points=0, subspace=None)
    cases = [measure([(encoder, heads[OWN], data)], Threat(threat.norm, eps), unchecked, workers=1) for eps in radii]
    own, m = of[OWN], by_head[OWN]
    said = heads[OWN].logits(box.z).argmax(1)
    assert m.subspace is not None
    return {
        "encoder": name,
        "data": data.name,
        "fingerprint": data.fingerprint,
        "n": len(data.test),
        "eps": threat.eps,
        "attacks": {"loss": str(plan.loss), "representation": str(plan.representation)},
        "ways": [row for kind in heads for row in ways(of[kind], by_head[kind], kind)],
        "missed by logits": int((own[THEOREM_2] & ~own[LOGITS]).sum()),
        "unmoved": unmoved(own),
        "checks": {kind: checks(of[kind], by_head[kind]) for kind in heads},
        "score": score_bracket.bracket(m, encoder, threat, 0.05)
        | {"AS_P found": m.subspace.shift_subspace.mean(), "AS_P bound": own["subspace_upper"].mean()},
        "predicted": {name: int((said == k).sum()) for k, name in enumerate(data.classes)},
        "float64": bound_checks.checks(encoder, heads[OWN], data.first(FEW).test.images, threat, SHORT).to_dict(
            "records"
        ),
        "points": {"shift": m.shift.tolist(), "shift_upper": own["shift_upper"].tolist()},
        "curves": score_bracket.curves(largest, own["right"].to_numpy(), top, 0.05, 65).to_dict("list"),
        "attacked": [{"radius": r, "PGD": 1 - its.wrong.mean()} for r, (its,) in zip(radii, cases, strict=True)],
        "picture": picture(encoder, heads[OWN], data, own, threat),
    }


def beside(name: str, data: DataSet, threat: Threat) -> dict[str, Any]:
    """Of one network with its own head: the mean bound beside the mean shift found, and the shares certified."""
    encoder, head, card = load_encoder(name), public.own_head(name), public_files.card(name)
    box = interval_bounds.feature_box(encoder, data.test.images, threat.eps)
    of = interval_bounds.points(box, head, data.test.required_labels())
    _, shift = bound_checks.furthest(encoder, data.test.pixels(), threat, SHORT)
    row = {"encoder": name, "trained for": card["radius"], "eps": format_eps(threat.eps), "n": len(of)}
    row |= {"right": of["right"].mean(), "found": shift.mean().item(), "bound": of["shift_upper"].mean()}
    row["bound / found"] = row["bound"] / row["found"]
    for way in (THEOREM_2, MERGED):
        row |= {way: of[way].mean(), f"{way}, right": (of[way] & of["right"]).mean()}
    return row


def unmoved(points: pd.DataFrame) -> dict[str, int]:
    """On how many images the bound on S is 0: there the network is constant, and certified for that alone."""
    still = points["shift_upper"] == 0
    certified = still & points[THEOREM_2]
    return {
        "images": int(still.sum()),
        "certified": int(certified.sum()),
        "right": int((certified & points.right).sum()),
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return float(f"{value:.7g}") if isinstance(value, float) else value


def fashion(n_test: int = 500) -> list[dict[str, Any]]:
    """What `beside` has of `fashion_mnist`, at two radii below that of its training and there."""
    data = load_data_set("fashion-mnist", size=28, n_train=100, n_test=n_test)
    return [beside("public/fashion_mnist", data, Threat("linf", eps)) for eps in (2 / 255, 8 / 255, 0.1)]


def record(n_test: int = 1000, few: int = FEW) -> dict[str, Any]:
    """The whole record: `cifar_small_8px` in depth at the radius of its training, `beside` it all others, `fashion`."""
    data = load_data_set("cifar10-jpeg", size=32, n_train=4000, n_test=n_test)
    radii = [k / 255 for k in (1, 2, 4, 8, 16)]
    deep = in_depth("public/cifar_small_8px", data, Threat("linf", 8 / 255), radii, PLAN)
    names = [name for name in public_files.NAMES if public_files.card(name)["data"] == "CIFAR-10"]
    rows = [beside(name, data.first(few), Threat("linf", k / 255)) for name in names for k in (2, 8)]
    return {"torch": torch.__version__.split("+")[0], "in depth": deep, "beside": rows, "fashion": fashion()}


def main() -> None:
    """Measure, write certified_networks.json."""
    torch.set_num_threads(1)
    path = paths.reference() / "public" / "certified_networks.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        partial.write_text(json.dumps(_rounded(json.loads(json.dumps(record(), default=float)))) + "\n", "utf-8")
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
