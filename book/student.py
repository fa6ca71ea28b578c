"""`make student`: the book without solutions, in _build/student, with a notebook a chapter in its folder `notebooks`
the lectures' slides in its folder `slides`, and the assignments in its folder `assignments`.

No kernel is run: the chapters are those that `make book` ran. Their sources are copied without what
without_solutions.py leaves out, and the copy's own book/build.py builds them as it builds the book. What is already in
_build/student stays until the new edition is whole.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

import nbformat
import slides
import without_solutions
import yaml
from build import BUILD, HTML, ROOT, files_in
from filelock import FileLock

import assignments

STUDENT = BUILD / "student"
PROJECT = BUILD / ".student"  # the copy of the sources; stays where the build failed, with its build.log
MARKED = "student edition, without solutions"


def fail(message: str) -> NoReturn:
    kept = " The last good one is still in _build/student." if (STUDENT / "index.html").exists() else ""
    sys.exit(f"The student edition was not built. {message}{kept}")


def not_there(root: Path, files: list[str]) -> list[str]:
    """The chapters among the pages of the contents that have not been run."""
    chapters = [root / file for file in files if file.startswith("chapters/")]
    return [path.name for path in chapters if not path.with_suffix(".ipynb").is_file()]


def shorten_pages(root: Path, project: Path) -> set[str]:
    """Write the folders book and notebooks without solutions; returns the names that the solutions quote."""
    names: set[str] = set()
    for folder in ("book", "notebooks"):
        shutil.copytree(root / folder, project / folder, ignore=shutil.ignore_patterns("__pycache__", "*.ipynb"))
        for path in (project / folder).rglob("*.md"):
            if without_solutions.lecturers(str(path.relative_to(project).with_suffix(""))):
                path.unlink()
                continue
            text = path.read_text("utf-8")
            names |= without_solutions.quoted(text)
            try:
                path.write_text(without_solutions.page(text), "utf-8")
            except ValueError as error:
                fail(f"{path.relative_to(project)}: {error}")
    return names


def shorten_proofs(root: Path, project: Path, names: set[str]) -> None:
    """Write the folder proofs without the statements that answer an exercise."""
    shutil.copytree(root / "proofs", project / "proofs", ignore=shutil.ignore_patterns("__pycache__", "planted.toml"))
    labels: set[str] = set()
    for path in (project / "proofs").glob("*.v"):
        kept, gone = without_solutions.proofs(path.read_text("utf-8"), names)
        path.write_text(kept, "utf-8")
        labels |= gone
    path = project / "proofs" / "limits.toml"
    path.write_text(without_solutions.limits(path.read_text("utf-8"), labels), "utf-8")


def shorten_chapters(root: Path, project: Path, files: list[str]) -> None:
    """Write the executed chapters without solutions."""
    (project / "chapters").mkdir()
    for file in files:
        if file.startswith("chapters/"):
            name = f"{file.removesuffix('.ipynb')}.ipynb"
            try:
                shorter = without_solutions.notebook(nbformat.read(root / name, as_version=4))
            except ValueError as error:
                fail(f"{name}: {error}")
            nbformat.write(shorter, project / name)


def write_project(root: Path, project: Path) -> None:
    """The student edition's sources, from those of the book in `root` and the chapters that were run there."""
    contents = without_solutions.contents(yaml.safe_load((root / "_toc.yml").read_text("utf-8")))
    files = list(files_in(contents))
    if missing := not_there(root, files):
        fail(f"These chapters have not been run: {', '.join(missing)}. Run 'make book' first.")
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir(parents=True)
    shorten_proofs(root, project, shorten_pages(root, project))
    shorten_chapters(root, project, files)
    if (root / "results").is_dir():
        (project / "results").symlink_to((root / "results").resolve())
    shutil.copy(root / "CITATION.cff", project)
    config = yaml.safe_load((root / "_config.yml").read_text("utf-8"))
    config["copyright"] += f"; {MARKED}"
    config["sphinx"]["config"]["html_theme_options"]["repository_url"] = ""  # the sources there hold the solutions
    for name, content in (("_config.yml", config), ("_toc.yml", contents)):
        (project / name).write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), "utf-8")


def build(project: Path) -> Path:
    """Build the copy; returns the folder with its pages and, in `notebooks`, its chapters' sources."""
    done = subprocess.run([sys.executable, str(project / "book" / "build.py")], cwd=project, check=False)
    if done.returncode:
        fail("What stopped it stands above.")
    return (project / "_build" / "html").resolve()


def add_slides(html: Path, plans: Path) -> None:
    """The lectures' slides into the edition, without questions and notes, in the order of the plans of a built book."""
    if (plans / "book" / "teaching" / f"{slides.LECTURES[0]}.html").is_file():
        slides.write(html, plans, html / "slides", "../", student=True)
    else:
        print("The student edition has no slides: there is no built book with the plans. Run 'make book' first.")


def add_assignments(html: Path, points: Path) -> None:
    """The assignments as students get them, where the file that one of them reads is there."""
    if points.is_file():
        with TemporaryDirectory() as course:
            shutil.copytree(assignments.release(Path(course) / "course", points), html / "assignments")
    else:
        print(f"The student edition has no assignments: {points.name} of Theorem 2 is missing. Run 'make book' first.")


def main() -> None:
    BUILD.mkdir(exist_ok=True)
    with FileLock(BUILD / ".student.lock"):
        write_project(ROOT, PROJECT)
        html = build(PROJECT)
        add_slides(html, HTML)
        add_assignments(html, assignments.POINTS)
        if STUDENT.exists():
            STUDENT.rename(PROJECT / "before")
        html.rename(STUDENT)
        shutil.rmtree(PROJECT)
    print(f"Student edition: {STUDENT / 'index.html'}; its notebooks: {STUDENT / 'notebooks'}")


if __name__ == "__main__":
    main()
