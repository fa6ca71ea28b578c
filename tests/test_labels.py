"""Names and colours of encoders in what is shown."""

import warnings

import pandas as pd

from rt_utils.evaluation.subspace import CRITERIA
from rt_utils.pages import figures
from rt_utils.pages.labels import KINDS, OTHERS, colours, labels
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
