"""Tables of a regression of factors: probes, both sides of Lemma 1, the square, units, and the attack floor."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int64

from rt_utils.evaluation import floor
from rt_utils.evaluation.regression import Found, Probed, features, left_sides, residuals, takes_grey
from rt_utils.evaluation.sprite_symmetry import SAME_AFTER, all_turns, least_error, squared_error
from rt_utils.images.drawn.sprites import CLASSES, FACTORS
from rt_utils.models.shipped import model_card
from rt_utils.theory.threat import NORM_SYMBOLS, format_eps

Row = dict[str, object]
CARD_ERRORS = ("clean", "attacked", "variance")
ORIENTATION = FACTORS.index("orientation")


def by_factor(values: Iterable[float]) -> dict[str, float]:
    """One number for each factor, by its name."""
    return dict(zip(FACTORS, values, strict=True))


def probes(probed: Iterable[Probed]) -> pd.DataFrame:
    """The share R^2 of each factor's variance that its probe explains on the test images, and the probe's norm."""
    rows = []
    for its in probed:
        errors = residuals(its.head, its.z_test, its.y_test) ** 2
        explained = 1 - errors.mean(0) / its.y_test.var(0)
        row = {"encoder": its.encoder.name} | {f"\\(R^2\\) {k}": v for k, v in by_factor(explained).items()}
        rows.append(row | {f"\\(\\lVert w\\rVert\\) {k}": v for k, v in by_factor(its.norms).items()})
    return pd.DataFrame(rows)


def orientations(probed: Probed, shapes: Int64[np.ndarray, " n"]) -> dict[str, np.ndarray]:
    """True and predicted orientations of the test images, and their shapes."""
    predicted = probed.head.logits(torch.from_numpy(probed.z_test)).numpy()
    return {"true": probed.y_test[:, ORIENTATION], "predicted": predicted[:, ORIENTATION], "shapes": shapes}


def correlations(
    true: Float[np.ndarray, " n"], predicted: Float[np.ndarray, " n"], shapes: Int64[np.ndarray, " n"]
) -> str:
    """The correlation of predicted and true orientations, by shape."""
    found = [np.corrcoef(true[shapes == k], predicted[shapes == k])[0, 1] for k in range(len(CLASSES))]
    return ", ".join(f"{value:.2f} ({shape})" for shape, value in zip(CLASSES, found, strict=True))


def orientation_errors(probed: Iterable[Probed]) -> pd.DataFrame:
    """By shape the squared error of the orientation's probe over all turns of this book's sprites, and the least."""
    rows: list[Row] = []
    for its in probed:
        if takes_grey(its.encoder):
            row: Row = {"encoder": its.encoder.name}
            for shape in SAME_AFTER:
                z = features(its.encoder, all_turns(shape), f"all turns of a {shape}")
                row[shape] = squared_error(its.head.logits(torch.from_numpy(z)).numpy()[:, ORIENTATION])
            rows.append(row)
    least = {shape: least_error(shape) for shape in SAME_AFTER}
    return pd.DataFrame([*rows, {"encoder": "least possible", **least}])


def lemma_1(sides: pd.DataFrame, probed: Mapping[str, Probed], lhs: str = "|xi|") -> pd.DataFrame:
    """Table 7: by norm and encoder the LHS of each factor and the AS score that they share, in feature units.

    AS / distance: over the mean distance between two images' features. `sides`: rows of `regression.both_sides`, of
    whose left sides this is the one named `lhs`.
    """
    rows = []
    for (norm, encoder), part in sides.groupby(["norm", "encoder"], sort=False):
        score = part["AS"].iloc[0]
        apart = torch.pdist(torch.from_numpy(probed[str(encoder)].z_test[:300])).mean().item()
        row = {"norm": norm, "encoder": encoder} | dict(zip(part["factor"], part[lhs], strict=True))
        rows.append(row | {"AS": score, "AS / distance": score / apart})
    return pd.DataFrame(rows)


def in_order(rows: pd.DataFrame, label: Mapping[str, str]) -> dict[str, str]:
    """Of rows of `lemma_1` in one norm the encoders by AS score, and the scores over the distance between images."""
    distances = [f"{row['AS / distance']:.2f} ({label[row['encoder']]})" for row in rows.to_dict("records")]
    order = rows.sort_values("AS", kind="stable")["encoder"].map(label)
    return {"order": " < ".join(order), "distances": ", ".join(distances)}


def errors(probed: Mapping[str, Probed], found: Mapping[tuple[str, str], Found]) -> pd.DataFrame:
    """Mean |f(x) - y| on the attacked images by factor: of a constant (the median), clean, and at the worst found."""
    (some, *_), (any_found, *_) = probed.values(), found.values()
    attacked = some.y_test[: len(any_found.shift)]
    constant = np.abs(np.median(some.y_train, axis=0) - attacked).mean(0)
    rows: list[Row] = [{"encoder": "constant", "images": "–", **by_factor(constant)}]
    for name in probed:
        clean, *worst = (found[name, "linf"].clean, found[name, "l2"].worst, found[name, "linf"].worst)
        for images, values in zip(("clean", "l_2", "l_inf"), (clean, *worst), strict=True):
            rows.append({"encoder": name, "images": images, **by_factor(values.mean(0))})
    return pd.DataFrame(rows)


def worse_than_constant(rows: pd.DataFrame) -> dict[str, list[str]]:
    """By encoder the factors at which its attacked probe (l_inf) is worse than a constant; rows of `errors`."""
    constant = rows.loc[0, list(FACTORS)]
    attacked = rows[rows.images == "l_inf"].to_dict("records")
    return {row["encoder"]: [factor for factor in FACTORS if row[factor] > constant[factor]] for row in attacked}


def in_units(
    probed: Mapping[str, Probed], found: Mapping[tuple[str, str], Found], units: Mapping[str, float]
) -> pd.DataFrame:
    """`left_sides` with each factor's targets `units` times as large, and its probe with them; and the AS score."""
    rows = []
    for encoder, norm in found:
        its = found[encoder, norm]
        for k, factor in enumerate(FACTORS):
            t = units[factor]
            sides = left_sides(t * its.clean[:, k], t * its.worst[:, k], t * probed[encoder].norms[k])
            rows.append({"encoder": encoder, "norm": norm, "factor": factor, **sides, "AS": its.shift.mean()})
    return pd.DataFrame(rows)


