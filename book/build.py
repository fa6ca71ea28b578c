"""Build the book from the executed pages, strictly, and publish it whole or not at all.

`_build/html` is a link to the newest book under `_build/books`. It is switched in one step, so that whoever reads it
sees the old book or the new one, also if this is killed at any moment. A failed build leaves the last good book.

Given names of pages (`make book CHAPTERS="..."`), the others show their text and code, and say that they were not run.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

import following
import jupytext
import kept_apart
import light_site
import nbformat
import plain_notebooks
import yaml
from filelock import FileLock

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
STAGING, BOOKS, HTML, LOG = BUILD / ".staging", BUILD / "books", BUILD / "html", BUILD / "build.log"
SOURCE = BUILD / ".source"
RESULTS = ROOT / "results" / "book"
PROBLEM = re.compile(r"\b(WARNING|ERROR|CRITICAL|SEVERE)\b|[Ee]rror:|[Ee]xception:|[Ee]xception occurred")
SHOWN = 20


def fail(message: str) -> NoReturn:
    print(f"The book was not built. {message}", file=sys.stderr)
    if (HTML / "index.html").exists():
        print("The last good book is still in _build/html.", file=sys.stderr)
    raise SystemExit(1)


def files_in(toc: Any) -> Iterator[str]:
    """Every `file:` of a table of contents, in order."""
    if isinstance(toc, dict):
        if "file" in toc:
            yield str(toc["file"])
        for value in toc.values():
            yield from files_in(value)
    elif isinstance(toc, list):
        for value in toc:
            yield from files_in(value)


def pages() -> list[str]:
    """The names of the executed pages that _toc.yml asks for."""
    try:
        toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        fail(f"_toc.yml cannot be read: {error}")
    return [Path(file).name.removesuffix(".ipynb") for file in files_in(toc) if file.startswith("chapters/")]


def not_run(name: str) -> nbformat.NotebookNode:
    """The page without results, which says so below its title."""
    notebook = jupytext.read(ROOT / "notebooks" / f"{name}.md")
    said = (
        "This page shows its text and its code. Its results are missing, because this book was built without running "
        f"it. `make book` runs all pages, `make book CHAPTERS={name}` this one."
    )
    first = notebook.cells[0]
    first.source = re.sub(
        r"^(# .*)$",
        rf"\1\n\n:::{{admonition}} Not run\n:class: warning\n{said}\n:::",
        first.source,
        count=1,
        flags=re.M,
    )
    return notebook


def lay_out(run: list[str]) -> None:
    """The book's sources in one folder: what the project holds, and a notebook for every page, executed if in `run`."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    (SOURCE / "chapters").mkdir(parents=True)
    for name in ("_config.yml", "_toc.yml", "book"):
        (SOURCE / name).symlink_to(ROOT / name)
    missing = [name for name in run if not (ROOT / "chapters" / f"{name}.ipynb").is_file()]
    if missing:
        fail(f"_toc.yml names chapters that have not been run: {', '.join(missing)}. 'make book' runs them.")
    for name in pages():
        path = SOURCE / "chapters" / f"{name}.ipynb"
        if name in run:
            path.symlink_to(ROOT / "chapters" / path.name)
        else:
            nbformat.write(not_run(name), path)


def run_jupyter_book() -> Path:
    """Returns the folder with the pages."""
    shutil.rmtree(STAGING, ignore_errors=True)
    # Through the module, not the script, so that it is the one of this Python, wherever that is installed.
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(SOURCE)]
    command += ["--path-output", str(STAGING), "-W", "-n", "--keep-going", "--all"]
    # UTF-8 whatever the locale: the sources hold letters that a plain C locale cannot read.
    environment = {**os.environ, "PYTHONUTF8": "1", "NO_COLOR": "1"}
    with LOG.open("wb") as log:
        code = subprocess.run(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT).returncode
    html = STAGING / "_build" / "html"
    if code or not (html / "index.html").is_file():
        text = re.sub(r"\x1b\[[0-9;]*m", "", LOG.read_text(encoding="utf-8", errors="replace"))
        lines = [
            line.replace(f"{SOURCE}{os.sep}", "").replace(f"{ROOT}{os.sep}", "")
            for line in text.splitlines()
            if PROBLEM.search(line)
        ]
        lines = lines or [line for line in text.splitlines() if line.strip()][-SHOWN:]
        print(*lines[:SHOWN], sep="\n", file=sys.stderr)
        if len(lines) > SHOWN:
            print(f"... and {len(lines) - SHOWN} more", file=sys.stderr)
        fail(f"Everything that was said is in {LOG}")
    return html


