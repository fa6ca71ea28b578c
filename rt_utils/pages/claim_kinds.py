"""What a claim of the ledger rests on, and in a sentence what it means that one is violated.

The kind follows from the claim's own words: which statement it is a case of, if of any. A statement is machine-checked
if its label stands above a proof in proofs/.
"""

import re
from pathlib import Path

from rt_utils.runtime import paths

MACHINE, PROVED, CERTIFIED = "machine-checked", "proved", "certified"
SEARCH, EVIDENCE = "check of a search", "evidence"
KINDS = {
    MACHINE: "a case of a statement whose proof Coq has checked, some in part; the row tests the code",
    PROVED: "a case of a statement that is proved in the book alone; the row tests the code",
    CERTIFIED: "an upper bound holds for the very points, up to rounding, and no attack may pass it",
    SEARCH: "how much a longer search adds to what a page's attacks found: it speaks of the attacks, not of the theory",
    EVIDENCE: "what an experiment was expected to find; no proved statement says that it must",
}
VERDICTS = {
    "holds": "holds",
    "violated": "contradicted",
    "undecided": "undecided: too few images or seeds for the difference",
    "no point": "no verdict: there was no point to check it on",
}
# The beginning of a claim, and the label of the statement that it is a case of; empty for a proof without a label.
_CASES = (
    (r"Theorem 2 in the head's subspace", "slack-subspace"),
    (r"Theorem 2|Table 3", "theorem-2"),
    (r"Theorem 1", "theorem-1"),
    (r"All heads", "loss-gap-all-heads"),
    (r"Lemma 1, regression", "regression-lemma"),
    (r"Lemma 1|Table [12]\b", "lemma-1"),
    (r"Pairs: largest", "audit-pairs"),
    (r"Directional", "slack-directional"),
    (r"Per sample", "slack"),
    (r"Converse with given labels", "converse-given-labels"),
    (r"Converse, simulated", "converse-mean-coordinate"),
    (r"Converse", "converse"),
    (r"Scaled probe", "converse-scale"),
    (r"Definition 1", "lipschitz-by-gradient"),
    (r"Purification, (features|output)", "purification-effect"),
    (r"Lipschitz bound|M8", ""),
)
_CERTIFIED = re.compile(r"Certifi(ed|cate)\b")
_LABEL = re.compile(r"\(\*\* \[([\w-]+)\]")


def checked_labels(folder: Path | None = None) -> set[str]:
    """The labels of the statements with a proof for Coq in `folder`, or proofs/; none where that is not there."""
    folder = folder or paths.book() / "proofs"
    return {label for file in sorted(folder.glob("*.v")) for label in _LABEL.findall(file.read_text("utf-8"))}


def kind(claim: str, checked: set[str]) -> str:
    """One of KINDS; `checked` are the machine-checked labels. What is a case of nothing proved is evidence."""
    if _CERTIFIED.match(claim):
        return CERTIFIED
    if claim.startswith("Attack floor"):
        return SEARCH
    label = next((label for beginning, label in _CASES if re.match(beginning, claim)), None)
    if label is None:
        return EVIDENCE
    return MACHINE if label in checked else PROVED


def why_violated(claim: str, lhs: float, rhs: float, kind_: str) -> str:
    """What it means that lhs <= rhs fails for this claim, in a sentence or two."""
    if kind_ not in (SEARCH, EVIDENCE):
        return f"{lhs:.4g} is above {rhs:.4g}, against a proof: there is a mistake in the code, not in the statement."
    if share := re.match(r"Attack floor.*: share of the (.*?),? that (.*) add", claim):
        return (
            f"A search of {share[2]} adds {lhs:.1%} to the {share[1]} found, and the book allows {rhs:.0%}: the page's "
            "number, a lower bound, is too low by at least that. No statement is contradicted."
        )
    if orders := re.match(r"Section 6\.1: pairs of data sets that the AS score and the (.*) order differently", claim):
        pairs = "1 pair of data sets stands" if lhs == 1 else f"{lhs:.0f} pairs of data sets stand"
        return (
            f"{pairs} in another order by the {orders[1]} than by the AS score. The paper calls "
            "the score correlated with the loss of robustness; no theorem says so."
        )
    whose = "A claim of Hua et al." if claim.startswith("RoLI") else "What was expected"
    return f"{whose} did not come out in this run: {lhs:.3g} is above {rhs:.3g}. No proved statement says that it must."
