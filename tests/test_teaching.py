"""The teaching pages: the plans' clocks, what each plan must name, every link, and the problem set's sums."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import torch
import yaml
from conftest import ROOT
from mdit_py_plugins.anchors.index import slugify
from test_solutions import directives

from rt_utils.evaluation import attacks
from rt_utils.evaluation.measure import fit_probes
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.images.catalogue import load_data_set
from rt_utils.models import intervals
from rt_utils.models.catalogue import load_encoder
from rt_utils.theory import statements
from rt_utils.theory.threat import Threat

TEACHING = ROOT / "book" / "teaching"
PAGES = sorted(TEACHING.glob("*.md"))
PLANS = ("lecture_1", "lecture_2", "lecture_3", "single_lecture", "reading_group")
HEAD = ["from", "to", "what happens", "board", "figure or page", "ask before you move it"]
LENGTH = re.compile(r"^\*\*Length: (\d+) minutes\b", re.MULTILINE)
LIVE = ("fool_it_yourself.html", "setting.ipynb#the-picture-live", "#the-score-as-the-radius-grows")
SOLUTION = re.compile(r"^````\{solution\}.*?^````$", re.MULTILINE | re.DOTALL)
SLIDER = {"linf": 32, "l2": 2}  # the largest radius of the live page, as its address says it
SHEET = re.compile(r'^\| <a href="[^"]*image=(\d+)&amp;[^"]*">(\d+)</a> \|', re.MULTILINE)


def rows_below(text: str, head: list[str]) -> list[list[list[str]]]:
    """The tables with this head, each as rows of cells."""
    tables: list[list[list[str]]] = []
    inside = False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if cells == head:
            tables.append([])
            inside = True
        elif inside and line.startswith("|"):
            if not set(line) <= set("|-: "):
                assert len(cells) == len(head), line
                tables[-1].append(cells)
        else:
            inside = False
    return tables


def check_clock(rows: list[list[str]], length: int) -> None:
    """From 0 to `length` without gap or overlap."""
    clock = 0
    for row in rows:
        assert int(row[0]) == clock, f"minute {row[0]} follows minute {clock}"
        assert int(row[1]) > clock, f"the stretch from {clock} has no minutes"
        clock = int(row[1])
    assert clock == length, f"the plan ends at {clock}, not at {length}"


def part(text: str, title: str) -> str:
    """The section below `## title`."""
    return text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_adds_up(name: str) -> None:
    text = (TEACHING / f"{name}.md").read_text("utf-8")
    tables, lengths = rows_below(text, HEAD), [int(n) for n in LENGTH.findall(text)]
    assert len(tables) == len(lengths) > 0
    for rows, length in zip(tables, lengths, strict=True):
        check_clock(rows, length)
        assert any(place in row[4] for row in rows for place in LIVE), "no live figure"
        assert any("?" in row[5] for row in rows), "no question"
        for row in rows:
            figure = any(place in row[4] for place in (*LIVE, "#figure-"))
            assert not figure or "?" in row[5], f"nothing is asked before the figure at {row[0]}"


@pytest.mark.parametrize(("times", "length"), [("0 5,6 9", 9), ("0 5,4 9", 9), ("1 9", 9), ("0 9", 10), ("0 0,0 9", 9)])
def test_a_wrong_clock_is_noticed(times: str, length: int) -> None:
    with pytest.raises(AssertionError):
        check_clock([stretch.split() for stretch in times.split(",")], length)


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_is_whole(name: str) -> None:
    text = (TEACHING / f"{name}.md").read_text("utf-8")
    assert "**Aims.**" in text
    board = part(text, "Board plan")
    used = {block for rows in rows_below(text, HEAD) for row in rows for block in re.findall(r"B\d", row[3])}
    assert used
    assert used == set(re.findall(r"\| (B\d) \|", board)), "the board plan and the table name other blocks"
    (mistaken,) = rows_below(part(text, "Misconceptions"), ["ask", "whoever answers", "has understood", "the answer"])
    assert len(mistaken) >= 3
    assert all("?" in row[0] and all(row) for row in mistaken)
    (left_out,) = rows_below(part(text, "What may be left out"), ["leave out", "minutes gained", "what then"])
    stretches = {(row[0], row[1]) for rows in rows_below(text, HEAD) for row in rows}
    for row in left_out:
        ((start, end),) = re.findall(r"(\d+) to (\d+)", row[0])
        assert (start, end) in stretches, row[0]
        assert 0 < int(row[1]) <= int(end) - int(start), row[0]


class References(HTMLParser):
    """The addresses of the <a> elements in a source."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for key, value in attrs if tag == "a" and key == "href"]


def source_of(page: str, link: str) -> Path:
    """The source that a relative link leads to: chapters/ is made of notebooks/."""
    target = (ROOT / "book" / "teaching" / link).resolve().relative_to(ROOT)
    folder = "notebooks" if target.parts[0] == "chapters" else str(target.parent)
    path = ROOT / folder / f"{target.stem}.md"
    assert path.is_file(), f"{page}: {link} leads nowhere"
    return path


