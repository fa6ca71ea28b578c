"""The page on which a reader is the adversary, in a real browser, from a file: its numbers are the package's."""

import base64
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_book_in_browser import Visit, browser  # noqa: F401

from rt_utils.evaluation.attacks import PGDSettings, loss_pgd, representation_pgd
from rt_utils.evaluation.interval_bounds import shift_upper
from rt_utils.evaluation.margin_attack import margin
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.head import Head
from rt_utils.pages import live_adversary
from rt_utils.pages.live_network import live_network
from rt_utils.theory import statements, subspace
from rt_utils.theory.losses import CROSS_ENTROPY
from rt_utils.theory.perturbations import allowed, random_start
from rt_utils.theory.threat import Norm, Threat

STYLE = Path(__file__).resolve().parent.parent / "book" / "style"
NAMES = ("embedded/robust", "embedded/standard", "embedded/certified")
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
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the page, without the rest of the book."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(STYLE, folder / "_static")
    live_adversary.write(folder / "_static" / "adversary", NAMES)
    return folder


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
def shipped(request: pytest.FixtureRequest, site: Path) -> Shipped:
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


@pytest.mark.parametrize(("norm", "eps"), [("linf", 2 / 255), ("linf", 8 / 255), ("l2", 0.5)])
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


def page_of(site: Path) -> Path:
    """The page's own HTML, as the book holds it, alone."""
    text = (STYLE.parent / "fool_it_yourself.md").read_text("utf-8")
    block = text.split("```{raw} html\n", 1)[1].split("\n```", 1)[0]
    (site / "book").mkdir(exist_ok=True)
    path = site / "book" / "page.html"
    css = "<style>.visually-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; }</style>"
    css += '<link rel="stylesheet" href="../_static/rt.css"><meta name="viewport" content="width=device-width">'
    path.write_text(
        f'<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8"><title>page</title>{css}'
        f'<body><main class="bd-article">{block}</main></body></html>',
        "utf-8",
    )
    return path


@dataclass
class Reader:
    """The page at some size, with all that went wrong."""

    visit: Visit
    address: str

    @property
    def page(self) -> Any:
        return self.visit.page

    def part(self, name: str) -> Any:
        return self.page.locator(f"[data-adversary] [data-part={name}]")

    def open(self, query: str = "") -> None:
        self.page.goto(f"{self.address}{query}")
        self.page.wait_for_function("document.querySelector('[data-part=title]').textContent !== 'Loading'")

    def finished(self) -> str:
        """The verdict, once the search has ended and was announced."""
        self.page.wait_for_selector("[data-adversary][data-finished]")
        return str(self.part("verdict").get_attribute("data-verdict"))

    def numbers(self) -> tuple[float, float]:
        return tuple(float(self.part(f"{name}-value").inner_text()) for name in ("shift", "margin"))


@pytest.fixture(params=[1280, 390], ids=["desk", "phone"])
def reader(request: pytest.FixtureRequest, site: Path, browser: Any) -> Iterator[Reader]:  # noqa: F811
    window = browser.new_context(viewport={"width": request.param, "height": 844}, has_touch=request.param == 390)
    reader = Reader(Visit(window.new_page(), site.as_uri()), page_of(site).as_uri())
    yield reader
    window.close()
    assert not reader.visit.wrong, "\n".join(reader.visit.wrong)


def test_the_verdict_flips_past_the_margin(reader: Reader) -> None:
    reader.open("?image=13&eps=1&encoder=robust")
    assert reader.part("verdict").get_attribute("data-verdict") == "waiting"
    assert reader.part("said").text_content() == ""  # only what is finished is announced
    reader.part("attack").click()
    assert reader.finished() == "unbroken"
    shift, margin = reader.numbers()
    assert 0 < shift < margin
    said = reader.part("said").text_content()
    assert said is not None
    assert "Not a certificate" in said
    assert "safe" not in reader.page.locator("[data-adversary]").inner_text().lower()
    reader.part("eps").fill("8")
    assert reader.finished() == "refuted"
    larger, same = reader.numbers()
    assert same == margin  # m belongs to the image, not to the radius
    assert larger >= margin
    reader.part("eps").fill("24")
    assert reader.finished() == "flipped"
    assert reader.part("read").inner_text() == "read as 7"
    assert reader.part("read-perturbed").inner_text() != "read as 7"
    assert "eps=24" in reader.page.url
    assert "attack=1" in reader.page.url
    reader.page.get_by_label("standard").check()
    reader.part("eps").fill("3")
    assert reader.finished() == "flipped"
    boxes = [reader.part(name).bounding_box() for name in ("clean", "perturbed", "verdict")]
    assert max(box["y"] + box["height"] for box in boxes) - min(box["y"] for box in boxes) < 844 - 56
    assert reader.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_bound_below_the_margin_is_called_a_proof(reader: Reader) -> None:
    reader.open("?image=1&eps=1&encoder=certified&attack=1")
    assert reader.finished() == "proved"
    assert "in truth" in reader.part("read").inner_text()  # what is proved is that it stays, not that it is right
    reader.page.locator("input[name=adversary-image][value='19']").check()
    assert reader.finished() == "proved"
    shift, margin = reader.numbers()
    bound = float(reader.part("bound-value").inner_text())
    assert shift <= bound < margin
    reader.part("eps").fill("32")
    assert reader.finished() != "proved"
    assert float(reader.part("bound-value").inner_text()) > margin
    reader.page.get_by_label("robust").check()
    reader.finished()
    assert not reader.part("bound-item").is_visible()


