"""The one error that a user's input can raise: a single line that says what was wrong and what would be right."""

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(ValueError):
    """A wrong parameter, name, file or folder. The message is one line; `rt` prints it without a traceback."""

    def _render_traceback_(self) -> list[str]:
        """IPython shows this instead of a traceback, so a notebook's cell says one line too."""
        return [f"InputError: {self}"]


def unknown(kind: str, name: object, known: Iterable[str]) -> InputError:
    """An InputError for a name that does not exist, with the nearest names that do.

    >>> str(unknown("norm", "l7", ["linf", "l2"]))
    "unknown norm 'l7': use linf or l2"
    """
    choices = sorted(known, key=str.lower)
    near = get_close_matches(str(name).lower(), choices, n=3, cutoff=0.6) or list(dict.fromkeys(known))[:12]
    use = near[0] if len(near) == 1 else ", ".join(near[:-1]) + " or " + near[-1]
    return InputError(f"unknown {kind} {str(name)!r}: use {use}")
