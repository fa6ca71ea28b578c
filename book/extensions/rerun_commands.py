"""The command that makes a run again."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from rt_utils.theory.threat import format_eps

Summary = Mapping[str, Any]


def _given(name: str, value: Any, norm: Any) -> str:
    """A parameter as `-p` takes it."""
    if name == "eps":
        return format_eps(float(Fraction(value)), norm or "linf")
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def beyond_profile(chapter: str, parameters: Summary, profile: Summary, defaults: Summary) -> list[str]:
    """`-p NAME VALUE` for each parameter in which a run differs from its profile and the chapter's defaults."""
    said: list[str] = []
    for name, value in parameters.items():
        usual = profile.get(f"{chapter}.{name}", profile.get(name, defaults.get(name, value)))
        norm = parameters.get("norm")
        if name != "profile" and (text := _given(name, value, norm)) != _given(name, usual, norm) and text:
            said += ["-p", name, text]
    return said


def commands(chapter: str, parameters: Summary, *arguments: str) -> str:
    """What makes the run again, and, where the page has a radius and none is given, with another one."""
    run = " ".join([".venv/bin/rt run", chapter, *arguments])
    return f"{run}\n{run} -p eps 4/255" if "eps" in parameters and "eps" not in arguments else run
