"""Does the AS score order an encoder's data sets as a measure of lost robustness does? Over resamples and seeds too."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy import stats

from rt_utils.evaluation import ranks
from rt_utils.evaluation.lost_robustness import MEASURES, Case, Samples, sharpened
from rt_utils.evaluation.measurement import Measurement
from rt_utils.evaluation.statistics import of_orders

RHO, TAU = "\\(\\rho\\)", "\\(\\tau\\)"  # as tables show them
MEAN_RHO, INDEPENDENT, COMMON = f"mean {RHO}", "p, independent", "p, common"
ALL_SCALES = (-7.0, 7.0)  # natural logarithms of 1/1000 and of 1000

Curves = Mapping[Case, Float[np.ndarray, "_n k"]]  # shift of each point at each radius


def by_encoder(found: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The rows of `lost_robustness.outcomes` by the full name of their encoder, in order."""
    return [(str(encoder), part) for encoder, part in found.groupby("encoder", sort=False)]


def orders(
    runs: Sequence[pd.DataFrame], samples: Mapping[Case, Samples], label: Mapping[str, str], seed: int
) -> pd.DataFrame:
    """Per encoder a row for the score, and one for each of MEASURES (`what`) with how it agrees with the score.

    `runs`: `lost_robustness.outcomes` of the page's run and of its repeats; `samples`: the first one's bootstrap
    samples. `order`: the data sets by their `label`; RHO, TAU, p: `ranks.agreement`; pairs: how many stand as the score
    has them; `resamples`: the share of samples in which all do (in the score's row: in which its order comes out
    again); `seeds`: the number of runs in which that is so. `apart`: how many pairs do not, of n_pairs; `evidence`: on
    that number (`statistics.of_orders`).
    """
    rows: list[dict[str, object]] = []
    parts = [dict(by_encoder(run)) for run in runs]
    for encoder, part in parts[0].items():
        names, score = [label[name] for name in part.data], part.score.to_numpy()
        own = np.stack([samples[encoder, name]["score"] for name in part.data])
        again = (np.argsort(own, axis=0) == np.argsort(score)[:, None]).all(0).mean()
        seeds = sum(bool((np.argsort(run[encoder].score.to_numpy()) == np.argsort(score)).all()) for run in parts)
        first = {"encoder": encoder, "what": "score", "by": "AS score", "order": ranks.order(names, score)}
        rows.append(first | {"resamples": float(again), "seeds": f"{seeds} of {len(runs)}"})
        for what, name in MEASURES.items():
            lost = np.stack([samples[encoder, data][what] for data in part.data])
            alike = ranks.pairs_in_order(own, lost)
            found = ranks.agreement(score, part[what].to_numpy(), seed)
            pairs = [run[encoder][["score", what]].to_numpy().T for run in parts]
            seeds = sum(sum(ranks.pairs_in_order(*pair)) == len(alike) for pair in pairs)
            rows.append(
                {"encoder": encoder, "what": what, "by": name, "order": ranks.order(names, part[what].to_numpy())}
                | {"pairs": f"{found['same']} of {len(alike)}", RHO: found["rho"], TAU: found["tau"]}
                | {"p": found["p"], "resamples": float(np.all(alike, axis=0).mean()) if alike else np.nan}
                | {"seeds": f"{seeds} of {len(runs)}", "apart": len(alike) - found["same"], "n_pairs": len(alike)}
                | {"evidence": of_orders(own, lost, np.stack([score, part[what].to_numpy()]))}
            )
    shown = ["encoder", "by", "order", "pairs", RHO, TAU, "p", "resamples", "seeds"]
    return pd.DataFrame(rows).reindex(columns=[*shown, "what", "apart", "n_pairs", "evidence"])


def pooled_row(pairs: Sequence[ranks.Pair], seed: int = 0) -> dict[str, float]:
    """`ranks.pooled` under the names that tables show."""
    found = ranks.pooled(pairs, seed)
    return {MEAN_RHO: found["rho"], INDEPENDENT: found["independent"], COMMON: found["common"]}


