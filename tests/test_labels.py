"""Names and colours of encoders in what is shown."""

import warnings

import pandas as pd

from rt_utils.evaluation.subspace import CRITERIA
from rt_utils.pages import effort_section, figures
from rt_utils.pages.labels import KINDS, OTHERS, colours, labels, shortened_names
from rt_utils.pages.plots import slack
from rt_utils.theory.sharper import LINKS


def test_names_are_short_and_no_two_are_equal() -> None:
    names = ["embedded/robust", "natural/robust", "natural/random", "timm/resnet10t", "public/resnet20"]
    assert labels(names) == {
        "embedded/robust": "embedded/robust",
        "natural/robust": "natural/robust",
        "natural/random": "random",
        "timm/resnet10t": "timm/resnet10t",
        "public/resnet20": "resnet20",
    }


def test_long_names_with_the_same_end_are_told_apart() -> None:
    a, b = (f"folder:runs/{one}/images/of/the/second/trial" for one in "ab")
    shown = shortened_names([a, b, "digits"])
    assert shown["digits"] == "digits"
    assert shown[a] != shown[b]
    assert (shown[a][-22:], shown[a][0]) == (a[-22:], "…")
    assert shortened_names([a, a]) == {a: f"…{a[-22:]}"}
    one, other = "folder:/x/data-of-the-trial-long", "folder:/xx/data-of-the-trial-long"
    assert len(set(shortened_names([one, other, f"y/{one}"]).values())) == 3


def test_two_robust_encoders_are_two_in_what_a_section_says() -> None:
    rows = pd.DataFrame(
        [
            {"encoder": f"{world}/robust", "effort": effort, "found": 0.5, "fulfilled": 0.5}
            for world in ("embedded", "natural")
            for effort in ("1 step", "5 steps")
        ]
    )
    drawn = effort_section.slider(rows, "#000000", threat="l_inf", data="digits", n=4)._repr_html_()
    assert "embedded/robust" in drawn
    assert "natural/robust" in drawn
    template, values = effort_section.reading(rows)
    assert template.format(**values).count("embedded/robust") == 3


def test_colours_come_in_the_order_of_the_page() -> None:
    page = ["natural/standard", "natural/random", "file:a.pt@torchvision/resnet18", "timm/resnet10t", "embedded/random"]
    chosen = colours(page)
    assert chosen["natural/standard"] == KINDS["standard"]
    assert chosen["natural/random"] == KINDS["random"]
    assert list(chosen.values())[2:] == list(OTHERS[:3])  # a second random one is another's
    assert colours([*page, "timm/resnet18"]) | chosen == colours([*page, "timm/resnet18"])


def test_no_two_of_nine_encoders_share_a_colour() -> None:
    names = [f"timm/{k}" for k in range(6)] + ["natural/robust", "natural/standard", "natural/random"]
    assert len(set(colours(names).values())) == 9


def test_nine_networks_of_no_kind_have_nine_colours() -> None:
    assert len(set(colours([f"public/{k}" for k in range(9)]).values())) == 9
    assert colours([*(f"timm/{k}" for k in range(8)), "natural/robust"])["natural/robust"] == KINDS["robust"]


def test_with_more_encoders_than_colours_they_begin_again() -> None:
    assert len(colours([f"timm/{k}" for k in range(20)])) == 20


def test_names_of_any_length_leave_room_for_the_axes() -> None:
    encoder, data = "robustbench/imagenet/Linf/Salman2020Do_50_2:256", "folder:/somewhere/with/a/long/path/my_images"
    case = {"encoder": encoder, "data": data}
    figures.use_style()
    drawn = [
        slack.waterfall(pd.DataFrame([case | dict.fromkeys(LINKS, 1.5)]), LINKS, [encoder]),
        slack.criteria(pd.DataFrame([case | dict.fromkeys(CRITERIA, 0.4)]), CRITERIA, [encoder]),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # matplotlib's, where nothing is left for the axes
        for number, figure in enumerate(drawn):
            picture = figures.picture(figure, f"long-{number}", caption="", alt="")
            assert "2020Do_50_2:256" in picture.svg
