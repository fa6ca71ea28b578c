"""`make proofs`: compiles every proof, and says what was checked. Needs Python 3.11 and Coq, nothing else.

Refused are: an unfinished proof, an axiom that is not in ALLOWED, a theorem without its label, a statement that names
other definitions than the book lists for it, axioms other than those in axioms.json (`--write` adds what it lacks), and
a false variant of planted.toml that compiles.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import proof_sources
from named_by_coq import differences
from proof_sections import COMMENT

BUILD = proof_sources.FOLDER.parent / "_build" / "proofs"
# What Coq's real numbers rest on: two facts about truth values, and that functions that agree everywhere are equal; and
# the excluded middle, which comes in with some statements.
ALLOWED = (
    "ClassicalDedekindReals.sig_not_dec",
    "ClassicalDedekindReals.sig_forall_dec",
    "FunctionalExtensionality.functional_extensionality_dep",
    "Classical_Prop.classic",
)
UNFINISHED = re.compile(r"\b(Admitted|admit|give_up|Axioms?|Parameters?|Conjecture|Abort|Unset|bypass_check)\b")
WRITE = "'python3 proofs/check.py --write' asks Coq for what axioms.json lacks; delete an entry to have it asked anew."
SLIP = re.compile(
    r"Syntax error|was not found in|Cannot find a physical path|Unable to locate"
)  # a typing slip, no broken proof


def fail(message: str) -> NoReturn:
    """Ends the run with one message."""
    print(f"The proofs do not hold. {message}", file=sys.stderr)
    raise SystemExit(1)


def coqc(source: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Compiles one source, in its own folder."""
    command = ["coqc", "-q", *options, str(source)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=source.parent)


def compile_all() -> dict[str, float]:
    """Seconds per file. Files that do not need each other are compiled at the same time."""
    jobs: dict[str, Future[float]] = {}

    def compile_one(file: str) -> float:
        for needed in proof_sources.needs(file)[:-1]:
            jobs[needed].result()  # begun before this one
        start = time.monotonic()
        done = coqc(BUILD / file, "-Q", ".", "Book")
        if done.returncode:
            fail(f"{done.stdout}{done.stderr}".strip())
        return time.monotonic() - start

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for file in proof_sources.files():
            jobs[file] = pool.submit(compile_one, file)
    return {file: job.result() for file, job in jobs.items()}


def axioms_of(groups: dict[str, list[proof_sources.Statement]]) -> dict[str, list[str]]:
    """What Coq's own `Print Assumptions` says of each group of statements together."""
    modules = " ".join(Path(file).stem for file in proof_sources.files())
    lines = [f"From Book Require {modules}."]
    for name, group in groups.items():
        members = ", ".join(f"@Book.{Path(statement.file).stem}.{statement.name}" for statement in group)
        lines += [
            f"Definition group_{name} := ({members}).",
            f'Goal True. idtac "GROUP {name}". exact I. Qed.',
            f"Print Assumptions group_{name}.",
        ]
    source = BUILD / "assumptions.v"
    source.write_text("\n".join(lines) + "\n", "utf-8")
    done = coqc(source, "-Q", ".", "Book")
    if done.returncode:
        fail(done.stderr)
    found = {}
    for part in done.stdout.split("GROUP ")[1:]:
        name, _, said = part.partition("\n")
        named = re.findall(r"^([A-Za-z_][\w.]*)(?= :|$)", said.replace("Axioms:", ""), re.MULTILINE)
        found[name.strip()] = [] if "Closed under the global context" in said else sorted(named)
    return found


def write_axioms(statements: list[proof_sources.Statement]) -> None:
    """Keeps what axioms.json says of a statement, and asks Coq where it says nothing."""
    path = proof_sources.FOLDER / "axioms.json"
    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    known |= axioms_of({statement.name: [statement] for statement in statements if statement.name not in known})
    kept = {statement.name: known[statement.name] for statement in statements}
    path.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


