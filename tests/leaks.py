"""What a student must not find: runs of words of the solutions that stand nowhere else in the sources, and a search."""

import html
import json
import re
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conftest import ROOT
from markdown_it import MarkdownIt
from sphinx.search.en import SearchEnglish

sys.path.insert(0, str(ROOT / "proofs"))
import proof_sources

RUN = 7  # words in a row; shorter ones are common phrases
WORD = re.compile(r"\w+")
NO_TEXT = {".woff", ".woff2", ".png", ".ttf", ".npz", ".ico", ".eot"}
LECTURERS = (
    "index",
    "lecture_1",
    "lecture_2",
    "lecture_3",
    "single_lecture",
    "reading_group",
    "own_data",
)  # of book/teaching
CLEARED = re.compile(r"### BEGIN (SOLUTION|HIDDEN TESTS)\n.*?### END \1", re.DOTALL)  # what nbgrader takes away
# What following.py and kept_apart.py write.
ASSIGNED = re.compile(r"\(?window\.rt[^=]*(?:\?\?= \{\}\)\S*)? = ([\[{].*[\]}]);\s*", re.DOTALL)
BETWEEN = "\n. and elsewhere .\n"  # so that no run goes over a gap


def solutions(text: str) -> list[tuple[int, int, str]]:
    """First line, line after the last, and text of each solution in a MyST source."""
    tokens = [token for token in MarkdownIt().parse(text) if token.type == "fence"]
    found = [token for token in tokens if re.match(r"\{solution\}|\{only\} not student$", token.info.strip())]
    return [(token.map[0], token.map[1], token.content) for token in found if token.map]


def outside(text: str) -> str:
    """A MyST source without its solutions."""
    lines = text.splitlines()
    for start, end, _ in reversed(solutions(text)):
        lines[start:end] = [BETWEEN]
    return "\n".join(lines)


def words(text: str) -> list[str]:
    return WORD.findall(text.lower())


def runs(text: str) -> set[str]:
    """All runs of RUN words of which half are no numbers."""
    found = words(text)
    every = (found[k : k + RUN] for k in range(len(found) - RUN + 1))
    return {" ".join(run) for run in every if sum(word[0].isalpha() for word in run) * 2 >= RUN}


def stems(text: str) -> set[str]:
    """The words of a text as Sphinx's search index holds them."""
    language = SearchEnglish({})
    return {language.stem(word) for word in set(language.split(text.lower())) if not word[0].isdigit()}


@dataclass(frozen=True, repr=False)
class Secrets:
    """Per solution its runs of words, and the stems of the words, which stand in no source that a student may read."""

    runs: dict[str, set[str]]
    stems: set[str]

    @property
    def all_runs(self) -> set[str]:
        return set().union(*self.runs.values())


def secrets() -> Secrets:
    """Of the solutions, the lecturer's pages, and what a machine has checked of an exercise."""
    told, kept, quoted = {}, [], ""
    for path in [*ROOT.glob("notebooks/*.md"), *ROOT.glob("book/**/*.md")]:
        text = path.read_text("utf-8")
        if path.parent.name == "teaching" and path.stem in LECTURERS:
            told[path.stem] = re.sub(r'<a href="[^"]*">', BETWEEN, text)  # a state of the live page tells nothing
            continue
        kept.append(outside(text))
        for start, _, solution in solutions(text):
            told[f"{path.stem}:{start}"] = solution
            quoted += solution
    for path in ROOT.glob("assignments/*.md"):
        text = path.read_text("utf-8")
        told[f"assignments/{path.stem}"] = BETWEEN.join(match[0] for match in CLEARED.finditer(text))
        kept.append(CLEARED.sub(BETWEEN, text))
    answers = "\n".join(told.values())
    for file in proof_sources.files():
        text = (ROOT / "proofs" / file).read_text("utf-8")
        for statement in proof_sources.statements_of(text, file):
            if statement.label.startswith("ex-") or f"`{statement.name}`" in quoted:
                told[statement.name] = f"{statement.said}{BETWEEN}{statement.coq}"
                at = text.index(statement.coq)
                start, end = text.rindex("(**", 0, at), text.index("Qed.", at)
                text = text[:start] + BETWEEN + text[end:]
        kept.append(text)
    folders = ("rt_utils/**/*.py", "book/**/*.py", "book/style/**/*.js")  # docstrings, captions, live pages
    others = [path for folder in folders for path in ROOT.glob(folder)]
    kept += [path.read_text("utf-8") for path in others]
    kept.append((ROOT / "proofs" / "limits.toml").read_text("utf-8").split("[pieces]")[0])
    public = BETWEEN.join(kept)
    known = runs(public)
    return Secrets({name: runs(text) - known for name, text in told.items()}, stems(answers) - stems(public))


def strings(value: Any) -> Iterator[str]:
    """Every string in what a JSON file holds; the lines of a cell as one."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and all(isinstance(part, str) for part in value):
        yield "".join(value)
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings(part)


def readings(path: Path) -> Iterator[str]:
    """The text of a file as it stands, and as a reader of its format sees it."""
    if path.suffix in NO_TEXT:
        return
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as packed, tempfile.TemporaryDirectory() as folder:
            packed.extractall(folder)
            for member in (its for its in Path(folder).rglob("*") if its.is_file()):
                yield from readings(member)
        return
    data = path.read_bytes()
    if path.name == "objects.inv":
        data = zlib.decompress(data.split(b"zlib.\n", 1)[1])
    text = data.decode("utf-8", "replace")
    if path.suffix in (".ipynb", ".json"):
        yield BETWEEN.join(strings(json.loads(text)))
        return
    yield text
    held = ASSIGNED.fullmatch(text) if path.suffix == ".js" else None  # HTML as strings: kept runs, statements
    if held:
        text = BETWEEN.join(strings({"": json.loads(held[1])}))
    if held or path.suffix in (".html", ".svg"):
        yield html.unescape(re.sub(r"<[^>]*>", "", text))


def found_in(folder: Path, secret: set[str]) -> dict[str, list[str]]:
    """Per file of the folder which of the secret runs of words it holds."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        here = {run for text in readings(path) for run in runs(text) if run in secret}
        if here:
            found[str(path.relative_to(folder))] = sorted(here)
    return found


def index_words(search_index: str) -> set[str]:
    """The stems that Sphinx's search knows, of texts and of titles."""
    index = json.loads(search_index.removeprefix("Search.setIndex(").rstrip().removesuffix(")"))
    titles = " ".join([*index["alltitles"], *index["indexentries"], *index["titles"]])
    return {*index["terms"], *index["titleterms"], *stems(titles)}


def found_by_search(folder: Path, secret: set[str]) -> set[str]:
    """The secret words that the search index of a book knows and no page of it holds."""
    pages = " ".join(text for path in folder.rglob("*.html") for text in readings(path))
    return (index_words((folder / "searchindex.js").read_text("utf-8")) & secret) - stems(pages)
