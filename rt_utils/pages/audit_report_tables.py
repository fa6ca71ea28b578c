"""The tables of an audit's report: frames whose cells are texts for a reader, and the same as plain numbers."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from rt_utils.evaluation import audit_intervals, audit_known
from rt_utils.evaluation.audit_intervals import Estimate, OverPairs, mean, share
from rt_utils.evaluation.pairs import Pairs
from rt_utils.pages.audit_run import Audited, Report
from rt_utils.theory.threat import format_eps

RESAMPLES = 2000
# What is estimated: its column, and how it is shown.
FORMS = {
    "clean accuracy": ".1%",
    "robust accuracy found": ".1%",
    "criterion fulfilled": ".1%",
    "AS score": ".3g",
    "D": ".3g",
    "AS / D": ".2f",
    "blocked pairs": ".1%",
    "to the nearest other": ".3g",
    "blocked with the nearest": ".1%",
}


def estimates(item: Audited, seed: int) -> dict[str, Estimate]:
    """Every number of one encoder with its interval."""
    done, n = item.done, len(item.done.z)
    found = {}
    if done.points is not None:
        found["clean accuracy"] = share((done.points.label == done.points.predicted).to_numpy())
        found["robust accuracy found"] = share(~done.points.wrong.to_numpy(dtype=bool))
        found["criterion fulfilled"] = share(done.fulfilled)
    over = OverPairs(done.pairs, n, RESAMPLES, seed)
    found["AS score"] = mean(done.found, RESAMPLES, seed)
    found["D"] = over.mean(done.pairs.apart)
    found["AS / D"] = over.ratio(done.found)
    found["blocked pairs"] = over.mean(done.blocked, done.different)
    nearest = audit_intervals.nearest_other(done.pairs, done.different, n)
    if np.isfinite(nearest).all():
        found["to the nearest other"] = mean(nearest, RESAMPLES, seed)
        blocked = audit_intervals.blocked_with_nearest(done.pairs, done.different, done.found)
        found["blocked with the nearest"] = share(blocked)
    return found


def encoders(report: Report) -> pd.DataFrame:
    """One row for each number and one column for each encoder, so that a phone's screen holds it."""
    columns = {item.encoder.name: estimates(item, report.request.seed) for item in report.audited}
    rows = [name for name in FORMS if any(name in found for found in columns.values())]
    shown = {
        name: [found[row].shown(FORMS[row]) if row in found else "–" for row in rows] for name, found in columns.items()
    }
    counts = {item.encoder.name: str(len(item.done.z)) for item in report.audited}
    frame = pd.DataFrame({"": rows} | shown)
    return pd.concat([pd.DataFrame([{"": "images attacked"} | counts]), frame], ignore_index=True)


def numbers(report: Report) -> pd.DataFrame:
    """The same for encoders.csv: a row for each encoder and number, with the ends of its interval."""
    rows = [
        {"encoder": item.encoder.name, "n": len(item.done.z), "number": name, **asdict(found)}
        for item in report.audited
        for name, found in estimates(item, report.request.seed).items()
    ]
    return pd.DataFrame(rows)


def _known_rows(report: Report) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    if report.compared is None:
        return rows
    own, known = report.compared.own, {row.name for row in report.compared.known}
    training = audit_known.training()
    some = [(row, training[row.name] + "; audited here" * (row.name in own)) for row in report.compared.known]
    some += [(row, "audited here") for row in own.values() if row.name not in known]
    for row, pretrained in some:
        over = OverPairs(row.pairs, len(row.shifts), RESAMPLES, report.request.seed)
        found = {} if row.right is None else {"clean accuracy": share(row.right)}
        found |= {} if row.robust is None else {"robust accuracy found": share(row.robust)}
        found["AS / D"] = over.ratio(row.shifts)
        rows.append({"encoder": row.name, "pretrained": pretrained, "n": len(row.shifts), "estimates": found})
    labelled = "robust accuracy found"
    return sorted(
        rows, key=lambda row: -row["estimates"][labelled].value if labelled in row["estimates"] else _ratio(row)
    )


