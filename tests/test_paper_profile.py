"""Every chapter under the paper's two profiles, with random checkpoints of its two architectures, at a tiny size.

At their full width and depth for Theorem 2 alone, the wider one outside CI: what a chapter does with an encoder does
not depend on its size.
"""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import ROOT
from test_profiles import DECLARED
from test_robustbench import CIFAR, IMAGENET, _written
from torch import nn
from torchvision.models import resnet18

from rt_utils import cli
from rt_utils.models import robustbench

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("attacks_of_one_step")]
PROFILES = ROOT / "notebooks" / "profiles"
ENCODERS = {"paper.yaml": CIFAR, "paper_imagenet.yaml": f"{IMAGENET}:256"}
CASES = [
    (file, chapter)
    for file in ENCODERS
    for chapter, declared in DECLARED.items()
    if "profile" in declared and yaml.safe_load((PROFILES / file).read_text("utf-8")).get(chapter, "") is not None
    if file == "paper.yaml" or declared.keys() & {"encoder", "encoders"}  # without one, one file is enough
]


WHOLE = "theorem_2_criterion"
TINY = {"n_test": 2, "n_train": 4, "restarts": 1, "steps": 1, "floor_points": 0, "apgd_points": 0, "n_seeds": 1}
TINY |= {"seed_points": 2, "path_points": 2, "ft_points": 2, "sweep_points": 2, "n_switch": 2}
TINY |= {"probe_epochs": 2, "ft_epochs": 1, "resamples": 100, "budget": 20, "workers": 1}


def small_wide_resnet() -> nn.Module:
    from robustbench.model_zoo.architectures.wide_resnet import WideResNet

    network: nn.Module = WideResNet(depth=10, widen_factor=1, num_classes=100)
    return network


def small_resnet() -> nn.Module:
    from robustbench.model_zoo.architectures.utils_architectures import normalize_model

    network: nn.Module = normalize_model(resnet18(), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    return network


SMALL = {CIFAR: small_wide_resnet, IMAGENET: small_resnet}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[bool, Path]]:
    """A folder with both checkpoints, small (True), one for whole ones, and a cache that only these runs share."""
    pytest.importorskip("robustbench.model_zoo", reason="RobustBench is not installed")
    folders = {small: tmp_path_factory.mktemp("models") for small in (True, False)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RT_MODELS", str(folders[True]))
        shrink(patch)
        for encoder in ENCODERS.values():
            _written(encoder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield folders


def shrink(patch: pytest.MonkeyPatch) -> None:
    """RobustBench's names stand for small networks of the same kinds."""
    for name, network in SMALL.items():
        patch.setitem(robustbench._entries()[name], "model", network)


# Under paper.yaml the same code runs with another network, so the sweep over all chapters is there once in CI.
SWEEP = [
    pytest.param(*case, True, marks=pytest.mark.long)
    if case[0] == "paper_imagenet.yaml" and case[1] != WHOLE
    else (*case, case != ("paper.yaml", WHOLE))
    for case in CASES
]
SWEEP.append(pytest.param("paper_imagenet.yaml", WHOLE, False, marks=pytest.mark.long))


@pytest.mark.parametrize(("file", "chapter", "small"), SWEEP)
def test_a_chapter_runs(
    file: str,
    chapter: str,
    small: bool,
    checkpoints: dict[bool, Path],
    image_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RT_MODELS", str(checkpoints[small]))
    if small:
        shrink(monkeypatch)
    else:
        _written(ENCODERS[file])
    tiny = TINY | {"data": f"folder:{image_folder}", "results": "out"}
    options = [str(text) for name, value in tiny.items() if name in DECLARED[chapter] for text in ("-p", name, value)]
    cli.main(["run", chapter, "-q", "-f", str(PROFILES / file), *options])
    ledger = pd.read_csv("out/ledger.csv", keep_default_na=False)
    assert set(ledger.profile) == {"paper"}
    if DECLARED[chapter].keys() & {"encoder", "encoders"}:
        assert ENCODERS[file] in set(ledger.encoder)
        of_theorems = ledger[ledger.claim.str.match("Lemma 1|Theorem|Converse|Table [123]|Per sample")]
        assert {"holds"} <= set(of_theorems.verdict) <= {"holds", "no point"}
    if chapter == "section_5_1_cross_entropy":
        lemma = ledger[ledger.claim.str.contains("LHS is at most the AS score")]
        assert len(lemma) == 5  # Table 1, and four strengths of Table 2's penalty
        assert set(lemma.verdict) == {"holds"}
        assert (pd.to_numeric(lemma.rhs) > 0).all()
