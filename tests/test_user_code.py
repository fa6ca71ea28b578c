"""python:FILE.py:FACTORY: what a user's code makes is an encoder in every process, or is refused in one line."""

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rt_utils.models import factory_names
from rt_utils.models.catalogue import check_encoder, load_encoder
from rt_utils.models.user_code import UserNetwork
from rt_utils.pages.parameters import check
from rt_utils.runtime import processes
from rt_utils.runtime.errors import InputError

NETWORK = """
import torch
from torch import nn
from layers import Body

class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = Body(), nn.Linear(5, 3)

    def forward(self, x):
        return self.head(self.body(x))

def make(**about):
    torch.manual_seed(0)
    network = Own()
    network.rt_encoder = {"input_size": 8} | about
    return network

def encoder():
    return make()

def normalised():
    return make(mean=(0.5, 0.4, 0.3), std=(0.1, 0.2, 0.3))

def features():
    torch.manual_seed(0)
    network = Own().body
    network.rt_encoder = {"input_size": 8, "output": "features"}
    return network

SHARED = make()

def shared():
    return SHARED

def half():
    return make().half()

def unseeded():
    network = Own()
    network.rt_encoder = {"input_size": 8}
    return network

def of_its_process():
    import os
    network = make()
    network.head.bias.data += os.getpid()
    return network

def silent():
    network = make()
    del network.rt_encoder
    return network

def misspelt():
    return make(imput_size=3)

def too_large():
    return make(input_size=9)

def one_mean():
    return make(mean=(0.5,), std=(1, 1, 1))

def mean_alone():
    return make(mean=(0.5, 0.5, 0.5))

def logit_less():
    network = features()
    network.rt_encoder = {"input_size": 8}
    return network

def maps():
    network = nn.Sequential(nn.Conv2d(3, 2, 3))
    torch.nn.init.ones_(network[0].weight); torch.nn.init.ones_(network[0].bias)
    network.rt_encoder = {"input_size": 8, "output": "features"}
    return network

def raises():
    raise KeyError("state")

def stops():
    raise SystemExit(2)

def text():
    return "a network"

def infinite():
    network = make()
    network.head.bias.data[0] = float("inf")
    return network

def needs(path):
    return make()

def lazy():
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(3))

def pair():
    class Two(nn.Module):
        rt_encoder = {"input_size": 8}
        def forward(self, x):
            return x, x
    return Two()
"""
LAYERS = """
from torch import nn

class Body(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 5), nn.Tanh())
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "network.py").write_text(NETWORK)
    (tmp_path / "layers.py").write_text(LAYERS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def name(factory: str = "encoder") -> str:
    return f"python:network.py:{factory}"


def features_of(encoder: object, x: torch.Tensor) -> torch.Tensor:
    return encoder.features(x)  # type: ignore[attr-defined]


X = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def test_the_last_linear_layer_is_cut_and_preprocessing_goes_inside(folder: Path) -> None:
    plain, normalised, whole = load_encoder(name()), load_encoder(name("normalised")), load_encoder(name("features"))
    assert plain.width == whole.width == 5
    assert torch.equal(plain.features(X), whole.features(X))
    mean, std = torch.tensor([0.5, 0.4, 0.3]).view(3, 1, 1), torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1)
    torch.testing.assert_close(normalised.features(X), plain.features((X - mean) / std))
    assert not plain.train().training
    assert not any(p.requires_grad for p in plain.parameters())
    assert any("cut off its last linear layer 'head', from 5 to 3" in note for note in plain.notes)
    assert any("mean 0.5 0.4 0.3, over std 0.1 0.2 0.3" in note for note in normalised.notes)
    assert any("network " in note and "layers " in note for note in plain.notes)
    assert sorted(p.name for p in folder.iterdir()) == ["layers.py", "network.py"]  # nothing is left behind


def test_a_module_by_its_dotted_name(folder: Path) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "__init__.py").write_text("raise RuntimeError('checked without being run')")
    (folder / "mine" / "nets.py").write_text(NETWORK.replace("from layers", "from .layers"))
    (folder / "mine" / "layers.py").write_text(LAYERS)
    check_encoder("python:mine.nets:encoder")
    (folder / "mine" / "__init__.py").write_text("")
    encoder = load_encoder("python:mine.nets:encoder")
    assert torch.equal(encoder.features(X), load_encoder(name()).features(X))
    assert "mine.layers " in encoder.notes[0]


def test_it_is_known_by_its_weights_and_by_every_module_of_the_users(folder: Path) -> None:
    first = load_encoder(name())
    assert load_encoder(name()).weights_sha256 == first.weights_sha256
    assert load_encoder(name("normalised")).weights_sha256 == first.weights_sha256  # the same weights, code and files
    (folder / "layers.py").write_text(LAYERS.replace("Tanh", "ReLU"))  # no weight changes
    other = load_encoder(name())
    assert other.weights_sha256 != first.weights_sha256
    assert not torch.equal(other.features(X), first.features(X))  # and the new code is what runs
    (folder / "layers.py").write_text(LAYERS)
    assert load_encoder(name()).weights_sha256 == first.weights_sha256


def test_two_folders_may_each_have_a_module_of_one_name(folder: Path) -> None:
    (folder / "other").mkdir()
    (folder / "other" / "network.py").write_text(NETWORK)
    (folder / "other" / "layers.py").write_text(LAYERS.replace("Tanh", "ReLU"))
    first, other = load_encoder(name()), load_encoder("python:other/network.py:encoder")
    assert not torch.equal(first.features(X), other.features(X))
    assert torch.equal(load_encoder(name()).features(X), first.features(X))


def test_a_network_that_the_code_keeps_is_left_as_it_was(folder: Path) -> None:
    first, again = load_encoder(name("shared")), load_encoder(name("shared"))
    assert first.weights_sha256 == again.weights_sha256
    assert first.width == again.width == 5


def test_half_precision_becomes_single(folder: Path) -> None:
    encoder = load_encoder(name("half"))
    assert encoder.features(X).dtype == torch.float32
    assert encoder.notes[-1] == "made single precision"


def test_other_processes_load_it_again(folder: Path) -> None:
    """They do not know its class: from `spawn` or the server nothing of the user's is imported."""
    encoder = load_encoder(name())
    (result,) = processes.run([(features_of, (encoder, X))], workers=2)
    assert torch.equal(result, encoder.features(X))


