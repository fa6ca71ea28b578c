"""Images that drift away from those of pretraining: both sides of Lemma 1 by level, and changes image by image."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch

from rt_utils.evaluation import floor
from rt_utils.evaluation.loss_gap import HEAD_NORM
from rt_utils.evaluation.measurement import Measurement, table
from rt_utils.evaluation.paired import sign_test, two_standard_errors
from rt_utils.evaluation.ranks import kendall_tau
from rt_utils.evaluation.summary import lemma_1
from rt_utils.images.corruptions import CLEAN, NEUTRAL, Level
from rt_utils.models.head import Head
from rt_utils.theory import statements
from rt_utils.theory.threat import Threat

NORM = "\\(L_\\infty\\)"
# What the pair is called; two quantities; the sign that the paper's claim expects between their orders.
ORDERS = {
    "severity and AS": ("level", "AS", 1),
    "severity and robust acc.": ("level", "robust acc.", -1),
    "AS and robust acc.": ("AS", "robust acc.", -1),
    "AS and LHS": ("AS", "LHS", 1),
}


def both_sides(m: Measurement) -> dict[str, Any]:
    """The rows of Tables 10, 12 and 13: accuracies, losses in nats, both sides of Lemma 1 in feature units."""
    points, sides = table(m), lemma_1(m)
    return {
        "acc.": sides["clean acc."],
        "robust acc.": sides["robust acc."],
        "fulfilled": points.fulfilled.mean(),
        "CE": points.loss.mean(),
        "robust CE": points.adversarial_loss.mean(),
        "gap": sides["diff. CE"],
        NORM: sides[HEAD_NORM],
        "LHS": sides["LHS"],
        "AS": sides["AS score"],
    }


def by_level(level: Level, m: Measurement) -> dict[str, Any]:
    """`both_sides` of one encoder at one level of corruption."""
    place = {"kind": level.kind, "level": level.level, "strength": level.strength}
    return {"encoder": m.encoder, "images": level.label} | place | both_sides(m)


def along(rows: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The rows from the clean images to the strongest corruption of one kind, all at their strength."""
    chosen = rows[rows.kind.isin([CLEAN, kind])]
    return chosen.assign(strength=chosen.strength.fillna(NEUTRAL[kind])).reset_index(drop=True)


def trend(rows: pd.DataFrame) -> dict[str, Any]:
    """The first and the last row, and whether every step between them is as the paper's claim has it."""
    first, last = rows.iloc[0], rows.iloc[-1]
    return {
        "first": first.to_dict(),
        "last": last.to_dict(),
        "rises": "rises" if (rows.AS.diff().iloc[1:] > 0).all() else "does not rise",
        "falls": "falls" if (rows["robust acc."].diff().iloc[1:] < 0).all() else "does not fall",
        "factor": last["AS"] / first["AS"] if first["AS"] else np.nan,
        "points": 100 * (last["acc."] - first["acc."]),
    }


