"""What an audited encoder without labels is held against: known encoders on the same images, under the same attack."""

from dataclasses import dataclass, replace

from rt_utils.evaluation import audit_known
from rt_utils.evaluation.audit import Audit
from rt_utils.evaluation.audit_known import OTHERS, ROBUST, Bars, Known
from rt_utils.evaluation.pairs import Pairs
from rt_utils.evaluation.search import AttackPlan
from rt_utils.images.data_set import DataSet
from rt_utils.models.catalogue import load_encoder
from rt_utils.runtime.errors import InputError
from rt_utils.theory.threat import Threat

MOST = 64  # images that the known encoders are attacked on: small networks at 32 x 32 pixels
SIZE = 32


@dataclass(frozen=True)
class Held:
    """The audited encoder's shifts and distances, the bars that the known ones set, and the levels that this leaves."""

    own: Known
    bars: Bars
    possible: tuple[str, ...]


def held(
    audit: Audit, name: str, images: DataSet, threat: Threat, plan: AttackPlan, *, seed: int, workers: int
) -> Held | None:
    """Hold the audited encoder of that name against the known ones, on the first MOST images, in AS / D.

    `images`: the audit's, at SIZE pixels. The attack is the audit's on the representation, and nothing else.
    None where too few known encoders tell these images apart. Raises InputError where one cannot be loaded.
    """
    n = min(MOST, len(audit.z))
    known = [load_encoder(other) for other in (*ROBUST, *OTHERS)]
    bare = replace(plan, floor_points=0, apgd_points=0)
    rows = audit_known.examine(known, images.first(n), threat, bare, heads=None, workers=workers)
    own = Known(name, audit.shifts["attack"][:n], Pairs.of(audit.z[:n]), None, None)
    try:
        bars = audit_known.bars(rows, None)
    except InputError:  # of these alone: damaged weights, say, are no reason to compare with nothing
        return None
    return Held(own, bars, audit_known.levels(own, rows, None, seed))
