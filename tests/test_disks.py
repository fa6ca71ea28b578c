"""Disks that cannot be written or read: a run computes, or ends in one line."""

import io
import os
import pickle
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from rt_utils.evaluation.measure import fit_probes
from rt_utils.evaluation.probe import ProbeSettings
from rt_utils.images.catalogue import load_data_set
from rt_utils.models import shipped
from rt_utils.models.catalogue import load_encoder
from rt_utils.runtime import cache, files, large_arrays
from rt_utils.runtime.errors import InputError
from rt_utils.runtime.paths import SHIPPED
from rt_utils.training import finetuning

ARCHITECTURE = "torchvision/mobilenet_v3_small"
NOT_FOR_ROOT = pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")


def below_a_file(folder: Path) -> Path:
    (folder / "file").touch()
    return folder / "file" / "cache"


def on_a_system_that_takes_no_files(folder: Path) -> Path:
    return Path("/proc/rt")


def in_a_folder_without_leave_to_write(folder: Path) -> Path:
    (folder / "locked").mkdir(mode=0o555)
    return folder / "locked"


def in_a_folder_without_leave_to_look(folder: Path) -> Path:
    (folder / "closed").mkdir(mode=0o000)
    return folder / "closed" / "cache"


PLACES = [
    below_a_file,
    pytest.param(on_a_system_that_takes_no_files, marks=pytest.mark.skipif(not Path("/proc").is_dir(), reason="Linux")),
    pytest.param(in_a_folder_without_leave_to_write, marks=NOT_FOR_ROOT),
    pytest.param(in_a_folder_without_leave_to_look, marks=NOT_FOR_ROOT),
]


def numbers() -> tuple[torch.Tensor, torch.Tensor]:
    """The weights of a probe and of a finetuned head: images, features, probes and checkpoints pass by the cache."""
    data = load_data_set("textures", size=32, n_train=24, n_test=4)
    encoder = load_encoder("embedded/random", fold=False)
    (probe,) = fit_probes([(encoder, data)], ProbeSettings(1), workers=1)
    ((_, head),) = finetuning.finetune([(encoder, data, None)], ProbeSettings(1), workers=1)
    return probe.weight, head.weight