def check_live_address(query: str) -> None:
    """The live page understands every parameter and value of this address."""
    page = (ROOT / "book" / "fool_it_yourself.md").read_text("utf-8")
    script = (ROOT / "book" / "style" / "adversary" / "main.js").read_text("utf-8")
    values = {key: value for key, (value,) in parse_qs(query, strict_parsing=True).items()}
    for key, value in values.items():
        assert f'asked.get("{key}")' in script, f"{key} is no parameter of the live page"
        if key in ("image", "encoder", "norm"):
            assert f'name="adversary-{key}" value="{value}"' in page, f"{key}={value}"
    assert 0 <= float(values["eps"]) <= SLIDER[values["norm"]]
    assert re.search(rf"<option(?: selected)?>{values['steps']}</option>", page)


def check_run(source: Path, query: str) -> None:
    """The switch of this chapter has the run that an address asks for."""
    ((name,),) = parse_qs(query, strict_parsing=True).values()
    assert query == f"run={name}"
    kept = (ROOT / "book" / "reference" / name).glob(f"{source.stem}.json")
    assert name == "embedded" or any(kept), query


def sources() -> list[str]:
    folders = [ROOT / "notebooks", ROOT / "book", TEACHING]
    return [path.read_text("utf-8") for folder in folders for path in folder.glob("*.md")]


def labels() -> set[str]:
    """What {ref} and {prf:ref} may name: of exercises, statements, sections."""
    everything = "\n".join(sources())
    named = re.findall(r"^:(?:label|name): *(\S+)", everything, re.MULTILINE)
    return {*named, *re.findall(r"^\(([\w-]+)\)=$", everything, re.MULTILINE)}


def check_links(page: str, text: str) -> None:
    known = labels()
    for target in re.findall(r"\{(?:prf:)?ref\}`(?:[^`<]*<)?([^`<>]+)>?`", text):
        assert target in known, f"{page}: {target} is no label"
    for target in re.findall(r"\{doc\}`(?:[^`<]*<)?([^`<>]+)>?`", text):
        source_of(page, target)
    prose = re.sub(r"```.*?```|\$[^$]*\$", "", text, flags=re.DOTALL)
    for target in re.findall(r"(?<!\!)\[[^\]]*\]\(([^)]+)\)", prose):
        file, _, anchor = target.partition("#")
        headings = re.findall(r"^#{1,3} (.+)$", source_of(page, file).read_text("utf-8"), re.MULTILINE)
        assert not anchor or anchor in map(slugify, headings), f"{page}: {target}"
    for target in References(text).found:
        parts = urlsplit(target)
        source = source_of(page, parts.path)
        if parts.query:
            if source.stem == "fool_it_yourself":
                check_live_address(parts.query)
            else:
                check_run(source, parts.query)
        if parts.fragment:
            run = parse_qs(parts.query).get("run", ["embedded"])[0]
            figure = parts.fragment.removeprefix("figure-").removeprefix(f"{run}-")
            drawn = source.read_text("utf-8") + (ROOT / "rt_utils" / "pages" / "lemma_section.py").read_text("utf-8")
            assert f'"{figure}"' in drawn, f"{page}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    check_links(page.name, page.read_text("utf-8"))


@pytest.mark.parametrize(
    "link",
    [
        "{ref}`ex-week-none`",
        "{prf:ref}`theorem-3`",
        "{doc}`lecture_4`",
        "[here](../../chapters/setting.ipynb#the-picture-dead)",
        '<a href="../../chapters/slack.html#figure-none">here</a>',
        '<a href="../fool_it_yourself.html?image=99">here</a>',
        '<a href="../../chapters/slack.html?run=none#figure-slack-waterfall">here</a>',
        '<a href="../../chapters/slack.html?image=3#figure-slack-waterfall">here</a>',
    ],
)
def test_a_dead_link_is_noticed(link: str) -> None:
    with pytest.raises(AssertionError):
        check_links("planted", link)


@pytest.mark.parametrize(
    "query",
    [
        "picture=3&eps=1&norm=linf&steps=20",
        "image=24&eps=1&norm=linf&steps=20",
        "image=3&eps=33&norm=linf&steps=20",
        "image=3&eps=1&norm=l1&steps=20",
        "image=3&eps=1&norm=linf&steps=7",
    ],
)
def test_a_wrong_address_of_the_live_page_is_noticed(query: str) -> None:
    with pytest.raises((AssertionError, KeyError)):
        check_live_address(query)


