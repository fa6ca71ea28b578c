"""The report of `rt audit`: one HTML file that opens anywhere, JSON and CSV beside it."""

import base64
import io
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from jaxtyping import Float
from markupsafe import Markup
from PIL import Image
from torch import Tensor

from rt_utils.evaluation.audit_known import Bars
from rt_utils.pages import audit_folder, audit_headline, audit_report_tables, audit_tables, csv_text, figures
from rt_utils.pages import plain as plain_data
from rt_utils.pages.audit_run import Audited, Report
from rt_utils.pages.plots import audit as plots
from rt_utils.runtime import paths
from rt_utils.runtime.errors import InputError
from rt_utils.runtime.files import whole_file
from rt_utils.theory.threat import Threat

_TEMPLATE = paths.PACKAGE / "pages" / "audit_report.html"
_SMALL = 96  # pixels, up to which an image is kept without loss
_SHOWN = 192  # pixels, to which a larger one is reduced


def picture(pixels: Float[Tensor, "3 h w"]) -> str:
    """An image in [0, 1] as a data: address; JPEG, and reduced, where it is large."""
    image = Image.fromarray((pixels.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy())
    buffer, kind = io.BytesIO(), "png" if image.width <= _SMALL else "jpeg"
    if image.width > _SHOWN:
        image = image.resize((_SHOWN, _SHOWN), Image.Resampling.BICUBIC)
    image.save(buffer, kind, **({} if kind == "png" else {"quality": 82}))
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def magnified(delta: Float[Tensor, "3 h w"], threat: Threat) -> tuple[Float[Tensor, "3 h w"], float]:
    """A perturbation on grey, and the factor: so that eps (l_inf), or its largest entry (l_2), is black or white."""
    factor = 0.5 / max(threat.eps if threat.norm == "linf" else float(delta.abs().max()), 1e-12)
    return 0.5 + factor * delta, factor


def _worst(report: Report, item: Audited) -> list[dict[str, Any]]:
    names, cards = item.images.classes, []
    labels = item.images.test.labels
    for shown in item.shown:
        delta, factor = magnified(shown.perturbed - shown.clean, report.request.threat)
        said = [f"{names[a[0]]}, {a[1]:.0%}" if a else "" for a in (shown.before, shown.after)]
        cards.append(
            {
                "name": report.files[shown.index] if report.files else f"image {shown.index}",
                "label": names[int(labels[shown.index])] if labels is not None and names else "",
                "pictures": [picture(shown.clean), picture(delta), picture(shown.perturbed)],
                "factor": f"{factor:.3g}",
                "before": said[0],
                "after": said[1],
                "flipped": bool(shown.before and shown.after and shown.before[0] != shown.after[0]),
                "shift": f"{shown.shift / item.done.distance:.2f}",
            }
        )
    return cards


def _frame(frame: pd.DataFrame, caption: str) -> dict[str, Any]:
    return {"caption": caption, "columns": list(frame.columns), "rows": frame.astype(str).to_numpy().tolist()}


def _bars(report: Report) -> Bars | None:
    return None if report.compared is None else report.compared.bars


def _headline(report: Report, item: Audited) -> audit_headline.Headline:
    name, found = item.encoder.name, report.compared
    if found is None:
        return audit_headline.headline(item.done, None, None, ())
    return audit_headline.headline(item.done, found.bars, found.own.get(name), found.possible.get(name, ()))


def _figure(report: Report, radii: pd.DataFrame) -> str:
    number = "robust accuracy found" if "robust accuracy found" in set(radii.number) else "AS / D"
    some, bars = radii[radii.number == number], _bars(report)
    lines = {str(name): part[["eps", "value", "low", "high"]].to_numpy(float) for name, part in some.groupby("encoder")}
    named = {} if bars is None else {bars.low_by: bars.low, bars.high_by: bars.high}
    figures.use_style()
    drawn = plots.around_a_radius(lines, named, report.request.threat.eps, report.request.threat.norm, number)
    values = "; ".join(f"{name}: {', '.join(f'{v:.2g}' for v in line[:, 1])}" for name, line in lines.items())
    alt = f"{number} at the radii of the table below. {values}"
    return figures.picture(drawn, "radii", caption="", alt=alt).svg


def _items(report: Report) -> list[dict[str, Any]]:
    classes = audit_report_tables.classes(report)
    items = []
    for item in report.audited:
        own = classes[classes.encoder == item.encoder.name].drop(columns="encoder") if len(classes) else classes
        tested = set() if item.done.labels is None else {item.images.classes[i] for i in item.done.labels}
        untested = [name for name in item.images.classes if name not in tested] if tested else []
        items.append(
            {
                "name": item.encoder.name,
                "headline": _headline(report, item),
                "notes": item.encoder.notes or ("the weights and the preprocessing that its model card describes",),
                "worst": _worst(report, item),
                "classes": _frame(audit_report_tables.shown(own, report.request.threat.norm), "Each class"),
                "untested": untested,
                "checks": _frame(audit_tables.checks(item.done.checks), "Checks of the attack"),
                "cut": item.cut,
                "seconds": f"{item.seconds:.0f}",
            }
        )
    return items


def page(report: Report) -> str:
    """The report as one HTML page that asks nothing of any server."""
    request, radii = report.request, audit_report_tables.radii(report)
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(_TEMPLATE.read_text("utf-8")).render(
        title=report.subject.title
        if report.subject.folder is None
        else Path(report.subject.folder).expanduser().resolve().name,
        threat=str(request.threat),
        total=report.subject.total,
        labelled=report.subject.labelled,
        items=_items(report),
        missing=[name for name in request.encoders if name not in {item.encoder.name for item in report.audited}],
        encoders=_frame(audit_report_tables.encoders(report), "The encoders"),
        known=_frame(audit_report_tables.known(report), "Known encoders on the same images"),
        compared=report.compared,
        bars=_bars(report),
        radii=_frame(audit_report_tables.shown(radii, request.threat.norm), "Other radii"),
        figure=Markup(_figure(report, radii) if any(len(item.radii) > 1 for item in report.audited) else ""),
        l2=request.threat.norm == "l2",
        cut=report.cut,
        asked=f"{request.minutes:g}",
        took=f"{report.seconds / 60:.1f}",
        seed=request.seed,
        finished=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        versions=f"Python {platform.python_version()}, torch {version('torch')}, rt-utils {version('rt-utils')}",
        weights=[(item.encoder.name, item.encoder.weights_sha256[:12]) for item in report.audited],
        fingerprints=[(item.encoder.name, item.images.fingerprint) for item in report.audited],
    )


def _summary(report: Report) -> dict[str, Any]:
    """For report.json."""
    bars = vars(found) if (found := _bars(report)) else None
    about = report.request.facts() | {"minutes_taken": report.seconds / 60, "cut": report.cut, "bars": bars}
    about["encoders_audited"] = [
        {
            "encoder": item.encoder.name,
            "weights_sha256": item.encoder.weights_sha256,
            "fingerprint": item.images.fingerprint,
            "loaded": list(item.encoder.notes),
            "images": len(item.done.z),
            "headline": vars(_headline(report, item)),
            "numbers": {k: vars(v) for k, v in audit_report_tables.estimates(item, report.request.seed).items()},
            "checks": item.done.checks,
            "size": item.size,
            "cut": item.cut,
        }
        for item in report.audited
    ]
    return dict(plain_data.plain(about))


def write(report: Report) -> Path:
    """Write report.html, report.json and the tables as CSV; returns the page. Raises InputError where it cannot."""
    import json

    folder = report.request.folder
    tables = {
        "encoders.csv": audit_report_tables.numbers(report),
        "known.csv": audit_report_tables.known_numbers(report),
        "radii.csv": audit_report_tables.radii(report),
        "classes.csv": audit_report_tables.classes(report),
        "images.csv": pd.concat(
            [audit_report_tables.per_image(report, item) for item in report.audited], ignore_index=True
        ),
    }
    tables = {name: frame for name, frame in tables.items() if len(frame)}
    about = _summary(report) | {audit_folder.FILES: list(tables)}
    texts = {"report.html": page(report), audit_folder.SUMMARY: json.dumps(about, indent=2) + "\n"}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, frame in tables.items():
            csv_text.write(frame, folder / name)
        for path in audit_folder.outdated(folder, list(tables)):
            path.unlink(missing_ok=True)
        for name, text in texts.items():
            with whole_file(folder / name) as partial:
                partial.write_text(text, "utf-8")
    except OSError as error:
        raise InputError(f"cannot write the report to {str(folder)!r}: {error.strerror or error}") from None
    return folder / "report.html"
