"""Folders as people bring them: read as they are meant, or refused in one line that says what was found."""

import os
import struct
import unicodedata
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from rt_utils.images import folder, listing, places
from rt_utils.images.catalogue import check_data_set, load_data_set
from rt_utils.models import weights
from rt_utils.runtime.errors import InputError

CLASSES = ("cat", "dog")
REMEDY = "remove it, or put a PNG or JPEG in its place"


def put(where: Path, n: int, grey: int = 90) -> None:
    """So many small images of one grey in a folder."""
    where.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        Image.new("L", (9, 9), grey + i).save(where / f"{i}.png")


def sorted_in(root: Path, n: int = 2, classes: Sequence[str] = CLASSES) -> None:
    """A folder with one sub-folder a class."""
    for label, name in enumerate(classes):
        put(root / name, n, 60 * label)


def refusal(root: Path) -> str:
    """What is said at once, before a page starts, of a folder called F."""
    with pytest.raises(InputError) as caught:
        check_data_set(f"folder:{root}")
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(root), "F")


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train", "valid"),
        ("Training", "Test"),
        ("train", "validation"),
        ("training", "test"),
        ("TRAIN", "VAL"),
        ("train", "dev"),
        ("seg_train", "seg_test"),
    ],
)
def test_splits_by_their_usual_names(train: str, test: str, tmp_path: Path) -> None:
    sorted_in(tmp_path / train, 3)
    sorted_in(tmp_path / test, 2)
    data = load_data_set(f"folder:{tmp_path}", size=8)
    assert (len(data.train), len(data.test), data.classes) == (6, 4, CLASSES)


def test_of_several_test_splits_the_first_that_is_sorted_into_classes(tmp_path: Path) -> None:
    sorted_in(tmp_path / "train", 3)
    sorted_in(tmp_path / "val", 2)
    put(tmp_path / "test", 5)  # a competition's, without labels
    assert len(load_data_set(f"folder:{tmp_path}", size=8).test) == 4
    sorted_in(tmp_path / "test2", 1)
    (tmp_path / "test").rename(tmp_path / "unlabelled")
    (tmp_path / "test2").rename(tmp_path / "test")
    assert len(load_data_set(f"folder:{tmp_path}", size=8).test) == 2


def test_splits_without_labels_stay_splits(tmp_path: Path) -> None:
    put(tmp_path / "train", 3)
    put(tmp_path / "test", 2)
    data = load_data_set(f"folder:{tmp_path}", size=8)
    assert (len(data.test), data.test.labels, data.classes) == (2, None, ())


def test_a_class_may_have_the_name_of_a_split(tmp_path: Path) -> None:
    sorted_in(tmp_path, classes=("invalid", "valid"))
    assert load_data_set(f"folder:{tmp_path}", size=8).classes == ("invalid", "valid")


def _mac(root: Path) -> None:
    for name in CLASSES:
        (root / "__MACOSX" / name).mkdir(parents=True)
        (root / "__MACOSX" / name / "._0.png").write_bytes(b"\0\5\26\7" + bytes(80))


def _synology(root: Path) -> None:
    (root / "cat" / "@eaDir" / "0.png").mkdir(parents=True)


def _windows(root: Path) -> None:
    (root / "cat" / "Thumbs.db").write_bytes(b"x")
    (root / "Desktop.ini").write_bytes(b"x")


def _jupyter(root: Path) -> None:
    (root / ".ipynb_checkpoints").mkdir()


@pytest.mark.parametrize("litter", [_mac, _synology, _windows, _jupyter])
def test_what_systems_leave_is_passed_over(litter: Callable[[Path], None], tmp_path: Path) -> None:
    sorted_in(tmp_path)
    litter(tmp_path)
    assert listing.of(tmp_path).classes == CLASSES
    assert len(listing.of(tmp_path).paths) == 4


def test_links_are_followed(tmp_path: Path) -> None:
    """To class folders, to the root, to files."""
    sorted_in(tmp_path / "store")
    root = tmp_path / "data"
    root.mkdir()
    for name in CLASSES:
        (root / name).symlink_to(tmp_path / "store" / name)
    (tmp_path / "again").symlink_to(root)
    (tmp_path / "store" / "dog" / "9.png").symlink_to(tmp_path / "store" / "dog" / "1.png")
    for given in (root, tmp_path / "again"):
        data = load_data_set(f"folder:{given}", size=8)
        assert len(data.train) + len(data.test) == 5


def test_a_broken_link_is_named(tmp_path: Path) -> None:
    sorted_in(tmp_path)
    (tmp_path / "cat" / "9.png").symlink_to("/nowhere/annex/9.png")
    assert refusal(tmp_path).startswith("'F/cat/9.png' is a link to '/nowhere/annex/9.png', which is not there: fetch")


