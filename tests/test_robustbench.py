"""RobustBench's names, with random checkpoints written where its loader looks for them."""

import importlib.util
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save
from torch import nn

from rt_utils.evaluation import published_accuracy
from rt_utils.images.data_set import DataSet, Split
from rt_utils.models import libraries, robustbench, robustbench_table
from rt_utils.models.catalogue import check_encoder, load_encoder
from rt_utils.models.networks import NETWORKS
from rt_utils.models.weights import digest
from rt_utils.pages import execution
from rt_utils.runtime import paths, processes
from rt_utils.runtime.errors import InputError
from rt_utils.training.natural_encoders import halves

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("robustbench") is None, reason="RobustBench is not installed: pip install -e '.[paper]'"
)
SMALL = "robustbench/cifar100/Linf/Addepalli2022Efficient_RN18"
CIFAR = "robustbench/cifar100/Linf/Addepalli2022Efficient_WRN_34_10"
IMAGENET = "robustbench/imagenet/Linf/Salman2020Do_50_2"


def _network(name: str) -> nn.Module:
    torch.manual_seed(5)
    network: nn.Module = robustbench._entries()[name.partition(":")[0]]["model"]().eval()
    return network


def _path(name: str) -> Path:
    return paths.models() / f"{name.partition(':')[0].removeprefix('robustbench/')}.pt"


