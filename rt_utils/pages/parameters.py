"""The parameter contract: what a chapter accepts, checked before anything runs, with one clear line for what is wrong.

A chapter declares its parameters in its `parameters` cell, by assignments alone. Every name it may use is in KNOWN,
with its parser. `rt run` checks before it starts a kernel; `read(globals())`, the chapter's first line, checks again,
so that plain papermill refuses the same things.
"""

import ast
import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rt_utils.images.catalogue import NAMED, PREFIXED, check_data_set
from rt_utils.models.catalogue import SOURCES, check_encoder
from rt_utils.pages import audit_folder
from rt_utils.pages.numbers_given import number, whole
from rt_utils.runtime.errors import InputError, unknown
from rt_utils.theory.threat import Threat, parse_norm

PROFILES = ("embedded", "natural", "public", "paper", "as_released")
# A comma between names; a path may hold commas, so there a known beginning must follow.
_PATH = "|".join((*PREFIXED, "file:", "python:"))
_COMMA = rf",\s*(?={_PATH}|{'|'.join(SOURCES)}|(?:{'|'.join(NAMED)})(?:[,\s]|$))"
NOT_IN_KEY = ("results", "workers")  # they change where and how fast, not what


def _text(name: str, value: Any) -> str:
    """A text that fits on one line of a page and of a file."""
    if not isinstance(value, str):
        raise InputError(f"{name} {value!r} is not a text")
    if odd := [c for c in value if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]:
        raise InputError(f"{name} {value!r} holds {odd[0]!r}, which is no letter: rename that folder or file")
    return value


def writable(name: str, value: Any) -> str:
    """A folder that is there, or can be made. Empty: the default. Raises InputError."""
    folder = Path(_text(name, value)).absolute()
    try:
        there = next(path for path in (folder, *folder.parents) if path.exists())
    except OSError as error:  # a name that is too long
        raise InputError(f"{name} {value!r} cannot be written: {error.strerror}") from None
    if not there.is_dir() or not os.access(there, os.W_OK):
        what = "cannot be written to" if there.is_dir() else "is a file"
        raise InputError(f"{name} {value!r} cannot be written: {str(there)!r} {what}")
    return str(value)


def _results(name: str, value: Any) -> str:
    folder = Path(writable(name, value))
    if value and audit_folder.holds_report(folder):
        raise InputError(f"{name} {value!r} holds a report of rt audit, whose files have the same names: name another")
    return str(value)


def one_of(what: str, allowed: Sequence[str]) -> Callable[[str, Any], str]:
    """One of a few words; `what` they are says the refusal."""

    def parse(name: str, value: Any) -> str:
        if value not in allowed:
            raise unknown(what, value, allowed)
        return str(value)

    return parse


def names(check: Callable[[str], None]) -> Callable[[str, Any], list[str]]:
    """A list of names, or one text with commas between names (a comma inside a folder's path is kept)."""

    def parse(name: str, value: Any) -> list[str]:
        comma = _COMMA if re.search(_PATH, str(value)) else r",\s*"
        parts = re.split(comma, value) if isinstance(value, str) else value
        if not isinstance(parts, list | tuple) or not parts or not all(isinstance(p, str) and p for p in parts):
            raise InputError(f"{name} {value!r} is not a name, nor a list of names")
        if len(set(parts)) < len(parts):
            raise InputError(f"{name} {value!r} names the same thing twice")
        for part in parts:
            check(_text(name, part))
        return list(parts)

    return parse