def pooled(found: pd.DataFrame, seed: int) -> pd.DataFrame:
    """For each of MEASURES, `what`, the mean rho of the score with it over encoders, and p-values (`pooled_row`)."""
    parts = [part for _, part in by_encoder(found)]
    pairs = {what: [(part.score.to_numpy(), part[what].to_numpy()) for part in parts] for what in MEASURES}
    return pd.DataFrame([{"what": what, "by": MEASURES[what]} | pooled_row(of, seed) for what, of in pairs.items()])


def implied(found: pd.DataFrame) -> pd.DataFrame:
    """The pairs of data sets of one encoder whose loss gaps the score orders: 2 L_inf(W) AS of `a` is below b's gap.

    AS is the score of everything found, so that each bound holds for the gap found. Columns encoder, a, b, gap_a,
    gap_b, in nats.
    """
    columns = ["encoder", "data", "size", "all found", "gap"]
    both = found[columns].merge(found[columns], on="encoder", suffixes=("_a", "_b"))
    both = both[(both.data_a != both.data_b) & (both["size_a"] * both["all found_a"] < both.gap_b)]
    return both.rename(columns={"data_a": "a", "data_b": "b"})[["encoder", "a", "b", "gap_a", "gap_b"]]


def rescaled(found: pd.DataFrame, draws: int, seed: int) -> list[float]:
    """Spearman's rho of score and relative difference over all cases, as they are and with rescaled features.

    In each draw the scores of every encoder are multiplied by a random factor from 1/1000 to 1000, which changes no
    predictor. Empty where the relative differences are equal or not finite.
    """
    relative = found.relative.to_numpy()
    if not np.isfinite(relative).all() or np.ptp(relative) == 0:
        return []
    logs, encoders = np.log(np.maximum(found.score.to_numpy(), 1e-12)), pd.factorize(found.encoder)[0]
    rng, n = np.random.default_rng(seed), encoders.max() + 1
    factors = [np.zeros(n), *rng.uniform(*ALL_SCALES, (draws, n))]
    return [float(stats.spearmanr(logs + factor[encoders], relative).statistic) for factor in factors]


def sharpness(measurements: Sequence[Measurement], found: pd.DataFrame, factors: Sequence[float]) -> pd.DataFrame:
    """Per encoder and factor `t` of all logits the relative difference on each data set, in a column of its name.

    `pairs`: how many pairs of data sets stand as the score has them. See `lost_robustness.sharpened`.
    """
    rows = []
    for encoder, part in by_encoder(found):
        own = [m for m in measurements if m.encoder == encoder]
        for t in factors:
            values = [sharpened(m, t) for m in own]
            alike = ranks.pairs_in_order(part.score.to_numpy(), np.array(values))
            by_data = dict(zip(part.data, values, strict=True))
            rows.append({"encoder": encoder, "t": t} | by_data | {"pairs": f"{sum(alike)} of {len(alike)}"})
    return pd.DataFrame(rows)


def by_radius(curves: Curves, radii: Sequence[str], label: Mapping[str, str]) -> pd.DataFrame:
    """Per encoder each order of its data sets by their mean shift, and at which of the k radii it stands.

    `radii`: their names; the first, at which nothing moves, is left out.
    """
    rows = []
    for encoder in dict.fromkeys(encoder for encoder, _ in curves):
        at: dict[str, list[str]] = {}
        means = {label[name]: curve.mean(0) for (own, name), curve in curves.items() if own == encoder}
        for k, radius in enumerate(radii[1:], start=1):
            order = ranks.order(list(means), [mean[k] for mean in means.values()])
            at.setdefault(order, []).append(radius)
        rows += [{"encoder": encoder, "order": order, "radii": named} for order, named in at.items()]
    return pd.DataFrame(rows)
