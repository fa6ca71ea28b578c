import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rt_utils.images import data_set
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.drawn import glyphs
from rt_utils.images.folder import decode
from rt_utils.runtime.errors import InputError

DRAWN = ["glyphs", "letters", "numerals", "digits", "digits:stretched", "digits:coloured", "textures", "sprites"]


@pytest.mark.parametrize("name", DRAWN)
def test_a_drawn_or_built_in_set(name: str) -> None:
    one, two = (load_data_set(name, size=32, n_train=60, n_test=50, seed=3) for _ in range(2))
    other = load_data_set(name, size=32, n_train=60, n_test=50, seed=4)
    assert one.fingerprint == two.fingerprint != other.fingerprint
    assert one.train.images.shape == (60, 3, 32, 32)
    assert one.test.images.shape == (50, 3, 32, 32)
    assert 0 <= one.test.pixels().min() < one.test.pixels().max() <= 1
    train = {image.numpy().tobytes() for image in one.train.images}
    assert not any(image.numpy().tobytes() in train for image in one.test.images)  # the splits share nothing


def test_a_glyph_does_not_depend_on_how_many_are_drawn() -> None:
    few, many = (glyphs.draw_many(n, seed=1, stream=2)[0] for n in (5, 50))
    assert (few == many[:5]).all()


def test_letters_and_numerals_are_glyphs_of_these_classes_alone() -> None:
    """What is pretrained on letters alone has seen no numeral."""
    for name, first in (("numerals", 0), ("letters", 10)):
        data = load_data_set(name, size=32, n_train=60, n_test=40)
        assert "".join(data.classes) == glyphs.CLASSES[first : {0: 10, 10: 36}[first]]
        for i in (0, 7, 33):
            label = int(data.test.required_labels()[i])
            drawn = glyphs.draw(first + label, np.random.default_rng([0, 2, i]))
            assert (data.test.images[i].numpy() == drawn).all()


def test_coloured_digits_are_the_digits_in_other_colours() -> None:
    grey, coloured = (
        load_data_set(name, size=32, n_train=20, n_test=60).test for name in ("digits", "digits:coloured")
    )
    assert torch.equal(grey.required_labels(), coloured.required_labels())
    ink = grey.pixels()[:, 0].flatten(1)
    spread, contrast = [], []
    for shape, pixels in zip(ink, coloured.pixels(), strict=True):
        brightness = pixels.mean(0).flatten()
        contrast.append(float(brightness[shape > 0.9].mean() - brightness[shape == 0].mean()))
        assert abs(torch.corrcoef(torch.stack([shape, brightness]))[0, 1]) > 0.8
        spread.append(float((pixels[0] - pixels[1]).abs().max()))
    assert min(map(abs, contrast)) > 0.35
    assert min(contrast) < 0 < max(contrast)  # dark on light too
    assert sum(s > 0.2 for s in spread) > 20  # not grey


def test_sprites_are_drawn_from_their_factors() -> None:
    data = load_data_set("sprites", size=64, n_train=300, n_test=60)
    assert data.factors == ("scale", "orientation", "posX", "posY")
    assert data.train.factors is not None
    assert data.train.factors.shape == (300, 4)
    ink = data.train.pixels()[:, 0]
    place = torch.linspace(0, 1, 64)
    area = ink.sum((1, 2))
    across, down = ((ink.sum(dim) * place).sum(1) / area for dim in (1, 2))
    scale, _, x, y = data.train.factors.T
    for measured, factor, least in ((across, x, 0.99), (down, y, 0.99), (area.sqrt(), scale, 0.8)):
        assert torch.corrcoef(torch.stack([measured, factor]))[0, 1] > least
    other = dataclasses.replace(data.test, factors=data.train.factors[:60])
    assert data_set.fingerprint(data.test) != data_set.fingerprint(other)


def test_textures_are_a_small_set() -> None:
    data = load_data_set("textures", size=32, n_train=12, n_test=500)
    assert len(data.test) == 200
    assert data.classes == ("stripes", "checks", "dots", "rings", "bricks", "clouds")


def test_the_margin_of_the_digits() -> None:
    kept, stretched = (
        load_data_set(n, size=32, n_train=10, n_test=50).test.images for n in ("digits", "digits:stretched")
    )
    border = kept.clone()
    border[:, :, 4:28, 4:28] = 0
    assert border.max() == 0
    assert stretched[:, :, 0].max() > 0


@pytest.mark.parametrize("name", ["glyphs", "digits"])
def test_fewer_test_images_are_the_first_of_more(name: str) -> None:
    few, many = (load_data_set(name, size=32, n_train=2000, n_test=n) for n in (40, 500))
    assert torch.equal(few.test.images, many.test.images[:40])
    assert torch.equal(few.train.images, many.train.images)
    more = load_data_set(name, size=32, n_train=2000, n_test=600)  # of the digits there are then fewer to train on
    assert len(more.test) == 600


