"""Images that pages show: what is drawn is what was found, and what is said below is what the head reads."""

import base64
import html
import io
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from rt_utils.evaluation import examples
from rt_utils.evaluation.examples import Examples, attacked
from rt_utils.evaluation.measure import fit_probes
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import DataSet
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.pages import example_images, image_groups, landing_picture, running_example
from rt_utils.pages.experiment import Experiment
from rt_utils.pages.figures import Strip
from rt_utils.pages.page import Page
from rt_utils.pages.plots import strips
from rt_utils.pages.running_texts import ENCODERS, SAID
from rt_utils.theory.perturbations import allowed
from rt_utils.theory.threat import Threat

THREATS = [Threat("linf", 8 / 255), Threat("l2", 0.5)]
STANDARD = "embedded/standard"


@cache
def case() -> tuple[Encoder, Head, DataSet]:
    encoder, data = load_encoder(STANDARD), load_data_set("digits", size=32, n_train=200, n_test=14, seed=0)
    (head,) = fit_probes([(encoder, data)], ProbeSettings(epochs=20))
    return encoder, head, data


@cache
def found(threat: Threat) -> Examples:
    encoder, head, data = case()
    return attacked(encoder, head, data.test.images[-2:], data.test.required_labels()[-2:], threat)


def test_what_was_found_is_kept_for_the_next_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> Examples:
        raise AssertionError("searched again")

    monkeypatch.setenv("RT_CACHE", str(tmp_path))
    encoder, head, data = case()
    given = (data.test.images[:1], data.test.required_labels()[:1], THREATS[0])
    first = attacked(encoder, head, *given)
    monkeypatch.setattr(examples, "_attacked", never)
    again = attacked(encoder, head, *given)
    assert all(torch.equal(value, vars(again)[name]) for name, value in vars(first).items())
    other = Head(head.weight, head.bias + torch.arange(len(head.bias)))
    for changed in ((head, *given[:2], THREATS[1]), (other, *given), (head, given[0], None, given[2])):
        with pytest.raises(AssertionError, match="searched again"):
            attacked(encoder, *changed)


def pixels(png: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png)))).astype(float)


def drawn(threat: Threat) -> dict[str, Any]:
    encoder, _, data = case()
    return image_groups.group(found(threat), 1, data, encoder.name, 13, threat)


@pytest.mark.parametrize("threat", THREATS, ids=str)
def test_what_was_found_is_allowed_and_read_as_said(threat: Threat) -> None:
    encoder, head, data = case()
    e = found(threat)
    assert allowed(threat, e.x, e.perturbed).all()
    assert (e.perturbed != e.x).any()
    assert torch.equal(head.logits(encoder.features(e.perturbed)).argmax(1), e.read)
    assert torch.equal(head.logits(encoder.features(data.test.images[-2:])).argmax(1), e.predicted)
    moved = (encoder.features(e.perturbed).double() - e.z).norm(dim=1)
    assert (e.shift >= moved - 1e-9).all()
    assert (e.subspace <= e.shift + 1e-9).all()
    assert ((e.furthest - e.z).norm(dim=1) - e.shift).abs().max() < 1e-9
    assert (e.found_loss >= e.loss).all()
    flips = e.read != e.predicted
    assert (e.shift[flips] >= e.ratio[flips]).all()  # Theorem 2


@pytest.mark.parametrize("threat", THREATS, ids=str)
def test_the_perturbed_image_is_the_clean_one_plus_what_is_drawn(threat: Threat) -> None:
    own = drawn(threat)
    clean, delta, perturbed = (pixels(own[name]) for name in ("clean", "delta", "perturbed"))
    assert (clean.transpose(2, 0, 1) == case()[2].test.images[13].numpy()).all()
    assert own["times"] > 1
    # All three are rounded to whole levels: by half of one each, delta's by as much over its magnification.
    assert np.abs(clean + (delta - 127.5) / own["times"] - perturbed).max() <= 0.5 + 0.5 / own["times"] + 1e-3
    if threat.norm == "linf":
        assert np.abs(perturbed - clean).max() <= round(255 * threat.eps)
    assert own["read"] == case()[2].classes[int(found(threat).read[1])]


