"""The table of symbols: one meaning each, names that the code has, and no chapter of the theory that says otherwise."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from conftest import ROOT

READ = (
    *("setting", "definition_1_lipschitz_losses", "theorem_1_loss_gap", "theorem_2_criterion", "slack", "converse"),
    *("section_6_2_transfer_methods", "purification", "audit", "certified"),
    *("section_5_1_cross_entropy", "section_5_2_criterion", "section_6_1_as_score", "appendix_b2_regression"),
)
CODE = re.compile(r"^(`{3,})\{code-(?:cell|block)\}.*?^\1$", re.DOTALL | re.MULTILINE)
SYMBOL = r"(?:\\(?:mathcal|hat|bar|tilde) ?\{?)?\\?[A-Za-z]+\}?(?:_(?:\{\\mathrm\{\w+\}\}|\\?[A-Za-z0-9]+))?'?"
# What a symbol may be called where a chapter introduces it. The table's row for the symbol must say the same word.
NOUNS = (
    *(
        "radius",
        "probability",
        "level",
        "bias",
        "head",
        "encoder",
        "representation",
        "width",
        "number",
        "image",
        "class",
    ),
    *("features", "shift", "drift", "ratio", "gap", "projector", "domain", "outputs", "logits", "softmax", "residual"),
    *("temperature", "quantile", "threshold", "code", "score", "purity", "loss", "norm", "perturbation", "direction"),
)
CALLED = "|".join(sorted(NOUNS, key=len, reverse=True))
INTRODUCED = (
    re.compile(rf"\b(?P<noun>{CALLED})\s+\$\s*(?P<symbol>{SYMBOL})(?P<rest>[^$]*)\$"),  # a threshold $b$
    re.compile(  # write $r = u - y$ for a residual; $T$ is the loss gap
        rf"(?:\b(?:[Ww]rite|[Ll]et|[Ww]ith|[Ww]here|[Pp]ut)\s+)?\$\s*(?P<symbol>{SYMBOL})(?P<rest>[^$]*)\$"
        rf"\s+(?:for|is|are|be)\s+(?:the|an?)\s+(?:\w+\s+)?(?P<noun>{CALLED})\b"
    ),
    re.compile(
        rf"\$\s*(?P<symbol>{SYMBOL})(?P<rest>[^$]*)\$,\s+the\s+(?P<noun>{CALLED})(?=[.;)])"
    ),  # $r(x)$, the residual.
)


OPERATORS = (r"\frac", r"\abs", r"\norm", r"\sum", r"\sqrt", r"\log", r"\E", r"\R", r"\max", r"\min", r"\sup")
DEFINED = re.compile(r"\s*(?:$|[(=:<>,]|\\(?:in|ge|le|subseteq|to)\b)")  # what may follow a symbol, and not $u-y$


class Row(NamedTuple):
    shown: tuple[str, ...]  # as they stand, `$S(x)$`
    symbols: tuple[str, ...]
    meaning: str
    where: tuple[str, ...]  # chapters; none: all of them
    code: tuple[str, ...]


def plain(symbol: str) -> str:
    """One name for `W_1`, `W_y` and `W_j`, and for `\\hat S` and `\\hat{S}`."""
    symbol = re.sub(r"^(x|y|z|T|S)_[iknj\d]$", r"\1", symbol)
    symbol = re.sub(r"^L_(?:[12]|\\infty)$", r"L_\\alpha", symbol)
    symbol = re.sub(r"^(W|D|e)_\w$", r"\1_j", symbol.replace("{", " ").replace("}", "").strip())
    return re.sub(r"\s+", " ", symbol)


def rows(text: str) -> list[Row]:
    """The rows of the tables of symbols."""
    found = []
    for line in text.split("## Columns")[0].splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        shown = tuple(re.findall(r"\$[^$]+\$", cells[0])) if cells else ()
        names = tuple(plain(symbol[1]) for symbol in (re.match(rf"\$({SYMBOL})", text) for text in shown) if symbol)
        if names:
            one_chapter = len(cells) == 3
            where = tuple(re.findall(r"`(\w+)`", cells[2])) if one_chapter else ()
            code = () if one_chapter else tuple(re.findall(r"`([^`]+)`", cells[3]))
            found.append(Row(shown, names, cells[1], where, code))
    return found


def notation() -> list[Row]:
    return rows((ROOT / "book" / "notation.md").read_text("utf-8"))


def prose(chapter: str) -> str:
    return CODE.sub("", (ROOT / "notebooks" / f"{chapter}.md").read_text("utf-8")).replace("*", "")


def introduced(text: str) -> Iterator[tuple[str, str]]:
    """Symbols that the text introduces, with what it calls them. `ratio $a/b$` introduces none."""
    for pattern in INTRODUCED:
        for match in pattern.finditer(text):
            product = re.fullmatch(r"[A-Za-z]{2,}", match["symbol"])  # a head $WA$ introduces nothing
            if match["symbol"] not in OPERATORS and not product and DEFINED.match(match["rest"]):
                yield plain(match["symbol"]), match["noun"]


def clashes(text: str, chapter: str, table: list[Row]) -> list[str]:
    """Symbols that the text calls something that is not their meaning in the table."""
    wrong = []
    for symbol, noun in introduced(text):
        rows_of = [row for row in table if symbol in row.symbols]
        own = [row for row in rows_of if chapter in row.where]  # they stand instead of the meaning for all
        meanings = [row.meaning for row in own or [row for row in rows_of if not row.where]]
        if not any(re.search(rf"\b{noun}", meaning) for meaning in meanings):
            wrong.append(f"{noun} {symbol}")
    return wrong


def test_a_symbol_stands_in_one_row() -> None:
    """Of all chapters in one, of a single chapter in one; what a name shows more than a symbol, as $F_n$, is apart."""
    names = [(text, where) for row in notation() for text in row.shown for where in row.where or ("",)]
    assert len(names) > 40
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_the_chapters_of_the_table_exist() -> None:
    chapters = {path.stem for path in (ROOT / "notebooks").glob("*.md")}
    named = {where for row in notation() for where in row.where}
    assert len(named) > 5
    assert named <= chapters


@pytest.mark.parametrize("chapter", READ)
def test_a_chapter_gives_no_symbol_a_second_meaning(chapter: str) -> None:
    assert clashes(prose(chapter), chapter, notation()) == []


@pytest.mark.parametrize(
    ("text", "clash"),
    [
        ("which are silent up to a threshold $b$.", "threshold b"),
        ("and the code $z\\in\\R^d$ says how much", "code z"),
        ("Write $r=u-y$ for a residual.", "residual r"),
        ("and $r(x)=f(x)-y$, the residual.", "residual r"),
        ("Cross-entropy with temperature $\\tau>0$ is", "temperature \\tau"),
        ("at most the drift $D$ of the features", "drift D"),
        ("$T$ is the temperature of the softmax", "temperature T"),
        ("a ball of radius $R$ around it", "radius R"),
        ("The radius $r$ of each coordinate", "radius r"),
    ],
)
def test_a_second_meaning_is_noticed(text: str, clash: str) -> None:
    assert clashes(text, "definition_1_lipschitz_losses", notation()) == [clash]


def test_a_symbol_of_one_chapter_is_none_of_another() -> None:
    text = "The quantile $\\tau$ of a loss, and its residual $\\xi$."
    assert clashes(text, "definition_1_lipschitz_losses", notation()) == []
    assert clashes(text, "slack", notation()) == ["quantile \\tau", "residual \\xi"]


@pytest.mark.parametrize("chapter", READ)
def test_formulas_number_the_classes_from_1(chapter: str) -> None:
    assert re.findall(r"W_0\b|[Cc]lass \$?0\b|y ?= ?0\$? is", prose(chapter)) == []


def test_the_names_in_the_last_column_are_in_the_code() -> None:
    sources = [*(ROOT / "rt_utils").rglob("*.py"), *(ROOT / "notebooks").glob("*.md")]
    words = set(re.findall(r"\w+", "\n".join(path.read_text("utf-8") for path in sources)))
    names = [name for row in notation() for code in row.code for name in re.findall(r"[A-Za-z_]\w*", code)]
    assert len(names) > 30
    assert sorted(set(names) - words) == []


SHIFT = re.compile(r"S\((?:x|X)\)\s*&?=\s*\\sup")


def test_the_shift_is_defined_once_and_linked() -> None:
    texts = {path.stem: prose(path.stem) for path in (ROOT / "notebooks").glob("*.md")}
    assert [chapter for chapter, text in texts.items() for _ in SHIFT.findall(text)] == ["setting"]
    linked = {chapter for chapter, text in texts.items() if "{eq}`eq-feature-shift`" in text}
    assert linked >= {"theorem_1_loss_gap", "theorem_2_criterion", "slack", "audit", "section_6_1_as_score"}


ONCE = {"section-what-a-check-shows": "theorem_2_criterion", "section-scale": "slack"}
SAID = {
    "section-what-a-check-shows": re.compile(
        r"as good as the attacks|no attack can (?:say|tell) by how much|maxima over the same perturbations"
    ),
    "section-scale": re.compile(r"[Mm]ultiply the features by|features ten times as large"),
}


@pytest.mark.parametrize("label", ONCE)
def test_what_all_pages_share_is_said_once_and_linked(label: str) -> None:
    texts = {path.stem: CODE.sub("", path.read_text("utf-8")) for path in (ROOT / "notebooks").glob("*.md")}
    assert [chapter for chapter, text in texts.items() if f"({label})=" in text] == [ONCE[label]]
    assert [chapter for chapter, text in texts.items() if SAID[label].search(text) and chapter != ONCE[label]] == []
    assert sum(label in text for text in texts.values()) >= 4