def _ratio(row: dict[str, Any]) -> float:
    ratio: float = row["estimates"]["AS / D"].value
    return ratio


def known(report: Report) -> pd.DataFrame:
    """The known encoders and the audited ones under the same attack, the most robust first."""
    return pd.DataFrame(
        [
            {key: row[key] for key in ("encoder", "pretrained", "n")}
            | {name: found.shown(FORMS[name]) for name, found in row["estimates"].items()}
            for row in _known_rows(report)
        ]
    )


def known_numbers(report: Report) -> pd.DataFrame:
    """The same for known.csv."""
    return pd.DataFrame(
        [
            {key: row[key] for key in ("encoder", "pretrained", "n")} | {"number": name, **asdict(found)}
            for row in _known_rows(report)
            for name, found in row["estimates"].items()
        ]
    )


def radii(report: Report) -> pd.DataFrame:
    """What was found at each radius, a row each: for radii.csv, and by `shown` for the page."""
    rows = []
    for item in report.audited:
        for at in item.radii:
            over = OverPairs(item.done.pairs, len(item.done.z), RESAMPLES, report.request.seed)
            if len(at.shifts) < len(item.done.z):
                some = Pairs.of(item.done.z[: len(at.shifts)])
                over = OverPairs(some, len(at.shifts), RESAMPLES, report.request.seed)
            found = {"AS / D": over.ratio(at.shifts)}
            if at.robust is not None and at.fulfilled is not None:
                found = {"robust accuracy found": share(at.robust), "criterion fulfilled": share(at.fulfilled)} | found
            own = {"encoder": item.encoder.name, "eps": at.threat.eps, "n": len(at.shifts)}
            rows += [own | {"number": name, **asdict(value)} for name, value in found.items()]
    return pd.DataFrame(rows)


def classes(report: Report) -> pd.DataFrame:
    """What was found in each class, a row for each number; empty without labels."""
    rows = []
    for item in report.audited:
        done = item.done
        if done.points is None:
            continue
        right = (done.points.label == done.points.predicted).to_numpy()
        robust, label = ~done.points.wrong.to_numpy(dtype=bool), done.points.label.to_numpy()
        for number, name in enumerate(item.images.classes):
            of = label == number
            if of.any():
                found = {"clean accuracy": share(right[of]), "robust accuracy found": share(robust[of])}
                found["AS / D"] = mean(done.found[of] / done.distance, RESAMPLES, report.request.seed)
                own = {"encoder": item.encoder.name, "class": name, "n": int(of.sum())}
                rows += [own | {"number": kind, **asdict(value)} for kind, value in found.items()]
    return pd.DataFrame(rows)


def per_image(report: Report, item: Audited) -> pd.DataFrame:
    """For images.csv."""
    done, n = item.done, len(item.done.z)
    frame = pd.DataFrame({"encoder": item.encoder.name, "point": np.arange(n), "file": report.files[:n] or ""})
    if done.points is not None:
        names = np.array(item.images.classes, dtype=object)
        own = done.points[["label", "predicted", "loss", "adversarial_loss", "margin_ratio", "flipped", "wrong"]]
        frame = pd.concat([frame, own.reset_index(drop=True)], axis=1).assign(fulfilled=done.fulfilled)
        frame = frame.assign(**{"class": names[frame.label], "predicted_class": names[frame.predicted]})
    return frame.assign(shift=done.found, shift_over_distance=done.found / done.distance)


def shown(frame: pd.DataFrame, norm: str) -> pd.DataFrame:
    """A frame with a row for each number as the page has it: a column for each, with its interval."""
    if frame.empty:
        return frame
    order = list(dict.fromkeys(frame.number))
    keys = [name for name in frame.columns if name not in ("number", "value", "low", "high")]
    cells = [
        Estimate(row["value"], row["low"], row["high"]).shown(FORMS[row["number"]]) for row in frame.to_dict("records")
    ]
    wide = frame.assign(cell=cells).pivot(index=keys, columns="number", values="cell")[order].reset_index()
    if "eps" in wide:
        wide = wide.assign(eps=[format_eps(eps, norm) for eps in wide.eps])  # type: ignore[arg-type]
    return wide
