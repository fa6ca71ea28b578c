"""`python book/launch.py`: the chapters as Colab and Binder open them, for the branch `notebooks`.

Each chapter becomes chapters/NAME.ipynb, with a cell that installs the package where it is missing (Colab); Binder
takes environment.yml and runs postBuild. Writes nothing while _config.yml names no address.
"""

from pathlib import Path

import jupytext
import nbformat
import yaml
from build import ROOT, pages
from nbformat.v4 import new_code_cell

INSTALL = """\
# Colab: the package of this book. Where it is installed already, as on Binder, this does nothing.
import importlib.util

if importlib.util.find_spec("rt_utils") is None:
    %pip install --quiet git+{url}@{branch}"""
POST_BUILD = "#!/bin/sh\npip install --no-deps .\n"


def address() -> tuple[str, str]:
    """The repository's address, which may be empty, and its main branch."""
    options = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["sphinx"]["config"]["html_theme_options"]
    return options["repository_url"], options["repository_branch"]


def launched(source: str, url: str, branch: str) -> nbformat.NotebookNode:
    """A chapter's source as a notebook that runs elsewhere."""
    notebook = jupytext.reads(source, fmt="md:myst")
    notebook.cells.insert(1, new_code_cell(INSTALL.format(url=url, branch=branch)))
    return notebook


def write(folder: Path, url: str, branch: str) -> None:
    (folder / "chapters").mkdir(parents=True, exist_ok=True)
    for name in pages():
        source = (ROOT / "notebooks" / f"{name}.md").read_text("utf-8")
        nbformat.write(launched(source, url, branch), folder / "chapters" / f"{name}.ipynb")
    script = folder / "postBuild"
    script.write_text(POST_BUILD, "utf-8")
    script.chmod(0o755)


if __name__ == "__main__":
    url, branch = address()
    if url:
        write(ROOT, url, branch)
    else:
        print("_config.yml names no repository_url: nothing to launch")
