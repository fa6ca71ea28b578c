"""What an audit looks at: one data set, perhaps your own folder; and the attacks that its budget leaves."""

import os
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from rt_utils.evaluation import audit_held
from rt_utils.evaluation.attacks import PGDSettings
from rt_utils.evaluation.audit import Audit
from rt_utils.evaluation.audit_budget import Size
from rt_utils.evaluation.audit_held import Held
from rt_utils.evaluation.search import AttackPlan
from rt_utils.images import folder as image_folder
from rt_utils.images import listing
from rt_utils.images.catalogue import load_data_set
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.pages import experiment
from rt_utils.pages.parameters import Parameters
from rt_utils.pages.wording import as_it_stands
from rt_utils.runtime.errors import InputError

EVERYTHING = 10_000_000
REFERENCES = ("glyphs", "digits", "textures")  # this book's own, under every profile


@dataclass(frozen=True)
class Subject:
    """The audited data set. `folder`: that of your images, or None; no image has been decoded yet."""

    name: str
    folder: str | None
    seed: int

    @cached_property
    def _listed(self) -> tuple[image_folder.Files, image_folder.TestFiles, tuple[str, ...]] | None:
        if self.folder is None:
            return None
        return image_folder.split(self.folder, n_train=EVERYTHING, n_test=EVERYTHING, seed=self.seed)

    @property
    def title(self) -> str:
        """What the page calls it."""
        return "your images" if self.folder else self.name

    @property
    def labelled(self) -> bool:
        """Whether there are two classes or more, so that a probe can be fitted."""
        return self._listed is None or len(self._listed[2]) > 1

    @property
    def one_class(self) -> bool:
        """Whether the images have a label, all the same one."""
        return self._listed is not None and len(self._listed[2]) == 1

    @property
    def total(self) -> int | None:
        """How many images your folder holds; None for a data set that has a name."""
        return None if self._listed is None else sum(len(paths) for paths, _ in self._listed[:2])

    @property
    def testable(self) -> int:
        """How many images can be tested, at most."""
        return EVERYTHING if self._listed is None else len(self._listed[1][0])

    @property
    def references(self) -> list[str]:
        """The sets that the same attack is run on."""
        return [other for other in REFERENCES if other != self.name]

    def files(self, size: Size) -> list[Path]:
        """The files of the tested images, in order; none for a data set that has a name."""
        if self.folder is None:
            return []
        chosen = {"n_train": size["n_train"], "n_test": size["n_test"]}
        return image_folder.split(self.folder, **chosen, seed=self.seed)[1][0]

    def relative_files(self, size: Size) -> list[str] | str:
        """Their paths inside the folder; empty for a data set that has a name."""
        root = Path(self.folder or "").expanduser()
        return [listing.shown(os.path.relpath(path, root)) for path in self.files(size)] or ""


def subject(p: Parameters) -> Subject:
    """The page's one data set. Raises InputError where there is nothing that an audit could do with the parameters."""
    if len(p.data) > 1:
        raise InputError(f"data names {len(p.data)} data sets, {', '.join(p.data)}: audit one at a time")
    if not p.eps:
        raise InputError("eps 0 allows no perturbation, so there is nothing to audit: give a radius such as '4/255'")
    return one(p.data[0], p.seed, p.n_test)


def one(name: str, seed: int, n_test: int) -> Subject:
    """The data set of that name. Raises InputError where it leaves fewer than two images to test."""
    chosen = Subject(name, name.removeprefix("folder:") if name.startswith("folder:") else None, seed)
    if min(n_test, chosen.testable) < 2:
        why = f"{chosen.folder!r} leaves 1 image to test" if n_test > 1 else f"n_test {n_test} is 1 image"
        raise InputError(f"{why}: an audit needs two, for a distance between images to compare with")
    return chosen


def plan(p: Parameters, size: Size) -> AttackPlan:
    """The page's attacks, at the sizes that the budget leaves."""
    cut = copy(p)
    vars(cut).update({what: size[what] for what in ("restarts", "steps", "floor_points", "apgd_points")})
    strong = PGDSettings(steps=size["strong_steps"], restarts=size["strong_restarts"], seed=p.seed + 300)
    plan = replace(experiment.attack_plan(cut), floor=strong, apgd_steps=size["apgd_steps"])
    return experiment.with_subspace(plan, cut)


def held(done: Audit, chosen: Subject, p: Parameters, plan: AttackPlan, size: Size, workers: int) -> Held | None:
    """The audited encoder against known ones on its images; None where too few of them tell these images apart."""
    numbers = {"n_train": 2, "n_test": size["n_test"], "seed": p.seed}
    images = load_data_set(chosen.name, size=audit_held.SIZE, **numbers)
    threat = p.threat
    return audit_held.held(done, p.encoder, images, threat, plan, seed=p.seed, workers=workers)


def loaded(encoder: Encoder) -> str:
    """How the encoder was loaded, rule by rule, as HTML."""
    notes = encoder.notes or ("has the weights and the preprocessing that its model card describes",)
    return "".join(f"<li>{as_it_stands(note)}</li>" for note in notes)
