"""`make check` for the chapters: their code is linted, formatted and type-checked as the package is.

ruff finds no Python in Markdown and mypy none in notebooks, so each chapter is extracted by Jupytext: as a notebook for
ruff, which checks and formats cell by cell, and as a module whose lines are those of the chapter for mypy.
"""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jupytext

ROOT = Path(__file__).resolve().parent.parent
CODE = ROOT / "_build" / "chapter_code"
LINES, COLUMNS = 25, 100  # of a cell; the parameters cell is apart, since papermill wants it whole
WHOLE = 200  # lines of code in a chapter
HIDING = ("hide-input", "hide-cell", "remove-input", "remove-cell")  # tags
# E501: texts may not be cut off, and `too_large` counts. PT018: a check may be one line.
IGNORED = "lint.extend-ignore = ['E501', 'PT018']"
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def cells(text: str) -> Iterator[tuple[int, str, str]]:
    """Of each code cell the number of its first line of code in the chapter, its options and its code."""
    for match in CELL.finditer(text):
        options = re.match(r"(?::[^\n]*\n)*", match[1])
        assert options is not None
        yield text[: match.start(1) + options.end()].count("\n") + 1, options[0], match[1][options.end() :]


def too_large(chapter: str, text: str) -> Iterator[str]:
    """What a reader would not follow: long cells, long lines, classes, more code than a story bears."""
    whole = 0
    for line, options, code in cells(text):
        if "parameters" in options:
            continue
        rows = len([row for row in code.splitlines() if row.strip()])
        whole += rows
        if rows > LINES:
            yield f"notebooks/{chapter}.md:{line}: a cell of more than {LINES} lines"
        for number, row in enumerate(code.splitlines(), start=line):
            if len(row) > COLUMNS:
                yield f"notebooks/{chapter}.md:{number}: a line of more than {COLUMNS} columns"
        nodes = [*ast.walk(ast.parse(code))]
        if any(tag in options for tag in HIDING) and any(isinstance(node, ast.Assert) for node in nodes):
            yield f"notebooks/{chapter}.md:{line}: a check that is hidden, where it shall be read"
        if any(isinstance(node, ast.ClassDef) for node in nodes):
            yield f"notebooks/{chapter}.md:{line}: a class, which belongs in the package"
    if whole > WHOLE:
        yield f"notebooks/{chapter}.md: {whole} lines of code, more than {WHOLE}"


def extract(path: Path) -> None:
    """Write the chapter's code as a notebook and as a module."""
    jupytext.write(jupytext.read(path), CODE / f"{path.stem}.ipynb")
    text = path.read_text(encoding="utf-8")
    lines = [""] * text.count("\n")
    for line, _, code in cells(text):
        rows = code.splitlines()
        lines[line - 1 : line - 1 + len(rows)] = rows
    (CODE / f"{path.stem}.py").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Check the chapters in notebooks/, or in the folder that is named. Exits with 1 where something is wrong."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "notebooks"
    shutil.rmtree(CODE, ignore_errors=True)
    CODE.mkdir(parents=True)
    found: list[str] = []
    for path in sorted(folder.glob("*.md")):
        found += too_large(path.stem, path.read_text(encoding="utf-8"))
        extract(path)
    print("\n".join(found))
    bin_ = Path(sys.executable).parent
    modules = [str(path) for path in sorted(CODE.glob("*.py"))]
    notebooks = [str(path) for path in sorted(CODE.glob("*.ipynb"))]
    commands = (
        [str(bin_ / "ruff"), "check", "--quiet", "--output-format", "concise", "--config", IGNORED, *notebooks],
        [str(bin_ / "ruff"), "format", "--check", "--line-length", str(COLUMNS), "--quiet", *notebooks],
        [str(bin_ / "mypy"), "--no-error-summary", "--allow-redefinition", *modules],
    )
    failed = [command for command in commands if subprocess.run(command, cwd=ROOT, check=False).returncode]
    sys.exit(1 if failed or found else 0)


if __name__ == "__main__":
    main()
