"""The paper's settings: the profiles against a table of them, and the line that says in what a run differs."""

import jupytext
import pytest
import yaml
from conftest import ROOT

from rt_utils.evaluation import criterion_variants
from rt_utils.pages import execution, paper_settings, parameters

FOLDER = ROOT / "notebooks" / "profiles"
# facts of the paper's Section 5 and Appendix B.1 (its radii and the ImageNet rate: the released code)
TABLE = {
    "paper.yaml": {
        **{"encoders": ["robustbench/cifar100/Linf/Addepalli2022Efficient_WRN_34_10"], "norm": "linf", "eps": "8/255"},
        **{"data": ["cifar10", "fashion-mnist", "intel"], "probe_epochs": 20, "probe_lr": 0.01},
        **{"ft_epochs": 20, "ft_lr": 0.001, "batch": 128},
    },
    "paper_imagenet.yaml": {
        **{"encoders": ["robustbench/imagenet/Linf/Salman2020Do_50_2:256"], "norm": "linf", "eps": "1/255"},
        **{"data": ["cifar10", "fashion-mnist", "intel"], "probe_epochs": 10, "probe_lr": 0.001},
        **{"ft_epochs": 10, "ft_lr": 0.001, "batch": 32},
    },
}
SETTINGS = {"paper.yaml": "cifar100", "paper_imagenet.yaml": "imagenet"}


def given(file: str) -> dict[str, object]:
    content: dict[str, object] = yaml.safe_load((FOLDER / file).read_text("utf-8"))
    return content


@pytest.mark.parametrize("file", TABLE)
def test_a_profile_of_the_paper_has_its_numbers(file: str) -> None:
    content, there = given(file), paper_settings.settings()[SETTINGS[file]]
    for name, value in TABLE[file].items():
        assert content[name] == there[name] == value, name
    for points in ("path_points", "ft_points", "n_test"):
        assert content[points] == 1000, points
    assert content["n_train"] >= paper_settings.ALL  # type: ignore[operator]


def test_as_released_halves_the_radius_where_the_range_is_doubled() -> None:
    content, paper = given("as_released.yaml"), given("paper.yaml")
    assert content["encoders"] == [f"{paper['encoders'][0]}:2x-1"]  # type: ignore[index]
    assert (content["eps"], paper["eps"]) == ("4/255", "8/255")
    attack = paper_settings.settings()["attack"]
    assert {name: content[name] for name in attack} == attack
    same = ("data", "norm", "probe_epochs", "probe_lr", "ft_epochs", "ft_lr", "n_train", "n_test")
    assert all(content[name] == paper[name] for name in same)


def test_as_released_has_the_papers_imagenet_settings_too() -> None:
    content, paper, other = (
        given(f"{name}.yaml") for name in ("as_released_imagenet", "paper_imagenet", "as_released")
    )
    assert all(content[name] == value for name, value in paper.items() if name != "profile")
    switched = {"probe_mode", "score_batch", "restarts", "steps", "rel_stepsize", "appendix_paper_and_code"}
    assert content.keys() - paper.keys() == switched
    assert all(content[name] == other[name] for name in (*switched, "profile"))


def test_as_released_switches_on_together_what_belongs_together() -> None:
    content = given("as_released.yaml")
    assert (content["probe_mode"], content["score_batch"]) == ("train", criterion_variants.BATCH)
    sprites = {name: content[f"appendix_b2_regression.{name}"] for name in ("probe_fit", "table_loss", "eps")}
    assert sprites == {"probe_fit": "adam", "table_loss": "squared", "eps": "16/255"}
    own = execution.declared_parameters(jupytext.read(execution.source("appendix_b2_regression")))
    assert (own["probe_fit"], own["table_loss"]) == ("least squares", "absolute")
    chapters = ("theorem_2_criterion", "section_5_2_criterion")
    for chapter in chapters:
        declared = execution.declared_parameters(jupytext.read(execution.source(chapter)))
        assert (declared["probe_mode"], declared["score_batch"]) == ("eval", 0)  # not without being asked for
        p = parameters.check(
            {name: content.get(name, value) for name, value in declared.items() if name != "encoders"}
            | {"data": ["digits"]}
        )
        said = "; ".join(paper_settings.differences(p))
        assert "the encoder in train mode while its probe is fitted (there eval)" in said
        assert "a test by the mean shift of 32 images (there each point's)" in said


