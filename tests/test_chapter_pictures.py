"""Pictures that chapters make of their own experiments, and those kept beside a run: they show what they say."""

import base64
import importlib
import io
import json
import sys
from types import SimpleNamespace

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from conftest import ROOT
from docutils import nodes  # type: ignore[import-untyped]
from PIL import Image

from rt_utils.evaluation import first_layer, four_cases
from rt_utils.evaluation.finetuned_runs import Grid
from rt_utils.evaluation.sparse_codes import D, codes
from rt_utils.images.catalogue import load_data_set
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.head import Head
from rt_utils.pages import code_images, elements, example_images, kept_pictures, records, starts_images
from rt_utils.pages.page import Page
from rt_utils.pages.plots import strips
from rt_utils.pages.starts_experiment import Trained
from rt_utils.theory.purity import linear_reach, pure_reach
from rt_utils.training.adversarial_finetuning import Finetuned

sys.path.insert(0, str(ROOT / "book" / "extensions"))
pictures = importlib.import_module("kept_pictures")
KEPT = json.loads(kept_pictures.place(ROOT / "book" / "reference").read_text("utf-8"))


def pixels(png: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png)))).astype(float)


def page(chapter: str, **parameters: object) -> Page:
    return Page(chapter, {"profile": "embedded", "seed": 0, "results": "", **parameters})


def test_the_pictured_perturbation_of_a_code_attains_what_is_proved() -> None:
    t, eps = four_cases.within(0.25)
    draw = torch.Generator().manual_seed(0)
    beta = torch.randn(D, generator=draw).double()
    s = codes(5, draw).double()
    for case in four_cases.cases(beta, s, t, 0):
        delta = code_images.furthest(case, s[:1], eps, 0)
        assert delta.norm() <= eps * (1 + 1e-9)
        moved = abs(float((case.nodes(s[:1] + delta) - case.nodes(s[:1])) @ case.a))
        pure = case.name == "pure" and case.threshold == "with"
        proved = float(pure_reach(beta, s[:1], eps, "l2")) if pure else linear_reach(beta, eps, "l2")
        assert 0.99 * proved < moved <= proved * (1 + 1e-6)


def test_a_code_is_drawn_entry_by_entry_and_its_caption_counts_what_moves() -> None:
    t, eps = four_cases.within(0.25)
    element = code_images.attacked(page("purification", eps=0.4, threshold=0.25), eps, t, 5)
    groups = element.data["data"]["groups"]
    clean = pixels(groups[0]["pictures"][0]["png"])
    assert clean.shape == (8, 8, 3)
    assert (clean != pixels(groups[0]["pictures"][0]["png"])[0, 0]).any()
    assert [group["pictures"][1]["words"].split("<br>")[1] for group in groups] == 3 * ["32 entries"] + ["3 entries"]
    assert "3 with pure nodes with a threshold" in element.data["values"]["used"]
    levels = torch.linspace(0, 1, D)
    drawn = code_images.as_image(levels)[0]
    assert torch.equal(drawn[::2].flatten(), (255 * levels).round().byte())
    assert torch.equal(drawn[::2], drawn[1::2])


