"""Short phrases that texts are filled with."""

import re
from collections.abc import Iterable, Sequence

from rt_utils.evaluation.statistics import least_seeds

BY_MEANS = "The verdicts are by the means over the seeds, without intervals: another seed may turn them."
_MARKUP = re.compile(r"""[<>&"'$`*\[\]|{}]|\\(?![A-Za-z0-9])""")


def enumeration(parts: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def as_it_stands(text: str) -> str:
    """A text from outside for Markdown and HTML: what is markup there is written as entities."""
    return _MARKUP.sub(lambda odd: f"&#{ord(odd[0])};", text)


def literal(names: Iterable[str]) -> dict[str, str]:
    """Those names that Markdown, HTML or formulas would read otherwise, each with its odd characters as entities.

    >>> literal(["folder:my images", "folder:$x$"])
    {'folder:$x$': 'folder:&#36;x&#36;'}
    """
    written = {name: as_it_stands(name) for name in names}
    return {name: text for name, text in written.items() if text != name}


def seeds_needed(claims: int, seeds: int) -> str:
    """How many seeds the verdicts of a family of claims about methods need, and what fewer leave, in a sentence."""
    least = least_seeds(claims)
    few = f"; with {seeds} each is “undecided”, whatever the means" if seeds < least else ""
    return f"Verdicts about methods are the sign test's over seeds: {claims} claims together need {least} or more{few}."