def test_nothing_allowed_draws_nothing() -> None:
    encoder, head, data = case()
    still = attacked(encoder, head, data.test.images[:1], None, Threat("linf", 0.0))
    own = image_groups.group(still, 0, data, encoder.name, 0, Threat("linf", 0.0))
    assert own["times"] == 0
    assert own["clean"] == own["perturbed"]
    assert still.shift.item() == 0
    assert "= 0" in strips.attacked([own])


def test_magnified_fills_the_range_and_never_leaves_it() -> None:
    generator = torch.Generator().manual_seed(0)
    for scale in (1 / 255, 8 / 255, 0.3, 0.9):
        delta = scale * (2 * torch.rand((3, 4, 4), generator=generator) - 1)
        shown, times = image_groups.magnified(delta)
        assert ((shown >= 0) & (shown <= 1)).all()
        if times > 1:
            assert torch.allclose((shown - 0.5) / times, delta, atol=1e-6)
            assert (times + 1) * delta.abs().max() > 0.49


def test_a_strip_marks_a_changed_reading_and_no_other() -> None:
    own = drawn(THREATS[0])
    same, other = own | {"read": own["predicted"]}, own | {"predicted": "7", "read": "<1>"}
    assert "✗" not in strips.attacked([same])
    shown = strips.attacked([other])
    assert shown.count("✗") == shown.count("picture changed") == 1
    assert "read as <b>&lt;1&gt;</b>" in shown  # a class's name is a text, no markup
    assert shown.count('data-example="13"') == 1
    alts = re.findall(r'alt="([^"]*)"', shown)
    assert len(alts) == 3
    assert all(alts)
    assert "read as <1>" in html.unescape(alts[2])


def test_the_address_of_the_live_page() -> None:
    query = image_groups.live_query(Threat("linf", 8 / 255), "robust", 13)
    assert query.endswith("fool_it_yourself.html?image=13&eps=8&encoder=robust&norm=linf&attack=1")
    assert "eps=0.5&encoder=standard&norm=l2" in image_groups.live_query(Threat("l2", 0.5), "standard", 13)


def test_only_an_image_that_the_live_page_has_is_marked() -> None:
    data = case()[2]
    assert image_groups.is_live(data, 13)
    swapped = replace(data, test=replace(data.test, images=data.test.images.flip(0)))
    assert not image_groups.is_live(swapped, 13)
    assert not image_groups.is_live(replace(data, name="glyphs"), 13)


def test_the_landing_pages_images_are_the_finished_chapters(tmp_path: Path) -> None:
    changed = drawn(THREATS[0]) | {
        "encoder": "standard",
        "predicted": "7",
        "read": "1",
        "live": "../book/x.html?a=1&b=2",
    }
    same = changed | {"encoder": "robust", "read": "7"}
    data = {"key": "running-example", "values": {"threat": "l_inf, eps = 8/255"}, "data": {"groups": [same, changed]}}
    output = nbformat.v4.new_output("display_data", metadata={"rt": data})
    cell = nbformat.v4.new_code_cell(outputs=[output])
    path = tmp_path / "chapter.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    shown = landing_picture.picture(path)
    assert "<b>standard</b> encoder, l_inf, eps = 8/255" in shown  # the one that is fooled
    assert changed["clean"] in shown
    assert changed["perturbed"] in shown
    assert shown.count("<img") == 2
    assert 'href="../book/x.html?a=1&amp;b=2"' in shown
    assert landing_picture.picture(tmp_path / "none.ipynb") == landing_picture.MISSING


def test_two_encoders_of_one_short_name_stay_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path))
    monkeypatch.setattr(examples, "attacked", lambda *_, **__: found(THREATS[0]))
    names = ["embedded/robust", "natural/robust"]
    given = {"encoders": names, "data": ["digits"], "norm": "linf", "eps": "8/255", "seed": 0, "workers": 1}
    given |= {"profile": "embedded", "n_train": 60, "n_test": 14, "probe_epochs": 1, "probe_lr": 0.1}
    element = example_images.attacked(Page("c", given))
    assert [group["encoder"] for group in element.data["data"]["groups"]] == names
    assert isinstance(element.shown, Strip)
    for name in names:
        assert f"with the {name} encoder" in str(vars(element.shown))


