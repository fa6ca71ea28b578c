"""Data sets that a user downloads, from tiny files in their own formats, and the real ones where they are."""

import hashlib
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torchvision
from conftest import ROOT, unpack_fashion_mnist
from PIL import Image

from rt_utils.images.catalogue import check_data_set, load_data_set
from rt_utils.pages import parameters
from rt_utils.runtime.errors import InputError

SHARED = ROOT.parent / "shared" / "data"
RNG = np.random.default_rng(0)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RT_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def _pickled(path: Path, content: dict[str, Any]) -> tuple[str, str]:
    """The file's name and MD5, as in torchvision's lists."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content))
    return path.name, hashlib.md5(path.read_bytes()).hexdigest()


def _cifar(name: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """CIFAR's format with 30 and 10 images, whose checksums torchvision now takes for the right ones."""
    kind, ten = (torchvision.datasets.CIFAR10, True) if name == "cifar10" else (torchvision.datasets.CIFAR100, False)
    key, folder, pixels, lists = "labels" if ten else "fine_labels", root / kind.base_folder, {}, {}
    for part, n in (("train", 30), ("test", 10)):
        pixels[part] = RNG.integers(0, 256, (n, 3, 32, 32), dtype=np.uint8)
        batch = {"data": pixels[part].reshape(n, -1), key: [i % 10 for i in range(n)]}
        lists[part] = [_pickled(folder / part, batch)]
    meta, md5 = _pickled(folder / "meta", {kind.meta["key"]: [f"class {i}" for i in range(10 if ten else 100)]})
    monkeypatch.setattr(kind, "train_list", lists["train"])
    monkeypatch.setattr(kind, "test_list", lists["test"])
    monkeypatch.setattr(kind, "meta", {**kind.meta, "filename": meta, "md5": md5})
    return pixels


def _rows(images: Any) -> set[bytes]:
    return {np.asarray(image).tobytes() for image in images}