def test_filters_are_the_ones_with_the_number_below_them() -> None:
    encoder = load_encoder("embedded/robust")
    found = first_layer.filters(encoder, torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    made = page("purification", eps=0.4, threshold=0.25)
    element = code_images.filters(made, [encoder], pd.concat([found]), {encoder.name: "robust"}, k=2)
    first, last = (group["pictures"] for group in element.data["data"]["groups"])
    ordered = found.reach.sort_values(ascending=False)
    assert [each["words"] for each in first] == [f"{reach:.1f}" for reach in ordered[:2]]
    assert [each["words"] for each in last] == [f"{reach:.1f}" for reach in ordered[-1:-3:-1]]
    weight = first_layer.first_convolution(encoder).weight[int(ordered.index[0])].detach()
    expected = (255 * (0.5 + weight / (2 * weight.abs().max()))).round().byte().permute(1, 2, 0).numpy()
    assert (pixels(first[0]["png"]) == expected).all()


def test_a_finetuned_image_is_read_by_the_finetuned_encoder_and_has_no_live_link() -> None:
    name = "embedded/robust"
    encoder, data = load_encoder(name), load_data_set("digits", size=32, n_train=20, n_test=2, seed=0)
    draw = torch.Generator().manual_seed(1)
    heads = [Head(torch.randn(10, encoder.width, generator=draw).double(), torch.zeros(10).double()) for _ in range(2)]
    grid = Grid([name], 0.1, 0.02, 1, 2)
    models = {
        (grid.full(name, s, 0.1), 0): Finetuned(encoder, h) for s, h in zip(("RanLI", "RoLI"), heads, strict=True)
    }
    made = page("roli", encoders=[name], data=["digits"], norm="linf", eps="8/255")
    element = starts_images.attacked(made, Trained(made.p, {name: encoder}, {(name, 0): data}, models), grid)
    groups = element.data["data"]["groups"]
    assert [group["encoder"] for group in groups] == ["robust, RanLI", "robust, RoLI"]
    assert not any("live" in group for group in groups)
    z = encoder.features(data.test.images[:1].float() / 255).double()
    assert [group["predicted"] for group in groups] == [data.classes[int(h.logits(z).argmax())] for h in heads]


def test_tiles_hold_what_they_are_given() -> None:
    shown = strips.tiles(
        [{"heading": "h", "below": "b", "pictures": [{"png": "AA", "alt": 'a"b', "words": "<i>w</i>"}]}]
    )
    assert 'alt="a&quot;b"' in shown
    assert "<i>w</i>" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [([], "usage: .* CHAPTER PROFILE"), (["slack", "none"], "^no reference run of slack under 'none' is kept: ")],
)
def test_a_wrong_command_for_kept_images_ends_with_one_line(arguments: list[str], said: str) -> None:
    with pytest.raises(SystemExit, match=said):
        kept_pictures.main(arguments)


def test_kept_images_have_the_name_that_the_switch_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where this build has the kept run's own profile too, they are not this build's."""
    groups = KEPT["element"]["data"]["groups"]
    own = elements.figure(
        kept_pictures.KEY,
        strips.attacked,
        {"groups": groups[:1]},
        caption="",
        alt="a",
        values=KEPT["element"]["values"],
    )
    for profile, name in (("embedded", "natural"), ("natural", "natural-kept")):
        told: list[str] = []
        cell = nodes.container(nb_element="cell_code", cell_index=0)
        doctree = nodes.section("", cell)
        env = SimpleNamespace(docname=f"chapters/{KEPT['chapter']}", note_dependency=told.append)
        app = SimpleNamespace(srcdir=str(ROOT), env=env)
        monkeypatch.setattr(
            pictures.nbformat, "read", lambda *_, **__: nbformat.from_dict({"cells": [{}], "metadata": {}})
        )
        monkeypatch.setattr(records, "own_elements", lambda _: [own.data])
        monkeypatch.setattr(records, "profile_of", lambda _, profile=profile: profile)
        pictures.add_pictures(app, doctree)
        assert f'<div data-of-run="{name}">' in cell.children[0].astext()
        assert told == [str(kept_pictures.place(ROOT / "book" / "reference"))]


def test_few_images_of_public_data_are_kept_and_each_names_its_source() -> None:
    groups = KEPT["element"]["data"]["groups"]
    certified = json.loads((ROOT / "book" / "reference" / "public" / "certified_networks.json").read_text("utf-8"))
    pair = [key for key in certified["in depth"]["picture"] if key in ("clean", "moved")]
    assert 0 < kept_pictures.thumbnails(groups) + len(pair) <= kept_pictures.LIMIT
    assert {group["data"] for group in groups} <= set(kept_pictures.CITED)
    record = json.loads((ROOT / "book" / "reference" / "natural" / f"{KEPT['chapter']}.json").read_text("utf-8"))
    assert all(record["runs"][0]["run"][fact] == value for fact, value in KEPT["run"].items())
    own = elements.figure(
        kept_pictures.KEY,
        strips.attacked,
        {"groups": groups[:1]},
        caption=example_images._ATTACKED,
        alt="{seen}",
        values={"seen": "", "threat": "l_inf", "example": 13},
    )
    shown = kept_pictures.drawn(KEPT, own.data)
    assert "The kept run natural." in shown
    assert "Krizhevsky" in shown
    assert "running example" not in shown
    for group in groups:
        clean, delta, moved = (pixels(group[name]) for name in ("clean", "delta", "perturbed"))
        assert clean.shape == (32, 32, 3)
        assert np.abs(moved - clean).max() <= 8
        assert np.abs(clean + (delta - 127.5) / group["times"] - moved).max() <= 1.1
