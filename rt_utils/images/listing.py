"""The files of a folder of images by class and by split, and its class names. Imports nothing heavy, decodes nothing.

Links are followed. Hidden files and what systems leave behind (Thumbs.db, __MACOSX) are passed over. Whatever cannot be
a set of images is refused in one line that names what was found.
"""

import os
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rt_utils.runtime.errors import InputError

_IGNORED = {"thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin", "system volume information", "icon\r"}
# Small letters; which of them comes first is taken. Kaggle's archive of Intel Image has each twice, one in the other.
TRAIN = ("train", "training", "seg_train")
TEST = ("test", "testing", "val", "valid", "validation", "eval", "dev", "seg_test")
_TABLES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".xlsx", ".xml", ".yaml", ".yml", ".parquet", ".mat", ".npy")
_LABELS = "one sub-folder a class, or only images for a set without labels"


def shown(name: str) -> str:
    """A file's or folder's name as a text: composed letters (NFC); escaped is what is no text, or ends a line."""
    text = unicodedata.normalize("NFC", name.encode("utf-8", "backslashreplace").decode("utf-8"))
    return "".join(repr(c)[1:-1] if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)


@dataclass(frozen=True)
class Listing:
    """The names of the files in each folder; the folders are the `classes`, sorted, or one without classes."""

    folders: list[tuple[Path, list[str]]]
    classes: tuple[str, ...]

    @cached_property
    def paths(self) -> list[Path]:
        """The files."""
        return [folder / name for folder, names in self.folders for name in names]

    @property
    def labels(self) -> list[int] | None:
        """The label of each file; None without classes."""
        counts = [len(names) for _, names in self.folders]
        return [label for label, n in enumerate(counts) for _ in range(n)] if self.classes else None


def _entries(folder: Path) -> tuple[list[Path], list[str]]:
    """The sub-folders, and the names of the files, links followed, each sorted. Raises InputError for what is neither.

    No path is made for a file: checking a name should not take long where there are very many.
    """
    folders, files = [], []
    try:
        with os.scandir(folder) as found:
            for entry in found:
                if entry.name.startswith(".") or entry.name.lower() in _IGNORED:
                    continue
                linked = entry.is_symlink()
                if os.path.isfile(entry.path) if linked else entry.is_file():
                    files.append(entry.name)
                elif os.path.isdir(entry.path) if linked else entry.is_dir():
                    folders.append(folder / entry.name)
                else:
                    raise InputError(_neither(folder / entry.name, linked=linked))
    except OSError as error:
        raise InputError(f"{str(folder)!r} cannot be read: {error.strerror or error}") from None
    return sorted(folders), sorted(files)


def _neither(path: Path, *, linked: bool) -> str:
    if linked:
        return (
            f"{str(path)!r} is a link to {os.readlink(path)!r}, which is not there: fetch what it stands for "
            "(dvc pull, git annex get), or remove it"
        )
    return f"{str(path)!r} is neither a file nor a folder: remove it"


def _quoted(folders: list[Path], most: int = 5) -> str:
    rest = f" and {len(folders) - most} more" if len(folders) > most else ""
    return ", ".join(repr(path.name) for path in folders[:most]) + rest


def _of_classes(parent: Path, folders: list[Path]) -> Listing:
    """A folder with one sub-folder a class. Raises InputError for one that is empty, or holds folders."""
    names = [shown(path.name) for path in folders]
    if twice := [name for name, n in Counter(names).items() if n > 1]:
        raise InputError(f"{str(parent)!r} holds two folders that are spelled {twice[0]!r}: put all images into one")
    listed = []
    for _, sub in sorted(zip(names, folders, strict=True)):
        nested, found = _entries(sub)
        if nested:
            instead = f"give folder:{sub}" if len(folders) == 1 else f"name splits {TRAIN[0]} and {TEST[0]}"
            raise InputError(
                f"class {sub.name!r} in {str(parent)!r} holds the folder {nested[0].name!r}: "
                f"put images there, or {instead}"
            )
        if not found:
            raise InputError(f"class {sub.name!r} in {str(parent)!r} holds no image")
        listed.append((sub, found))
    return Listing(listed, tuple(sorted(names)))