@pytest.mark.parametrize(("name", "classes"), [("cifar10", 10), ("cifar100", 100)])
def test_cifar(name: str, classes: int, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = _cifar(name, root, monkeypatch)
    one, again, other = (load_data_set(name, size=32, n_train=20, n_test=50, seed=seed) for seed in (1, 1, 2))
    assert one.fingerprint == again.fingerprint != other.fingerprint
    assert len(one.classes) == classes
    assert (len(one.train), len(one.test)) == (20, 10)
    assert _rows(one.test.images) == _rows(pixels["test"])
    assert _rows(one.train.images) < _rows(pixels["train"])
    for image, label in zip(one.test.images, one.test.required_labels(), strict=True):
        assert (pixels["test"][label] == image.numpy()).all()
    assert load_data_set(name, size=48, n_test=5).test.images.shape == (5, 3, 48, 48)


def test_an_altered_cifar_is_not_unpickled(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _cifar("cifar10", root, monkeypatch)
    with (root / "cifar-10-batches-py" / "train").open("ab") as file:
        file.write(b"x")
    with pytest.raises(InputError, match=r"cifar10 in .* is incomplete or altered \(Dataset not found or corrupted\)"):
        load_data_set("cifar10", size=32)


def _idx(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = b"".join(n.to_bytes(4, "big") for n in values.shape)
    path.write_bytes(bytes([0, 0, 8, values.ndim]) + shape + values.tobytes())


def test_fashion_mnist_becomes_rgb(root: Path) -> None:
    raw, n = root / "FashionMNIST" / "raw", 20
    pixels = RNG.integers(0, 256, (n, 28, 28), dtype=np.uint8)
    for part in ("train", "t10k"):
        _idx(raw / f"{part}-images-idx3-ubyte", pixels)
        _idx(raw / f"{part}-labels-idx1-ubyte", np.arange(n, dtype=np.uint8) % 10)
    data = load_data_set("fashion-mnist", size=28, n_train=20, n_test=10)
    assert data.classes[0] == "T-shirt/top"
    assert (data.test.images == data.test.images[:, :1]).all()
    assert _rows(data.train.images[:, 0]) == _rows(pixels)
    (raw / "t10k-images-idx3-ubyte").write_bytes((raw / "t10k-images-idx3-ubyte").read_bytes()[:500])
    with pytest.raises(InputError, match=r"fashion-mnist in .* is incomplete or altered"):
        load_data_set("fashion-mnist", size=28)


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is absent")
def test_the_real_fashion_mnist(root: Path) -> None:
    unpack_fashion_mnist(SHARED, root)
    data = load_data_set("fashion-mnist", size=32, n_train=500, n_test=100)
    assert data.train.images.shape == (500, 3, 32, 32)
    assert data.test.required_labels().bincount().tolist() == [10] * 10


def _folders(folder: Path, classes: int) -> None:
    for part, n in (("train", 3), ("test", 2)):
        for label in range(classes):
            (folder / part / f"class {label}").mkdir(parents=True)
            for i in range(n):
                pixels = RNG.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / part / f"class {label}" / f"{i}.jpg")


def test_a_named_folder_of_images(root: Path) -> None:
    _folders(root / "cifar10_jpeg", 10)
    data = load_data_set("cifar10-jpeg", size=32, n_train=20, n_test=100)
    assert data.name == "cifar10-jpeg"  # as JPEG it is not CIFAR-10, and is not called so
    assert (len(data.train), len(data.test), len(data.classes)) == (20, 20, 10)
    for part in ("train", "test"):
        shutil.rmtree(root / "cifar10_jpeg" / part / "class 3")
    with pytest.raises(InputError, match=r"train' has 9 classes, cifar10-jpeg has 10: put all of CIFAR-10's images"):
        load_data_set("cifar10-jpeg", size=32)


def test_imagenet_as_torchvision_unpacks_it(root: Path) -> None:
    """Its classes in the order of their WordNet numbers, which is that of networks trained on it; val is for tests."""
    pixels = Image.fromarray(RNG.integers(0, 256, (30, 40, 3), dtype=np.uint8))
    for label in range(1000):
        for part in ("train", "val"):
            (folder := root / "imagenet" / part / f"n{10_000_000 - label:08}").mkdir(parents=True)
            pixels.save(folder / "ILSVRC2012_00000001.JPEG")
    data = load_data_set("imagenet", size=16, n_train=1000, n_test=10)
    assert data.classes == tuple(sorted(data.classes))
    assert data.classes[0] == "n09999001"
    assert (data.train.images.shape, len(data.test)) == ((1000, 3, 16, 16), 10)
    shutil.rmtree(root / "imagenet" / "train" / "n10000000")
    with pytest.raises(InputError, match="has 999 classes, imagenet has 1000"):
        load_data_set("imagenet", size=16)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("cifar10-jpeg", "put CIFAR-10's images as files there, as train/CLASS/FILE and test/CLASS/FILE"),
        ("imagenet", "put ILSVRC2012 from https://image-net.org as torchvision's ImageNet unpacks it"),
        ("tinyimagenet100", r"put the 100 classes of Tiny ImageNet that the card of natural/robust names"),
    ],
)
def test_a_named_folder_that_is_not_there(name: str, line: str, root: Path) -> None:
    with pytest.raises(InputError, match=f"no {name}: there is no folder '.*'; {line}"):
        load_data_set(name, size=32)


