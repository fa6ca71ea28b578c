"""Every wrong input that we could think of, tried through `rt`: one line that names it, and nothing left behind."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from test_attacks import some_measurement

from rt_utils import cli
from rt_utils.evaluation import measure
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import DataSet, Split
from rt_utils.models.catalogue import load_encoder
from rt_utils.pages.files import save
from rt_utils.pages.parameters import check
from rt_utils.runtime import files
from rt_utils.runtime.errors import InputError
from rt_utils.training.finetuning import finetune

ARCHITECTURE = "torchvision/mobilenet_v3_small"
SMALL = {
    "n_test": 8,
    "n_train": 60,
    "floor_points": 2,
    "apgd_points": 2,
    "restarts": 1,
    "steps": 2,
    "probe_epochs": 2,
    "workers": 1,
}

# Seen by `rt` itself, before a kernel starts: options, and what the line must say.
AT_ONCE = [
    (["-p", "eps", "8"], "eps 8 is out of range"),
    (["-p", "eps", "-1/255"], "eps '-1/255' is out of range"),
    (["-p", "eps", "abc"], "eps 'abc' is not a number"),
    (["-p", "eps", "1/0"], "eps '1/0' divides by zero"),
    (["-p", "eps", "nan"], "eps nan is not finite"),
    (["-p", "eps", "inf"], "eps inf is not finite"),
    (["-p", "eps", "True"], "eps True is not a number"),
    (["-p", "data", "~nobody-of-that-name"], "unknown data set '~nobody-of-that-name'"),
    (["-p", "data", 300 * "long"], "unknown data set 'longlong"),
    (["-p", "encoders", 300 * "long"], "unknown encoder 'longlong"),
    (["-p", "norm", "l7"], "unknown norm 'l7': use linf or l2"),
    (["-p", "steps", "0"], "steps 0 is out of range"),
    (["-p", "steps", "2.5"], "steps 2.5 is not a whole number"),
    (["-p", "restarts", "-1"], "restarts -1 is out of range"),
    (["-p", "seed", "1.5"], "seed 1.5 is not a whole number"),
    (["-p", "seed", "abc"], "seed 'abc' is not a whole number"),
    (["-p", "probe_lr", "0"], "probe_lr 0 is out of range"),
    (["-p", "epss", "0.1"], "unknown parameter 'epss': use eps"),
    (["-p", "rho", "0.1"], "unknown parameter 'rho'"),  # another chapter's
    (["-p", "profile", "embeded"], "unknown profile 'embeded': use embedded"),
    (["-p", "encoders", "embedded/robst"], "unknown encoder 'embedded/robst': use embedded/robust"),
    (["-p", "encoders", "torchvision/resnet19"], "unknown encoder 'torchvision/resnet19': use torchvision/resnet18"),
    (["-p", "encoders", "timm/resnet18.nobody"], "unknown encoder 'timm/resnet18.nobody': use timm/resnet18."),
    (["-p", "encoders", "file:weights.pt"], "'file:weights.pt' names no architecture"),
    (["-p", "encoders", f"file:nowhere.pt@{ARCHITECTURE}"], "no file 'nowhere.pt'"),
    (["-p", "data", "digit"], "unknown data set 'digit': use digits"),
    (["-p", "data", "digits, digits"], "names the same thing twice"),
    (
        ["-p", "data", "/path/of/images"],
        "unknown data set '/path/of/images': where it is a folder of images, write 'fold",
    ),
    (["-p", "data", "photographs"], "unknown data set 'photographs': use folder:PATH, glyphs"),
    (["-p", "data", "folder:caf\udce9"], r"data 'folder:caf\udce9' holds '\udce9', which is no letter: rename that"),
    (["-p", "data", "folder:a\nb"], r"data 'folder:a\nb' holds '\n', which is no letter"),
    (["-p", "encoders", "file"], "unknown encoder 'file': for weights in a file write 'file:file@torchvision/NAME'"),
    (["-p", "encoders", "photographs"], "unknown encoder 'photographs': use torchvision/NAME, timm/NAME, file:PATH@"),
    (["-p", "eps", "8./0"], "eps '8./0' divides by zero"),
    (["-p", "eps", "8/255/2"], "eps '8/255/2' is not a number"),
    (["-p", "n_test", "1.5e0"], "n_test 1.5 is not a whole number"),
    (["-p", "n_test", "1e9"], "n_test 1000000000.0 is out of range"),
    (["-p", "data", ""], "data '' is not a name"),
    (["-p", "data", "folder:/nowhere"], "no folder '/nowhere'"),
    (["-p", "results", 300 * "long"], "cannot be written: File name too long"),
    (["-p", "results", "sent"], "results 'sent' holds a report of rt audit, whose files have the same names: name"),
    (["-o", 300 * "long"], "': File name too long"),
    (["-p", "results", "file/below"], "results 'file/below' cannot be written"),
    (["-o", "file/out.ipynb"], "cannot write 'file/out.ipynb'"),
    (["-f", "/nowhere.yaml"], "cannot read the profile '/nowhere.yaml'"),
    (["-f", "file"], "the profile 'file' is not flat"),
]


def _clear(folder: Path) -> None:
    shutil.rmtree(folder / "above")
    (folder / "above").mkdir()


def _truncated(folder: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (99, 99, 3), dtype=np.uint8)).save(buffer, "JPEG")
    (folder / "above" / "00.jpg").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])


def _float(folder: Path) -> None:
    Image.fromarray(np.zeros((40, 40), np.float32)).save(folder / "above" / "float.tif")


def _one_image(folder: Path) -> None:
    shutil.rmtree(folder / "below")
    for path in sorted((folder / "above").iterdir())[1:]:
        path.unlink()


def _no_classes(folder: Path) -> None:
    for name in ("above", "below"):
        for path in sorted((folder / name).iterdir()):
            path.rename(folder / f"{name}{path.name}")
        (folder / name).rmdir()


# Seen when the folder is read, the first thing that the chapter does: how the folder is spoiled, what the line says.
FOLDERS: list[tuple[str, Callable[[Path], object], str]] = [
    (
        "no image",
        lambda f: (f / "above" / "00.png").write_text("hello"),
        "'{f}/above/00.png' cannot be read as an image",
    ),
    (
        "empty file",
        lambda f: (f / "above" / "00.png").write_bytes(b""),
        "'{f}/above/00.png' cannot be read as an image",
    ),
    ("truncated", _truncated, "'{f}/above/00.jpg' cannot be read as an image"),
    ("empty class", _clear, "class 'above' in '{f}' holds no image"),
    ("nested", lambda f: (f / "above" / "deep").mkdir(), "class 'above' in '{f}' holds the folder 'deep'"),
    ("loose file", lambda f: (f / "notes.txt").write_text(""), "'{f}' holds both sub-folders and files ('notes.txt'"),
    ("one image", _one_image, "'{f}' holds one image: a probe needs at least two"),
    ("no labels", _no_classes, "this data set has no labels"),
    ("32 bits", _float, "'{f}/above/float.tif' cannot be read as an image (32 bits a pixel"),
    ("one class", lambda f: shutil.rmtree(f / "below"), "'folder:{f}' has one class, 'above': a probe needs at least"),
]


def _weights() -> dict[str, torch.Tensor]:
    return torchvision.models.mobilenet_v3_small(num_classes=10).state_dict()


def _nan(path: Path) -> None:
    torch.save(_weights() | {"features.0.0.weight": torch.full((16, 3, 3, 3), torch.nan)}, path)


def _narrow_head(path: Path) -> None:
    torch.save(_weights() | {"classifier.3.weight": torch.zeros(10, 7)}, path)


def _missing(path: Path) -> None:
    save_file({name: value for name, value in _weights().items() if name != "features.0.0.weight"}, path)


# Seen when the weights are loaded: name of the file, what is written to it, what the line says.
WEIGHTS: list[tuple[str, Callable[[Path], object], str]] = [
    ("nan.pt", _nan, "'nan.pt' holds NaN or infinity in 'features.0.0.weight'"),
    ("other.pt", lambda p: torch.save(torchvision.models.resnet18().state_dict(), p), "'other.pt' does not fit"),
    ("head.pt", _narrow_head, "the head in 'head.pt' has shape (10, 7)"),
    ("missing.safetensors", _missing, "'features.0.0.weight' is nothing in the file"),
    ("net-0123456789ab.pt", lambda p: torch.save(_weights(), p), "its name says 0123456789ab: download it again"),
    (
        "page.pt",
        lambda p: p.write_text("<html>404</html>"),
        "'page.pt' is a web page instead of weights: give safetensors",
    ),
    (
        "page.safetensors",
        lambda p: p.write_text("<html>404</html>"),
        "'page.safetensors' is a web page instead of weights",
    ),
    (
        "whole.pt",
        lambda p: torch.save(torchvision.models.mobilenet_v3_small(), p),
        "'whole.pt' holds more than a state_dict",
    ),
    ("list.pt", lambda p: torch.save([1, 2], p), "'list.pt' holds no state_dict"),
]


def refused(options: list[str], chapter: str = "theorem_2_criterion") -> str:
    with pytest.raises(SystemExit) as caught:
        cli.main(["run", chapter, "-q", *options])
    line = str(caught.value)
    assert line.startswith("rt: ")
    assert line.count("\n") <= 2
    assert "Traceback" not in line
    return line


def small(**values: object) -> list[str]:
    return [text for name, value in (SMALL | values).items() for text in ("-p", name, str(value))]


@pytest.mark.parametrize(("options", "reason"), AT_ONCE, ids=[" ".join(options) for options, _ in AT_ONCE])
def test_refused_at_once(options: list[str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "sent").mkdir()
    (tmp_path / "sent" / "report.json").write_text('{"encoders_audited": []}')
    assert reason in refused(options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "sent"]  # nothing ran, nothing was written


@pytest.mark.parametrize(("name", "spoil", "reason"), FOLDERS, ids=[name for name, *_ in FOLDERS])
def test_folders(name: str, spoil: Callable[[Path], object], reason: str, image_folder: Path) -> None:
    """All of them in this process; every third through `rt` below."""
    spoil(image_folder)
    with pytest.raises(InputError) as caught:
        load_data_set(f"folder:{image_folder}", size=32, n_train=100, n_test=100).check_trainable()
    assert reason.format(f=image_folder) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fit", [measure.fit_probes, finetune], ids=["a probe", "finetuning"])
def test_a_set_that_trains_too_few_classes_is_refused_where_heads_are_fitted(
    fit: Callable[..., object], image_folder: Path
) -> None:
    data = load_data_set(f"folder:{image_folder}", size=32, n_train=30, n_test=10)
    above, below = ((data.train.labels == label).nonzero()[:, 0] for label in (0, 1))
    tested = (data.test.labels == 0).nonzero()[:, 0]
    encoder, head = load_encoder("embedded/random", fold=False), (None,) if fit is finetune else ()

    def refusal(train: torch.Tensor, test: torch.Tensor) -> str:
        parts = (Split(part.images[some], part.labels[some]) for part, some in ((data.train, train), (data.test, test)))
        other = DataSet(data.name, data.classes, *parts, fingerprint="spoiled")
        with pytest.raises(InputError) as caught:
            fit([(encoder, other, *head)], ProbeSettings(1), workers=1)
        return str(caught.value).replace(str(image_folder), "F")

    assert refusal(below, torch.arange(10)) == (
        f"no training image of 'folder:F' shows class 'above' ({len(tested)} tested): "
        f"give it more images, or train on more than {len(below)} (n_train)"
    )
    assert refusal(above, tested) == (
        f"all {len(above)} training images of 'folder:F' are of class 'above': "
        "a probe needs at least two classes, so train on more (n_train)"
    )


@pytest.mark.slow
@pytest.mark.parametrize(("name", "spoil", "reason"), FOLDERS[::3], ids=[name for name, *_ in FOLDERS[::3]])
def test_folders_through_rt(
    name: str, spoil: Callable[[Path], object], reason: str, image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(image_folder)
    monkeypatch.chdir(image_folder.parent)
    line = refused(small(data=f"folder:{image_folder}", n_train=100, n_test=100, encoders="embedded/random"))
    assert reason.format(f=image_folder) in line
    assert [path.name for path in image_folder.parent.iterdir()] == ["images"]


@pytest.mark.parametrize(("name", "write", "reason"), WEIGHTS, ids=[name for name, *_ in WEIGHTS])
def test_weights(
    name: str, write: Callable[[Path], object], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them in this process; the first five through `rt` below."""
    monkeypatch.chdir(tmp_path)
    write(Path(name))
    with pytest.raises(InputError) as caught:
        load_encoder(f"file:{name}@{ARCHITECTURE}")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "write", "reason"), WEIGHTS[:5], ids=[name for name, *_ in WEIGHTS[:5]])
