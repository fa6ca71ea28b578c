"""What the open sections of a Coq source fix for a statement, and which names a text takes from outside."""

import re

COMMENT = re.compile(r"\(\*.*?\*\)", re.DOTALL)
NAME = re.compile(r"(?<![\w'])[A-Za-z_][\w']*")
OPENS, CLOSES = re.compile(r"^Section (\w+)\.", re.MULTILINE), re.compile(r"^End (\w+)\.", re.MULTILINE)
CHUNK = re.compile(r"^(?:Variables?|Hypothes[ie]s|Let|Notation|Definition|Fixpoint)\b.*?\.$", re.DOTALL | re.MULTILINE)
GROUP = re.compile(r"\(([^():]*):([^()]*)\)")
BRACKETS = r"\([^()]*(?:\([^()]*\)[^()]*)*\)"
# what stands before the colon of `Theorem name c r (X : Type) n :`, and between `forall` and the comma
HEADER = re.compile(rf"^(?:Theorem|Definition|Fixpoint|Inductive)\s+[\w']+((?:{BRACKETS}|[^:()])*):")
QUANTIFIED = re.compile(rf"\b(?:forall|exists|fun)\b((?:{BRACKETS}|[^,()=])*)(?:,|=>)")
# `(x y : T)`, `(v := ...)`, `let reach n v := ...`
TYPED = re.compile(r"\(([^():]*):|\blet\s+([\w']+(?: [\w']+)*)\s*:=")


def bound(text: str) -> set[str]:
    """The names that a statement or a definition introduces itself: its arguments, and what it quantifies."""
    text = COMMENT.sub("", text)
    lists = HEADER.findall(text) + QUANTIFIED.findall(text)
    parts = [re.sub(BRACKETS, " ", part).partition(":")[0] for part in lists]
    parts += [part for found in TYPED.findall(text) for part in found]
    return {name for part in parts for name in NAME.findall(part)}


def free(text: str) -> set[str]:
    """The names that a text takes from outside: all of them but its own."""
    text = COMMENT.sub("", text)
    return set(NAME.findall(text)) - bound(text)


def still_open(before: str) -> str:
    """The text that stands directly in the sections that are open at its end; empty where none is."""
    marks = [(m.start(), m[1], True) for m in OPENS.finditer(before)]
    marks += [(m.start(), m[1], False) for m in CLOSES.finditer(before)]
    open_: list[tuple[int, str]] = []
    closed: list[tuple[int, int]] = []
    for start, name, opens in sorted(marks):
        if opens:
            open_.append((start, name))
            continue
        while open_ and open_[-1][1] != name:
            open_.pop()
        first = open_.pop()[0]
        closed = [piece for piece in closed if piece[0] < first]
        closed.append((first, start))
    if not open_:
        return ""
    kept, at = [], open_[0][0]
    for first, last in sorted(closed):
        if first >= at:
            kept.append(before[at:first])
            at = last
    kept.append(before[at:])
    return COMMENT.sub("", "\n".join(kept))


def variables(chunk: str) -> list[tuple[list[str], str]]:
    """The groups of `Variables (c r : nat) (W : nat -> vec).`: names and their type; none for another chunk."""
    if not chunk.startswith("Variable"):
        return []
    groups = GROUP.findall(chunk) or re.findall(r"^Variables? ([^:]*):(.*)\.$", chunk, re.DOTALL)
    return [(names.split(), type_.strip()) for names, type_ in groups]


def fixed(before: str) -> set[str]:
    """The variables of the open sections."""
    chunks = CHUNK.findall(still_open(before))
    return {name for chunk in chunks for names, _ in variables(chunk) for name in names}


def used_names(chunks: list[str], statement: str) -> set[str]:
    """The names of a statement and of the hypotheses, and those behind them, through notations and definitions."""
    behind: dict[str, set[str]] = {}
    for chunk in chunks:
        for names, type_ in variables(chunk):
            behind |= {name: set(NAME.findall(type_)) for name in names}
        if chunk.startswith(("Notation", "Let", "Definition", "Fixpoint")):
            behind[NAME.findall(chunk)[1]] = set(NAME.findall(chunk))
    used: set[str] = set()
    new = free(statement).union(*(NAME.findall(chunk) for chunk in chunks if chunk.startswith("Hypothes")))
    while new:
        used |= new
        new = set().union(*(behind.get(name, set()) for name in new)) - used
    return used


def context(before: str, statement: str, known: set[str]) -> str:
    """What `statement` takes from the sections that are open at the end of `before`: the hypotheses, the variables and
    the notations that are used, but for notations that only leave out what stays the same in the section (`known`)."""
    chunks = CHUNK.findall(still_open(before))
    used, kept = used_names(chunks, statement), []
    for chunk in chunks:
        if groups := variables(chunk):
            here = [([name for name in names if name in used], type_) for names, type_ in groups]
            shown = [f"({' '.join(names)} : {type_})" for names, type_ in here if names]
            kept += [f"Variables {' '.join(shown)}."] if shown else []
        else:
            hypothesis, abbreviation = chunk.startswith("Hypothes"), chunk.startswith(("Notation", "Let"))
            if hypothesis or (abbreviation and NAME.findall(chunk)[1] in used - known):
                kept.append(chunk)
    return "\n".join(kept)
