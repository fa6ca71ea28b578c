"""Whether each stretch of a lecture has the minutes that it takes to write its board and to say its statements."""

import re
from functools import cache
from itertools import zip_longest

import pytest
from conftest import ROOT
from markdown_it import MarkdownIt
from test_teaching import HEAD, TEACHING, part, rows_below

LECTURES = ("lecture_1", "lecture_2", "lecture_3", "single_lecture")
SYMBOLS, WORDS = 20, 120  # written and said in a minute
GUESS = 0.75  # minutes of an answer by everyone, for the first two questions of a stretch
FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$]+)\$", re.DOTALL)
TOKEN = re.compile(r"\\(?:begin|end)\{\w+\}|\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|[^\s{}_^&]")
NOT_WRITTEN = re.compile(r"\\(?:left|right|[dt]?frac|bigl|bigr|mathrm|[ ,;!]|\\)")


def symbols(text: str) -> int:
    """Symbols to write in the formulas of a text: a number is one, a norm has two strokes."""
    tokens = [token for found in FORMULA.findall(text) for token in TOKEN.findall("".join(found))]
    return sum(1 + (token in (r"\norm", r"\abs")) for token in tokens if not NOT_WRITTEN.fullmatch(token))


def words(text: str) -> int:
    """Words outside formulas; the name of a role and the options of a directive are none."""
    bare = re.sub(r"^:.*$|\{[\w:]+\}", " ", FORMULA.sub(" ", text), flags=re.MULTILINE)
    return len(re.findall(r"[A-Za-z][\w'’-]*", bare))


@cache
def statements() -> dict[str, str]:
    """Each statement with the proof that follows it, by label."""
    found = {}
    for path in [*(ROOT / "notebooks").glob("*.md"), *(ROOT / "book").glob("*.md")]:
        fences = [token for token in MarkdownIt().parse(path.read_text("utf-8")) if token.info.startswith("{prf:")]
        for token, after in zip_longest(fences, fences[1:]):
            proof = after.content if after is not None and after.info.startswith("{prf:proof}") else ""
            if label := re.search(r"^:label: *(\S+)", token.content, re.MULTILINE):
                found[label[1]] = f"{token.content}\n{proof}"
    return found


def minutes_needed(row: list[str], board: dict[str, str]) -> float:
    """For what is written, said of the statements, and asked; a formula that is not on the board is read out."""
    written = " ".join(board[block] for block in re.findall(r"B\d", row[3]))
    said = "\n".join(statements()[label] for label in re.findall(r"\{prf:ref\}`([\w-]+)`", row[4]))
    read_out = max(0, symbols(said) - symbols(written))
    spoken = (words(said) + words(written) + words(row[5]) + read_out) / WORDS
    return symbols(written) / SYMBOLS + spoken + GUESS * min(row[5].count("?"), 2)


def blocks(text: str) -> dict[str, str]:
    """What stands on the board, by block."""
    return dict(re.findall(r"^\| (B\d) \| [^|]* \| (.*) \|$", part(text, "Board plan"), re.MULTILINE))


@pytest.mark.parametrize("name", LECTURES)
def test_each_stretch_has_the_minutes_that_it_takes(name: str) -> None:
    text = (TEACHING / f"{name}.md").read_text("utf-8")
    (rows,) = rows_below(text, HEAD)
    needed = [(row[0], int(row[1]) - int(row[0]), minutes_needed(row, blocks(text))) for row in rows]
    assert [f"from {start}: {took:.1f} minutes of {has}" for start, has, took in needed if took > has - 1] == []
    assert max(took for *_, took in needed) > 5, "nothing was counted"


def test_a_board_that_takes_too_long_is_noticed() -> None:
    row = ["0", "5", "", "B1", "{prf:ref}`theorem-2`", '"Why?"']
    assert minutes_needed(row, {"B1": "$" + "x=" * 60 + "$"}) > 5
    assert symbols(r"$\norm{W_y-W_j}_2\ge\dfrac{1.5}{m(x)}$") == 14
    assert words("By {prf:ref}`theorem-2` it stays $=0$.") == 4
