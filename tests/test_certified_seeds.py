"""The seeds of `embedded/certified`: what decides between them, and the record of all."""

import json

import pytest
import torch

from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.evaluation.search import AttackPlan
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.drawn import letters
from rt_utils.models.frozen_encoder import frozen
from rt_utils.models.networks.certified_network import CertifiedNetwork
from rt_utils.training import certified_seeds
from rt_utils.training.certified_seeds import CHOICE, CHOICE_RADIUS, record, validation

QUICK = AttackPlan(*[PGDSettings(steps=2)] * 3, floor_points=0, apgd_points=0)


def test_the_letters_that_decide_are_in_no_other_split() -> None:
    others = load_data_set("letters", size=32, n_train=60, n_test=60)
    pretrained, _ = letters.draw_many(60, seed=0, stream=0)
    parts = [part.images for part in (*validation(30), others.train, others.test)] + [torch.from_numpy(pretrained)]
    images = [image.numpy().tobytes() for part in parts for image in part]
    assert len({*images}) == len(images) == 240


def test_the_record_holds_every_seed_and_the_best_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    encoders = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        card = {"recipe": {"seed": seed}, "sha256": f"{seed}", "training_seconds": 1.0}
        encoders.append((frozen(f"{seed}", CertifiedNetwork(), input_size=32, width=64), card))
    shares = iter((0.1, 0.7))
    monkeypatch.setattr(certified_seeds, "held_out", lambda *_: {CHOICE_RADIUS: {CHOICE: next(shares)}})
    content = record(
        encoders, data=("digits",), radii=(1 / 255,), n_train=150, n_test=10, plan=QUICK, probe=ProbeSettings(epochs=2)
    )
    assert content["chosen"] == 1
    assert [len(its["transfer"]) for its in content["seeds"]] == [1, 1]
    assert content["seeds"][1]["transfer"][0]["n"] == 10
    assert json.loads(json.dumps(content)) == content