def floor_ratios(page: Found, other: Found) -> dict[str, float]:
    """What the one found over what the other found: AS scores, and the loss gap of each factor; 1 where that is 0."""
    gaps, others = ((its.worst - its.clean).mean(0) for its in (page, other))
    pairs = {"AS": (page.shift.mean(), other.shift.mean())} | dict(
        zip(FACTORS, zip(gaps, others, strict=True), strict=True)
    )
    return {what: float(found / strong) if strong > 0 else 1.0 for what, (found, strong) in pairs.items()}


def square(sides: pd.DataFrame) -> pd.DataFrame:
    """Left-hand sides under l_inf three ways, and how many times larger targets let the code's pass the AS score."""
    rows = sides[sides.norm == "linf"]
    names = {"|xi|": "\\(\\lvert\\xi\\rvert\\)", "R": "\\(R\\)", "xi^2": "\\(\\xi^2\\), \\(C_1=2R\\)"}
    shown = rows[["encoder", "factor", *names, "code", "AS"]].rename(
        columns={"code": "\\(\\xi^2\\), \\(C_1=1\\)"} | names
    )
    return shown.assign(**{"AS passed at ×": rows["AS"] / rows["code"].where(rows["code"] > 0)})


def by_quantity(ratios: pd.DataFrame) -> pd.DataFrame:
    """The ratios of the attack floor, one row for each encoder, norm and quantity (AS score, or a factor's loss gap).

    lacks: the share that the stronger search adds to what the page found; allowed: how much it may.
    """
    rows = ratios.melt(["encoder", "norm"], ["AS", *FACTORS], "what", "ratio")
    what = rows["what"].map({"AS": "AS score"} | {factor: f"loss gap, {factor}," for factor in FACTORS})
    return rows.assign(what=what, lacks=1 / rows["ratio"].astype(float) - 1, allowed=floor.SHARE)


def floor_reading(ratios: pd.DataFrame, label: Mapping[str, str]) -> dict[str, Any]:
    """The smallest ratio and where it is, whether the floor is met, and by norm what the paper's settings find."""
    rows = by_quantity(ratios)
    low = rows.iloc[int(rows["ratio"].argmin())]
    where = {
        "what": low["what"],
        "ratio": low["ratio"],
        "norm": NORM_SYMBOLS[low["norm"]],
        "encoder": label[low["encoder"]],
    }
    met = "meets" if low["ratio"] >= 1 - floor.SHARE else "misses"
    papers = {str(norm): {"min": its.min(), "max": its.max()} for norm, its in ratios.groupby("norm")["paper: AS"]}
    return where | {"met": met, "share": 1 - floor.SHARE} | papers


def slack(sides: pd.DataFrame, label: Mapping[str, str] | None = None) -> dict[str, Any]:
    """AS over LHS where LHS is positive: the least and the most, and where they are; NaN where there is none."""
    rows = sides[sides["|xi|"] > 0]
    if rows.empty:
        return {"least": np.nan, "most": np.nan, "tightest": "nowhere", "loosest": "nowhere"}
    ratios = (rows["AS"] / rows["|xi|"]).to_numpy()
    tightest, loosest = (
        f"{(label or {}).get(row['encoder'], row['encoder'])}, {NORM_SYMBOLS[row['norm']]}, {row['factor']}"
        for row in (rows.iloc[int(ratios.argmin())], rows.iloc[int(ratios.argmax())])
    )
    return {"least": ratios.min(), "most": ratios.max(), "tightest": tightest, "loosest": loosest}


def cards(encoders: Iterable[str]) -> pd.DataFrame:
    """From the model cards of those among the encoders that this book trained on sprites: recipe and squared errors."""
    rows = []
    for name in encoders:
        if name.startswith("embedded/sprites-"):
            card = model_card(name)
            recipe, measured = card["recipe"], card["measured"]
            row = {
                "encoder": name,
                "trained at": format_eps(recipe["eps"]) if recipe["eps"] else "–",
                "images": recipe["images"],
                "epochs": recipe["epochs"],
                "seconds": card["training_seconds"],
                "clean": measured["clean_squared_error"],
                "attacked": measured["adversarial_squared_error_pgd20"],
                "variance": measured["variance_of_the_target"],
            }
            rows.append(row)
    return pd.DataFrame(rows, columns=["encoder", "trained at", "images", "epochs", "seconds", *CARD_ERRORS])
