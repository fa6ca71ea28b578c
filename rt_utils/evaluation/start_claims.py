"""The four claims of Hua et al. (2024) on where adversarial finetuning should start, as inequalities between means."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from rt_utils.evaluation.finetuned_runs import ROBUST, STARTS, Grid, Setting, linear
from rt_utils.evaluation.paired_runs import by_seed, mean_of
from rt_utils.evaluation.statistics import Evidence, of_seeds

FIRST_SEED = "first seed"
FIRST_TERM = (
    "Theorem 1's first term: the mean loss gap is at most 2 L AS, over all runs of an encoder (the least slack)"
)


@dataclass(frozen=True)
class Row:
    """left <= right between means over n seeds; `within`: in how many seeds it holds; published values in percent.

    It is about methods, so its `evidence` counts seeds.
    """

    number: str
    text: str
    encoder: str
    n: int
    left: float
    right: float
    within: int
    evidence: Evidence
    published: tuple[float, float] | None = None


def _row(
    runs: pd.DataFrame,
    number: str,
    text: str,
    left: Setting,
    right: Setting,
    published: tuple[float, float] | None = None,
    *,
    column: str = ROBUST,
    share: float = 1.0,
    seeds: int | None = None,
) -> Row:
    a, b = by_seed(runs, left, column)[:seeds], share * by_seed(runs, right, column)[:seeds]
    means, within = (float(a.mean()), float(b.mean())), int((a <= b).sum())
    return Row(number, text, left.encoder, len(a), *means, within, of_seeds(a, b), published)


def rows(runs: pd.DataFrame, grid: Grid, few: list[Setting], label: Mapping[str, str]) -> list[Row]:
    """Every claim about these runs; `few`: the methods that train few parameters, of the first encoder and one seed."""
    first, others = grid.encoders[0], grid.encoders[1:]
    probe, square = linear(first), grid.square(first)

    def most_robust(settings: list[Setting], its: pd.DataFrame = runs) -> Setting:
        return max(settings, key=lambda setting: mean_of(its, setting))

    top = {start: most_robust([setting for setting in square if setting.start == start]) for start in STARTS}
    small = most_robust([setting for setting in few if setting.start == "RanLI"], runs[runs.seed == 0])
    least = min(square, key=lambda setting: mean_of(runs, setting, "AS / distance"))
    control = most_robust([grid.control(rate) for rate in grid.rates.values()])
    half = "a linear probe is at most half as robust on the {} encoder as on the {} one"
    better = "full finetuning from a random head, at its better rate, is at most as robust as the linear probe"
    peft = "bias-only, adapter and LoRA from a random head, the best of them, are at most as robust as the linear probe"
    score = "the AS score over distance of the linear probe is at most that after any full finetuning"
    ahead = "the linear probe and RanLI at its better rate are at most as robust as RoLI at its better rate"
    longer = (
        "with as much computation: RanLI trained longer, at its better rate, is at most as robust as RoLI at its "
        "better rate"
    )
    found = [_row(runs, "(i)", half.format(label[e], label[first]), linear(e), probe, share=0.5) for e in others]
    found += [
        _row(runs, "(ii)", better, top["RanLI"], probe, (40.1, 37.5)),
        _row(runs, "(ii)", f"{peft}; {FIRST_SEED}", small, probe, (43.75, 37.5), seeds=1),
        _row(runs, "(iii)", score, probe, least, column="AS / distance"),
        _row(runs, "(iv)", ahead, most_robust([probe, top["RanLI"]]), top["RoLI"], (40.1, 46.3)),
        _row(runs, "(iv)", longer, control, top["RoLI"]),
    ]
    for encoder in grid.encoders:
        for name, rate in grid.rates.items():
            ran, ro = (grid.full(encoder, start, rate) for start in STARTS)
            found.append(
                _row(runs, "(iv)", f"at the {name} rate for both: RanLI is at most as robust as RoLI", ran, ro)
            )
    return found


def least_slack(runs: pd.DataFrame) -> pd.DataFrame:
    """Of each encoder the run whose mean loss gap is nearest to 2 L AS, or most above it; n: of how many runs."""
    slack = runs["bound"] - runs["loss gap"]
    groups = runs.assign(slack=slack).groupby("encoder", sort=False)
    return runs.loc[groups.slack.idxmin()].assign(n=groups.size().to_numpy())


def outcome(number: str, verdicts: list[tuple[Row, str]]) -> str:
    """Whether a claim came out, over its rows of all seeds, in words; of an undecided one also what the means say."""
    rows = [(row, verdict) for row, verdict in verdicts if row.number == number and FIRST_SEED not in row.text]
    own = [verdict for _, verdict in rows]
    if not own:
        return "is not asked"
    if "undecided" in own:
        by_means = (
            f"by the means alone it comes out in {sum(row.left <= row.right for row, _ in rows)} of {len(own)} rows"
        )
        every = "" if set(own) == {"undecided"} else f" in {own.count('undecided')} of {len(own)} rows"
        return f"is undecided{every} ({by_means})"
    if len(set(own)) == 1:
        return "comes out" if own[0] == "holds" else "does not come out"
    return f"comes out in {own.count('holds')} of {len(own)} rows"