@pytest.mark.parametrize("place", PLACES)
def test_a_cache_that_cannot_be_written_means_compute(
    place: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RT_CACHE", str(tmp_path / "good"))
    expected = numbers()
    monkeypatch.setenv("RT_CACHE", str(place(tmp_path)))
    for found, value in zip(numbers(), expected, strict=True):
        torch.testing.assert_close(found, value, rtol=0, atol=0)
    monkeypatch.setattr(large_arrays, "LARGE", 0)
    array = large_arrays.zeros((2, 3))
    assert isinstance(array, np.memmap)
    assert array.shape == (2, 3)
    assert cache.contents() == []
    cache.clear()


def test_a_kept_result_is_read_where_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a repository that was mounted read-only after a run."""
    monkeypatch.setenv("RT_CACHE", str(tmp_path))
    entry = cache.Entry("numbers", ("one",), frozenset())
    cache.kept(entry, lambda: 1.0)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    for name in ("mkdir", "replace", "unlink", "open"):
        monkeypatch.setattr(os, name, refuse)
    assert cache.claim(entry) is not None
    assert cache.kept(entry, pytest.fail) == 1.0
    assert cache.kept(cache.Entry("numbers", ("two",), frozenset()), lambda: 2.0) == 2.0
    files.remove_leftovers(tmp_path, "*")


def test_two_threads_that_write_one_file_do_not_meet(tmp_path: Path) -> None:
    both = threading.Barrier(2)

    def write(text: str) -> None:
        with files.whole_file(tmp_path / "shared") as partial:
            partial.write_text(text)
            both.wait(60)  # so neither is done before the other began

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, ("one", "two")))
    assert (tmp_path / "shared").read_text() in ("one", "two")
    assert [path.name for path in tmp_path.iterdir()] == ["shared"]


def test_only_what_a_dead_writer_left_is_removed(tmp_path: Path) -> None:
    process, thread, host = files.writer().split("-", 2)
    dead = subprocess.Popen(["true"])
    dead.wait()
    names = {
        "alive": f".points.0.5.csv.{process}-{thread}-{host}.partial",
        "dead": f".points.0.5.csv.{dead.pid}-{dead.pid}-{host}.partial",
        "on another machine": f".points.csv.{dead.pid}-1-not-{host}.partial",
        "long gone on another machine": f".points.csv.{dead.pid}-2-not-{host}.partial",
        "no writer's": f".{dead.pid}.partial",
    }
    for name in names.values():
        (tmp_path / name).touch()
    two_days_ago = time.time() - 2 * 24 * 3600
    for name in ("long gone on another machine", "alive"):
        os.utime(tmp_path / names[name], (two_days_ago, two_days_ago))
    files.remove_leftovers(tmp_path, ".*.partial")
    left = {path.name for path in tmp_path.iterdir()}
    assert {kind for kind, name in names.items() if name in left} == {"alive", "on another machine", "no writer's"}


def _pickled(value: object) -> bytes:
    buffer = io.BytesIO()
    pickle.dump(value, buffer)
    return buffer.getvalue()


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "truncated": lambda whole: whole[: len(whole) // 2],
    "a byte short": lambda whole: whole[:-1],
    "zeros": lambda whole: bytes(len(whole)),
    "a web page": lambda whole: b"<html>404</html>",
    "joblib's old form": lambda whole: b"ZF0x10              " + whole,
    "cut-off gzip": lambda whole: b"\x1f\x8b\x08\x00" + whole[:40],
    "an old pickle": lambda whole: b"\x80\x02U\x04caf\xe9q\x00.",
    "another value": lambda whole: _pickled(("0" * 32, 3.0)),
    "no pair": lambda whole: _pickled([1, 2, 3]),
}


def look(entry: cache.Entry, capsys: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder) -> str:
    """What is said while the entry is asked for."""
    np.testing.assert_array_equal(cache.kept(entry, lambda: np.arange(1000.0)), np.arange(1000.0))
    assert [str(warning.message) for warning in recwarn] == []
    said = capsys.readouterr()
    assert said.err == ""
    return said.out


LINE = "the cached numbers of ('a', 'b') could not be read, so it was computed anew\n"


@pytest.fixture
def entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> cache.Entry:
    """One that is there."""
    monkeypatch.setenv("RT_CACHE", str(tmp_path))
    its = cache.Entry("numbers", ("a", "b", "c"), frozenset())
    cache.kept(its, lambda: np.arange(1000.0))
    return its


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_entry_says_so_in_one_line(
    damage: Callable[[bytes], bytes],
    entry: cache.Entry,
    capsys: pytest.CaptureFixture[str],
    recwarn: pytest.WarningsRecorder,
) -> None:
    entry.path.write_bytes(damage(entry.path.read_bytes()))
    assert look(entry, capsys, recwarn) == LINE
    assert look(entry, capsys, recwarn) == ""  # it was mended


def test_a_folder_in_the_place_of_an_entry_says_so_too(
    entry: cache.Entry, capsys: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    entry.path.unlink()
    entry.path.mkdir()
    assert look(entry, capsys, recwarn) == LINE
    assert entry.path.is_dir()


@NOT_FOR_ROOT
def test_an_entry_that_may_not_be_read_says_so_too(
    entry: cache.Entry, capsys: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    entry.path.chmod(0)
    assert look(entry, capsys, recwarn) == LINE


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None], ids=["empty", "garbage", "a folder"])
def test_a_damaged_checkpoint_begins_anew(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "checkpoint.pt"
    assert finetuning._unfinished(path, "FT") is None
    assert capsys.readouterr().err == ""
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    assert finetuning._unfinished(path, "FT") is None
    assert capsys.readouterr().err == "FT: what it left when it was cut off cannot be read, so it begins anew\n"


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


SPOILED: list[tuple[str, Callable[[Path], object], str]] = [
    ("json", Path.unlink, "the model card of embedded/robust cannot be read (robust.json: No such file or directory)"),
    ("json", _folder, "the model card of embedded/robust cannot be read (robust.json: Is a directory)"),
    ("json", lambda p: p.write_bytes(p.read_bytes()[:200]), "the model card of embedded/robust is not JSON"),
    ("json", lambda p: p.write_bytes(b""), "the model card of embedded/robust is not JSON"),
    ("json", lambda p: p.write_bytes(b"\xff\xfe"), "the model card of embedded/robust is not JSON"),
    ("json", lambda p: p.write_text("[]"), "the model card of embedded/robust lacks its recipe or hash"),
    ("json", lambda p: p.write_text('{"sha256": ""}'), "the model card of embedded/robust lacks its recipe or hash"),
    ("safetensors", Path.unlink, "the weights of embedded/robust cannot be read (robust.safetensors: No such file"),
    ("safetensors", _folder, "the weights of embedded/robust cannot be read (robust.safetensors: Is a directory)"),
    ("safetensors", lambda p: p.write_bytes(p.read_bytes()[:999]), "the weights of embedded/robust have SHA-256"),
    ("safetensors", lambda p: p.write_bytes(b""), "the weights of embedded/robust have SHA-256 e3b0c44298fc..."),
    pytest.param("json", lambda p: p.chmod(0), "(robust.json: Permission denied)", marks=NOT_FOR_ROOT),
    pytest.param("safetensors", lambda p: p.chmod(0), "(robust.safetensors: Permission denied)", marks=NOT_FOR_ROOT),
]


@pytest.mark.parametrize(("suffix", "spoil", "line"), SPOILED)
def test_missing_or_damaged_weights_and_cards(
    suffix: str, spoil: Callable[[Path], object], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "embedded").mkdir()
    for kind in ("json", "safetensors"):
        shutil.copy(SHIPPED / "embedded" / f"robust.{kind}", tmp_path / "embedded")
    monkeypatch.setattr(shipped, "SHIPPED", tmp_path)
    spoil(tmp_path / "embedded" / f"robust.{suffix}")
    with pytest.raises(InputError) as caught:
        load_encoder("embedded/robust")
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "restore" in str(caught.value)


def test_the_pretrained_head_is_of_the_weights_that_the_card_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = shipped.model_card("natural/robust")
    shutil.copytree(SHIPPED / "natural", tmp_path / "natural")
    (tmp_path / "natural" / "robust.safetensors").write_bytes(b"no weights")
    monkeypatch.setattr(shipped, "SHIPPED", tmp_path)
    with pytest.raises(InputError, match="the weights of natural/robust have SHA-256"):
        shipped.pretrained_head("natural/robust", "tinyimagenet100", card["data"]["classes"])


@pytest.mark.parametrize(
    "lose",
    [lambda p: None, Path.mkdir, pytest.param(lambda p: p.touch(0), marks=NOT_FOR_ROOT)],
    ids=["missing", "a folder", "no leave"],
)
def test_weights_of_ones_own(lose: Callable[[Path], object], tmp_path: Path) -> None:
    lose(tmp_path / "own.pt")
    with pytest.raises(InputError, match=r"own\.pt'"):
        load_encoder(f"file:{tmp_path / 'own.pt'}@{ARCHITECTURE}")
