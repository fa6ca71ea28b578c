"""Tables, figures and texts of a page, each with a key, and the data that it is drawn from.

The data travel in the notebook beside what is shown. So a kept run can hold data alone, and be drawn by today's code:
today's caption, format and plot, filled with the kept values.
"""

import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from rt_utils.pages.figures import Picture, Strip, picture
from rt_utils.pages.labels import labels
from rt_utils.pages.plain import frame_from, from_plain, plain, plain_frame
from rt_utils.pages.tables import Html, show_table

DATA = "rt"  # in the metadata of an output in a notebook
# What today's page says of an element; everything else is what was computed.
TEMPLATES = ("caption", "alt", "template", "formats", "wide", "plot", "retired", "older")


class _Filled(string.Formatter):
    """str.format with a dash for a missing number; a name may hold a point, as in {robust acc.:.2f}."""

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        return (kwargs[field_name], field_name) if field_name in kwargs else super().get_field(field_name, args, kwargs)

    def format_field(self, value: Any, format_spec: str) -> Any:
        return "–" if value is None else super().format_field(value, format_spec)


def filled(template: str, values: Mapping[Any, Any]) -> str:
    """The template with its fields `{name}` or `{name:.3f}` filled in; braces of formulas are doubled."""
    return _Filled().vformat(template, (), values)


@dataclass(frozen=True)
class Element:
    """What a cell shows, and `data`, from which `draw` draws it."""

    data: Mapping[str, Any]
    shown: Html | Picture | Strip | str

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        if isinstance(self.shown, str):
            bundle = {"text/markdown": self.shown, "text/plain": self.shown}
        else:
            bundle = {"text/html": self.shown._repr_html_(), "text/plain": repr(self.shown)}
        return bundle, {DATA: dict(self.data)}

    def __repr__(self) -> str:
        return self.shown if isinstance(self.shown, str) else repr(self.shown)


def _table(data: Mapping[str, Any], values: Mapping[str, Any]) -> Html:
    frame = frame_from(data).drop(columns=[*data.get("retired", ())], errors="ignore")
    if "encoder" in frame:
        frame = frame.assign(encoder=frame.encoder.replace(labels([*data["encoders"], *frame.encoder])))
    return show_table(frame, data["formats"], caption=filled(data["caption"], values), wide=data["wide"])


def _figure(data: Mapping[str, Any], values: Mapping[str, Any]) -> Picture | Strip:
    module, _, name = data["plot"].partition(":")
    plot: Callable[..., Figure | str] = getattr(import_module(module), name)
    captions = {part: filled(data[part], values) for part in ("caption", "alt")}
    drawn = plot(**from_plain(data["data"]))
    if isinstance(drawn, str):
        return Strip(data["key"], drawn, **captions)
    return picture(drawn, data["key"], **captions)


def draw(data: Mapping[str, Any]) -> Element:
    """The element that `data` describe: their kind, key and values, and what today's page says (TEMPLATES)."""
    values = from_plain(data["values"])
    if data["kind"] == "text":
        return Element(data, filled(data["template"], values))
    return Element(data, _table(data, values) if data["kind"] == "table" else _figure(data, values))


def computed(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a record keeps of an element: everything but what today's page says."""
    return {name: value for name, value in data.items() if name not in TEMPLATES}


def _formats(kept: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, str]:
    """Today's formats, also for a kept table's columns of other names, as those named after a run's data sets.

    Such a column has the format of today's in its place; where the tables have other widths, or whole numbers stand
    there, three digits.
    """
    theirs, ours = [*kept.get("columns", ())], [*own.get("columns", ())]
    formats: dict[str, str] = dict(own["formats"])
    for k, name in enumerate(theirs):
        numbers = [row[k] for row in kept["rows"] if isinstance(row[k], float)]
        if name in formats or name in ours or not numbers:
            continue
        todays = formats.get(ours[k], ".3g") if len(theirs) == len(ours) else ".3g"
        formats |= {name: ".3g" if todays.endswith("d") else todays}  # a format of whole numbers takes no fraction
    return formats


def redrawn(kept: Mapping[str, Any], own: Mapping[str, Any]) -> Element:
    """A kept element as today's page would show it; `own` is the page's own element of the same key.

    Raises KeyError where today's page asks for a value that the record does not hold and `older` does not give.
    """
    values = {**own.get("older", {}), **kept["values"]}
    today = {name: own[name] for name in TEMPLATES if name in own}
    today |= {"formats": _formats(kept, own)} if "formats" in own else {}
    return draw({**kept, "values": values, **today})


def table(
    key: str,
    frame: pd.DataFrame,
    formats: Mapping[str, str] | str,
    *,
    caption: str,
    values: Mapping[str, Any],
    encoders: Sequence[str] = (),
    wide: bool = False,
    retired: Sequence[str] = (),
    older: Mapping[str, Any] | None = None,
) -> Element:
    """A table. `caption` is a template for `values`; full names in a column "encoder" are shown as labels.

    `formats` gives the format of each number column, or one for all columns of fractions; whole numbers are whole.
    `retired`: columns that older records hold and that are shown no more; `older`: values for those that lack them.
    """
    if isinstance(formats, str):
        numbers = frame.select_dtypes("number").columns
        formats = {name: "d" if pd.api.types.is_integer_dtype(frame[name]) else formats for name in numbers}
    own: dict[str, Any] = {"formats": dict(formats), "caption": caption, "wide": wide, "encoders": list(encoders)}
    own |= ({"retired": list(retired)} if retired else {}) | ({"older": plain(older)} if older else {})
    return draw({"kind": "table", "key": key, "values": plain(values)} | plain_frame(frame) | own)


def figure(
    key: str,
    plot: Callable[..., Figure | str],
    data: Mapping[str, Any],
    *,
    caption: str,
    alt: str,
    values: Mapping[str, Any],
) -> Element:
    """A figure, drawn by `plot(**data)`, a function of a module; `caption` and `alt` are templates for `values`.

    A plot that returns a text gives HTML that shows images.
    """
    own = {"plot": f"{plot.__module__}:{plot.__qualname__}", "caption": caption, "alt": alt}
    return draw({"kind": "figure", "key": key, "values": plain(values), "data": plain(data, digits=6)} | own)


def text(key: str, template: str, values: Mapping[str, Any], *, older: Mapping[str, Any] | None = None) -> Element:
    """A paragraph in Markdown, from a template; `older` as for a table."""
    own: dict[str, Any] = {"template": template} | ({"older": plain(older)} if older else {})
    return draw({"kind": "text", "key": key, "values": plain(values)} | own)
