"""The landing page's two images, from what a finished chapter computed of the running example."""

from pathlib import Path
from typing import Any

import nbformat

from rt_utils.pages.elements import filled
from rt_utils.pages.plain import from_plain
from rt_utils.pages.plots import strips
from rt_utils.pages.records import elements_of

MISSING = (
    '<p>The picture is missing: this book was built without running the chapter on Theorem 2. <a href="'
    '../book/fool_it_yourself.html">Move the adversary yourself</a>.</p>'
)


def _example(notebook: Path) -> dict[str, Any] | None:
    """The running example's element in a finished chapter."""
    if not notebook.is_file():
        return None
    return elements_of(nbformat.read(notebook, as_version=4)).get("running-example")


def picture(notebook: Path) -> str:
    """HTML: the example as seen and under attack, with the first encoder that an attack fools, else with the first.

    A paragraph that says so where the chapter has not been run.
    """
    if (element := _example(notebook)) is None:
        return MISSING
    groups = from_plain(element["data"])["groups"]
    group = next((each for each in groups if each["read"] != each["predicted"]), groups[0])
    return strips.fooled(group, filled("{threat}", from_plain(element["values"])))
