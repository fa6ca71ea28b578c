"""Checkpoints as they come: each form gives the right features and says by which rule, or is refused in one line."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from rt_utils.models import libraries
from rt_utils.models.catalogue import check_encoder, load_encoder
from rt_utils.pages.parameters import check
from rt_utils.runtime.errors import InputError

ARCHITECTURE = "timm/test_byobnet"
SIZE = 64  # it takes any
X = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(2))
State = dict[str, torch.Tensor]


def network(seed: int = 3, classes: int = 4) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return timm.create_model("test_byobnet", num_classes=classes).eval()


STATE: State = network().state_dict()
OTHER = {key: value * 0.5 if value.is_floating_point() else value for key, value in STATE.items()}
TIMMS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # this architecture's own mean and std


def features(state: State, mean: tuple[float, ...] = TIMMS[0], std: tuple[float, ...] = TIMMS[1]) -> torch.Tensor:
    own = network()
    own.load_state_dict(state, strict=False)
    own.reset_classifier(0)
    with torch.no_grad():
        return own((X - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1))


def under(prefix: str, state: State = STATE) -> State:
    return {prefix + key: value for key, value in state.items()}


def buffers(key: str, value: float) -> State:
    return {key: torch.full((1, 3, 1, 1), value)}


def without(part: str) -> State:
    return {key: value for key, value in STATE.items() if part not in key}


N = len(STATE)
NORMALISER = buffers("normalize.mean", 0.25) | buffers("normalize.std", 0.125)
MADRY = under("module.model.") | under("module.attacker.model.")
for part in ("normalizer", "attacker.normalize"):
    MADRY |= buffers(f"module.{part}.new_mean", 0.25) | buffers(f"module.{part}.new_std", 0.125)
OWN = ((0.25,) * 3, (0.125,) * 3)

# What the file holds, what follows its name, the note, and the mean and std that must be in front of its weights.
TAKEN: list[tuple[str, Any, str, str, tuple[tuple[float, ...], tuple[float, ...]]]] = [
    ("bare", STATE, "", "its head has 4 classes", TIMMS),
    ("data parallel", under("module."), "", f"dropped prefix module. from {N} keys", TIMMS),
    ("compiled", under("_orig_mod."), "", f"dropped prefix _orig_mod. from {N} keys", TIMMS),
    ("both", under("module._orig_mod."), "", f"dropped prefix module._orig_mod. from {N} keys", TIMMS),
    ("net.", under("net."), "", f"dropped prefix net. from {N} keys", TIMMS),
    ("state_dict", {"state_dict": STATE, "epoch": 3}, "", "took the weights under 'state_dict'", TIMMS),
    ("net", {"net": STATE, "acc": 93.1}, "", "took the weights under 'net'", TIMMS),
    ("tutorial", {"model_state_dict": STATE, "optimizer_state_dict": {}}, "", "under 'model_state_dict'", TIMMS),
    ("two deep", {"model": {"state_dict": STATE}}, "", "took the weights under 'model.state_dict'", TIMMS),
    ("another name", {"theta": STATE, "epoch": 1}, "", "took the weights under 'theta'", TIMMS),
    ("loose number", {**STATE, "epoch": 3}, "", "left out 'epoch', which are no tensors", TIMMS),
    (
        "Lightning",
        {"pytorch-lightning_version": "2.5.0", "state_dict": under("model.") | {"loss.weight": torch.ones(4)}},
        "",
        f"dropped prefix model. from {N} keys, left out 1 keys without it, beginning loss (1)",
        TIMMS,
    ),
    (
        "both averages",
        {"state_dict": STATE, "state_dict_ema": OTHER},
        "",
        "took the weights under 'state_dict', and not 'state_dict_ema': add :key=state_dict_ema for that",
        TIMMS,
    ),
    ("average alone", {"ema": under("module.")}, "", "took the weights under 'ema', dropped prefix module.", TIMMS),
    ("averaged model", under("module.") | {"n_averaged": torch.tensor(5)}, "", "beginning n_averaged (1)", TIMMS),
    ("average beside", under("ema_model.", OTHER) | under("model."), "", "beginning ema_model", TIMMS),
    (
        "list",
        {"state_dict": [STATE, OTHER]},
        "",
        "took the weights under 'state_dict.0', the first of a list of 2, add :key=state_dict.1 for the next",
        TIMMS,
    ),
    ("list alone", [STATE, OTHER], "", "took the weights under '0', the first of a list of 2, add :key=1", TIMMS),
    ("a key with a dot", {"a": OTHER, "a.b": {"c": STATE}}, ":key=a.b.c", "under 'a.b.c'", TIMMS),
    ("a name that begins alike", {"a": {"b": STATE}, "a.b": 3}, ":key=a.b", "under 'a.b'", TIMMS),
    ("second of a list", {"state_dict": [OTHER, STATE]}, ":key=state_dict.1", "under 'state_dict.1'", TIMMS),
    ("teacher", {"student": OTHER, "teacher": under("backbone.")}, ":key=teacher", "dropped prefix backbone.", TIMMS),
    ("half", {k: v.half() for k, v in STATE.items()}, "", "made single precision from float16", TIMMS),
    ("bfloat16", {k: v.bfloat16() for k, v in STATE.items()}, "", "made single precision from bfloat16", TIMMS),
    ("no counters", without("num_batches_tracked"), "", "num_batches_tracked are not there", TIMMS),
    ("scalars in a row", {k: v[None] if v.ndim == 0 else v for k, v in STATE.items()}, "", "4 classes", TIMMS),
    ("no head", without("head.fc"), "", "the file has no head", TIMMS),
    (
        "another head",
        without("head.fc") | {"head.fc.0.weight": torch.ones(5, 9)},
        "",
        "left out its head, head.fc.0.weight",
        TIMMS,
    ),
    ("buffers", under("model.") | NORMALISER, "", "mean and std are the file's normalize.mean and normalize.std", OWN),
    ("Sequential", under("1.") | buffers("0.mean", 0.25) | buffers("0.std", 0.125), "", "are the file's 0.mean", OWN),
    ("mu and sigma", STATE | buffers("mu", 0.25) | buffers("sigma", 0.125), "", "are the file's mu and sigma", OWN),
    ("0 to 255", STATE | buffers("mean", 63.75) | buffers("std", 31.875), "", "divided by 255", OWN),
    ("MadryLab", {"model": MADRY, "epoch": 90}, "", "dropped prefix module.model. from", OWN),
    (
        "0 to 1 from 0 to 255",
        STATE | buffers("mean", 0) | buffers("std", 255),
        "",
        "divided by 255",
        ((0,) * 3, (1,) * 3),
    ),
    ("dark", STATE | buffers("mean", 1.2) | buffers("std", 51), "", "255", ((1.2 / 255,) * 3, (0.2,) * 3)),
    ("one for all", STATE | {"n.mean": torch.tensor([0.25]), "n.std": torch.tensor(0.125)}, "", "file's n.mean", OWN),
    ("no normalisation found", STATE, "", "no mean and std among its weights, so the architecture's: :mean=0", TIMMS),
    ("given", STATE | buffers("mean", 0.1) | buffers("std", 0.2), ":mean=0.25:std=0.125", "minus mean 0.25", OWN),
    ("no normalisation", STATE, ":mean=0:std=1", f"gets {SIZE} x {SIZE} pixels of [0, 1]", ((0.0,) * 3, (1.0,) * 3)),
]


@pytest.mark.parametrize(("name", "content", "options", "note", "wants"), TAKEN, ids=[name for name, *_ in TAKEN])
def test_taken_by_a_rule_that_is_said(
    name: str,
    content: Any,
    options: str,
    note: str,
    wants: tuple[tuple[float, ...], tuple[float, ...]],
    tmp_path: Path,
) -> None:
    torch.save(content, tmp_path / "net.pt")
    encoder = load_encoder(f"file:{tmp_path}/net.pt@{ARCHITECTURE}:{SIZE}{options}")
    assert note in ", ".join(encoder.notes)
    state = STATE
    if name in ("half", "bfloat16"):
        state = {key: value.float() if value.is_floating_point() else value.long() for key, value in content.items()}
    torch.testing.assert_close(encoder.features(X), features(state, *wants), rtol=1e-4, atol=1e-5)


def test_a_date_in_a_name_is_no_hash(tmp_path: Path) -> None:
    for name in ("resnet-20240131.pt", "slurm-12345678.pth"):
        torch.save(STATE, tmp_path / name)
        encoder = load_encoder(f"file:{tmp_path / name}@{ARCHITECTURE}:{SIZE}")
        assert "is taken for a date or a number, not for its hash" in encoder.notes[0]
    torch.save(STATE, tmp_path / "best-deadbeef.pt")
    with pytest.raises(InputError, match="its name says deadbeef: download it again"):
        load_encoder(f"file:{tmp_path}/best-deadbeef.pt@{ARCHITECTURE}")


def test_a_file_under_a_tag_has_the_tags_preprocessing_and_downloads_nothing(tmp_path: Path) -> None:
    save_file(timm.create_model("test_vit", num_classes=4).state_dict(), tmp_path / "model.safetensors")
    encoder = load_encoder(f"file:{tmp_path}/model.safetensors@timm/test_vit.r160_in1k")
    assert (encoder.input_size, encoder.width) == (160, 64)


def test_a_network_without_a_head_gives_its_own_output(tmp_path: Path) -> None:
    """DINOv2's architecture at a small size, random weights, from its name and from a file."""
    name = "timm/vit_small_patch14_dinov2:28"
    encoder, x = load_encoder(name), torch.rand(1, 3, 28, 28)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        own = timm.create_model("vit_small_patch14_dinov2", img_size=28).eval()
    mean, std = (torch.tensor(own.pretrained_cfg[key]).view(3, 1, 1) for key in ("mean", "std"))
    with torch.no_grad():
        expected = own((x - mean) / std)
    torch.testing.assert_close(encoder.features(x), expected, rtol=1e-4, atol=1e-5)
    assert "its output is the representation" in encoder.notes
    torch.save({"teacher": under("backbone.", own.state_dict())}, tmp_path / "dino.pth")
    assert torch.equal(load_encoder(f"file:{tmp_path}/dino.pth@{name}").features(x), encoder.features(x))