def _written(name: str, state: dict[str, Any] | None = None) -> nn.Module:
    """The network whose random weights are now where RobustBench looks for that name's."""
    network, path = _network(name), _path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    # An ImageNet checkpoint holds the network without the layer that normalises: the loader puts "model." before it.
    held = {key.removeprefix("model."): value for key, value in network.state_dict().items()}
    torch.save({f"module.{key}": value for key, value in held.items()} if state is None else state, path)
    return network


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RT_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def _refusal(name: str) -> str:
    with pytest.raises(InputError) as caught:
        load_encoder(name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "size", "width"),
    [
        (SMALL, 32, 512),
        pytest.param(CIFAR, 32, 640, marks=pytest.mark.slow),
        pytest.param(IMAGENET, 224, 2048, marks=pytest.mark.slow),
        pytest.param(f"{IMAGENET}:256", 256, 2048, marks=pytest.mark.slow),
    ],
)
def test_features_times_the_head_are_the_models_own_logits(name: str, size: int, width: int, models: Path) -> None:
    written = _written(name)
    encoder, (classifier, head) = load_encoder(name), libraries.classifier(name)
    assert (encoder.input_size, encoder.width) == (size, width)
    assert not any(module.training for module in encoder.modules())
    pixels = torch.rand(2, 3, size, size)
    with torch.no_grad():
        own = written(pixels)
        torch.testing.assert_close(head(encoder.features(pixels)), own, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(classifier(pixels), own, rtol=1e-4, atol=1e-4)
    assert encoder.weights_sha256 == load_encoder(name).weights_sha256 == digest(written)


@pytest.mark.slow
def test_the_doubled_range_is_the_released_codes(models: Path) -> None:
    _written(SMALL)
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    plain, doubled = load_encoder(SMALL), load_encoder(f"{SMALL}:2x-1")
    assert torch.allclose(doubled(x), plain(2 * x - 1), atol=1e-5)
    assert not torch.allclose(doubled(x), plain(x), atol=1e-2)
    with pytest.raises(InputError, match="ends in no image size"):
        load_encoder(f"{SMALL}:2x")


@pytest.mark.slow
def test_it_travels_to_another_process(models: Path) -> None:
    """A worker that meets such a network first has not yet registered what RobustBench imports."""
    _written(SMALL)
    encoder, pixels = load_encoder(SMALL), torch.rand(1, 3, 32, 32)
    for z in processes.run([(encoder.features, (pixels,))] * 2, workers=2):
        torch.testing.assert_close(z, encoder.features(pixels), rtol=1e-4, atol=1e-5)


def _cut_short() -> None:
    _written(SMALL)
    _path(SMALL).write_bytes(_path(SMALL).read_bytes()[:1_000_000])


def _nan() -> None:
    state = _network(SMALL).state_dict()
    _written(SMALL, state | {"linear.bias": torch.full((100,), torch.nan)})


WRONG: list[tuple[Callable[[], object], str]] = [
    (
        lambda: _written(SMALL, {}) and _path(SMALL).write_text("<!DOCTYPE html>Quota"),
        "is a web page instead of weights",
    ),
    (_cut_short, "cannot be read as weights, or is cut short"),
    (_nan, "holds NaN or infinity in 'linear.bias'"),
    (lambda: _written(SMALL, {"conv1.weight": torch.zeros(3)}), "does not fit robustbench/cifar100/Linf/Addepalli"),
]


@pytest.mark.parametrize(("spoil", "reason"), WRONG)
def test_a_file_that_is_no_such_checkpoint(spoil: Callable[[], object], reason: str, models: Path) -> None:
    spoil()
    line = _refusal(SMALL)
    assert line.startswith(f"{str(_path(SMALL))!r} {reason}")
    assert "replace it by what https://drive.google.com/file/d/" in line


def test_a_file_that_the_loader_takes_though_it_fills_nothing(models: Path) -> None:
    """RobustBench 1.1.1 forgives an ImageNet checkpoint all that is missing, if its mean and std are missing too."""
    name = "robustbench/imagenet/Linf/Salman2020Do_R18"
    _written(name, {"fc.weight": torch.zeros(1000, 512)})
    assert "is not in the file" in _refusal(name)


def test_no_network(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from robustbench import utils

    def offline(*_: object) -> None:
        raise ConnectionError("HTTPSConnectionPool(host='drive.google.com')\nMax retries exceeded")

    monkeypatch.setattr(utils, "download_gdrive_new", offline)
    source = robustbench._entries()[SMALL]["gdrive_id"]
    assert _refusal(SMALL) == (
        f"cannot download https://drive.google.com/file/d/{source}/view (ConnectionError): "
        f"put that file at {str(_path(SMALL))!r}, or set RT_MODELS"
    )
    assert not list(models.rglob("*")), "empty folders were left"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("robustbench/cifar100/Linf/Addepalli2022Efficient_WRN_34_1", f"unknown encoder '{CIFAR[:-1]}': use {CIFAR}"),
        ("robustbench/cifar100/linf/Addepalli2022Efficient_WRN_34_10", CIFAR),
        ("robustbench/cifar11", "unknown encoder 'robustbench/cifar11': use robustbench/cifar10"),
        (f"{CIFAR}:big", f"ends in no image size: give a whole number from 32 to 1024, as in {CIFAR}:256"),
    ],
)
def test_a_name_that_does_not_exist(name: str, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        check_encoder(name)
    assert reason in str(caught.value)


def test_an_ensemble_is_refused_before_it_is_downloaded(models: Path) -> None:
    assert "is an ensemble and does not end in a linear" in _refusal("robustbench/cifar10/Linf/Chen2020Adversarial")


def test_without_robustbench(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "robustbench.model_zoo", None)
    assert "needs the package RobustBench" in _refusal(CIFAR)
    assert "pip install -e '.[paper]'" in _refusal(CIFAR)


@pytest.mark.slow
@pytest.mark.usefixtures("attacks_of_one_step")
def test_an_audit(models: Path, image_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _written(SMALL)
    monkeypatch.chdir(models.parent)
    given = {"n_test": 3, "n_train": 6, "restarts": 1, "steps": 2, "floor_points": 1, "apgd_points": 1}
    given |= {"probe_epochs": 2, "resamples": 100, "workers": 1, "results": "files", "budget": 3.0}
    execution.run(
        "audit", given | {"encoder": SMALL, "data": f"folder:{image_folder}"}, Path("out.ipynb"), progress=False
    )
    assert (
        json.loads(Path("files/audit.json").read_text("utf-8"))["weights_sha256"] == load_encoder(SMALL).weights_sha256
    )


def test_the_wide_network_of_the_natural_recipes() -> None:
    network = NETWORKS["WideResNet-28-4"]()
    assert sum(p.numel() for p in network.parameters()) < 6_000_000
    assert len(save(halves(network))) < 16 * 2**20
    assert network(torch.rand(2, 3, 32, 32)).shape == (2, network.width)


def test_the_tables_of_robustbench_know_every_name() -> None:
    names = [*robustbench._entries()]
    assert all(robustbench_table.clean_accuracy(name) is not None for name in names)
    assert robustbench_table.clean_accuracy(CIFAR) == pytest.approx(0.6875)
    assert robustbench_table.clean_accuracy(f"{CIFAR}:2x-1") is None
    assert robustbench_table.clean_accuracy(f"{IMAGENET}:256") is None


def test_weights_that_cannot_be_compared_are_not_verified(models: Path, tmp_path: Path) -> None:
    _written(SMALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RT_DATA", str(tmp_path / "nothing"))
        assert published_accuracy.loaded(SMALL).notes[-1] == (
            "weights not verified: cifar100 is not there to compare RobustBench's 65.5% clean accuracy"
        )
    doubled = published_accuracy.loaded(f"{SMALL}:2x-1").notes
    assert doubled[-1] == "weights not verified: RobustBench's tables give no clean accuracy under this name"
    assert not any("verified" in note for note in published_accuracy.loaded("pixels").notes)


@pytest.mark.parametrize(("share", "accepted"), [(0.66, True), (0.01, False), (0.95, False)])
@pytest.mark.slow
def test_a_clean_accuracy_far_from_robustbenchs_is_refused(
    share: float, accepted: bool, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """256 images whose labels the written network gets right on that share; RobustBench's is 65.45%."""
    _written(SMALL)
    monkeypatch.setenv("RT_CACHE", str(tmp_path / "cache"))
    encoder, n = load_encoder(SMALL), published_accuracy.IMAGES
    x = torch.randint(0, 256, (n, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    head = libraries.pretrained_head(SMALL, "cifar100", [str(k) for k in range(100)])
    assert head is not None
    predicted = head.logits(encoder.features(x)).argmax(1)
    labels = torch.where(torch.arange(n) < share * n, predicted, (predicted + 1) % 100)
    split = Split(x, labels)
    data = DataSet("cifar100", tuple(str(k) for k in range(100)), split, split, "made here")
    monkeypatch.setattr(published_accuracy, "check_data_set", lambda name: None)
    monkeypatch.setattr(published_accuracy, "load_data_set", lambda name, **_: data)
    if accepted:
        assert "with its own head; RobustBench's table says 65.5%" in published_accuracy.loaded(SMALL).notes[-1]
        wrong = Split(x, (predicted + 1) % 100)
        data = replace(data, test=wrong, fingerprint="other images under the name")
        with pytest.raises(InputError, match=r"right on 0\.0% of 256"):
            published_accuracy.loaded(SMALL)
    else:
        with pytest.raises(
            InputError, match=r"almost surely holds other weights .* in 10,000.*replace it by RobustBench's, or give"
        ):
            published_accuracy.loaded(SMALL)
