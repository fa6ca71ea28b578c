"""open_clip's towers, files for RobustBench's architectures, programs of torch.export: taken by rule, or refused."""

import importlib.util
from pathlib import Path

import pytest
import torch
from torch import nn

from rt_utils.models import libraries, robustbench
from rt_utils.models.catalogue import check_encoder, load_encoder
from rt_utils.runtime.errors import InputError

needs_clip = pytest.mark.skipif(importlib.util.find_spec("open_clip") is None, reason="extra clip is not installed")
needs_bench = pytest.mark.skipif(importlib.util.find_spec("robustbench") is None, reason="extra paper: not installed")
SMALL = "robustbench/cifar100/Linf/Addepalli2022Efficient_RN18"


def _refusal(name: str) -> str:
    with pytest.raises(InputError) as caught:
        load_encoder(name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@needs_clip
def test_the_names_of_open_clip() -> None:
    check_encoder("open_clip/ViT-B-32/laion2b_s34b_b79k")
    assert "or open_clip/ViT-B-32" in _refusal("open_clip/ViT-B-32x")
    assert "weights of open_clip/ViT-B-32 'laion'" in _refusal("open_clip/ViT-B-32/laion")


@needs_clip
def test_an_image_tower_with_random_weights_and_with_a_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The features are the tower's embedding of normalised pixels; the text tower's keys are left out, and said so."""
    import open_clip

    made: list[nn.Module] = []
    small = {"embed_dim": 16, "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16}}
    small |= {"text_cfg": {"context_length": 8, "vocab_size": 50, "width": 32, "heads": 2, "layers": 1}}
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "small", small)
    tokens = small | {"vision_cfg": {**small["vision_cfg"], "output_tokens": True}}
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "tokens", tokens)
    monkeypatch.setattr(open_clip, "list_models", lambda: ["small", "tokens"])
    encoder = load_encoder("open_clip/small")
    assert (encoder.input_size, encoder.width) == (32, 16)
    assert "its output is the representation" in encoder.notes
    assert encoder.weights_sha256 == load_encoder("open_clip/small").weights_sha256  # random, from a fixed seed
    with_tokens = load_encoder("open_clip/tokens")  # as CoCa's: the embedding, and each patch's
    torch.testing.assert_close(with_tokens(torch.ones(2, 3, 32, 32)), encoder(torch.ones(2, 3, 32, 32)))
    made.append(open_clip.create_model("small").eval())
    torch.save(made[0].state_dict(), tmp_path / "clip.pt")
    filed = load_encoder(f"file:{tmp_path / 'clip.pt'}@open_clip/small")
    x = torch.rand(2, 3, 32, 32)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (made[0].visual.image_mean, made[0].visual.image_std))
    with torch.no_grad():
        own = made[0].encode_image((x - mean) / std)  # type: ignore[operator]
    torch.testing.assert_close(filed(x), own, rtol=1e-4, atol=1e-5)
    assert any("dropped prefix visual." in note for note in filed.notes)
    assert any("left out" in note for note in filed.notes)


@needs_bench
def test_a_file_in_an_architecture_of_robustbench(tmp_path: Path) -> None:
    torch.manual_seed(3)
    network, size = robustbench.architecture(SMALL)
    torch.save({"model": {f"module.{key}": value for key, value in network.state_dict().items()}}, tmp_path / "a.pt")
    name = f"file:{tmp_path / 'a.pt'}@{SMALL}"
    check_encoder(name)
    encoder, (_, head) = load_encoder(name), libraries.classifier(name)
    x = torch.rand(2, 3, size, size)
    with torch.no_grad():
        torch.testing.assert_close(head(encoder(x)), network.eval()(x), rtol=1e-4, atol=1e-4)
    assert any("dropped prefix module." in note for note in encoder.notes)
    assert "unknown encoder" in _refusal(f"file:{tmp_path / 'a.pt'}@robustbench/cifar10/Linf/Nobody")


@needs_bench
def test_a_file_with_other_classes_for_robustbench_says_what_works(tmp_path: Path) -> None:
    network, _ = robustbench.architecture(SMALL)
    state = dict(network.state_dict())
    last = [key for key in state if key.endswith("weight")][-1]
    state[last], state[last.replace("weight", "bias")] = torch.zeros(7, 512), torch.zeros(7)
    torch.save(state, tmp_path / "a.pt")
    assert "has 7 classes" in (said := _refusal(f"file:{tmp_path / 'a.pt'}@{SMALL}"))
    assert "python:FILE.py:FACTORY" in said


def test_an_exported_program_is_refused_and_what_the_refusal_says_works(tmp_path: Path) -> None:
    import torchvision

    network = torchvision.models.resnet18(num_classes=3).eval()
    path, new = tmp_path / "net.pt2", tmp_path / "new.pt"
    torch.export.save(torch.export.export(network, (torch.rand(2, 3, 64, 64),)), path)
    said = _refusal(f"file:{path}@torchvision/resnet18")
    assert "torch.save(torch.export.load(PATH).state_dict, 'new.pt')" in said
    torch.save(torch.export.load(path).state_dict, new)
    encoder = load_encoder(f"file:{new}@torchvision/resnet18:64:mean=0:std=1")
    x = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        own = network(x)
        torch.testing.assert_close(encoder(x) @ network.fc.weight.T + network.fc.bias, own, rtol=1e-4, atol=1e-4)