@pytest.mark.parametrize("file", ["natural.yaml", "public.yaml"])
def test_kept_runs_fit_the_probe_by_the_papers_recipe(file: str) -> None:
    content, there = given(file), paper_settings.settings()["cifar100"]
    assert all(content[name] == there[name] for name in ("probe_epochs", "probe_lr", "batch"))
    assert content["n_train"] >= paper_settings.ALL  # type: ignore[operator]
    assert content["n_test"] == 1000


def test_the_natural_profile_finetunes_by_the_papers_epochs_and_rate_and_attacks_as_many_images() -> None:
    content, there = given("natural.yaml"), paper_settings.settings()["cifar100"]
    assert all(content[name] == there[name] for name in ("ft_epochs", "ft_lr"))
    assert content["ft_points"] == content["section_5_2_criterion.path_points"] == 1000


def run(**changes: object) -> parameters.Parameters:
    own = {name: value for name, value in changes.items() if name not in ("encoders", "data")}
    theirs = {"profile": "paper", "norm": "linf", "eps": "8/255", "probe_epochs": 20, "probe_lr": 0.01, "batch": 128}
    p = parameters.check(theirs | own)
    there = paper_settings.settings()["cifar100"]
    vars(p).update(encoders=changes.get("encoders", there["encoders"]), data=changes.get("data", there["data"]))
    return p


def test_the_papers_own_run_differs_in_nothing() -> None:
    assert paper_settings.differences(run()) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"encoders": ["embedded/robust"]}, "encoders robust (there robustbench"),
        ({"data": ["cifar10", "digits"]}, "data digits (there cifar10"),
        ({"eps": "4/255"}, "radius 4/255 (there 8/255)"),
        ({"probe_epochs": 60}, "probe trained for 60 epochs (there 20)"),
        ({"probe_lr": 0.1}, "at rate 0.1 (there 0.01)"),
        ({"probe_mode": "train"}, "in train mode while its probe is fitted (there eval)"),
        ({"score_batch": 32}, "the mean shift of 32 images (there each point's)"),
        ({"n_train": 4000}, "at most 4000 training images (there all)"),
        ({"steps": 100, "rel_stepsize": 3.0}, "(there 20 steps of 0.7 ε from one start"),
    ],
)
def test_each_difference_is_said(changes: dict[str, object], says: str) -> None:
    (found,) = paper_settings.differences(run(**changes))
    assert says in found


def test_batches_differ_for_imagenet() -> None:
    encoders = paper_settings.settings()["imagenet"]["encoders"]
    found = paper_settings.differences(run(encoders=encoders, eps="1/255", probe_epochs=10, probe_lr=0.001))
    assert found == ["batches of 128 (there 32)"]


@pytest.mark.parametrize("which", ["cifar100", "imagenet"])
def test_the_images_of_the_pretraining_are_the_papers_own_where_its_tables_have_them(which: str) -> None:
    there = paper_settings.settings()[which]
    own = run(encoders=there["encoders"], data=[which, "cifar10"])
    assert any(f"data {which} (there cifar10," in said for said in paper_settings.differences(own))
    for chapter in paper_settings.OWN:
        assert not any("data " in said for said in paper_settings.differences(own, chapter))


def test_rolis_chapter_says_how_small_it_is_beside_hua() -> None:
    p = parameters.check(execution.declared_parameters(jupytext.read(execution.source("roli"))))
    said = paper_settings.line("roli", p)
    assert "differs from Hua et al. in: encoders robust, standard (there Swin-B and ViT-B)" in said
    assert f"finetuning for {p.ft_epochs} epochs, the last one taken (there 20 to 60, the best one)" in said


def test_only_chapters_about_the_papers_experiments_say_it() -> None:
    assert set(paper_settings.ABOUT) < set(execution.chapters())
    assert paper_settings.line("purification", run()) == ""
    source = jupytext.read(execution.source("section_5_2_criterion"))
    p = parameters.check(execution.declared_parameters(source))
    said = paper_settings.line("section_5_2_criterion", p)
    assert said.startswith("This run (profile embedded) differs from the paper in: encoders robust, standard, random")
    assert "at most 4000 training images (there all)" in said