def test_a_link_to_itself_and_a_broken_link_among_classes_are_named(tmp_path: Path) -> None:
    sorted_in(tmp_path)
    (tmp_path / "eel").symlink_to(tmp_path / "eel")
    assert refusal(tmp_path).startswith("'F/eel' is a link to 'F/eel', which is not there")
    (tmp_path / "eel").unlink()
    os.mkfifo(tmp_path / "cat" / "pipe.png")  # opening it would wait for ever
    assert refusal(tmp_path) == "'F/cat/pipe.png' is neither a file nor a folder: remove it"
    (tmp_path / "cat" / "pipe.png").unlink()
    put(tmp_path / "flat", 1)
    (tmp_path / "flat" / "gone.png").symlink_to("gone")
    assert "'F/gone.png' is a link to 'gone'" in refusal(tmp_path / "flat")  # was passed over in silence


def test_a_file_that_goes_before_it_is_read_is_named(tmp_path: Path) -> None:
    sorted_in(tmp_path)
    with pytest.raises(InputError, match=r"gone.png' cannot be read as an image \(.*No such file"):
        folder._read(([tmp_path / "gone.png"], None), 8)


def _train_alone(root: Path) -> None:
    sorted_in(root / "train")
    sorted_in(root / "extra")


def _flat_val(root: Path) -> None:
    sorted_in(root / "train")
    put(root / "val", 2)


def _flat_train(root: Path) -> None:
    put(root / "train", 2)
    sorted_in(root / "test")


def _odd(root: Path) -> None:
    sorted_in(root / "train", classes=("cat", "cow", "dog"))
    sorted_in(root / "test", classes=("cat", "dog", "eel"))


NOT_SETS: list[tuple[Callable[[Path], object], str]] = [
    (
        _train_alone,
        "'F' holds 'train' and no test split, beside 'extra': name it test, testing, val, valid or validation, "
        "or give folder:F/train, to be split at random",
    ),
    (lambda f: sorted_in(f / "Test"), "'F' holds 'Test' and no training split: name it train or training, or give"),
    (
        _flat_val,
        "'val' in 'F' holds images, 'train' class folders: sort those of 'val' into one sub-folder a class, or give "
        "folder:F/train, to be split at random",
    ),
    (_flat_train, "'train' in 'F' holds images, 'test' class folders"),
    (_odd, "'test' and 'train' in 'F' differ in their classes: 'cow' in 'train' alone, 'eel' in 'test' alone"),
    (
        lambda f: sorted_in(f / "data"),
        "class 'data' in 'F' holds the folder 'cat': put images there, or give folder:F/",
    ),
    (
        lambda f: (sorted_in(f / "set1"), sorted_in(f / "set2")),
        "class 'set1' in 'F' holds the folder 'cat': put images there, or name splits train and test",
    ),
    (lambda f: sorted_in(f, classes=("caf\u00e9", "cafe\u0301")), "holds two folders that are spelled 'caf\u00e9'"),
]


@pytest.mark.parametrize(("make", "said"), NOT_SETS)
def test_what_is_no_set_is_refused_with_what_was_found(
    make: Callable[[Path], object], said: str, tmp_path: Path
) -> None:
    make(tmp_path)
    assert said in refusal(tmp_path)


def test_composed_and_decomposed_letters_name_the_same_class(tmp_path: Path) -> None:
    names = ("caf\u00e9", "\u00fcber")
    sorted_in(tmp_path / "train", classes=names)
    sorted_in(tmp_path / "test", classes=[unicodedata.normalize("NFD", name) for name in names])
    data = load_data_set(f"folder:{tmp_path}", size=8)
    assert data.classes == names
    assert data.train.required_labels().bincount().tolist() == data.test.required_labels().bincount().tolist() == [2, 2]


@pytest.mark.parametrize("name", ["labels.csv", "Annotations.JSON", "classes.txt"])
def test_labels_in_a_file_are_told_where_labels_are_read(name: str, tmp_path: Path) -> None:
    """Beside images, and beside folders 0 and 1 of which it holds the names."""
    put(tmp_path / "flat", 2)
    sorted_in(tmp_path / "sorted", classes=("0", "1"))
    for kind in ("flat", "sorted"):
        (tmp_path / kind / name).write_text("0.png,cat", "utf-8")
    said = refusal(tmp_path / "flat")
    assert said == (
        f"'F' holds images and {name!r}, and no labels are read from a file: "
        "sort the images into one sub-folder a class, or move it away for a set without labels"
    )
    assert refusal(tmp_path / "sorted").endswith("; no labels or class names are read from a file: move it away")
    (tmp_path / "sorted" / name).unlink()
    assert listing.of(tmp_path / "sorted").classes == ("0", "1")