def of(parent: Path) -> Listing:
    """What a folder without splits holds. Raises InputError where it is no set of images."""
    folders, files = _entries(parent)
    tables = [name for name in files if name.lower().endswith(_TABLES)]
    if folders and files:
        read = "; no labels or class names are read from a file: move it away" if tables else ""
        raise InputError(f"{str(parent)!r} holds both sub-folders and files ({files[0]!r}): use {_LABELS}{read}")
    if len(tables) < len(files) and tables:
        raise InputError(
            f"{str(parent)!r} holds images and {tables[0]!r}, and no labels are read from a file: "
            "sort the images into one sub-folder a class, or move it away for a set without labels"
        )
    if folders:
        return _of_classes(parent, folders)
    if not files:
        raise InputError(f"{str(parent)!r} holds no image: put images there, or one sub-folder a class")
    return Listing([(parent, files)], ())


def _like(folders: list[Path], names: tuple[str, ...]) -> list[Path]:
    """Those with one of these names, in the order of the names."""
    return sorted((f for f in folders if f.name.lower() in names), key=lambda f: names.index(f.name.lower()))


def _inner(split: Path) -> Path:
    """The split, or the folder in it that has its name, where that is all that it holds."""
    folders, files = _entries(split)
    return folders[0] if not files and [f.name for f in folders] == [split.name] else split


def _splits(root: Path) -> tuple[Path, Path] | None:
    """The folders of the training and of the test split; None where no names say so.

    Of several test splits the first that holds class folders. Raises InputError where one of the two is missing, or
    holds images while the other holds class folders.
    """
    folders, _ = _entries(root)
    trains, tests = ([_inner(folder) for folder in _like(folders, names)] for names in (TRAIN, TEST))
    sorted_in = {folder: bool(_entries(folder)[0]) for folder in (*trains, *tests)}
    if not trains or not tests:
        if not any(sorted_in.values()):
            return None  # classes that have such a name, or a single set in one folder
        have, lacks, names = (trains, "test", TEST[:5]) if trains else (tests, "training", TRAIN[:2])
        others = [folder for folder in folders if folder.name.lower() not in (*TRAIN, *TEST)]
        raise InputError(
            f"{str(root)!r} holds {_quoted(have)} and no {lacks} split"
            + (f", beside {_quoted(others)}" if others else "")
            + f": name it {', '.join(names[:-1])} or {names[-1]}, or give folder:{have[0]}, to be split at random"
        )
    test = next((folder for folder in tests if sorted_in[folder]), tests[0])
    if sorted_in[trains[0]] != sorted_in[test]:
        flat, other = sorted((trains[0], test), key=sorted_in.__getitem__)
        raise InputError(
            f"{flat.name!r} in {str(root)!r} holds images, {other.name!r} class folders: sort those of {flat.name!r} "
            f"into one sub-folder a class, or give folder:{other}, to be split at random"
        )
    return trains[0], test


def parts(root: Path) -> tuple[Listing, Listing | None]:
    """The training and the test split, or the one set, where the folder has no splits. Raises InputError."""
    found = _splits(root)
    if found is None:
        return of(root), None
    train, test = (of(folder) for folder in found)
    if odd := sorted({*train.classes} ^ {*test.classes}):
        alone = [f"{name!r} in {found[name in test.classes].name!r} alone" for name in odd[:5]]
        more = f" and {len(odd) - 5} more" if len(odd) > 5 else ""
        raise InputError(
            f"{found[1].name!r} and {found[0].name!r} in {str(root)!r} differ in their classes: "
            f"{', '.join(alone)}{more}"
        )
    return train, test