def _intel(folder: Path) -> None:
    for part, n in (("seg_train", 4), ("seg_test", 2)):
        for name in ("buildings", "forest", "glacier", "mountain", "sea", "street"):
            (folder / part / part / name).mkdir(parents=True)
            for i in range(n):
                pixels = RNG.integers(0, 256, (20, 20, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / part / part / name / f"{i}.jpg")


def test_intel_in_the_layout_of_its_archive(tmp_path: Path) -> None:
    _intel(tmp_path)
    data = load_data_set(f"intel:{tmp_path}", size=16, n_train=12, n_test=100)
    assert data.classes == ("buildings", "forest", "glacier", "mountain", "sea", "street")
    assert (len(data.train), len(data.test)) == (12, 12)
    shutil.rmtree(tmp_path / "seg_test" / "seg_test" / "sea")
    with pytest.raises(InputError, match=r"seg_test' lacks sea: unpack all of https://www.kaggle.com/"):
        load_data_set(f"intel:{tmp_path}", size=16)


def _dsprites(path: Path, n: int = 50, high: int = 2) -> np.ndarray:
    """Its format with few images; the metadata are an object that must not be unpickled."""
    images = RNG.integers(0, high, (n, 64, 64), dtype=np.uint8)
    values = np.stack([np.arange(n, dtype=float) for _ in range(6)], axis=1)
    values[:, 1] = 1 + np.arange(n) % 3
    np.savez_compressed(path, metadata=np.array({"x": Path()}), imgs=images, latents_values=values)
    return images


def test_dsprites(tmp_path: Path) -> None:
    images = _dsprites(tmp_path / "d.npz")
    data = load_data_set(f"dsprites:{tmp_path / 'd.npz'}", size=64, n_train=1000, n_test=1000, seed=3)
    assert (len(data.train), len(data.test)) == (40, 10)
    assert data.factors == ("scale", "orientation", "posX", "posY")
    assert not _rows(data.train.images) & _rows(data.test.images)
    for part in (data.train, data.test):
        assert part.factors is not None
        index = (part.factors[:, 0] * 49).round().long()
        assert (part.images[:, 0].numpy() == 255 * images[index]).all()
        assert (part.required_labels() == index % 3).all()


def _page(path: Path) -> None:
    path.write_text("<html>404</html>")


def _cut(path: Path) -> None:
    _dsprites(path)
    path.write_bytes(path.read_bytes()[:9000])


@pytest.mark.parametrize("spoil", [_page, _cut, lambda p: np.savez(p, imgs=1), lambda p: _dsprites(p, high=9)])
def test_a_file_that_is_not_dsprites(spoil: Callable[[Path], object], tmp_path: Path) -> None:
    spoil(tmp_path / "d.npz")
    with pytest.raises(InputError, match=r"d.npz' (cannot be read as|is not) dSprites.*google-deepmind") as caught:
        load_data_set(f"dsprites:{tmp_path / 'd.npz'}", size=64)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "cifar10",
            "no cifar10: there is no folder '{root}/cifar-10-batches-py'; download cifar-10-python.tar.gz from https://www.cs",
        ),
        (
            "cifar100",
            "no cifar100: there is no folder '{root}/cifar-100-python'; download cifar-100-python.tar.gz from https://",
        ),
        (
            "fashion-mnist",
            "no fashion-mnist: there is no folder '{root}/FashionMNIST/raw'; download its four .gz files from https://",
        ),
        ("intel:/nowhere", "no folder 'seg_train' in '/nowhere': unpack the archive of https://www.kaggle.com/"),
        (
            "dsprites:/no.npz",
            "no file '/no.npz': download dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz from https://",
        ),
        ("intel", "no folder 'seg_train' in '{root}/intel': unpack the archive of https://www.kaggle.com/"),
        ("dsprites", "no file '{root}/dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz': download"),
        ("cifar-10", "unknown data set 'cifar-10': use cifar10"),
    ],
)
def test_what_is_missing_is_said_before_anything_runs(name: str, reason: str, root: Path) -> None:
    with pytest.raises(InputError) as caught:
        check_data_set(name)
    assert str(caught.value).startswith(reason.format(root=root))
    assert "\n" not in str(caught.value)


def test_paths_may_hold_commas(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _intel(tmp_path / "mine, yours")
    _cifar("cifar10", root, monkeypatch)
    given = f"intel:{tmp_path / 'mine, yours'}, cifar10, glyphs"
    assert parameters.check({"data": given}).data == [f"intel:{tmp_path / 'mine, yours'}", "cifar10", "glyphs"]