def test_labels_follow_the_names(tmp_path: Path) -> None:
    """Folders 0 to 11 sort as texts: the label of a file is the place of its folder's name among the classes."""
    sorted_in(tmp_path, 1, classes=[str(i) for i in range(12)])
    found = listing.of(tmp_path)
    assert found.classes[:3] == ("0", "1", "10")
    assert found.labels is not None
    assert [path.parent.name for path in found.paths] == [found.classes[label] for label in found.labels]


def test_a_name_that_is_no_text_is_escaped() -> None:
    assert listing.shown(os.fsdecode(b"caf\xe9_1.png")) == r"caf\udce9_1.png"
    assert listing.shown("two\nlines\u2028") == r"two\nlines\u2028"
    assert listing.shown("my caf\u00e9, 2.png") == "my caf\u00e9, 2.png"


def _exif(*entries: bytes, extra: bytes = b"") -> bytes:
    return b"Exif\0\0II*\0" + struct.pack("<LH", 8, len(entries)) + b"".join(entries) + struct.pack("<L", 0) + extra


def test_an_image_whose_exif_cannot_be_written_again_is_read_and_turned(tmp_path: Path) -> None:
    """A resolution of -1/0, which Pillow reads and cannot pack; orientation 6, a quarter turn."""
    orientation = struct.pack("<HHLHH", 0x0112, 3, 1, 6, 0)
    resolution = struct.pack("<HHLL", 0x011A, 10, 1, 8 + 2 + 2 * 12 + 4)
    pixels = np.zeros((20, 20), np.uint8)
    pixels[:10] = 255  # bright above; turned, bright at the right
    exif = _exif(orientation, resolution, extra=struct.pack("<ll", -1, 0))
    Image.fromarray(pixels).save(tmp_path / "phone.jpg", exif=exif, quality=95)
    turned = folder.decode(tmp_path / "phone.jpg", 10)
    assert turned[:, :, 6:].min() > 200
    assert turned[:, :, :4].max() < 50


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_pillows(orientation: int, tmp_path: Path) -> None:
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.fromarray(np.arange(16 * 16, dtype=np.uint8).reshape(16, 16))
    picture.save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as opened:
        assert (folder.decode(tmp_path / "turned.png", 16)[0] == np.asarray(ImageOps.exif_transpose(opened))).all()


@pytest.mark.parametrize("error", [struct.error("argument out of range"), IndexError(), ZeroDivisionError("a\nb")])
def test_whatever_pillow_raises_names_the_file(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, 1)

    def broken(self: object) -> None:
        raise error

    monkeypatch.setattr(ImageFile.ImageFile, "load", broken)
    with pytest.raises(InputError) as caught:
        folder.decode(tmp_path / "0.png", 8)
    line = next(iter(str(error).splitlines()), type(error).__name__)
    assert str(caught.value) == f"'{tmp_path}/0.png' cannot be read as an image ({line}): {REMEDY}"


def test_pillows_warnings_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, 1)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)  # 81 pixels: between one and two times, which it warns of
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        folder.decode(tmp_path / "0.png", 8)
        assert folder.smaller_than(10, [tmp_path / "0.png"]) == 1


@pytest.mark.parametrize("name", ["/path/of/images", "my/images", "flat"])
def test_a_bare_path_is_told_how_to_be_written(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put(Path("flat"), 1)
    with pytest.raises(InputError, match=f"unknown data set '{name}': where it is a folder .* write 'folder:{name}'"):
        check_data_set(name)
    with pytest.raises(InputError, match="unknown data set 'photographs': use folder:PATH, "):
        check_data_set("photographs")


def test_a_command_lists_a_folder_once_to_check_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Path] = []
    monkeypatch.setattr(places.listing, "parts", seen.append)
    for _ in range(3):
        places.check_folder(f"folder:{tmp_path}")
    assert seen == [tmp_path.resolve()]
    (tmp_path / "new").mkdir()
    places.check_folder(f"folder:{tmp_path}")
    assert len(seen) == 2