def check_axioms(statements: list[proof_sources.Statement]) -> None:
    """Each statement on its own takes a second and more, so those with one list of axioms are asked for together."""
    listed = proof_sources.axioms()
    if missing := {statement.name for statement in statements} ^ set(listed):
        fail(f"axioms.json and the statements differ in {', '.join(sorted(missing))}. {WRITE}")
    groups: dict[str, list[proof_sources.Statement]] = {}
    lists = sorted({tuple(axioms) for axioms in listed.values()})
    for statement in statements:
        groups.setdefault(str(lists.index(tuple(listed[statement.name]))), []).append(statement)
    for number, found in axioms_of(groups).items():
        if unknown := set(found) - set(ALLOWED):
            fail(f"A statement rests on {', '.join(sorted(unknown))}.")
        if found != list(lists[int(number)]):
            names = ", ".join(statement.name for statement in groups[number])
            fail(f"Not all of {names} rest on just what axioms.json says. {WRITE}")


def compiles(variant: dict[str, str]) -> str:
    """Why a false variant is not refused as it should be; empty where its proof breaks."""
    original = (BUILD / variant["file"]).read_text("utf-8")
    if original.count(variant["old"]) != 1:
        return f"its text stands {original.count(variant['old'])} times in {variant['file']}, not once"
    folder = BUILD / "planted" / variant["name"]
    folder.mkdir(parents=True)
    fails = variant.get("fails", variant["file"])
    order = proof_sources.needs(fails)
    for file in order:
        shutil.copy(BUILD / file, folder / file)
        if order.index(file) < order.index(variant["file"]):
            for made in BUILD.glob(f"{Path(file).stem}.vo*"):
                shutil.copy(made, folder / made.name)
    (folder / variant["file"]).write_text(original.replace(variant["old"], variant["new"]), "utf-8")
    for file in order[order.index(variant["file"]) :]:
        # -vos: of what lies between, statements alone; -vok: with these, the proofs of the file that must break.
        done = coqc(folder / file, "-vok" if file == fails else "-vos", "-Q", ".", "Book")
        if done.returncode:
            if SLIP.search(done.stderr):
                return f"it is no well-formed statement: {done.stderr.strip()}"
            return "" if file == fails else f"{file} breaks, not {fails}: {done.stderr.strip()}"
    return "it compiles"


def check_planted() -> int:
    """Every false variant must break its proof; returns how many there are."""
    variants = proof_sources.planted()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        judged = zip(variants, pool.map(compiles, variants), strict=True)
        wrong = [f"The false variant '{variant['name']}': {why}." for variant, why in judged if why]
    if wrong:
        fail("\n".join(wrong))
    return len(variants)


def main() -> None:
    """Everything in its order; see the module's docstring."""
    if shutil.which("coqc") is None:
        sys.exit("coqc is missing. On Debian or Ubuntu: sudo apt-get install coq (8.16 or newer; 250 MB to download)")
    start = time.monotonic()
    for file in proof_sources.files():
        text = COMMENT.sub("", (proof_sources.FOLDER / file).read_text("utf-8"))
        if refused := UNFINISHED.search(text):
            fail(f"{file} holds '{refused[0]}'.")
    statements = proof_sources.statements()
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir(parents=True)
    for file in proof_sources.files():
        shutil.copy(proof_sources.FOLDER / file, BUILD / file)
    seconds = compile_all()
    if wrong := differences(BUILD):
        fail("\n".join(wrong))
    if "--write" in sys.argv:
        write_axioms(statements)
    check_axioms(statements)
    checked = time.monotonic() - start
    print(f"{len(statements)} statements checked in {checked:.0f} s, in {len(seconds)} files")
    for file, took in seconds.items():
        count = sum(statement.file == file for statement in statements)
        print(f"  {file:36} {count:3} statements {took:5.1f} s")
    planted = check_planted()
    print(f"{planted} false variants refused in {time.monotonic() - start - checked:.0f} s")


if __name__ == "__main__":
    main()
