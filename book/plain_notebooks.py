"""The chapters as notebooks to take away: not executed, with a cell that sees to the package first.

book/build.py puts them into the book, one for each chapter and all in one archive; book/launch.py gives them to Colab
and Binder.
"""

import re
import zipfile
from pathlib import Path

import jupytext
import nbformat
import yaml
from nbformat.v4 import new_code_cell

ARCHIVE = "notebooks.zip"
INSTALL = """\
# The package of this book, installed where it is missing (Colab). Where it is there, this does nothing.
import importlib.util

if importlib.util.find_spec("rt_utils") is None:
    %pip install --quiet git+{url}@{branch}"""
# While the repository has no public address, nothing can be installed from it.
NEEDED = """\
# The package of this book. It comes with a copy of the book's repository: `make install` there, and then run this
# notebook with that copy's .venv/bin/python.
import importlib.util

if importlib.util.find_spec("rt_utils") is None:
    raise ModuleNotFoundError("rt_utils is missing: run this notebook with .venv/bin/python of a copy of the book")"""
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date of a zip file: equal notebooks give an equal archive


def address(root: Path) -> tuple[str, str]:
    """The repository's address, which may be empty, and its main branch."""
    options = yaml.safe_load((root / "_config.yml").read_text("utf-8"))["sphinx"]["config"]["html_theme_options"]
    return options["repository_url"], options["repository_branch"]


def plain(source: str, url: str, branch: str) -> nbformat.NotebookNode:
    """A chapter's source as a notebook that runs elsewhere."""
    notebook = jupytext.reads(source, fmt="md:myst")
    notebook.cells.insert(1, new_code_cell(INSTALL.format(url=url, branch=branch) if url else NEEDED))
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"  # else drawn at random
    return notebook


def write(folder: Path, sources: Path, names: list[str], url: str, branch: str) -> None:
    """`folder`/NAME.ipynb for each chapter."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        notebook = plain((sources / f"{name}.md").read_text("utf-8"), url, branch)
        nbformat.write(notebook, folder / f"{name}.ipynb")


def pack(folder: Path, archive: Path) -> None:
    """All notebooks of a folder in one zip file."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(folder.glob("*.ipynb")):
            entry = zipfile.ZipInfo(f"{folder.name}/{path.name}", EPOCH)
            packed.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)


def add(html: Path, root: Path, names: list[str]) -> None:
    """Into a built book: notebooks/NAME.ipynb, a link to each at the end of its chapter, and all in notebooks.zip.

    The theme's own button leads there too: the executed notebooks, which it would give, would be a sixth of the site.
    """
    write(html / "notebooks", root / "notebooks", names, *address(root))
    pack(html / "notebooks", html / ARCHIVE)
    for name in names:
        page, executed = html / "chapters" / f"{name}.html", f"_sources/chapters/{name}.ipynb"
        (html / executed).unlink(missing_ok=True)
        link = f'<a href="../notebooks/{name}.ipynb" download>{name}.ipynb</a>'
        line = f'<p class="rt-downloads">This chapter to run yourself: {link}</p>'
        text = page.read_text("utf-8").replace(f"../{executed}", f"../notebooks/{name}.ipynb")
        page.write_text(re.sub(r"(\s*</section>\s*</article>)", rf"\n{line}\1", text, count=1), "utf-8")
