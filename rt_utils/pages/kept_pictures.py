"""Attacked images of public data sets beside a kept run, computed with the run's own parameters.

At most LIMIT thumbnails in all, of the data sets in CITED alone; of the records only that of certified networks holds
images, a pair. They are made again by

    python -m rt_utils.pages.kept_pictures section_5_1_cross_entropy natural
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rt_utils.pages import example_images, records
from rt_utils.pages.elements import computed, redrawn
from rt_utils.pages.page import Page
from rt_utils.runtime import paths
from rt_utils.runtime.errors import InputError
from rt_utils.runtime.files import whole_file

LIMIT = 24
CITED = {
    "cifar10-jpeg": "CIFAR-10, as JPEG files (Krizhevsky 2009)",
    "fashion-mnist": "Fashion-MNIST (Xiao, Rasul and Vollgraf 2017)",
}
KEY = "attacked-images"  # of the page's own strip, which these stand below
_CREDIT = " Images: {credit}."


def place(folder: Path) -> Path:
    """The file, below the folder of the kept runs."""
    return folder / "natural_images.json"


def thumbnails(groups: list[dict[str, Any]]) -> int:
    """How many images of data sets the groups show; a drawn perturbation is one too."""
    return sum(len({group[name] for name in ("clean", "delta", "perturbed")}) for group in groups)


def compute(chapter: str, profile: str) -> dict[str, Any]:
    """The chapter's strip for the kept run's parameters: its first encoders on its data sets in CITED.

    Raises InputError where the run is not kept, or where there would be too many.
    """
    (run, *_) = records.read(chapter, profile, paths.reference())["runs"]
    data = [name for name in run["parameters"]["data"] if name in CITED]
    page = Page(chapter, {**run["parameters"], "data": data, "workers": 1, "results": ""})
    element = computed(example_images.attacked(page, KEY, data=len(data), encoders=2).data)
    if (count := thumbnails(element["data"]["groups"])) > LIMIT:
        raise InputError(f"{count} thumbnails of {', '.join(data)}, where at most {LIMIT} may be kept: name fewer data")
    facts = {name: run["run"][name] for name in ("weights (SHA-256)", "data (fingerprint)")}
    return {"chapter": chapter, "profile": profile, "run": facts, "element": element}


def drawn(kept: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    """The kept strip as today's page draws its `own`, with the data sets' sources, as HTML."""
    credit = "; ".join(
        CITED[name] for name in dict.fromkeys(group["data"] for group in kept["element"]["data"]["groups"])
    )
    name = f"{kept['profile']}-{KEY}"
    words = own["caption"].partition(" Digit ")[0] + " Of each data set the first test image."
    said = f"<b>The kept run {kept['profile']}.</b> {words}{_CREDIT.format(credit=credit)}"
    shown = redrawn({**kept["element"], "key": name}, {**own, "caption": said}).shown
    assert not isinstance(shown, str)
    return shown._repr_html_()


def main(arguments: list[str]) -> None:
    """The command line: a chapter and a profile. Ends with one line where they are not, or no such run is kept."""
    if len(arguments) != 2:
        raise SystemExit("usage: python -m rt_utils.pages.kept_pictures CHAPTER PROFILE")
    try:
        made = compute(*arguments)
    except InputError as error:
        raise SystemExit(str(error)) from None
    path = place(paths.reference())
    with whole_file(path) as partial:
        partial.write_text(json.dumps(made, ensure_ascii=False) + "\n", "utf-8")
    print(path)


if __name__ == "__main__":
    main(sys.argv[1:])