def test_the_first_test_images_of_a_set() -> None:
    data = load_data_set("sprites", size=64, n_train=4, n_test=9)
    few = data.first(5)
    assert torch.equal(few.test.images, data.test.images[:5])
    assert torch.equal(few.test.required_labels(), data.test.required_labels()[:5])
    assert few.test.factors is not None
    assert data.test.factors is not None
    assert torch.equal(few.test.factors, data.test.factors[:5])
    assert torch.equal(few.train.images, data.train.images)
    assert few.fingerprint == data_set.fingerprint(few.train, few.test) != data.fingerprint
    assert (few.name, few.classes, few.factors) == (data.name, data.classes, data.factors)


def test_a_fingerprint_covers_pixels_labels_and_factors() -> None:
    images, labels = torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.tensor([0, 1])
    split = data_set.Split(images, labels, torch.zeros(2, 1))
    other = images.clone()
    other[1, 2, 3, 3] = 1
    every = [split, dataclasses.replace(split, images=other), dataclasses.replace(split, labels=1 - labels)]
    every += [dataclasses.replace(split, labels=None), dataclasses.replace(split, factors=torch.ones(2, 1))]
    every += [dataclasses.replace(split, images=images.view(2, 3, 8, 2))]
    assert len({data_set.fingerprint(split, one) for one in every}) == len(every)
    assert data_set.fingerprint(split, every[1]) != data_set.fingerprint(every[1], split)
    assert len(data_set.fingerprint(split)) == 16


def test_pixels_and_labels_of_a_digit() -> None:
    """Eight by eight, 16 levels of ink: the images are scikit-learn's, with their labels, in both splits."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    known = {np.round(x / 16 * 255).astype(np.uint8).tobytes(): int(y) for x, y in zip(images, labels, strict=True)}
    data = load_data_set("digits:stretched", size=8, n_train=300, n_test=200)
    for split in (data.train, data.test):
        assert torch.equal(split.pixels(), split.images.float() / 255)
        found = [known[image[0].numpy().tobytes()] for image in split.images]
        assert found == split.required_labels().tolist()


def test_a_labelled_folder(image_folder: Path) -> None:
    data = load_data_set(f"folder:{image_folder}", size=32, n_test=500)
    assert data.classes == ("above", "below")
    assert (len(data.train), len(data.test)) == (20, 20)
    assert data.test.required_labels().bincount().tolist() == [10, 10]
    assert data.fingerprint == load_data_set(f"folder:{image_folder}", size=32, n_test=500).fingerprint


def test_a_folder_with_its_own_splits(image_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "split").mkdir()
    image_folder.rename(tmp_path / "split" / "train")
    for name in ("above", "below"):
        (tmp_path / "split" / "test" / name).mkdir(parents=True)
        Image.new("L", (10, 10)).save(tmp_path / "split" / "test" / name / "x.png")
    data = load_data_set(f"folder:{tmp_path / 'split'}", size=32)
    assert (len(data.train), len(data.test)) == (40, 2)


def test_a_folder_without_labels(image_folder: Path) -> None:
    data = load_data_set(f"folder:{image_folder / 'above'}", size=32)
    assert (len(data.train), len(data.test)) == (0, 20)
    with pytest.raises(InputError, match="has no labels"):
        data.test.required_labels()


def test_every_kind_of_image_becomes_rgb(tmp_path: Path) -> None:
    grey = np.tile(np.linspace(0, 255, 40).astype(np.uint8), (40, 1))
    reference = decode(_saved(Image.fromarray(grey), tmp_path / "grey.png"), 20)
    kinds = {
        "cmyk.tif": Image.fromarray(grey).convert("RGB").convert("CMYK"),
        "deep.png": Image.fromarray(grey.astype(np.uint16) * 257),
        "palette.png": Image.fromarray(grey).convert("P"),
    }
    for name, image in kinds.items():
        assert np.abs(decode(_saved(image, tmp_path / name), 20).astype(int) - reference).max() <= 2, name
    transparent = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    assert (decode(_saved(transparent, tmp_path / "clear.png"), 20) == 255).all()


def test_exif_turns_the_image(tmp_path: Path) -> None:
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[:20] = 255  # bright above
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    Image.fromarray(pixels).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    turned = decode(tmp_path / "turned.jpg", 20)
    assert turned[:, :8].max() < 20
    assert turned[:, 12:].min() > 235


def _saved(image: Image.Image, path: Path) -> Path:
    image.save(path)
    return path


def test_an_unknown_set_names_the_nearest() -> None:
    with pytest.raises(InputError, match="unknown data set 'digit': use digits"):
        load_data_set("digit", size=32)
