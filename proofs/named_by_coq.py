"""Which definitions a statement names: what Coq resolved when it compiled, against what proof_sources reads as text.

The book lists below each statement the definitions that it rests on, without Coq. Coq keeps in a .glob file the place
and the name of each reference that it resolved. The two must be the same for every statement and every definition.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from proof_sections import fixed
from proof_sources import FOLDER, Definition, definitions, files, in_reach, mentioned, needs, statements_of

REFERENCE = re.compile(r"^R(\d+):\d+ Book\.\w+ <> (\S+) (?:def|ind|constr|abbrev)$", re.MULTILINE)


def texts(file: str, source: str) -> Iterator[tuple[str, str, frozenset[str], dict[str, Definition]]]:
    """The statements and definitions of one source: name, text, names of their own, the definitions in reach."""
    before = {name: found for needed in needs(file)[:-1] for name, found in definitions(needed).items()}
    here = definitions(file)
    for name, found in here.items():
        yield name, found.coq, found.own, before | {n: other for n, other in here.items() if other.line <= found.line}
    for statement in statements_of(source, file):
        own = frozenset(fixed(source[: source.index(statement.coq)]))
        yield statement.name, statement.coq, own, in_reach(statement)


def differences(build: Path) -> list[str]:
    """One line for each text of which the two say different things; `build` holds the .glob files."""
    found = []
    for file in files():
        source = (FOLDER / file).read_text("utf-8")
        glob = (build / file).with_suffix(".glob").read_text("utf-8")
        named = [(int(place), name.rpartition(".")[2]) for place, name in REFERENCE.findall(glob)]
        for name, text, own, known in texts(file, source):
            start = len(source[: source.index(text)].encode())  # Coq counts bytes
            here = {other for place, other in named if start <= place < start + len(text.encode())}
            coqs = {other for other in known if known[other].names & here} - {name}
            if wrong := coqs ^ (mentioned(text, own, known) - {name}):
                found.append(f"{file}: which definitions {name} names was read wrongly, of {', '.join(sorted(wrong))}.")
    return found
