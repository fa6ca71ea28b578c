"""The released code's test beside Theorem 2's criterion (M4), on the pages whose parameters ask for it."""

from collections.abc import Iterable

from IPython.display import display

from rt_utils.evaluation.criterion_variants import beside
from rt_utils.evaluation.measurement import Measurement
from rt_utils.pages.page import Page

_HEADS = {"stated": "fulfil the criterion", "released": "pass the code's test", "flip": "of these flipped"}
_TABLE = (
    "Beside the criterion: the test of the released code (M4), profile {profile}: {threat}. A point passes where its "
    "margin ratio at the true label is above the mean shift of its batch of {batch} under the attack on the "
    "cross-entropy. The theorem says nothing of points that pass: the last column counts those whose prediction a "
    "perturbation found changes."
)
_READING = (
    "**What the code's test says.** {released} of {n} points pass it, {stated} fulfil the criterion. Of the "
    "{released}, {flip} were flipped by a perturbation found; of points that fulfil the criterion none can be, by the "
    "theorem's algebra ([all differences](appendix_paper_and_code), one by one)."
)


def show_beside(page: Page, measurements: Iterable[Measurement]) -> None:
    """A table and its reading, with batches of the page's `score_batch` images; nothing where that is 0."""
    if batch := page.p.score_batch:
        found = beside(measurements, batch)
        shown = found.rename(columns=_HEADS)
        table = page.table("released-criterion", shown, {"AS under CE": ".3f"}, wide=True, caption=_TABLE, batch=batch)
        counts = {name: int(found[name].sum()) for name in ("n", "stated", "released", "flip")}
        display(table, page.text("reading-released-criterion", _READING, **counts))
