"""The audit's parts: the ladder of sizes, the checks of the attack, pairs of images, and the verdict in words."""

import dataclasses
import inspect
import types
import warnings
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from measured import measurement
from PIL import Image
from torch import nn

from rt_utils.evaluation import audit, audit_budget, audit_checks, audit_held, audit_known, pairs
from rt_utils.evaluation.audit import Audit
from rt_utils.evaluation.audit_checks import CHECKS
from rt_utils.evaluation.audit_held import Held
from rt_utils.evaluation.audit_known import Known
from rt_utils.evaluation.audit_theorems import Theorems, within
from rt_utils.evaluation.masked_gradient import quick_plan, rounded
from rt_utils.evaluation.measurement import table
from rt_utils.evaluation.pairs import Pairs
from rt_utils.evaluation.search import Find
from rt_utils.evaluation.statistics import shown_share
from rt_utils.evaluation.subspace_search import KIND, best_in_subspace
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import DataSet, split_of
from rt_utils.images.folder import smaller_than
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.pages import audit_subject, audit_tables, audit_verdict, elements, parameters, subspace_section
from rt_utils.pages.audit_subject import Subject
from rt_utils.runtime.errors import InputError
from rt_utils.theory import statements
from rt_utils.theory.threat import Threat

THREAT = Threat("linf", 8 / 255)
ASKED = {"n_test": 200, "restarts": 5, "steps": 100, "floor_points": 24, "apgd_points": 50, "n_train": 4000}
A = torch.randn(2, 3 * 8 * 8, generator=torch.Generator().manual_seed(1))


def encoder_of(*layers: nn.Module, name: str = "test/linear") -> Encoder:
    """Two linear features of 8x8 images, behind some layers."""
    linear = nn.Linear(A.shape[1], 2, bias=False)
    linear.weight.data = A.clone()
    network = nn.Sequential(*layers, nn.Flatten(), linear)
    return Encoder(name, network, input_size=8, width=2, weights_sha256=name)


def images(n: int = 6) -> DataSet:
    pixels = np.random.default_rng(0).integers(0, 256, (n, 3, 8, 8), dtype=np.uint8)
    split = split_of(pixels, np.arange(n) % 2)
    return DataSet("noise", ("a", "b"), split, split, f"noise {n}")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path / "cache"))


def planted(module: types.ModuleType, right: str, wrong: str) -> types.ModuleType:
    """The module with `wrong` in place of `right`, which stands there once."""
    source = inspect.getsource(module)
    assert source.count(right) == 1
    changed = types.ModuleType(module.__name__)
    exec(compile(source.replace(right, wrong), module.__name__, "exec"), changed.__dict__)
    return changed


def test_the_ladder_never_asks_for_more() -> None:
    sizes = audit_budget.rungs(ASKED)
    assert sizes[0] | ASKED == sizes[0]
    assert sizes[1]["n_train"] == 2000
    costs = [audit_budget.passes(size, 5, labelled=True) for size in sizes]
    assert costs == sorted(costs, reverse=True)
    few = audit_budget.rungs(ASKED | {"n_test": 3, "restarts": 1})
    assert {size["n_test"] for size in few} == {3}
    assert {size["restarts"] for size in few} == {1}