def _counted(chosen: np.ndarray, labels: list[int]) -> list[int]:
    return np.bincount(np.asarray(labels)[chosen], minlength=max(labels) + 1).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_a_class_with_one_image_trains_and_the_others_are_stratified_all_the_same(seed: int) -> None:
    labels = [0] * 20 + [1] + [2] * 40 + [3]
    chosen, rest = folder.pick(labels, len(labels), 15, seed)
    assert _counted(chosen, labels) == [5, 0, 10, 0]
    assert sorted([*chosen, *rest]) == list(range(len(labels)))
    pairs = [label for label in range(12) for _ in range(2)] + [12]  # more classes than images to choose
    chosen, rest = folder.pick(pairs, len(pairs), 11, seed)
    assert len(chosen) == 11
    assert min(_counted(rest, pairs)) >= 1
    assert len(folder.pick([0, 1, 2], 3, 2, seed)[0]) == 2  # where it must, it takes what is alone


def test_a_single_image_of_a_split_is_trained_on(tmp_path: Path) -> None:
    for part, counts in (("train", {"cat": 9, "dog": 9, "rare": 1}), ("test", {"cat": 3, "dog": 3, "rare": 1})):
        for name, n in counts.items():
            (tmp_path / part / name).mkdir(parents=True)
            for i in range(n):
                (tmp_path / part / name / f"{i}.png").touch()
    for seed in range(5):
        (_, train), _, classes = folder.split(str(tmp_path), n_train=8, n_test=7, seed=seed)
        assert train is not None
        assert np.bincount(train)[classes.index("rare")] == 1


@pytest.mark.parametrize("name", ["IMG_0001.HEIC", "drawing.svg", "labels.txt"])
def test_what_pillow_does_not_read_is_told_what_to_be(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    with pytest.raises(InputError) as caught:
        folder.decode(tmp_path / name, 8)
    reason = "no format that Pillow reads"
    assert str(caught.value) == f"'{tmp_path}/{name}' cannot be read as an image ({reason}): {REMEDY}"


@pytest.mark.parametrize(
    ("content", "fetch"),
    [
        ("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n", "Git LFS: git lfs pull"),
        ("/annex/objects/SHA256E-s9--ab.png\n", "git-annex: git annex get"),
    ],
)
def test_a_pointer_in_the_place_of_an_image_or_of_weights_says_how_to_fetch_it(
    content: str, fetch: str, tmp_path: Path
) -> None:
    said = f"is a pointer, what it stands for was not fetched by {fetch}"
    for name in ("0.png", "net.pt", "net.safetensors"):
        (tmp_path / name).write_text(content)
        with pytest.raises(InputError) as caught:
            folder.decode(tmp_path / name, 8) if name == "0.png" else weights.content(str(tmp_path / name))
        assert str(caught.value) == f"'{tmp_path / name}' {said}"


@pytest.mark.parametrize("seed", range(3))
def test_a_class_is_trained_where_the_number_of_images_allows_it(seed: int, tmp_path: Path) -> None:
    labels = [0] * 6 + [1] * 3 + [2] * 2
    order = np.arange(11)
    assert folder.first(labels, order, 11).tolist() == [*range(11)]
    assert folder.first(labels, order, 7).tolist() == [0, 1, 2, 3, 4, 9, 6]
    assert folder.first(labels, order, 3).tolist() == [0, 9, 6]
    assert folder.first(labels, order, 2).tolist() == [0, 6]  # no room for the third
    assert folder.first(None, order, 3).tolist() == folder.first([0] * 11, order, 3).tolist() == [0, 1, 2]
    for i, name in enumerate(f"c{i:02d}" for i in range(30)):
        put(tmp_path / name, 3, i)
    for name, classes in ((f"folder:{tmp_path}", 30), ("digits", 10)):
        data = load_data_set(name, size=8, n_train=classes, n_test=8, seed=seed)
        assert data.train.required_labels().bincount().tolist() == [1] * classes
        data.check_trainable()


LONG = "a" * 5000
NO_FOLDERS = [
    ("folder:", "no folder ''"),
    (f"folder:{LONG}", "no folder 'aaa"),
    ("folder:~nobody-of-that-name/x", "no folder '~nobody-of-that-name/x'"),
    ("folder:set.zip", "'set.zip' is a file (unpack an archive first): give 'folder:PATH' with"),
    ("Folder:/x", "unknown data set 'Folder:/x': where it is a folder of images, write 'folder:/x'"),
    ("file:///x", "unknown data set 'file:///x': where it is a folder of images, write 'folder:/x'"),
    (f"dsprites:{LONG}", "no file 'aaa"),
    (f"intel:{LONG}", "no folder 'seg_train' in 'aaa"),
    ("dsprites:~nobody-of-that-name", "no file '~nobody-of-that-name'"),
]


@pytest.mark.parametrize(("name", "said"), NO_FOLDERS, ids=[name[:20] for name, _ in NO_FOLDERS])
def test_what_is_no_folder_is_refused(name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("set.zip").touch()
    with pytest.raises(InputError) as caught:
        check_data_set(name)
    assert said in str(caught.value)
