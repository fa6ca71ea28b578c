"""The sets that the full AutoAttack measures: robust encoders, images, heads, and a page's attacks beside it."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.halving import HalvingSettings
from rt_utils.evaluation.measure import fit_probes
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.evaluation.search import AttackPlan
from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import DataSet, fingerprint, resized, split_of
from rt_utils.models import public
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime.errors import InputError
from rt_utils.theory.threat import Threat

OWN, PROBE = "its own", "probe"
ALL = 60000  # more than any training split that is used here


@dataclass(frozen=True)
class Set:
    """What is measured: an encoder on the first n test images of a data set, under a threat, l_inf."""

    encoder: str
    data: str
    threat: Threat
    n: int = 1000
    n_train: int = 4000  # images that fit the probe

    @property
    def world(self) -> str:
        """Which record it goes into."""
        return self.encoder.partition("/")[0]

    @property
    def head(self) -> str:
        """Networks that others trained have the head of their training, as on their cards; the others the probe."""
        return OWN if self.world == "public" else PROBE

    @property
    def names(self) -> tuple[str, str, str]:
        """What a user may call it: its world, its encoder, or both encoder and data."""
        return self.world, self.encoder, f"{self.encoder},{self.data}"


_CIFAR = ("cifar_wide_kw", "cifar_base_kw", "cifar_deep_kw", "cifar_sgd_8px", "cifar_resnet2b", "cifar_resnet4b")
TWO, EIGHT = (Threat("linf", k / 255) for k in (2, 8))
SETS = (
    Set("embedded/robust", "digits", EIGHT, n=500),
    Set("embedded/robust", "glyphs", EIGHT),
    Set("embedded/robust", "textures", EIGHT),
    Set("embedded/certified", "numerals", TWO, n_train=2000),  # the radius of its chapter
    Set("public/cifar_small_8px", "cifar10-jpeg", TWO),
    Set("natural/robust", "fashion-mnist", EIGHT, n_train=ALL),
    Set("natural/robust", "cifar10-jpeg", EIGHT, n_train=ALL),
    Set("public/fashion_mnist", "fashion-mnist", TWO),
    *(Set(f"public/{name}", "cifar10-jpeg", TWO) for name in _CIFAR),
    Set("natural/robust", "tinyimagenet100", EIGHT, n_train=ALL),
)


def plan(world: str, seed: int = 0) -> AttackPlan:
    """What Theorem 2's page runs in that world on every point, with the checks on its first points."""
    starts, steps, floor, apgd = (3, 60, 32, 64) if world == "public" else (5, 100, 64, 100)
    return AttackPlan(
        representation=HalvingSettings.of_shift(starts, steps, seed=seed),
        loss=HalvingSettings.of_loss(starts, steps, seed=seed),
        margin=HalvingSettings.of_margin(starts, steps, seed=seed),
        predicted=PGDSettings(steps=20, rel_stepsize=3.0, seed=seed + 100),
        paper=PGDSettings(steps=20, rel_stepsize=0.7, decay=False, seed=seed + 200),
        floor=PGDSettings(steps=100, restarts=5, seed=seed + 300),
        floor_points=floor,
        apgd_points=apgd,
    )


def probe(world: str) -> ProbeSettings:
    """How the pages fit their probes in that world: on photographs by the paper's recipe."""
    return ProbeSettings() if world == "embedded" else ProbeSettings(epochs=20, lr=0.01)


def recipe(its: Set) -> dict[str, Any] | None:
    """What a row says of its probe; None where the head is the network's own."""
    return None if its.head == OWN else {"n_train": its.n_train, **asdict(probe(its.world))}


def images(its: Set, size: int) -> DataSet:
    """The data set with n test images; of textures, of which pages have 200 at most, as many more are drawn."""
    data = load_data_set(its.data, size=size, n_train=its.n_train, n_test=its.n)
    if its.data == "textures" and len(data.test) < its.n:
        from rt_utils.images.drawn import textures  # here: it imports matplotlib

        drawn, labels = textures.draw_many(its.n, seed=0, stream=2)
        test = split_of(resized(drawn, size), labels)
        data = replace(data, test=test, fingerprint=fingerprint(data.train, test))
    if len(data.test) < its.n:
        raise InputError(f"{its.data!r} has {len(data.test)} test images, and {its.n} are asked for")
    return data


def case(its: Set) -> tuple[Encoder, Head, DataSet]:
    """Encoder, head and images of a set. Raises InputError where files are not there."""
    encoder = load_encoder(its.encoder)
    data = images(its, encoder.input_size)
    if its.head == OWN:
        return encoder, public.own_head(its.encoder), data
    (head,) = fit_probes([(encoder, data)], probe(its.world), workers=1)
    return encoder, head, data
