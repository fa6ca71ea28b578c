"""Names and colours of encoders in what is shown."""

from rt_utils.pages.labels import KINDS, OTHERS, colours, labels


def test_names_are_short_and_no_two_are_equal() -> None:
    names = ["embedded/robust", "natural/robust", "natural/random", "timm/resnet10t"]
    assert labels(names) == {
        "embedded/robust": "embedded/robust",
        "natural/robust": "natural/robust",
        "natural/random": "random",
        "timm/resnet10t": "timm/resnet10t",
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


def test_with_more_encoders_than_colours_they_begin_again() -> None:
    assert len(colours([f"timm/{k}" for k in range(20)])) == 20