@pytest.mark.parametrize("name", ["vit_small_patch16_224.dino", "vit_tiny_patch16_224.augreg_in21k"])
def test_a_pretrained_name_of_timm_has_a_head_where_its_weights_have_one(name: str) -> None:
    built = libraries._build(f"timm/{name}", pretrained=False)
    assert built.headless == name.endswith(".dino")


class _Code:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("code of the file ran",)


REFUSED: list[tuple[str, Any, str, str]] = [
    (
        "complex",
        STATE | {"stem.conv.weight": STATE["stem.conv.weight"] * 1j},
        "",
        "holds 'stem.conv.weight' as complex64, whose scale is unknown: save it as float32",
    ),
    ("quantised", STATE | {"stem.conv.weight": STATE["stem.conv.weight"].char()}, "", "as int8, whose scale is"),
    ("code", {"state_dict": STATE, "x": _Code()}, "", "needs code to be read, print"),
    ("numpy", {"state_dict": STATE, "best": np.float64(61.3)}, "", "save the weights alone, torch.save("),
    ("arguments", {"state_dict": STATE, "args": argparse.Namespace(lr=0.1)}, "", "needs code to be read, argparse"),
    ("several", {"student": STATE, "teacher": OTHER}, "", "under 'student', 'teacher': add :key=KEY for one"),
    ("no such key", {"state_dict": STATE}, ":key=ema", "holds no weights under 'ema': it has 'state_dict'"),
    ("nothing", {"epoch": 3, "lr": 0.1}, "", "holds no state_dict, but 'epoch', 'lr'"),
    ("unlike", under("module.") | {"module.stem.conv.weight": torch.ones(2)}, "", "'stem.conv.weight' is (2,) in the"),
    (
        "two normalisations",
        STATE | NORMALISER | buffers("b.mean", 0.5) | buffers("b.std", 0.5),
        "",
        "holds normalisations that differ, 'normalize.mean', 'b.mean': give one, as in :mean=0:std=1",
    ),
    (
        "another network",
        {"a.b.c": torch.ones(2)},
        "",
        "is nothing in the file, (24, 3, 3, 3) there; its keys begin a.b (1)",
    ),
    ("an extra key", STATE | {"adapter": torch.ones(2)}, "", "'adapter' is (2,) in the file, nothing there"),
]