def test_the_extremes_are_those_of_the_ratio() -> None:
    encoder, _, data = case()
    page = Page("c", {"profile": "embedded", "encoders": [STANDARD], "data": ["digits"], "seed": 0})
    vars(page.p).update(norm="linf", eps=8 / 255, threat=THREATS[0])
    points = pd.DataFrame(
        {
            "encoder": STANDARD,
            "data": "digits",
            "point": range(14),
            "label": data.test.labels,
            "predicted": data.test.labels,
            "shift": [1.0] * 14,
            "margin_ratio": [float(2 + (5 * k) % 14) for k in range(14)],
            "flipped": False,
        }
    )
    run = Experiment([encoder], {("digits", 32): data}, [], points)
    element = example_images.extremes(page, run, k=2)
    groups = element.data["data"]["groups"]
    assert [[picture["number"] for picture in group["pictures"]] for group in groups] == [
        [pytest.approx(1 / 2, abs=1e-5), pytest.approx(1 / 3, abs=1e-5)],
        [pytest.approx(1 / 15, abs=1e-5), pytest.approx(1 / 14, abs=1e-5)],
    ]
    assert groups[0]["pictures"][0]["point"] == 0
    assert isinstance(element.shown, Strip)
    assert "0 of 2 with the largest" in element.shown.caption


def test_the_extremes_are_of_each_data_set_where_that_is_asked_for() -> None:
    """One image of each, also where their numbers of points differ; digit 13 is the live page's, of "glyphs" none."""
    encoder, _, data = case()
    others = replace(data, name="glyphs")
    page = Page("c", {"profile": "embedded", "encoders": [STANDARD], "data": ["glyphs", "digits"], "seed": 0})
    vars(page.p).update(norm="linf", eps=8 / 255, threat=THREATS[0])
    labels, parts = data.test.required_labels(), []
    for name, n, best in (("glyphs", 10, 4), ("digits", 14, 13)):
        own = {"encoder": STANDARD, "data": name, "point": range(n), "label": labels[:n], "flipped": True}
        own |= {"predicted": labels[:n], "shift": 1.0, "margin_ratio": [2.0 - (k == best) for k in range(n)]}
        parts.append(pd.DataFrame(own))
    run = Experiment([encoder], {("glyphs", 32): others, ("digits", 32): data}, [], pd.concat(parts))
    element = example_images.extremes(page, run, of_each=True)
    largest, smallest = element.data["data"]["groups"]
    assert [(picture["data"], picture["point"]) for picture in largest["pictures"]] == [("glyphs", 4), ("digits", 13)]
    assert len(smallest["pictures"]) == 2
    assert isinstance(element.shown, Strip)
    assert "Of 10 to 14 test images of each of glyphs and digits the one with the largest" in element.shown.caption
    assert "2 of 2 with the largest" in element.shown.caption


def test_every_chapters_words_on_the_example_are_filled() -> None:
    """With numbers for which each inequality that a chapter words is strict, and for a perturbation set that is {x}."""
    encoder, head, data = case()
    e = found(THREATS[0])
    one = Examples(**{name: value[1:] for name, value in vars(e).items()})
    own = running_example.values(one, encoder, head, data, THREATS[0])
    assert own["gap"] <= own["bound"] + 1e-9  # Lemma 1
    assert own["loss_change"] <= own["loss_allowed"] + 1e-9  # Definition 1
    assert own["opposed"] <= own["shift"] + 1e-6  # Lemma 1 for another head
    assert own["opposed"] == pytest.approx(own["shift"], rel=1e-3)
    for chapter, template in SAID.items():
        names = ENCODERS.get(chapter, ENCODERS[""])
        given = {f"{name.split('/')[1]}_{key}": value for name in names for key, value in own.items()}
        fields = set(re.findall(r"{(\w+)", template))
        assert fields <= set(given), chapter