Parser = Callable[[str, Any], Any]
KNOWN: dict[str, Parser] = {
    "profile": one_of("profile", PROFILES),
    "encoders": names(check_encoder),
    "encoder": lambda name, value: names(check_encoder)(name, [value])[0],
    "data": names(check_data_set),
    "norm": lambda name, value: parse_norm(value),
    "eps": lambda name, value: value,  # parsed below: its range depends on the norm
    "steps": whole(1, 10_000),
    "restarts": whole(1, 1_000),
    "rel_stepsize": number(0.01, 100),
    "floor_points": whole(0, 100_000),
    "apgd_points": whole(0, 100_000),
    "n_train": whole(2, 10_000_000),
    "n_test": whole(1, 10_000_000),
    "n_switch": whole(2, 10_000_000),
    "probe_epochs": whole(1, 10_000),
    "probe_lr": number(0, 100),
    "batch": whole(1, 1_000_000),
    "probe_mode": one_of("mode of the encoder", ("eval", "train")),
    "probe_fit": one_of("fit of the probe", ("least squares", "adam")),
    "table_loss": one_of("loss of Table 7", ("absolute", "squared")),
    "score_batch": whole(0, 1_000_000),
    "weight_decay": number(0, 100),
    "path_points": whole(2, 10_000_000),
    "ft_epochs": whole(1, 10_000),
    "ft_lr": number(0, 100),
    "ft_points": whole(2, 10_000_000),
    "lr_ratio": number(1, 1000),
    "peft_seeds": whole(1, 100),
    "peft_lr": number(0, 100),
    "rank": whole(1, 10_000),
    "train_steps": whole(1, 1_000),
    "n_seeds": whole(1, 100),
    "seed_points": whole(2, 10_000_000),
    "sweep_points": whole(1, 10_000_000),
    "loss_bound": number(0, 1e6),
    "rho": number(0, 0.5),
    "n_classes": whole(2, 1000),
    "drop": _text,
    "resamples": whole(100, 1_000_000),
    "severity": number(0, 4),
    "threshold": number(0, 10),
    "budget": number(0, 1e9),
    "seed": whole(0, 2**31 - 1),
    "workers": whole(0, 1024),
    "results": _results,
    "ledgers": names(lambda folder: None),  # looked into by the pages that collect them
}


class Parameters(SimpleNamespace):
    """Checked parameters as attributes."""

    @property
    def threat(self) -> Threat:
        """Norm and radius together."""
        return Threat(self.norm, self.eps)

    def key(self) -> str:
        """Eight hex digits that name this choice of parameters (without where results go and how many workers)."""
        kept = {name: value for name, value in sorted(vars(self).items()) if name not in NOT_IN_KEY}
        return hashlib.sha256(json.dumps(kept).encode()).hexdigest()[:8]

    def results_folder(self, chapter: str) -> Path:
        """Where the chapter writes: `results` where it is given, else results/CHAPTER-KEY, so that runs stay apart."""
        return Path(self.results) if self.results else Path("results") / f"{chapter}-{self.key()}"


def check(values: Mapping[str, Any], declared: Iterable[str] | None = None) -> Parameters:
    """Parse `values`; those outside `declared` (default: all that are known) are refused. Raises InputError."""
    allowed = list(KNOWN if declared is None else declared)
    for name in values:
        if name not in allowed:
            raise unknown("parameter", name, allowed)
    parsed = {name: KNOWN[name](name, value) for name, value in values.items()}
    if "eps" in parsed:
        parsed["eps"] = Threat.parse(parsed.get("norm", "linf"), parsed["eps"]).eps
    return Parameters(**parsed)


def assigned(source: str) -> dict[str, Any]:
    """The top-level assignments of a cell: names and their values (None where a value is no literal)."""
    found: dict[str, Any] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    try:
                        found[target.id] = ast.literal_eval(node.value) if node.value else None
                    except ValueError:
                        found[target.id] = None
    return found


def read(namespace: Mapping[str, Any]) -> Parameters:
    """A chapter's parameters, from its globals(), checked. Raises InputError.

    Papermill puts its values into a cell that begins with "# Parameters", whether the chapter knows the names or
    not; under IPython that cell is looked up and an unknown name is refused.
    """
    cells: list[str] = list(namespace.get("In", []))
    injected = [index for index, source in enumerate(cells) if source.startswith("# Parameters\n")]
    if injected:
        declared = {name for source in cells[: injected[-1]] for name in assigned(source)} & set(KNOWN)
        for name in assigned(cells[injected[-1]]):
            if name not in declared:
                raise unknown("parameter", name, sorted(declared))
    return check({name: namespace[name] for name in KNOWN if name in namespace})
