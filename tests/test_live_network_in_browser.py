"""The encoders and the attack in a real browser: their numbers are the package's."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from live_page import NAMES, site  # noqa: F401
from test_book_in_browser import Visit, browser  # noqa: F401

from rt_utils.evaluation.attacks import PGDSettings, loss_pgd, margin, representation_pgd
from rt_utils.evaluation.interval_bounds import shift_upper
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.head import Head
from rt_utils.pages import live_adversary
from rt_utils.pages.live_network import live_network
from rt_utils.theory import statements, subspace
from rt_utils.theory.losses import CROSS_ENTROPY
from rt_utils.theory.perturbations import allowed, random_start
from rt_utils.theory.threat import Norm, Threat

pytestmark = pytest.mark.slow

SCRIPTS = ("network", "theory", "attack", "intervals")
# What the tests call in the page: an encoder, built once, and its head.
READY = """
() => {
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const theory = RT.theory(), attack = RT.attack(theory), network = RT.network(), built = {};
  window.ready = { theory, attack, network, intervals: RT.intervals(network), encoder(name) {
    const head = RT.data[name];
    built[name] ??= network.build(head.network, new Float32Array(bytes(head.network.weights).buffer));
    return { run: built[name], head };
  } };
}
"""
FEATURES = """
([name, images, slopes]) => {
  const { run } = ready.encoder(name);
  return images.map((x, i) => [[...run.forward(x)], [...run.backward(slopes[i])]]);
}
"""
LAST_OF_PGD = """
([name, objective, x, start, threat, steps]) => {
  const { run, head } = ready.encoder(name), clean = ready.theory.clean(head, run.forward(x), null);
  let last;
  for (last of ready.attack.pgd(run, ready.attack.objectives[objective](head, clean), x, threat, { steps, start }));
  return { z: [...last.z], image: [...last.image], ratio: clean.ratio, predicted: clean.predicted };
}
"""
SEARCH = """
([name, x, label, threat, settings]) => {
  const { run, head } = ready.encoder(name), seen = [];
  let state;
  for (state of ready.attack.search(run, head, x, threat, { label, ...settings }))
    if (state.at) seen.push([...state.at.image]);
  const { best, clean } = state;
  return { seen, clean, best: { ...best, image: [...best.image], worst: [...best.worst] },
           verdict: ready.theory.verdict(clean, best) };
}
"""


@pytest.fixture(scope="module")
def bare(site: Path, browser: Any) -> Iterator[Any]:  # noqa: F811
    """A page with the scripts that compute, and nothing to see."""
    files = [*SCRIPTS, *(name.removeprefix("embedded/") for name in NAMES)]
    tags = "".join(f'<script src="_static/adversary/{name}.js"></script>' for name in files)
    (site / "bare.html").write_text(f'<!doctype html><html lang="en"><meta charset="utf-8">{tags}</html>', "utf-8")
    visit = Visit(browser.new_page(), site.as_uri())
    visit.page.goto((site / "bare.html").as_uri())
    visit.page.evaluate(READY)
    yield visit.page
    visit.page.close()
    assert not visit.wrong, "\n".join(visit.wrong)


@dataclass
class Shipped:
    """An encoder of the package, and the head that the page was given for it."""

    name: str
    encoder: Any
    content: dict[str, Any]

    @property
    def head(self) -> Head:
        weight, bias = (torch.tensor(self.content[key], dtype=torch.float64) for key in ("weight", "bias"))
        return Head(weight, bias)


@pytest.fixture(scope="module", params=NAMES)
def shipped(request: pytest.FixtureRequest, site: Path) -> Shipped:  # noqa: F811
    name = request.param.removeprefix("embedded/")
    script = (site / "_static" / "adversary" / f"{name}.js").read_text("utf-8")
    return Shipped(name, load_encoder(request.param), json.loads(script.split(f".{name} = ", 1)[1].rstrip(";\n")))


@pytest.fixture(scope="module")
def digits() -> Any:
    return live_adversary.digits().test


def test_features_and_slopes_are_the_packages(bare: Any, shipped: Shipped, digits: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    x = digits.pixels()[:4]
    x = (x + 16 / 255 * torch.randn(x.shape, generator=generator).sign()).clamp(0, 1).requires_grad_(True)
    z = shipped.encoder(x)
    slopes = torch.randn(z.shape, generator=generator)
    (z * slopes).sum().backward()
    assert x.grad is not None
    found = bare.evaluate(FEATURES, [shipped.name, x.detach().flatten(1).tolist(), slopes.tolist()])
    for (features, pixels), expected, gradient in zip(found, z.detach(), x.grad, strict=True):
        assert torch.tensor(features) == pytest.approx(expected, abs=1e-5)
        assert torch.tensor(pixels) == pytest.approx(gradient.flatten(), abs=1e-5 * float(gradient.abs().max()))


BOUNDS = """
([name, images, eps]) => images.map((x) => ready.intervals.shiftBound(ready.encoder(name).run, x, eps))
"""


@pytest.mark.parametrize("eps", [1 / 255, 8 / 255])
def test_the_bounds_are_the_packages(bare: Any, shipped: Shipped, digits: Any, eps: float) -> None:
    """Of the encoder that was trained for them, and of one that was not, with residual blocks."""
    x = digits.pixels()[:3]
    expected = shift_upper(shipped.encoder, x.double(), Threat("linf", eps))
    found = bare.evaluate(BOUNDS, [shipped.name, x.double().flatten(1).tolist(), eps])
    assert found == pytest.approx(expected.tolist(), rel=1e-9)
    if shipped.content["bounded"]:
        for pixels, bound in zip(x, found, strict=True):
            threat = {"norm": "linf", "eps": eps}
            said = bare.evaluate(SEARCH, [shipped.name, pixels.flatten().tolist(), None, threat, {"steps": 8}])
            assert 0 < said["best"]["shift"] <= bound


def test_layers_of_other_sizes_are_pytorchs(bare: Any) -> None:
    """Kernels and strides that the shipped encoders do not have, the mean of the colours, and a linear layer."""
    torch.manual_seed(0)
    nn = torch.nn
    network = nn.Sequential(
        *(nn.Conv2d(1, 5, 5, 2, 2), nn.ReLU(), nn.Conv2d(5, 8, 4, 2, 1), nn.ReLU()),
        *(nn.Conv2d(8, 6, 3, 1, 1), nn.ReLU(), nn.Conv2d(6, 6, 4, 2, 1), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(96, 10), nn.ReLU()),
    )
    x = torch.rand(1, 3, 32, 32, requires_grad=True)
    z = network((x.mean(1, keepdim=True) - 0.5) * 4)
    z.sum().backward()
    assert x.grad is not None
    data = live_network(network).data()
    weights = np.frombuffer(base64.b64decode(data["weights"]), "<f4").tolist()
    run = """([data, weights, x]) => {
      const run = ready.network.build(data, Float32Array.from(weights));
      return [[...run.forward(x)], [...run.backward(new Float64Array(10).fill(1))]];
    }"""
    features, pixels = bare.evaluate(run, [data, weights, x.detach().flatten().tolist()])
    assert torch.tensor(features) == pytest.approx(z[0].detach(), abs=1e-5)
    assert torch.tensor(pixels) == pytest.approx(x.grad.flatten(), abs=1e-5)


@pytest.mark.parametrize("layer", [torch.nn.Conv2d(16, 8, 3, groups=2), torch.nn.Conv2d(16, 8, 3, dilation=2)])
def test_a_layer_that_the_script_does_not_know_is_refused(layer: torch.nn.Module) -> None:
    with pytest.raises(ValueError, match="no step of the browser's for"):
        live_network(torch.nn.Sequential(torch.nn.Conv2d(3, 16, 3), layer))


SLOW = pytest.param("linf", 2 / 255, marks=pytest.mark.slow)  # the others are of the same kind


@pytest.mark.parametrize(("norm", "eps"), [SLOW, ("linf", 8 / 255), ("l2", 0.5)])
@pytest.mark.parametrize("objective", ["shift", "margin"])
def test_a_whole_run_is_the_packages(
    bare: Any, shipped: Shipped, digits: Any, objective: str, norm: Norm, eps: float
) -> None:
    threat, steps = Threat(norm, eps), 20
    x = digits.pixels()[12:14]
    start = random_start(threat, x, torch.Generator().manual_seed(0)).clamp(0, 1)
    z, head = shipped.encoder.features(x), shipped.head
    predicted = head.logits(z).argmax(1)
    settings = PGDSettings(steps=steps)
    if objective == "shift":
        (images,) = representation_pgd(shipped.encoder, x, threat, settings, start)
    else:
        model = torch.nn.Sequential(shipped.encoder, head.module()).eval()
        (images,) = loss_pgd(model, x, predicted, threat, settings, margin, start)
    reached = shipped.encoder.features(images)
    ratios = statements.margin_ratio(head.logits(z), head.weight)
    for i in range(len(x)):
        arguments = [x[i].flatten().tolist(), start[i].flatten().tolist(), {"norm": norm, "eps": eps}, steps]
        found = bare.evaluate(LAST_OF_PGD, [shipped.name, objective, *arguments])
        assert found["predicted"] == predicted[i]
        assert found["ratio"] == pytest.approx(float(ratios[i]), abs=1e-5)
        moved = torch.tensor(found["z"])[None]
        image = torch.tensor(found["image"]).view(1, 3, 32, 32)
        assert allowed(threat, x[i : i + 1], image).all()
        assert shipped.encoder.features(image) == pytest.approx(moved, abs=1e-5)
        theirs, ours = (float(statements.shift(z[i : i + 1], other)) for other in (reached[i : i + 1], moved))
        if objective == "shift":
            assert ours == pytest.approx(theirs, rel=0.01)
            if abs(theirs / float(ratios[i]) - 1) > 0.01:
                assert (ours < ratios[i]) == (theirs < ratios[i])
        else:
            behind = [float(margin(head.logits(other), predicted[i : i + 1])) for other in (reached[i : i + 1], moved)]
            scale = float(shipped.head.weight.norm(dim=1).max()) * ours
            assert behind[1] == pytest.approx(behind[0], abs=0.01 * scale)


def test_what_a_search_says_is_what_its_images_do(bare: Any, shipped: Shipped, digits: Any) -> None:
    """The largest shift, projected shift and loss, recomputed by the package from every image that was seen."""
    for i, eps in ((13, 16 / 255), (0, 1 / 255)):
        x, y = digits.pixels()[i : i + 1], digits.required_labels()[i : i + 1]
        arguments = [x.flatten().tolist(), int(y), {"norm": "linf", "eps": eps}, {"steps": 4, "refine": 3}]
        said = bare.evaluate(SEARCH, [shipped.name, *arguments])
        images = torch.tensor(said["seen"]).view(-1, 3, 32, 32)
        assert len(images) == 2 * (5 + 4)
        assert allowed(Threat("linf", eps), x.expand_as(images), images).all()
        head, z, moved = shipped.head, shipped.encoder.features(x).double(), shipped.encoder.features(images).double()
        best, shifts, losses = said["best"], statements.shift(z, moved), CROSS_ENTROPY(head.logits(moved), y.expand(18))
        basis = torch.tensor(shipped.content["basis"], dtype=torch.float64)
        assert best["shift"] == pytest.approx(float(shifts.max()), abs=1e-5)
        projected = subspace.subspace_shift(z, moved, basis)
        assert best["subspace"] == pytest.approx(float(projected.max()), abs=1e-5)
        gap = max(0.0, float(losses.max() - CROSS_ENTROPY(head.logits(z), y)))
        assert best["lossGap"] == pytest.approx(gap, abs=1e-4)
        assert best["lossGap"] <= shipped.content["factor"] * best["shift"]
        predicted = head.logits(z).argmax(1)
        assert best["flipped"] == bool((head.logits(moved).argmax(1) != predicted).any())
        fulfilled = best["shift"] < said["clean"]["ratio"]
        assert said["verdict"] == ("flipped" if best["flipped"] else "unbroken" if fulfilled else "refuted")
        assert not (best["flipped"] and fulfilled)


def test_a_flip_within_the_margin_is_called_a_mistake(bare: Any) -> None:
    say = "([ratio, found, bound]) => ready.theory.verdict({ ratio }, found, bound ?? undefined)"
    assert bare.evaluate(say, [2.0, {"shift": 1.0, "flipped": True}]) == "mistake"
    assert bare.evaluate(say, [1.0, {"shift": 1.0, "flipped": False}]) == "refuted"  # strict: a tie never counts
    assert bare.evaluate(say, [2.0, {"shift": 1.0, "flipped": False}, 2.0]) == "unbroken"
    assert bare.evaluate(say, [2.0, {"shift": 1.0, "flipped": False}, 1.9]) == "proved"


def test_a_digit_that_is_typed_in_becomes_the_data_sets_image(bare: Any, digits: Any) -> None:
    """scikit-learn's 8 x 8 counts, enlarged by the script, are the package's pixels, every one."""
    from sklearn.datasets import load_digits

    load = """() => new Promise((done) => {
      const script = document.head.appendChild(document.createElement("script"));
      script.onload = () => done();
      script.src = "_static/adversary/digit.js";
    })"""
    enlarge = """(text) => {
      const counts = Uint8Array.from(atob(text), (c) => c.charCodeAt(0)), digit = RT.digit(), images = [];
      for (let i = 0; i < counts.length; i += 64)
        images.push(btoa(String.fromCharCode(...digit.enlarged(counts.subarray(i, i + 64)))));
      return images.join(" ");
    }"""
    bare.evaluate(load)
    counts = base64.b64encode(load_digits().data.astype(np.uint8).tobytes()).decode()
    ours = {base64.b64decode(image) for image in bare.evaluate(enlarge, counts).split()}
    assert all(image[0].numpy().tobytes() in ours for image in digits.images)