@pytest.mark.parametrize(("name", "content", "options", "reason"), REFUSED, ids=[name for name, *_ in REFUSED])
def test_refused_in_one_line(
    name: str, content: Any, options: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(content, tmp_path / "net.pt")
    with pytest.raises(InputError) as caught:
        load_encoder(f"file:{tmp_path}/net.pt@{ARCHITECTURE}:{SIZE}{options}")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""


def test_eight_bits_are_made_single_precision(tmp_path: Path) -> None:
    state = {k: v.to(torch.float8_e4m3fn) if v.is_floating_point() else v for k, v in STATE.items()}
    torch.save(state, tmp_path / "net.pt")
    encoder = load_encoder(f"file:{tmp_path}/net.pt@{ARCHITECTURE}:{SIZE}")
    assert "made single precision from float8_e4m3fn" in encoder.notes
    expected = features({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    torch.testing.assert_close(encoder.features(X), expected, rtol=1e-4, atol=1e-5)


def test_the_content_says_what_a_file_is_and_not_its_name(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "tensors.bin")
    torch.save(STATE, tmp_path / "pickle.safetensors")
    torch.save(STATE, tmp_path / "old.safetensors", _use_new_zipfile_serialization=False)
    for name in ("tensors.bin", "pickle.safetensors", "old.safetensors"):
        encoder = load_encoder(f"file:{tmp_path / name}@{ARCHITECTURE}:{SIZE}")
        torch.testing.assert_close(encoder.features(X), features(STATE), rtol=1e-4, atol=1e-5)
    for name, content in (("w.h5", b"\x89HDF\r\n\x1a\n"), ("w.onnx", b"\x08\x07pytorch"), ("w.gz", b"\x1f\x8b\x08")):
        (tmp_path / name).write_bytes(content + bytes(50))
        with pytest.raises(InputError, match=r"is no file that torch\.save or safetensors wrote: give safe"):
            load_encoder(f"file:{tmp_path / name}@{ARCHITECTURE}")


def test_a_bare_path_with_its_architecture_is_told_how_to_be_written(tmp_path: Path) -> None:
    (tmp_path / "net.pt").touch()
    name = f"{tmp_path}/net.pt@{ARCHITECTURE}"
    with pytest.raises(InputError, match=f"for weights in a file write 'file:{name}'$"):
        check_encoder(name)


def test_a_program_is_refused(tmp_path: Path) -> None:
    torch.jit.trace(torch.nn.Linear(2, 2), torch.rand(1, 2)).save(tmp_path / "net.pt")  # type: ignore[no-untyped-call]
    with pytest.raises(InputError, match="is a TorchScript program: where you trust it"):
        load_encoder(f"file:{tmp_path}/net.pt@{ARCHITECTURE}")


NAMES: list[tuple[str, str]] = [
    ("timm/test_vit:7", "ends in no image size: give a whole number from 8 to 1024"),
    ("timm/test_vit:mean=0", "gives mean or std alone"),
    ("timm/test_vit:mean=0:std=0", "has std=0: give one number, or three as in std=0.5/0.4/0.3"),
    ("timm/test_vit:mean=a/b/c:std=1", "has mean=a/b/c: give one number, or three"),
    ("timm/test_vit:96:64", "gives its size twice"),
    ("timm/test_vit:key=ema", "gives a key, which says where in a file the weights lie"),
    (f"file:{'a' * 5000}@timm/test_vit", "no file 'aaa"),
    ("file:~nobody-of-that-name/x@timm/test_vit", "no file '~nobody-of-that-name/x'"),
    ("file:/@timm/test_vit", "'/' is a folder: give file:PATH@timm/test_vit with"),
    (f"python:{'a' * 5000}.py:f", "no file 'aaa"),
    ("python:~nobody-of-that-name/x.py:f", "no file '~nobody-of-that-name/x.py'"),
    ("file:net.pt", "names no architecture: write file:PATH@torchvision/NAME, @timm/NAME, or, for a class of your own"),
]


@pytest.mark.parametrize(("name", "reason"), NAMES, ids=[name[:40] for name, _ in NAMES])
def test_wrong_options_of_a_name(name: str, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        check_encoder(name)
    assert reason in str(caught.value)


def test_options_of_a_name_of_a_library() -> None:
    made: Callable[[str], Any] = load_encoder
    encoder = made("torchvision/mobilenet_v3_small:64:mean=0:std=1")
    assert encoder.input_size == 64
    assert encoder.notes[0] == "gets 64 x 64 pixels of [0, 1]"
    names = "timm/test_vit:mean=0.5/0.4/0.3:std=1, pixels"
    assert check({"encoders": names}).encoders == ["timm/test_vit:mean=0.5/0.4/0.3:std=1", "pixels"]