def test_the_problem_set_adds_up() -> None:
    text = (TEACHING / "problem_set.md").read_text("utf-8")
    head = ["problem", "level", "minutes", "points", "about", "needs"]
    (rows,) = rows_below(text, head)
    stated = re.search(r"^\*\*Length: (\d+) minutes, (\d+) points\.\*\*", text, re.MULTILINE)
    assert stated
    assert [sum(int(row[k]) for row in rows) for k in (2, 3)] == [int(stated[1]), int(stated[2])]
    listed = [re.findall(r"\{ref\}`\d\. [^<]+ <([\w-]+)>`", row[0]) for row in rows]
    exercises = directives(text, "exercise")
    assert listed == [[exercise.label] for exercise in exercises]
    for level in ("1", "2", "3"):
        below = [exercise.label for exercise in directives(part(text, f"Level {level}"), "exercise")]
        assert below == [label for (label,), row in zip(listed, rows, strict=True) if row[1] == level]


def test_each_problem_says_its_points() -> None:
    text = (TEACHING / "problem_set.md").read_text("utf-8")
    for solution in directives(text, "solution"):
        assert "*Points:*" in solution.text, solution.argument


def test_the_sheet_has_ten_images_of_ten_classes_and_ten_radii() -> None:
    text = (TEACHING / "classroom_sheet.md").read_text("utf-8")
    numbers = [int(number) for number, shown in SHEET.findall(text) if number == shown]
    labels = load_data_set("digits", size=32, n_train=4000, n_test=500, seed=0).test.labels[numbers]
    assert len(numbers) == 10
    assert sorted(labels.tolist()) == list(range(10))
    (head,) = [line for line in text.splitlines() if line.startswith("| test digit | you read")]
    radii = [int(cell) for cell in head.split("|") if cell.strip().isdigit()]
    assert len(radii) == 10
    assert radii == sorted(set(radii))
    assert radii[-1] <= SLIDER["linf"]


@pytest.mark.slow
def test_lecture_one_shows_what_it_promises() -> None:
    digits = load_data_set("digits", size=32, n_train=4000, n_test=500, seed=0)
    x, encoders = digits.test.pixels()[13:14], [load_encoder(f"embedded/{name}") for name in ("standard", "robust")]
    heads = fit_probes([(encoder, digits) for encoder in encoders], ProbeSettings())

    def attacked(which: int, eps: float, steps: int) -> tuple[bool, bool]:
        """Whether the criterion is refuted, and the reading flipped."""
        encoder, head = encoders[which], heads[which]
        predictor = torch.nn.Sequential(encoder, head.module()).eval()
        z = encoder.features(x).double()
        logits, settings, ball = head.logits(z), attacks.PGDSettings(steps=steps), Threat("linf", eps)
        y, ratio = logits.argmax(1), statements.margin_ratio(logits, head.weight)
        found = [
            encoder.features(moved).double()
            for moved in (
                *attacks.representation_pgd(encoder, x, ball, settings),
                *attacks.loss_pgd(predictor, x, y, ball, settings),
            )
        ]
        refuted = any((statements.shift(z, moved) >= ratio).item() for moved in found)
        return refuted, any((head.logits(moved).argmax(1) != y).item() for moved in found)

    assert attacked(0, 4 / 255, 20) == (True, True)
    assert attacked(1, 4 / 255, 20) == (False, False)
    assert attacked(1, 6 / 255, 1) == (False, False)
    assert attacked(1, 6 / 255, 100) == (True, False)


def test_the_part_teach_has_every_page_and_the_readme_leads_to_lecture_one() -> None:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    (teach,) = [part for part in toc["parts"] if part["caption"] == "Teach"]
    assert sorted(entry["file"] for entry in teach["chapters"]) == [f"book/teaching/{page.stem}" for page in PAGES]
    assert "(book/teaching/lecture_1.md)" in (ROOT / "README.md").read_text("utf-8").split("## Teach from it")[1]


def test_lecture_threes_example_by_hand() -> None:
    layers = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU()).double()
    linear = layers[0]
    assert isinstance(linear, torch.nn.Linear)
    linear.weight.data, linear.bias.data = torch.tensor([[2, 1], [1, -1.0]]).double(), torch.tensor([0, 0.1]).double()
    x = torch.tensor([[0.5, 0.5]]).double()
    z, (lower, upper) = layers(x).detach(), intervals.interval(layers, x - 0.1, x + 0.1)
    torch.testing.assert_close(z, torch.tensor([[1.5, 0.1]]).double())
    torch.testing.assert_close(lower.detach(), torch.tensor([[1.2, 0.0]]).double())
    torch.testing.assert_close(upper.detach(), torch.tensor([[1.8, 0.3]]).double())
    reach = torch.maximum(upper - z, z - lower).detach()
    assert reach.norm().item() == pytest.approx(0.13**0.5)
    assert statements.margin_ratio(z, torch.eye(2).double()).item() == pytest.approx(1.4 / 2**0.5)
    assert (lower[0, 0] - upper[0, 1]).item() == pytest.approx(0.9)
    steps = torch.linspace(-0.1, 0.1, 81).double()
    moved = layers(x + torch.cartesian_prod(steps, steps)).detach()
    assert statements.shift(z, moved).max().item() == pytest.approx(0.3)
