"""What the paper's text says, beside what its printed tables say; and Lemma 1 in print."""

import pandas as pd

from rt_utils.pages.printed_intervals import agree, interval
from rt_utils.pages.published import published_table

NICE = {"cifar10": "CIFAR-10", "fashionmnist": "Fashion-MNIST", "intel": "Intel Image"}


def _methods(pretraining: str, column: str) -> pd.DataFrame:
    """Table 5: a column of it by data set, a column a method."""
    table = published_table("table5")
    return table[table.pretraining == pretraining].pivot(index="downstream", columns="method", values=column)


def _relative_differences() -> str:
    table = published_table("table4")
    positive, larger = int((table.relative_diff > 0).sum()), int((table.robust_ce > table.clean_ce).sum())
    return (
        f"the printed ones are its negative: {positive} of {len(table)} are positive, and robust CE is the larger in "
        f"{larger}"
    )


def _two_models() -> str:
    (first,) = published_table("table4").query("pretraining == downstream == 'cifar100'").to_dict("records")
    second = published_table("table12").to_dict("records")[0]
    return (
        f"CE {first['clean_ce']} and {second['ce']}, AS {first['as_score']} and {second['as_score']}: two models. "
        "The AS score needs no head, so another head cannot explain it; another encoder state (M3), attack or set of "
        "images could. Which, is not known"
    )


def _joint_shares() -> str:
    table = published_table("table8").set_index("downstream")
    most = {f: (table[f"robust_acc_{f}eps"] / table.prop_fulfilled_eps).clip(upper=1.0) for f in (2, 3)}
    shares = ", ".join(f"{most[3][name]:.0%} ({NICE[name]})" for name in table.index)
    nothing = "; at 2 times they exclude nothing" if (most[2] >= 1).all() else ""
    return (
        f"two marginals do not give a joint share. At 3 times eps at most {shares} of the fulfilling points can be "
        f"both correct and robust{nothing}"
    )


def _probe_preserves() -> str:
    robust = _methods("cifar100", "robust_acc")
    return f"true for {int((robust['LP'] > robust[['FT', 'LP-FT']].max(axis=1)).sum())} of {len(robust)}"


def _finetunings_differ() -> str:
    robust = _methods("cifar100", "robust_acc")
    gaps = (100 * (robust["LP-FT"] - robust["FT"])).abs()
    return "Table 5 (points): " + ", ".join(f"{gaps[name]:.1f} ({NICE[name]})" for name in map(str, robust.index))


def _highest() -> str:
    robust = _methods("imagenet", "robust_acc")
    ahead = robust["LP-FT"] - robust[["FT", "LP"]].max(axis=1)
    tight = str(ahead.idxmin())
    share = robust["LP-FT"][tight]
    images = 4 * 2 * share * (1 - share) / ahead[tight] ** 2
    return (
        f"true for {int((ahead > 0).sum())} of {len(robust)}; on {NICE[tight]} by {100 * ahead[tight]:.1f} points; to "
        f"resolve that at two standard errors would take about {images / 1e6:.1f} million test images"
    )


def _shrinks() -> str:
    robust, score = (_methods("imagenet", column) for column in ("robust_acc", "as_score"))
    improves = robust[robust["LP-FT"] > robust["LP"]].index
    others = [str(name) for name in improves if score["LP-FT"][name] >= score["LP"][name]]
    listed = "; ".join(
        f"on {NICE[name]} accuracy goes {robust['LP'][name]:.1%} → {robust['LP-FT'][name]:.1%} and AS "
        f"{score['LP'][name]} → {score['LP-FT'][name]}"
        for name in others
    )
    return f"{len(improves) - len(others)} of {len(improves)} (ImageNet); {listed}"


def _one_attack() -> str:
    probes = published_table("table5").query("method == 'LP'")
    both = published_table("table3").merge(probes, on=["pretraining", "downstream"], suffixes=("", "_5"))
    pairs = list(zip(both.robust_acc, both.robust_acc_5, strict=True))
    same = sum(agree(interval(a), interval(b)) for a, b in pairs)
    return (
        f"Tables 3 and 5 share {same} of {len(pairs)} robust accuracies within rounding: one attack, or two that find "
        "the same"
    )


def _slack() -> str:
    table = published_table("table1")
    slack = table.as_score / table.lhs
    return f"AS / LHS is {slack.min():.0f} to {slack.max():.0f} in Table 1"


def beside_the_tables() -> pd.DataFrame:
    """Statements of the text, abridged, and what follows from the printed tables."""
    rows = [
        ("6.1: the relative difference is (CE − robust CE) / CE", _relative_differences()),
        ("6.1 (Table 4) and B.5 (Table 12): CIFAR-100 on the encoder pretrained on it", _two_models()),
        (
            "B.1: learning rate 0.01 for linear probing; B.4: 0.01 on CIFAR-100 only, 0.001 elsewhere",
            "no table decides; the code's README agrees with B.4",
        ),
        (
            "B.3: most fulfilling points are robust at 2 and 3 times the radius, as the accuracies suggest",
            _joint_shares(),
        ),
        ("B.4: on CIFAR-100 LP preserves the most robust accuracy", _probe_preserves()),
        ("B.4: FT and LP-FT differ in robustness only on Intel Image, by 10%", _finetunings_differ()),
        ("B.4: LP-FT has the highest robust accuracy on ImageNet for all data sets", _highest()),
        ("B.4: the AS score shrinks where LP-FT improves on LP", _shrinks()),
        ("B.1: PGD with a relative step of 0.7; B.4: missing in the copy that this book worked from", _one_attack()),
        ("5.1: Lemma 1 is valid, with slack", _slack()),
    ]
    return pd.DataFrame(rows, columns=["the text", "what the printed numbers say"])


def lemma_1() -> pd.DataFrame:
    """Every printed pair of Lemma 1's sides; for Table 9 the left one is recomputed from gap and norm."""
    rows = []
    for name in ("table1", "table2", "table12", "table13"):
        rows += [(name, row["lhs"], row["as_score"]) for row in published_table(name).to_dict("records")]
    for row in published_table("table9").to_dict("records"):
        rows.append(("table9", row["diff_ce"] / (2 * row["w_norm"]), row["as_score"]))
    rows += [("table10", row["lhs"], row["rhs"]) for row in published_table("table10").to_dict("records")]
    for row in published_table("table7").to_dict("records"):
        rows += [("table7", value, row["rhs"]) for value in row["lhs"].values()]
    return pd.DataFrame(rows, columns=["table", "lhs", "rhs"])