@pytest.mark.slow
def test_the_address_is_the_state_and_harder_searches_find_no_less(reader: Reader) -> None:
    reader.open("?image=9&eps=4&encoder=standard&steps=5&attack=1")
    assert reader.page.locator("input[name=adversary-image]:checked").get_attribute("value") == "9"
    assert reader.part("eps-value").inner_text() == "4/255"
    assert reader.part("steps").input_value() == "5"
    reader.finished()
    before = reader.numbers()[0]
    reader.part("harder").click()
    reader.page.wait_for_function("document.querySelector('[data-part=text]').textContent.includes('harder search')")
    assert reader.numbers()[0] >= before
    reader.page.get_by_label("ℓ2").check()
    reader.page.wait_for_function("location.search.includes('norm=l2')")
    assert reader.finished() in ("unbroken", "refuted", "flipped")


@pytest.mark.slow
def test_larger_radii_never_settle_less(reader: Reader) -> None:
    """The strip below the radius: no smaller verdict to the right of a settled one; it ends at the last radius."""
    reader.open("?image=13&steps=1&encoder=robust")
    reader.part("every").click()
    reader.page.wait_for_function("document.querySelector('[data-part=eps]').value === '32'", timeout=60_000)
    assert reader.finished() == "flipped"
    cells = reader.part("strip").locator("span:not([hidden])")
    states = [cells.nth(k).get_attribute("data-verdict") or "" for k in range(cells.count())]
    order = ["", "unbroken", "refuted", "flipped"]
    assert len(states) == 33
    assert states == sorted(states, key=order.index)
    assert states[-1] == "flipped"


def test_a_drawing_is_read_and_attacked(reader: Reader) -> None:
    reader.open()
    reader.page.locator("[data-adversary] summary").click()
    pad = reader.part("pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    at = [(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * share) for share in (0.1, 0.9)]
    reader.page.mouse.move(*at[0])
    reader.page.mouse.down()
    reader.page.mouse.move(*at[1], steps=30)
    reader.page.mouse.up()
    assert reader.part("note").is_visible()
    reader.page.wait_for_function("document.querySelector('[data-part=clean]').ariaLabel?.startsWith('your drawing')")
    assert reader.part("grid").locator("button[aria-pressed=true]").count() >= 6
    reader.part("attack").click()
    assert reader.finished() in ("unbroken", "refuted", "flipped")
    reader.part("clear").click()
    assert reader.part("grid").locator("button[aria-pressed=true]").count() == 0


def test_the_keyboard_reaches_everything(reader: Reader) -> None:
    reader.open("?image=13&eps=1")
    page, reached = reader.page, []
    page.evaluate(
        "document.addEventListener('keydown', (e) => { if (e.key.startsWith('Arrow')) window.turned = true; })"
    )
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "document.activeElement.dataset.part ?? document.activeElement.name ?? document.activeElement.tagName"
            )
        )
    buttons = ["attack", "harder", "every", "noise", "reset", "link"]
    choices = ["adversary-encoder", "adversary-norm", "steps", "adversary-image", "SUMMARY"]
    assert reached[: len(buttons) + 6] == ["eps", *buttons, *choices]
    page.keyboard.press("Shift+Tab")
    while page.evaluate("document.activeElement.tagName") != "SUMMARY":
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    for key in ("Space", "ArrowRight", "ArrowDown", "Space"):
        page.keyboard.press(key)
    filled = page.locator("[data-part=grid] button[aria-pressed=true]")
    assert [filled.nth(k).get_attribute("aria-label") for k in range(2)] == ["row 1, column 1", "row 2, column 2"]
    page.locator("input[name=adversary-image]:checked").focus()
    page.keyboard.press("ArrowLeft")  # from "my drawing"
    assert page.locator("input[name=adversary-image]:checked").get_attribute("value") == "23"
    reader.part("eps").focus()
    page.keyboard.press("ArrowRight")
    assert reader.part("eps-value").inner_text() == "2/255"
    reader.part("attack").focus()
    page.keyboard.press("Enter")
    reader.finished()
    assert not page.evaluate("window.turned"), "the theme would have turned the page"


def test_reduced_motion_shows_the_final_state_alone(site: Path, browser: Any) -> None:  # noqa: F811
    window = browser.new_context(reduced_motion="reduce")
    reader = Reader(Visit(window.new_page(), site.as_uri()), page_of(site).as_uri())
    reader.open("?image=13&eps=8")
    reader.page.evaluate(
        """() => {
          window.widths = new Set();
          const bar = document.querySelector('[data-part=shift-bar]');
          new MutationObserver(() => widths.add(bar.style.width)).observe(bar, { attributes: true });
        }"""
    )
    reader.part("attack").click()
    reader.finished()
    assert reader.page.evaluate("widths.size") <= 1
    window.close()
    assert not reader.visit.wrong, "\n".join(reader.visit.wrong)


def test_one_encoder_is_loaded_at_first_and_it_is_light(site: Path, browser: Any) -> None:  # noqa: F811
    page, asked = browser.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_of(site).as_uri())
    page.wait_for_function("document.querySelector('[data-part=verdict]').dataset.verdict === 'waiting'")
    files = [site / url.split(f"{site.as_uri()}/", 1)[1].split("?")[0] for url in asked if url.startswith("file:")]
    page.close()
    names = {path.stem for path in files}
    assert "robust" in names
    assert "standard" not in names
    assert sum(path.stat().st_size for path in set(files)) < 1.5e6


def test_without_javascript_the_page_says_so(site: Path, browser: Any) -> None:  # noqa: F811
    window = browser.new_context(java_script_enabled=False)
    page = window.new_page()
    page.goto(page_of(site).as_uri())
    assert page.locator("noscript p").is_visible()
    assert not page.locator("[data-part=attack]").is_visible()
    window.close()
