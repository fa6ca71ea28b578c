"""From a name to a data set. One registry: what names are or begin with, how they are checked, what loads them.

Checking imports nothing heavy, so that a wrong name is refused at once.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from rt_utils.images import places
from rt_utils.runtime import paths
from rt_utils.runtime.errors import InputError, unknown
from rt_utils.runtime.lazy import lazily

if TYPE_CHECKING:
    from rt_utils.images.data_set import DataSet


def _always(name: str) -> None:
    """Drawn, or a part of scikit-learn: always there."""


@dataclass(frozen=True)
class Source:
    """Data sets of one name, or of names that begin alike."""

    check: Callable[[str], None]
    load: Callable[..., Any]


_in_loading = partial(lazily, "rt_utils.images.loading")


NAMED: dict[str, Source] = {
    "glyphs": Source(_always, _in_loading("drawn")),
    "letters": Source(_always, _in_loading("drawn")),
    "numerals": Source(_always, _in_loading("drawn")),
    "digits": Source(_always, _in_loading("digits")),
    "digits:stretched": Source(_always, _in_loading("digits")),
    "digits:coloured": Source(_always, _in_loading("coloured_digits")),
    "textures": Source(_always, _in_loading("drawn")),
    "sprites": Source(_always, _in_loading("drawn")),
    "cifar10": Source(places.check_torchvision, _in_loading("torchvision")),
    "cifar100": Source(places.check_torchvision, _in_loading("torchvision")),
    "cifar10-jpeg": Source(places.check_known_folder, _in_loading("folder")),
    "fashion-mnist": Source(places.check_torchvision, _in_loading("torchvision")),
    "tinyimagenet100": Source(places.check_known_folder, _in_loading("folder")),
    "imagenet": Source(places.check_known_folder, _in_loading("folder")),
    "intel": Source(places.check_intel, _in_loading("folder")),
    "dsprites": Source(places.check_dsprites, _in_loading("dsprites")),
}
PREFIXED: dict[str, Source] = {
    "folder:": Source(places.check_folder, _in_loading("folder")),
    "intel:": Source(places.check_intel, _in_loading("folder")),
    "dsprites:": Source(places.check_dsprites, _in_loading("dsprites")),
}


_MEANT = re.compile(r"(folder|file|path|dir|data|images?):\s*(?://(?=/))?", re.IGNORECASE)


def _like_a_path(name: str) -> bool:
    return os.sep in name or "/" in name or paths.existing(name) is not None


def _source(name: str) -> Source:
    prefixed = (source for prefix, source in PREFIXED.items() if name.startswith(prefix))
    source = NAMED.get(name) or next(prefixed, None)
    if source is None:
        if _like_a_path(name):
            path = _MEANT.sub("", name, count=1) if _MEANT.match(name) else name
            raise InputError(f"unknown data set {name!r}: where it is a folder of images, write 'folder:{path}'")
        raise unknown("data set", name, ("folder:PATH", *NAMED))
    return source


def check_data_set(name: str) -> None:
    """Raises InputError for a name that `load_data_set` does not know, or data that are not there."""
    _source(name).check(name)


def load_data_set(name: str, *, size: int, n_train: int = 4000, n_test: int = 500, seed: int = 0) -> "DataSet":
    """The data set of that name: splits of uint8 images, (n, 3, size, size), labels, class names, a fingerprint.

    The same arguments give the same pixels and splits.

    Args:
        name: 'glyphs', 'letters' and 'numerals' (glyphs of these classes alone), 'digits' (margin kept),
            'digits:stretched', 'digits:coloured' (ink, ground, shade and noise as the glyphs have), 'textures' (at most
            200 test images), 'sprites' (classes: the shapes; factors: scale, orientation, posX, posY), 'cifar10',
            'cifar100', 'fashion-mnist' (as torchvision unpacks them), 'cifar10-jpeg', 'tinyimagenet100' and 'imagenet'
            (folders), 'dsprites:PATH' (its .npz), 'intel:PATH' (Kaggle's archive, unpacked), 'folder:PATH' (one
            sub-folder a class, or images without labels; `train` and `test` sub-folders are respected).
        size: Height and width of the images, in pixels.
        n_train: Training images, at most.
        n_test: Test images, at most.
        seed: Of what is drawn at random.

    Raises:
        InputError: for an unknown name, and for data that are not there or damaged.

    Example:
        >>> digits = load_data_set("digits", size=32, n_train=100, n_test=20)
        >>> len(digits.classes), digits.test.images.shape, digits.test.pixels().max()
        (10, torch.Size([20, 3, 32, 32]), tensor(1.))
    """
    from rt_utils.images.data_set import DataSet, fingerprint
    from rt_utils.images.drawn.sprites import FACTORS

    check_data_set(name)
    train, test, classes = _source(name).load(name, size=size, n_train=n_train, n_test=n_test, seed=seed)
    factors = () if train.factors is None else FACTORS
    return DataSet(name, classes, train, test, fingerprint(train, test), factors)