def test_the_passes_by_hand() -> None:
    size = dict.fromkeys(audit_budget.LADDER, 0) | {"n_test": 10, "restarts": 2, "steps": 5}
    shift = 4 * 5 + 2 * 6 + 2 + (7 + 4 + 4) / 2  # three rungs; ends of climbs, mixtures, mirror images at half a pass
    loss = 2 * 4 + 2 * 6 + 2 + (5 + 6) / 2
    assert audit_budget.passes(size, 1, labelled=False) == 10 * (shift + 8 / 2)
    margin = 2 * 6 + 1 + (2 + 1 + 1) / 2
    assert audit_budget.passes(size, 1, labelled=True) == 10 * (shift + 8 / 2) + 10 * (loss + margin + 20 + 2 * 12 + 2)
    size |= {"n_test": 0, "checked": 4, "references": 1}
    assert audit_budget.passes(size, 5, labelled=False) == 3 * shift + 4 * (4 * shift + 1)
    strong = dict.fromkeys(size, 0) | {"floor_points": 2, "strong_restarts": 3, "strong_steps": 7}
    assert audit_budget.passes(strong, 1, labelled=True) == 2 * audit_budget.passes(strong, 1, labelled=False) == 84
    apgd = dict.fromkeys(size, 0) | {"apgd_points": 3, "apgd_steps": 10, "n_train": 8}
    assert audit_budget.passes(apgd, 1, labelled=True) == 3 * 20 + 3 * 40 + 4


def test_a_budget_takes_the_first_rung_that_it_pays_for() -> None:
    encoder = encoder_of()
    per_pass = audit_budget.operations(encoder)
    assert per_pass == 2 * 2 * 2 * A.shape[1] / 1e12  # a multiplication and an addition a weight, both ways
    costs = [audit_budget.passes(size, 5, labelled=False) * per_pass for size in audit_budget.rungs(ASKED)]
    for rung, cost in enumerate(costs):
        found = audit_budget.choose(encoder, ASKED, cost * 1.0001, radii=5, labelled=False)
        assert (found.rung, found.cost, found.asked_cost) == (rung, cost, costs[0])
    assert "images with APGD" not in set(found.table()["number of"])
    labelled = audit_budget.choose(encoder, ASKED, 1.0, radii=5, labelled=True).table()
    assert labelled.set_index("number of").loc["images with APGD", "asked for"] == 50
    with pytest.raises(InputError, match="budget 1e-09 is too small for test/linear: the smallest audit costs"):
        audit_budget.choose(encoder, ASKED, 1e-9, radii=5, labelled=False)


def test_radii_end_at_the_norms_largest() -> None:
    assert audit_checks.radii(THREAT) == pytest.approx(np.geomspace(8 / 255, 1, 5))
    assert audit_checks.radii(Threat("linf", 1.0)).tolist() == [1.0]


class _Backward(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return torch.full_like(gradient, torch.nan)


class Layer(nn.Module):
    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


X = images().test.pixels()


def test_what_the_gradient_tells() -> None:
    assert audit_checks.gradient(encoder_of(), X, THREAT, 0) == (0.0, 0.0)
    zero, twice = audit_checks.gradient(rounded(encoder_of()), X, THREAT, 0)
    assert (zero, twice) == (1.0, 0.0)
    noisy = encoder_of(Layer(lambda x: x + 0.1 * torch.rand_like(x)))
    assert audit_checks.gradient(noisy, X, THREAT, 0)[1] > CHECKS["twice"][1]
    with pytest.raises(InputError, match="the gradient of test/linear is not finite at 6 of 6 images"):
        audit_checks.gradient(encoder_of(Layer(_Backward.apply)), X, THREAT, 0)
    infinite = encoder_of(Layer(lambda x: torch.where(x == x[:1], x, torch.inf)))
    with pytest.raises(InputError, match="test/linear gives features that are not finite at 5 of 6 images"):
        audit_checks.gradient(infinite, X, THREAT, 0)


def test_a_blind_search_reaches_the_furthest_image() -> None:
    """With l_inf and radius 1 every image is allowed; at a small radius a step stays in the ball."""
    encoder = encoder_of()
    z = encoder.features(X).double()
    furthest = torch.cdist(z, z).amax(1).numpy()
    assert (audit_checks.blind(encoder, X, Threat("linf", 1.0), 0) >= furthest * (1 - 1e-6)).all()
    most = 0.01 * A.double().abs().sum(1).norm().item()
    assert (audit_checks.blind(encoder, X, Threat("linf", 0.01), 0) <= most).all()


def searched(**kinds: list[float]) -> list[Any]:
    """What `label_free` would give for three images: attack, noise, one step on two of them, one larger radius."""
    z = np.zeros((3, 1))
    first = {"representation": np.array(kinds.get("attack", [1.0, 2.0, 3.0]))}
    if "strong" in kinds:
        first["floor"] = np.array(kinds["strong"])
    others = (kinds.get("noise", [0.5, 0.5, 0.5]), kinds.get("single", [1.0, 1.0]), kinds.get("larger", [4.0, 5.0]))
    return [(z, first), *((z[: len(part)], {"representation": np.array(part)}) for part in others)]


PASSING = dict.fromkeys(CHECKS, "passes") | {"strong": "not checked"}
# what is changed, and what fails then
EXAMINED: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {}),
    ({"noise": [0.5, 2.0, 0.5]}, {"noise": "fails"}),
    ({"single": [1.5, 2.5]}, {"single": "fails"}),
    ({"strong": [1.0, 2.0, np.nan]}, {"strong": "passes"}),
    ({"strong": [1.0, 2.2, np.nan]}, {"strong": "fails"}),
    ({"larger": [0.2, 0.2]}, {"fall": "fails", "blind": "fails"}),
    ({"attack": [0.0, 0.0, 0.0]}, {"noise": "fails", "single": "fails"}),
]