def test_weights_through_rt(
    name: str, write: Callable[[Path], object], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NaN, another architecture, a head of another width, a weight that is missing, a wrong hash."""
    monkeypatch.chdir(tmp_path)
    write(Path(name))
    assert reason in refused(small(encoders=f"file:{name}@{ARCHITECTURE}", data="digits"))
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.slow
def test_no_space_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything written to /dev/full fails as on a full disk; files are written under a name with their writer."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"out.{files.writer()}.partial.ipynb").symlink_to("/dev/full")
    line = refused(["-o", "out.ipynb", "-p", "results", "r"], "definition_1_lipschitz_losses")
    assert line == "rt: cannot write 'out.ipynb': No space left on device"
    assert not list(tmp_path.glob("*.ipynb"))


def test_no_space_left_for_the_results(tmp_path: Path) -> None:
    (tmp_path / f".points.csv.{files.writer()}.partial").symlink_to("/dev/full")
    with pytest.raises(InputError, match=r"cannot write the results to .*: No space left on device"):
        save(tmp_path, check({"eps": "1/255"}), [], [some_measurement()], [], 0.0)
    assert not list(tmp_path.glob("points.csv"))


def test_odd_images_are_handled_and_a_radius_of_zero_gives_zero(
    image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Grey, CMYK, 16-bit, palette, transparent, EXIF orientation, mixed sizes; eps 0."""
    rng = np.random.default_rng(1)
    above = sorted((image_folder / "above").iterdir())
    grey = Image.fromarray(rng.integers(0, 255, (50, 30), dtype=np.uint8))
    for path, image in zip(above, (grey, grey.convert("P"), grey.convert("LA")), strict=False):
        image.save(path)
    Image.fromarray(rng.integers(0, 65535, (31, 47), dtype=np.uint16)).save(above[3])
    exif = Image.Exif()
    exif[0x0112] = 6
    grey.save(image_folder / "above" / "turned.jpg", exif=exif)
    grey.convert("CMYK").save(image_folder / "above" / "cmyk.jpg")
    monkeypatch.chdir(image_folder.parent)
    values = small(
        data=f"folder:{image_folder}", n_train=100, n_test=20, eps="0", results="out", encoders="embedded/random"
    )
    cli.main(["run", "theorem_1_loss_gap", "-q", *values, "-p", "resamples", "100"])
    ledger = pd.read_csv("out/ledger.csv")
    lemma = ledger[ledger.claim.str.startswith("Lemma 1")]
    assert len(lemma) == 3
    assert (lemma[["lhs", "rhs"]] == 0).all(axis=None)
    assert set(lemma.verdict) == {"holds"}