def test_a_factory_that_differs_from_process_to_process_is_refused(folder: Path) -> None:
    encoder = load_encoder(name("of_its_process"))
    with pytest.raises(InputError, match="loaded other weights or code in a second process"):
        next(processes.run([(features_of, (encoder, X))], workers=2))


def test_what_was_trained_since_goes_with_it(folder: Path) -> None:
    encoder = load_encoder(name())
    trained = copy.deepcopy(encoder.network)
    assert isinstance(trained, UserNetwork)
    with torch.no_grad():
        trained.network.network.body[0].weight += 1  # type: ignore[union-attr,operator,index]
    received = pickle.loads(pickle.dumps(trained))
    assert torch.equal(received(X), trained(X))
    assert not torch.equal(received(X), encoder.network(X))
    assert torch.equal(pickle.loads(pickle.dumps(encoder.network))(X), encoder.network(X))


REFUSED = [
    ("unseeded", "made other weights at its second call"),
    ("silent", "does not say its input size: before the factory returns, set network.rt_encoder"),
    ("misspelt", "unknown key of rt_encoder 'imput_size': use input_size"),
    ("too_large", "takes no images of 9 pixels a side"),
    ("one_mean", "has rt_encoder['mean'] = (0.5,): give three numbers"),
    ("mean_alone", "has mean or std alone in rt_encoder"),
    ("logit_less", "does not end in a linear layer: its features cannot be told from its logits; where its output is"),
    ("maps", "gives shape (2, 2, 6, 6) for 2 images: a representation is one vector an image"),
    ("raises", "failed (KeyError: 'state')"),
    ("stops", "failed (SystemExit: 2)"),
    ("text", "returned a str: it must return a torch.nn.Module"),
    ("infinite", "has NaN or infinity in 'head.bias'"),
    ("needs", "failed (TypeError: needs() missing 1 required positional argument"),
    ("lazy", "returned lazy layers that have no weights yet"),
    ("pair", "returns a tuple: it must return one tensor"),
]


@pytest.mark.parametrize(("factory", "reason"), REFUSED, ids=[factory for factory, _ in REFUSED])
def test_what_a_factory_does_wrong_is_one_line(factory: str, reason: str, folder: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_encoder(name(factory))
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


AT_ONCE = [
    ("python:network.py", "names no factory: write python:FILE.py:FACTORY"),
    ("python:network.py:", "names no factory"),
    ("python:nowhere.py:encoder", "no file 'nowhere.py'"),
    ("python:nowhere:encoder", "no module 'nowhere' is installed"),
    ("python:torch.nowhere:encoder", "no module 'torch.nowhere'"),
    ("python:my-net:encoder", "'my-net' is neither a .py file nor a module"),
    ("python:network.py:encodr", "unknown factory in network.py 'encodr': use encoder"),
    ("python:broken.py:encoder", "cannot be read as Python, line 1: "),
    ("python:FILE.py:FACTORY", "unknown encoder"),
]


@pytest.mark.parametrize(("named", "reason"), AT_ONCE, ids=[named for named, _ in AT_ONCE])
def test_a_wrong_name_is_refused_without_running_anything(named: str, reason: str, folder: Path) -> None:
    (folder / "broken.py").write_text("def encoder(:")
    with pytest.raises(InputError) as caught:
        check_encoder(named)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_is_checked_without_torch(folder: Path) -> None:
    code = f"from rt_utils.models.catalogue import check_encoder; check_encoder({name()!r}); import sys; "
    done = subprocess.run(
        [sys.executable, "-c", code + "print('torch' in sys.modules)"], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_a_comma_in_a_path_separates_no_names(folder: Path) -> None:
    (folder / "a, b.py").write_text(NETWORK)
    parsed = check({"encoders": "python:a, b.py:encoder, python:network.py:encoder,pixels"})
    assert parsed.encoders == ["python:a, b.py:encoder", name(), "pixels"]


def test_an_installed_module(folder: Path) -> None:
    assert factory_names.parse("python:torchvision.models:resnet18").source.name == "__init__.py"
    with pytest.raises(InputError, match="made other weights at its second call"):
        load_encoder("python:torchvision.models:resnet18")
