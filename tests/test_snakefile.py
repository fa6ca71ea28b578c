"""What the build's rules name is there, and what chapters read is among the rules' inputs."""

import ast
import re

from conftest import ROOT

SNAKEFILE = (ROOT / "Snakefile").read_text("utf-8")
PAGES = ROOT / "rt_utils" / "pages"
SHOWN_BY_THE_BUILD = {"records", "kept_pictures"}  # and so its inputs


def named(list_or_dict: str) -> object:
    """The value that the Snakefile gives a name."""
    (found,) = re.findall(rf"^{list_or_dict} = (\[[^\n]*\]$|[\[{{].*?^[\]}}]$)", SNAKEFILE, re.S | re.M)
    return ast.literal_eval(found)


def test_a_chapter_is_run_again_when_a_kept_run_that_it_reads_is_new() -> None:
    kept = named("KEPT")
    assert isinstance(kept, dict)
    readers = {
        path.stem for path in PAGES.glob("*.py") if "paths.reference()" in path.read_text("utf-8")
    } - SHOWN_BY_THE_BUILD
    assert readers
    chapters = {
        path.stem
        for path in (ROOT / "notebooks").glob("*.md")
        if readers & set(re.findall(r"\w+", path.read_text("utf-8")))
    }
    assert set(kept) == chapters
    for patterns in kept.values():
        assert all(list((ROOT / "book" / "reference").glob(pattern)) for pattern in patterns)


def test_chapters_that_start_first_are_there() -> None:
    first = [*named("LONG"), *named("LONGEST")]  # type: ignore[misc]
    assert len(first) == len(set(first)) > 5
    assert all((ROOT / "notebooks" / f"{name}.md").is_file() for name in first)