def agreement(series: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Kendall's tau between the quantities of ORDERS in each of the series; NaN where one of them lacks a column."""
    return pd.DataFrame(
        {"order of": order, "claim": "+" if sign > 0 else "−"}
        | {name: kendall_tau(rows[a], rows[b]) if {a, b} <= set(rows) else np.nan for name, rows in series.items()}
        for order, (a, b, sign) in ORDERS.items()
    )


def paired_change(before: Measurement, after: Measurement) -> dict[str, Any]:
    """Image by image: change of the shift [feature units] and of the loss gap [nats] with two standard errors (±).

    lost, gained: images that lost or gained robust correctness; p: of a sign test between these.
    """
    old, new = table(before), table(after)
    grown = (new["shift"] - old["shift"]).to_numpy()
    change = (new.adversarial_loss - new.loss - old.adversarial_loss + old.loss).to_numpy()
    lost, gained = int((new.wrong & ~old.wrong).sum()), int((~new.wrong & old.wrong).sum())
    return {
        "AS change": grown.mean(),
        "± (AS)": two_standard_errors(grown),
        "grew": (grown > 0).mean(),
        "gap change": change.mean(),
        "± (gap)": two_standard_errors(change),
        "lost": lost,
        "gained": gained,
        "p": sign_test(lost, gained),
    }


def image_by_image(own: Mapping[str, Measurement]) -> pd.DataFrame:
    """`paired_change` of every corruption, by label; the first measurement is of the clean images."""
    clean, *_ = own.values()
    return pd.DataFrame({"images": label} | paired_change(clean, m) for label, m in own.items()).iloc[1:]


def undecided(paired: pd.DataFrame) -> dict[str, str]:
    """At which levels the AS score stays within two standard errors, and p of the sign test is above 5%."""
    shift = paired.images[paired["AS change"].abs() <= paired["± (AS)"]]
    return {
        "shift": ", ".join(shift) or "no level",
        "accuracy": ", ".join(paired.images[paired.p > 0.05]) or "no level",
    }


def against_claim(before: Measurement, after: Measurement) -> dict[str, Any]:
    """Both sides of Lemma 1 before and after a corruption, and how the change of AS fits the claim that it grows."""
    grown = (table(after)["shift"] - table(before)["shift"]).to_numpy()
    change, error, pattern = float(grown.mean()), two_standard_errors(grown), "within two standard errors of no change"
    if change > error:
        pattern = "as in the paper's claim"
    elif change < -error:
        pattern = "against the paper's claim, which is about robust encoders"
    sides = {"first": both_sides(before), "last": both_sides(after)}
    return sides | {"change": change, "error": error, "pattern": pattern}


def _head(m: Measurement) -> Head:
    return Head(torch.from_numpy(m.weight), torch.from_numpy(m.bias))


def moves(levels: Iterable[Level], own: Mapping[str, Measurement]) -> pd.DataFrame:
    """What each corruption does before anyone attacks, and AS scores; means over the test images.

    Largest change of a pixel and l_2 norm in pixels of [0, 1], distances in feature units; kept: share of images whose
    prediction by the clean probe survives. The first level is the clean one.
    """
    (clean, *corrupted), rows = levels, []
    m = own[clean.label]
    z, head, pixels = torch.from_numpy(m.z).double(), _head(m), clean.images.test.pixels()
    for level in corrupted:
        delta = (level.images.test.pixels() - pixels).flatten(1)
        moved = torch.from_numpy(own[level.label].z).double()
        row = {
            "images": level.label,
            "max pixel": delta.abs().amax(1).mean().item(),
            "\\(\\ell_2\\)": delta.norm(dim=1).mean().item(),
            "features": statements.shift(z, moved).mean().item(),
            "AS clean": table(m)["shift"].mean(),
            "AS corr.": table(own[level.label])["shift"].mean(),
            "kept": (head.logits(moved).argmax(1) == head.logits(z).argmax(1)).double().mean().item(),
        }
        rows.append(row)
    return pd.DataFrame(rows)


def against_attack(moves: pd.DataFrame, last: Iterable[Level], threat: Threat) -> dict[str, Any]:
    """What corruptions do to images and features in units of what the adversary does, at the last levels, by kind.

    further, outside: at how many levels the mean image moves further than the adversary moves it, in features, pixels.
    """
    size = moves["max pixel" if threat.norm == "linf" else "\\(\\ell_2\\)"]
    relative = moves[["images"]].assign(pixels=size / threat.eps, features=moves.features / moves["AS clean"])
    by_label = relative.set_index("images").to_dict("index")
    return {level.kind: by_label[level.label] for level in last} | {
        "further": int((moves.features > moves["AS clean"]).sum()),
        "outside": int((size > threat.eps).sum()),
        "n": len(moves),
    }


def below_floor(paired: pd.DataFrame, rows: pd.DataFrame, summary: pd.DataFrame) -> dict[str, Any]:
    """The levels whose change is smaller than what the attacks may miss, by the attack floor's `summary`.

    missed: where the attacks miss the floor; one: points of robust accuracy that one image makes.
    """
    found: dict[str, Any] = {}
    for column, change, ratio in (("AS", "AS change", "AS ratio"), ("gap", "gap change", "gap ratio")):
        may_add = (1 - summary[ratio].min()) * rows[column].iloc[0]
        found[column] = ", ".join(paired.images[paired[change].abs() < may_add]) or "no level"
    low, n = floor.missed(summary), summary["n''"].iloc[0]
    where = "; ".join(low.encoder + " on " + low.data)
    return found | {"missed": where or "no setting", "one": 100 / n if n else np.nan}


def not_refitted(own: Mapping[str, Measurement], clean_probe: Mapping[str, Measurement]) -> pd.DataFrame:
    """Accuracies and share that fulfils the criterion with each level's probe, and (*) with that of the clean images.

    `clean_probe`: some levels under attacks on the latter. At the others its robust accuracy is NaN, and its criterion
    takes the shifts found for the level's own probe, since they know no head.
    """
    clean, *_ = own.values()
    head, attacked, rows = _head(clean), {clean.data: clean} | {m.data: m for m in clean_probe.values()}, []
    for label, m in own.items():
        points, other = table(m), table(attacked.get(m.data, m))
        logits = head.logits(torch.from_numpy(m.z))
        ratios = statements.margin_ratio(logits, head.weight)
        row = {
            "images": label,
            "acc.": (points.label == points.predicted).mean(),
            "acc.*": (logits.argmax(1).numpy() == m.labels).mean(),
            "fulfilled": points.fulfilled.mean(),
            "fulfilled*": (other["shift"].to_numpy() < ratios.numpy()).mean(),
            "robust acc.": 1 - points.wrong.mean(),
            "robust acc.*": 1 - other.wrong.mean() if m.data in attacked else np.nan,
        }
        rows.append(row)
    return pd.DataFrame(rows)
