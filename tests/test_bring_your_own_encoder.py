"""The page "Bring your own encoder": its template, its examples and its commands do what it says."""

import re
import shutil
from pathlib import Path

import pytest
import timm
import torch
from conftest import ROOT, run_in

from rt_utils.models.catalogue import check_encoder, load_encoder
from rt_utils.models.user_code import DESCRIBES

PAGE = (ROOT / "book" / "bring_your_own_encoder.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
FILES = {code.split("\n")[0].removeprefix("# "): code for language, code in BLOCKS if language == "python"}
NAMED = re.findall(r"-p encoder (\S+)", "".join(code for language, code in BLOCKS if language == "bash"))
ENCODERS = [name for name in NAMED if "open_clip" not in name]  # of that one see test_other_libraries.py


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the page, and for each the weights that it reads."""
    root = tmp_path_factory.mktemp("own")
    shutil.copy(ROOT / "book" / "encoder_template.py", root / "encoder.py")
    for name, code in FILES.items():
        (root / name).write_text(code, "utf-8")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        classes: dict[str, type[torch.nn.Module]] = {}
        for file, kind in (("encoder.py", "Network"), ("own_class.py", "GreyNetwork")):
            exec((root / file).read_text("utf-8"), scope := {"__file__": str(root / file), "__name__": "page"})
            classes[file] = scope[kind]  # type: ignore[assignment]
        torch.save(classes["encoder.py"]().state_dict(), root / "weights.pt")
        torch.save(classes["own_class.py"]().state_dict(), root / "own_class.pt")
        vit = timm.create_model("vit_tiny_patch16_224", img_size=64, num_classes=0)
        torch.save(vit.state_dict(), root / "patch_mean.pt")
        state = timm.create_model("resnet10t", num_classes=7).state_dict()
    torch.save({key.replace("layer", "stage"): value for key, value in state.items()}, root / "renamed.pt")
    half = {f"module.backbone.{k}": v.half() for k, v in state.items() if not k.startswith("fc.")}
    projection = {"module.projection.weight": torch.ones(2, 2), "module.projection.bias": torch.ones(2)}
    student = {key: torch.zeros_like(value) for key, value in half.items()}
    torch.save({"student": student, "teacher": half | projection}, root / "odd.pt")
    return root


@pytest.fixture(autouse=True)
def _there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def test_the_page_has_what_is_tested_here() -> None:
    assert list(FILES) == ["own_class.py", "patch_mean.py", "renamed.py"]
    assert len(ENCODERS) == 6
    for key in DESCRIBES:
        assert f"`{key}`" in PAGE
        assert f'"{key}"' in (ROOT / "book" / "encoder_template.py").read_text("utf-8")


SHAPES = [(32, 32), (28, 100), (56, 384), (64, 192), (64, 512), (64, 512)]  # input size, width


@pytest.mark.parametrize(("name", "shape"), list(zip(ENCODERS, SHAPES, strict=True)))
def test_each_encoder_of_the_page(name: str, shape: tuple[int, int]) -> None:
    check_encoder(name)
    encoder = load_encoder(name)
    assert (encoder.input_size, encoder.width) == shape
    features = encoder.features(torch.rand(2, 3, shape[0], shape[0]))
    assert features.isfinite().all()
    assert features.abs().sum() > 0


def test_the_printed_rules_are_those_of_the_checkpoint() -> None:
    (printed,) = (code for language, code in BLOCKS if language == "text")
    (name,) = (name for name in ENCODERS if name.startswith("file:"))
    assert ", ".join(load_encoder(name).notes).split(", ") == ", ".join(printed.splitlines()).split(", ")


def test_the_renamed_checkpoint_and_the_odd_one_are_the_same_network() -> None:
    plain, odd = (
        load_encoder("python:renamed.py:encoder"),
        load_encoder("file:odd.pt@timm/resnet10t:64:key=teacher:mean=0:std=1"),
    )
    x = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(plain.features(x), odd.features(x), rtol=2e-2, atol=2e-2)  # one was rounded to halves


@pytest.mark.slow
def test_the_audit_of_a_class_of_ones_own_says_how_it_was_loaded(image_folder: Path, folder: Path) -> None:
    values = {"n_test": 8, "n_train": 24, "floor_points": 2, "apgd_points": 2, "steps": 2, "restarts": 1}
    values |= {"probe_epochs": 2, "workers": 1, "resamples": 100}
    chosen = {"encoder": "python:own_class.py:encoder", "data": f"folder:{image_folder}", "results": "audited"}
    run_in(folder, "audit", values | chosen)
    page = (folder / "out.ipynb").read_text("utf-8")
    assert "ran the user" in page
    assert "from 100 to 10" in page
    assert "from 100 to 10" in (folder / "audited" / "run.json").read_text("utf-8")