def add_results(html: Path, names: list[str]) -> None:
    """Copy what each chapter wrote beside its page, and join the ledgers into one."""
    header, rows = "", ""
    for name in names:
        folder = RESULTS / name
        if not folder.is_dir():
            continue
        shutil.copytree(folder, html / "results" / "book" / name)
        if not (folder / "ledger.csv").is_file():
            continue
        first, _, rest = (folder / "ledger.csv").read_text(encoding="utf-8").strip().partition("\n")
        if header and first != header:
            fail(f"{folder / 'ledger.csv'} has other columns than the ledgers before it.")
        header = first
        rows += f"\n{rest}" if rest else ""
    if header:
        (html / "ledger.csv").write_text(f"{header}{rows}\n", encoding="utf-8")


def add_downloads(html: Path, names: list[str]) -> None:
    """Each table as a CSV with all digits, each figure as an SVG, linked from the end of its caption."""
    folder = html / "downloads"
    folder.mkdir()
    link = ' <a class="rt-download" href="../downloads/{0}" download title="{1}">{2}</a>'

    def table(match: re.Match[str]) -> str:
        run = f"{match[1]}-" if match[1] else ""  # a reference run's, counted apart
        file = f"{name}-{run}table-{next(numbers[run])}.csv"
        (folder / file).write_text(match[2].replace("&lt;", "<"), encoding="utf-8")
        return link.format(file, "this table, all digits", "CSV")

    def figure(match: re.Match[str]) -> str:
        file = f"{name}-{match[2]}.svg"
        svg = match[3].replace("<svg ", '<svg color="#222" ', 1)  # on a page the ink has the text's colour
        (folder / file).write_text(svg, encoding="utf-8")
        return match[0].replace("</figcaption>", link.format(file, "this figure", "SVG") + "</figcaption>")

    for name in names:
        page = html / "chapters" / f"{name}.html"
        numbers: defaultdict[str, count[int]] = defaultdict(lambda: count(1))
        text = page.read_text(encoding="utf-8")
        text = re.sub(r'<script type="text/csv"(?: data-run="([\w-]+)")?>(.*?)</script>', table, text, flags=re.DOTALL)
        whole = r'(<figure class="rt-figure" id="figure-([\w-]+)">).*?(<svg .*?</svg>).*?</figcaption>'
        page.write_text(re.sub(whole, figure, text, flags=re.DOTALL), encoding="utf-8")


def publish(html: Path) -> None:
    BOOKS.mkdir(exist_ok=True)
    book = BOOKS / str(time.time_ns())
    html.rename(book)
    link = BUILD / ".html"
    link.unlink(missing_ok=True)
    link.symlink_to(book.relative_to(BUILD), target_is_directory=True)
    if HTML.is_dir() and not HTML.is_symlink():  # left by a plain jupyter-book build; a folder cannot be replaced
        HTML.rename(BOOKS / f"{book.name}-before")
    os.replace(link, HTML)
    for old in BOOKS.iterdir():
        if old != book:
            shutil.rmtree(old, ignore_errors=True)
    shutil.rmtree(STAGING, ignore_errors=True)


def main() -> None:
    BUILD.mkdir(exist_ok=True)
    with FileLock(BUILD / ".build.lock"):  # a build that outlived its killed caller ends first
        names = sys.argv[1:] or pages()
        lay_out(names)
        html = run_jupyter_book()
        add_results(html, names)
        add_downloads(html, names)
        plain_notebooks.add(html, ROOT, pages())
        following.add(html)
        kept_apart.move(html)
        light_site.lighten(html)
        publish(html)


if __name__ == "__main__":
    main()
