"""A chapter's plumbing: its clock, parameters, threat, style, names and files; its claims are those of `Claims`."""

import ast
import html
import inspect
import math
import textwrap
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown, display
from matplotlib.figure import Figure

from rt_utils.evaluation import floor
from rt_utils.evaluation.measurement import Measurement
from rt_utils.evaluation.search import AttackPlan
from rt_utils.images.data_set import DataSet
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.pages import attack_floor, elements, experiment, figures, paper_settings, parameters, wording
from rt_utils.pages.claims import FLOAT32, Claims, share_of_bound
from rt_utils.pages.elements import Element
from rt_utils.pages.files import save
from rt_utils.pages.labels import colours, labels, shortened
from rt_utils.pages.tables import Html
from rt_utils.runtime import processes
from rt_utils.runtime.errors import unknown
from rt_utils.theory.threat import Threat

WITHIN_BOUND = "Certified: the largest shift found over its upper bound"
_STARTED = time.perf_counter()  # the first import of a chapter


class Page(Claims):
    """One run of a chapter. Its first line: `page = Page("theorem_2_criterion", globals())`."""

    def __init__(self, chapter: str, namespace: Mapping[str, Any]) -> None:
        super().__init__(chapter, parameters.read(namespace))
        self.encoders: list[str] = getattr(self.p, "encoders", [])
        given = [*self.encoders, *getattr(self.p, "data", ()), getattr(self.p, "encoder", "")]
        self._outside = wording.literal([*given, *map(shortened, given)])
        self._keys: set[str] = set()
        figures.use_style()
        if differing := paper_settings.line(chapter, self.p):
            said = f'<p class="rt-differs" data-of-run="{html.escape(self.p.profile)}">{html.escape(differing)}</p>'
            display(Html(said, differing))  # where the page has kept runs, it is seen with this run alone

    @cached_property
    def threat(self) -> Threat:
        """The perturbations that the page allows, from its norm and eps."""
        return self.p.threat

    @cached_property
    def workers(self) -> int:
        """How many processes compute; they are being prepared from here on."""
        return processes.ready(self.p.workers)

    @cached_property
    def label(self) -> dict[str, str]:
        """The shown name of each of the page's encoders."""
        return labels(self.encoders)

    @cached_property
    def colour(self) -> dict[str, str]:
        """The colour of each of the page's encoders."""
        return colours(self.encoders)

    def run(self, *, subspace: bool = False) -> experiment.Experiment:
        """Every encoder with a linear probe on every data set, attacked; `subspace`: in the head's own one too."""
        return experiment.run(self.p, subspace=subspace)

    def choice(self, name: str, allowed: Iterable[str], kind: str = "") -> str:
        """The parameter `name`, which must be empty or one of `allowed`. Raises InputError."""
        value: str = getattr(self.p, name)
        if value and value not in (known := list(allowed)):
            raise unknown(kind or name, value, known)
        return value

    def _key(self, key: str) -> str:
        """Raises ValueError where another element of the page has the key already."""
        if key in self._keys:
            raise ValueError(f"two elements of the page have the key {key!r}")
        self._keys.add(key)
        return key

    def _plain(self, value: Any) -> Any:
        """A text in which names of encoders and data sets are read as they stand: a path may hold markup."""
        if isinstance(value, str):
            for name, written in self._outside.items():
                value = value.replace(name, written)
        return value

    def _values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What every template may name, and its own values."""
        given = {"profile": self.p.profile}
        if hasattr(self.p, "eps") and hasattr(self.p, "norm"):
            given["threat"] = str(self.threat)
        return {name: self._plain(value) for name, value in (given | dict(values)).items()}

    def table(
        self,
        key: str,
        frame: pd.DataFrame,
        formats: Mapping[str, str] | str,
        /,
        *,
        caption: str,
        wide: bool = False,
        **values: Any,
    ) -> Element:
        """A table (`elements.table`); the caption may name {profile}, {threat} and whatever `values` give.

        Two of them speak of older records: `retired` names columns that they hold and that are shown no more, `older`
        gives values that they lack.
        """
        past = {"retired": values.pop("retired", ()), "older": values.pop("older", None)}
        filled, key = self._values(values), self._key(key)
        frame = frame.rename(columns=self._plain)
        formats = formats if isinstance(formats, str) else {self._plain(name): form for name, form in formats.items()}
        own: dict[str, Any] = {"caption": caption, "values": filled, "encoders": self.encoders}
        return elements.table(key, frame, formats, **own, wide=wide, **past)

    def figure(
        self,
        key: str,
        plot: Callable[..., Figure | str],
        data: Mapping[str, Any],
        /,
        *,
        caption: str,
        alt: str,
        **values: Any,
    ) -> Element:
        """A figure that `plot(**data)` draws, or images; for names and colours it takes the encoders too."""
        filled, key = self._values(values), self._key(key)
        return elements.figure(key, plot, data, caption=caption, alt=alt, values=filled)

    def text(self, key: str, template: str, given: Mapping[str, Any] | None = None, /, **values: Any) -> Element:
        """A paragraph of Markdown: computed values first, then one template.

        With `page.text(key, *words(...))` a function of the package gives the template and the values. One of them,
        `older`, gives values that older records lack.
        """
        older = values.pop("older", None)
        return elements.text(self._key(key), template, self._values(dict(given or {}) | values), older=older)

    def listed(self, rows: pd.DataFrame, template: str, joint: str = "; ") -> str:
        """The template filled with each row, its encoder by its label: sentences, or an alternative text."""
        label = labels([*self.encoders, *rows.get("encoder", ())])
        records = rows.astype(object).where(rows.notna(), None).to_dict("records")
        return joint.join(
            elements.filled(template, row | {"encoder": label.get(row.get("encoder", ""), "")}) for row in records
        )

    def source(self, function: Callable[..., Any]) -> Markdown:
        """A function of the package as the page shows it: its signature and its statements, without its docstring."""
        lines = inspect.getsource(function).splitlines()
        (definition,) = ast.parse(textwrap.dedent("\n".join(lines))).body
        if isinstance(definition, ast.FunctionDef) and ast.get_docstring(definition) is not None:
            docstring = definition.body[0]
            del lines[docstring.lineno - 1 : docstring.end_lineno]
        return Markdown("```python\n" + textwrap.dedent("\n".join(lines)) + "\n```")

    def floor(self, points: pd.DataFrame, plan: AttackPlan | None = None, *, claims: bool = True) -> pd.DataFrame:
        """Show the page's attacks against a stronger search, in two tables, and enter them into the ledger.

        Returns the summary (`evaluation.floor`), for the verdict: `page.text("floor", VERDICT, **values(summary))`.
        """
        summary = floor.summary(points)
        display(*attack_floor.tables(summary, plan or experiment.attack_plan(self.p), self.table))
        if claims:
            attack_floor.enter(summary, self.claim)
        return summary

    def save(
        self,
        encoders: Iterable[Encoder] = (),
        measurements: Iterable[Measurement] = (),
        *,
        data: Iterable[DataSet] = (),
        points: tuple[pd.DataFrame, Mapping[str, np.ndarray]] | None = None,
        beside: Mapping[str, Any] = MappingProxyType({}),
    ) -> Html:
        """Write the page's files, further ones `beside` them; for the page, the links and what made the numbers.

        Where a certified bound on the shift is known, the ledger says that nothing found passes it.
        """
        measurements = list(measurements)
        self.decide()
        for m in measurements:
            if not math.isnan(highest := share_of_bound(m)):
                where: dict[str, Any] = {"encoder": m.encoder, "data": m.data, "tolerance": FLOAT32}
                self.claim(WITHIN_BOUND, n=len(m.labels), lhs=highest, rhs=1.0, **where)
        folder, computed = self.p.results_folder(self.chapter), (encoders, measurements, self.claims)
        return save(folder, self.p, *computed, _STARTED, data=data, points=points, beside=beside)