@pytest.mark.parametrize(("kinds", "expected"), EXAMINED)
def test_the_checks_by_hand(kinds: dict[str, Any], expected: dict[str, str]) -> None:
    checks, shifts = audit_checks.examine((0.0, 0.0), np.array([3.0, 3.0]), searched(**kinds))
    assert dict(zip(checks.key, checks.verdict, strict=True)) == PASSING | expected
    assert np.isnan(shifts["single"]).tolist() == [False, False, True]
    assert shifts["ladder"].shape == (2, 2)


def test_the_other_checks_by_hand() -> None:
    checks, _ = audit_checks.examine((0.6, 1e-3), np.array([4.1, 3.0]), searched())
    found = checks.set_index("key")
    assert list(found.found[["zero", "twice", "blind"]]) == [0.6, 1e-3, 0.5]
    assert set(found.verdict[["zero", "twice", "blind"]]) == {"fails"}
    alone, _ = audit_checks.examine((0.0, 0.0), np.array([0.5, 0.5]), searched()[:3])
    assert alone.set_index("key").verdict["fall"] == "not checked"


def examined(checks: types.ModuleType, encoder: Encoder) -> set[str]:
    """The keys of the checks that fail for the encoder, by the functions of `checks`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit, "audit_checks", checks)
        done = audit.run(encoder, images(), [], THREAT, quick_plan(0), checked=6, seed=0, workers=1)
    return set(done.checks[done.checks.verdict == "fails"].key)


MASKED = {"zero", "noise", "blind"}


def test_a_mask_is_noticed() -> None:
    assert not examined(audit_checks, encoder_of())
    assert examined(audit_checks, rounded(encoder_of())) >= MASKED


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("(slope == 0).double()", "(slope == 7).double()"),
        ('shifts["noise"] >= attack', 'shifts["noise"] > 9 * attack'),
        ("unguided > ladder[-1] * (1 + 1e-6)", "unguided > 99 * ladder[-1]"),
        ("found <= at_most else", "found >= at_most else"),
    ],
)
def test_an_error_planted_in_the_checks_is_caught(right: str, wrong: str) -> None:
    assert not examined(planted(audit_checks, right, wrong), rounded(encoder_of())) >= MASKED


def test_equal_features_are_refused() -> None:
    flat = encoder_of(Layer(lambda x: 0 * x))
    with pytest.raises(InputError, match="test/linear gives all 6 images of 'noise' the same features"):
        audit.run(flat, images(), [], THREAT, quick_plan(0), checked=3, seed=0, workers=1)


Z = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])


def test_pairs_by_hand() -> None:
    found = Pairs.of(Z)
    assert list(zip(found.i, found.j, strict=True)) == list(combinations(range(3), 2))
    assert found.apart == pytest.approx([5.0, 1.0, 18**0.5])
    assert found.mean_distance == pytest.approx((6 + 18**0.5) / 3)
    assert found.blocked(np.array([2.0, 3.0, 0.0])).tolist() == [True, True, False]
    assert found.differ(np.array([0, 1, 0])).tolist() == [True, False, True]
    assert found.both(np.array([True, False, True])).tolist() == [False, True, False]
    assert found.sums_over_distance(np.array([2.0, 3.0, 0.0]))[:2] == pytest.approx([1.0, 2.0])


def test_copies_of_an_image_and_a_score_of_zero_give_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = Pairs.of(np.array([[1.0, 0.0], [1.0, 0.0], [4.0, 4.0]]))
        assert found.sums_over_distance(np.array([2.0, 1.0, 2.0])).tolist() == [np.inf, 0.8, 0.6]
        assert audited(attack=[0.0, 0.0, 0.0]).noise_share == 1.0


def contradictions(module: types.ModuleType) -> int:
    """Pairs that are blocked although a random head fulfils the criterion at both, with shifts just small enough."""
    rng, count = np.random.default_rng(0), 0
    for _ in range(200):
        z, weight = rng.normal(size=(6, 2)), rng.normal(size=(3, 2))
        logits = torch.from_numpy(z @ weight.T)
        ratios = statements.margin_ratio(logits, torch.from_numpy(weight)).numpy()
        found, predicted = module.Pairs.of(z), logits.argmax(1).numpy()
        count += int((found.blocked(0.999 * ratios) & found.differ(predicted)).sum())
    return count


def test_no_blocked_pair_fulfils_the_criterion() -> None:
    assert contradictions(pairs) == 0
    assert contradictions(planted(pairs, "shifts[self.j] >= self.apart", "shifts[self.j] >= 0.3 * self.apart")) > 100


def audited(checks: pd.DataFrame | None = None, labels: list[int] | None = None, **shifts: list[float]) -> Audit:
    """Three images with features Z and shifts 2, 3 and 0, or others."""
    attack = np.array(shifts.get("attack", [2.0, 3.0, 0.0]))
    none = np.full(3, np.nan)
    kinds = {"attack": attack, "strong": none, "paper": none, "noise": 0.1 * attack, "single": none}
    found = audit_checks.examine((0.0, 0.0), np.zeros(2), searched())[0] if checks is None else checks
    reference = ("digits", (np.array([[0.0, 0.0], [1.0, 0.0]]), {"representation": np.array([0.25, 0.75])}))
    ladder = {"ladder": np.array([attack[:2]]), "blind": np.zeros(2)}
    points = None
    if labels is not None:
        points = pd.DataFrame(
            {
                "label": labels,
                "predicted": [0, 1, 0],
                "shift": [0.0, 3.5, 0.0],
                "shift_representation": [2.0, 3.0, 0.0],
                "margin_ratio": [2.5, 3.5, 0.5],
                "flipped": [False, True, False],
                "flipped_by_loss": [False, True, False],
                "wrong": [False, True, False],
            }
        )
    own = None if labels is None else np.array(labels)
    return Audit(Z, found, kinds | ladder, [reference], own, None, points)


def test_an_audits_numbers_by_hand() -> None:
    done = audited()
    assert done.found.tolist() == [2.0, 3.0, 0.0]
    assert (done.score, done.noise_share) == (pytest.approx(5 / 3), pytest.approx(0.1))
    assert done.blocked_share == pytest.approx(2 / 3)
    assert not done.fulfilled.any()
    assert not done.parted.any()
    compared = done.comparison("yours", 100, 0)
    assert list(compared.data) == ["yours", "digits"]
    assert compared.ratio.tolist() == pytest.approx([5 / 3 / done.distance, 0.5])
    assert [values.tolist() for values in done.relative_shifts()][1] == [0.25, 0.75]
    spread = done.spread((0.5,)).set_index(["by", "in"])
    assert spread.loc[("attack", "feature units"), "50%"] == 2.0
    assert spread.loc[("noise", "D"), "max"] == pytest.approx(0.3 / done.distance)


def test_with_labels_pairs_of_two_labels_count() -> None:
    done = audited(labels=[0, 1, 0])
    assert done.found.tolist() == [2.0, 3.5, 0.0]  # the search on the loss found more
    assert done.different.tolist() == [True, False, True]
    assert done.blocked_share == 0.5
    assert done.fulfilled.tolist() == [True, False, True]
    assert done.parted.tolist() == [True, False, True]
    assert np.isnan(audited(labels=[0, 0, 0]).blocked_share)


def filled(text: audit_verdict.Text) -> str:
    return elements.filled(*text)


FAILING = audit_checks.examine((0.9, 0.0), np.zeros(2), searched())[0]


@pytest.mark.parametrize(
    ("done", "says"),
    [
        (audited(), "**No known encoder to compare with.** For 67% of the 3 pairs of images no linear head"),
        (
            audited(labels=[0, 1, 0]),
            "**Not robust with your labels.** A linear probe is right on 100.0% of the clean images and on at most "
            "66.7% under what was found; always the most frequent class is right on 66.7%. For 50% of the pairs of "
            "images with different labels no linear head",
        ),
        (audited(labels=[0, 1, 2]), "**Loses 1 of 2 right answers.**"),
        (audited(labels=[0, 0, 1]), "**No accuracy to keep.**"),
        (audited(labels=[0, 0, 0]), "**No verdict.** All images that were attacked have the same label"),
        (audited(FAILING), "**Do not rely on this score.** 1 of the 7 checks below fail, so the gradient may not lead"),
    ],
)
def test_the_verdict_follows_its_rules(done: Audit, says: str) -> None:
    assert filled(audit_verdict.headline(done, cut=False)).startswith(says)


@pytest.mark.parametrize(
    ("shift", "says"),
    [
        (0.9, "**Moves no further than a known robust encoder.** Shifts are in units of the mean distance between the"),
        (2.0, "**Between standard and robust encoders.** "),
        (3.5, "**Moves as far as encoders that were not trained to be robust.** "),
    ],
)
def test_without_labels_known_encoders_on_the_same_images_decide(shift: float, says: str) -> None:
    """Shifts of 1 in a robust and of 3 in a random encoder; no fixed share of blocked pairs has a say."""
    z, spread = np.random.default_rng(0).normal(size=(40, 3)), np.random.default_rng(1).uniform(0.9, 1.1, 40)
    rows = [
        Known(name, k * spread, Pairs.of(z), None, None)
        for name, k in (("natural/robust", 1.0), ("natural/random", 3.0))
    ]
    own = Known("mine", shift * spread, Pairs.of(z), None, None)
    held = Held(own, audit_known.bars(rows, None), audit_known.levels(own, rows, None, 0))
    said = filled(audit_verdict.headline(audited(), cut=False, held=held))
    assert said.startswith(says)
    assert (
        "in each encoder its own. Under one attack for all on the same 40 images the audited encoder moves by" in said
    )
    assert "the known robust encoder natural/robust by" in said
    assert said.endswith("for the others the size of the shift does not forbid it.")


def test_known_encoders_are_attacked_as_the_audited_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """An audited encoder that is the only known robust one stands where it stands among the known ones."""
    for module in (audit_held, audit_known):
        monkeypatch.setattr(module, "ROBUST", ("embedded/robust",))
    images = load_data_set("digits", size=32, n_train=2, n_test=6)
    plan = quick_plan(0)
    done = audit.run(load_encoder("embedded/robust"), images, [], Threat("linf", 8 / 255), plan, checked=2, seed=0)
    held = audit_held.held(done, "embedded/robust", images, Threat("linf", 8 / 255), plan, seed=0, workers=1)
    assert held is not None
    assert held.bars.high_by == "embedded/robust"
    assert held.own.ratio == pytest.approx(held.bars.high)


def test_known_encoders_are_left_out_where_they_tell_nothing_but_not_where_one_is_damaged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = load_data_set("digits", size=32, n_train=2, n_test=3)
    arguments = (audited(), "mine", data, Threat("linf", 8 / 255), quick_plan(0))
    monkeypatch.setattr(audit_held, "load_encoder", lambda name: name)
    monkeypatch.setattr(audit_known, "examine", lambda *_, **__: [])
    assert audit_held.held(*arguments, seed=0, workers=1) is None

    def damaged(name: str) -> None:
        raise InputError(f"the weights of {name} are damaged")

    monkeypatch.setattr(audit_held, "load_encoder", damaged)
    with pytest.raises(InputError, match="the weights of embedded/robust are damaged"):
        audit_held.held(*arguments, seed=0, workers=1)


def test_the_verdict_in_words() -> None:
    done, yours = audited(labels=[0, 1, 0]), Subject("digits", None, 0)
    assert "The budget cut the attack" in filled(audit_verdict.headline(audited(FAILING), cut=True))
    assert "Failing: share of pixels whose gradient" in filled(
        audit_verdict.can_it_be_believed(audited(FAILING), cut=False)
    )
    believed = filled(audit_verdict.can_it_be_believed(done, cut=False))
    assert believed.endswith("that is no proof. No stronger search was made.")
    weak = audit_checks.examine((0.0, 0.0), np.zeros(2), searched(strong=[1.0, 2.2, np.nan]))[0]
    found = filled(audit_verdict.can_it_be_believed(audited(weak), cut=True))
    assert "On 2 images more steps and restarts add 6.7% to the score, more than the 2%" in found
    assert "raise `budget`." in found
    assert "Chance will not find" in filled(audit_verdict.against_noise(done))
    assert "digits 0.5; yours" in filled(audit_verdict.against_references(done.comparison("yours", 100, 0)))
    with_labels = filled(audit_verdict.with_labels(done, yours))
    assert "right on 100.0% of the clean images and, under every perturbation found, on 66.7%" in with_labels
    assert "fulfilled at 66.7%" in with_labels
    assert "subspace" not in with_labels
    assert "The images have no labels" in filled(audit_verdict.with_labels(audited(), yours))
    attacked = audit_verdict.what_was_attacked(yours, 3, 2)
    extra = {"encoder": "e", "threat": "t", "input_size": 32}
    assert "2 of them are smaller than the encoder's 32 pixels and were" in attacked[0].format(**attacked[1], **extra)


def test_the_heads_own_subspace_has_a_line_and_claims() -> None:
    z, reached = [[2.0, 0.0], [-2.0, 0.0], [2.0, 5.0]], np.array([[2.0, 3.0], [1.0, 0.0], [3.0, 5.0]])
    m = measurement(z, [[1.0, 0.0], [-1.0, 0.0]], [0, 1, 0], z_shift=reached.tolist())
    find = Find(KIND, np.arange(3), reached)
    m = dataclasses.replace(m, subspace=best_in_subspace(m.head, torch.tensor(z).double(), [find]))
    done = dataclasses.replace(audited(labels=[0, 1, 0]), measurement=m, points=table(m))
    words = filled(audit_verdict.with_labels(done, Subject("digits", None, 0)))
    assert "Of the 2 features the probe sees 1 direction." in words
    assert done.fulfilled.tolist() == [False, False, True]  # the first moves far, to where the head does not look
    assert words.endswith("fulfilled at 66.7%, of the 66.7% whose prediction nothing found changes.")
    entered: list[tuple[str, dict[str, Any]]] = []
    subspace_section.enter(
        within(done), lambda name, **values: entered.append((name, values)), encoder="mine", data="d"
    )
    assert [("subspace" in name, values["n"], values["lhs"]) for name, values in entered] == [(True, 2, 0.0)] * 2
    assert {(values["encoder"], values["data"]) for _, values in entered} == {("mine", "d")}
    assert within(audited(labels=[0, 1, 0])).empty


def test_what_the_files_hold() -> None:
    done, p = audited(labels=[0, 1, 0]), parameters.check({"loss_bound": 20.0, "rho": 0.05})
    theorems = Theorems(lemma=1.0, gap=2.0, theorem_1=25.0, all_heads=24.0)
    shown = audit_tables.theorems(done, theorems, (1.0, 2.5), p).set_index("")
    assert shown.loc["robust accuracy, under everything found", "value"] == "0.667"
    assert shown.loc["Lemma 1: right side, the AS score", "95% interval"] == "1 to 2.5"
    (row,) = [name for name in shown.index if name.startswith("prediction unchanged where fulfilled, by algebra")]
    assert shown.loc[row, "value"] == "2 of 2"
    assert pd.isna(shown.loc[row, "95% interval"])  # all of them by algebra: nothing was sampled
    (left,) = [name for name in shown.index if "attack on the representation found alone" in name]
    assert shown.loc[left, "value"] == "1.000"
    (weak,) = [name for name in shown.index if name.startswith("of these, flipped by an attack on the loss")]
    assert shown.loc[weak, "value"] == "0.333"  # of three, one: that attack was too weak there
    assert shown.loc[weak, "95% interval"] == shown_share(1, 3)
    budget = audit_budget.choose(encoder_of(), ASKED, 1.0, radii=5, labelled=True)
    rows = audit_tables.per_image(done, Subject("digits", None, 0), budget)
    assert list(rows.columns[:4]) == ["point", "file", "label", "predicted"]
    assert rows["shift"].tolist() == [2.0, 3.5, 0.0]
    compared = done.comparison("digits", 100, 0)
    summary = audit_tables.summary(done, compared, theorems)
    assert summary["checks"]["strong"] == {"n": 0, "found": None, "at_most": 0.02, "verdict": "not checked"}
    assert (summary["blocked_pairs"], summary["theorem_1"], summary["images"]) == (0.5, 25.0, 3)
    assert "theorem_1" not in audit_tables.summary(audited(), compared, None)
    assert audit_tables.checks(done.checks)["at most"].tolist()[:2] == ["0.5", "1e-05"]


def subject_of(**values: Any) -> Subject:
    return audit_subject.subject(parameters.check({"norm": "linf", "eps": "8/255", "n_test": 9, "seed": 0} | values))


def test_an_audit_has_one_subject(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for i, size in enumerate((40, 40, 10)):
        Image.new("RGB", (size, size), (i, 0, 0)).save(folder / f"{i}.png")
    mine = subject_of(data=f"folder:{folder}")
    assert (mine.title, mine.labelled, mine.one_class, mine.total, mine.testable) == ("your images", False, False, 3, 3)
    size = {"n_train": 5, "n_test": 2}
    assert len(mine.files(size)) == len(mine.relative_files(size)) == 2
    assert smaller_than(32, mine.files({"n_train": 5, "n_test": 3})) == 1
    digits = subject_of(data="digits")
    assert (digits.title, digits.labelled, digits.references) == ("digits", True, ["glyphs", "textures"])
    assert digits.files(size) == []


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"data": "glyphs, digits"}, "data names 2 data sets, glyphs, digits: audit one at a time"),
        ({"data": "digits", "eps": "0"}, "eps 0 allows no perturbation"),
        ({"data": "digits", "n_test": 1}, "n_test 1 is 1 image: an audit needs two"),
    ],
)
def test_what_cannot_be_audited_is_refused(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError) as caught:
        subject_of(**values)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
