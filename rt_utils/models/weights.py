"""Weights: read from a file and checked before they are used, and the digest that names them."""

import hashlib
import re
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from rt_utils.runtime import pointers
from rt_utils.runtime.errors import InputError

_CODE = re.compile(r"GLOBAL (\S+)")  # what a file wants to be imported, in PyTorch's refusal
_SAVE = "where you trust it, load it in Python and save the weights alone, torch.save(model.state_dict(), 'new.pt')"


def _exported(path: str) -> bool:
    """Whether it is a program that torch.export saved: an archive with a graph in place of a pickle."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith(("archive_format", "serialized_exported_program.json")) for name in archive.namelist())


def _safetensors(path: str, head: bytes) -> bool:
    """By what the file begins with, the length of a header in JSON; a name alone does not make it one."""
    return head[8:9] == b"{" or (path.endswith(".safetensors") and not head.startswith((b"PK\3\4", b"\x80\2")))


def content(path: str, remedy: str = "give safetensors or a state_dict") -> Any:
    """What safetensors, or a file that torch.save wrote, holds; read with weights_only=True, so that no code runs.

    Raises InputError, with `remedy` as what would help, for a web page, a file that is cut short or holds code.
    """
    try:
        if pointer := pointers.said(path):
            raise InputError(f"{path!r} {pointer}")
        with open(path, "rb") as file:
            head = file.read(200)
        if head.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
            raise InputError(f"{path!r} is a web page instead of weights: {remedy}")
        if _exported(path):
            raise InputError(
                f"{path!r} is a program of torch.export: where you trust it, save the weights alone in Python, "
                "torch.save(torch.export.load(PATH).state_dict, 'new.pt'), and give file:new.pt@ARCHITECTURE"
            )
        if _safetensors(path, head):
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of TorchScript, which is refused below
            return torch.load(path, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except (OSError, SafetensorError, RuntimeError, EOFError, ValueError, KeyError) as error:
        line = next(iter(str(error).splitlines()), "") or type(error).__name__
        if "TorchScript" in line:
            raise InputError(f"{path!r} is a TorchScript program: {_SAVE}") from None
        raise InputError(f"{path!r} cannot be read as weights, or is cut short ({line}): {remedy}") from None
    except Exception as error:  # pickle's UnpicklingError names what is not allowed, over many lines
        code = _CODE.search(str(error))
        if code is None:
            raise InputError(f"{path!r} is no file that torch.save or safetensors wrote: {remedy}") from None
        raise InputError(f"{path!r} holds more than a state_dict (needs code to be read, {code[1]}): {_SAVE}") from None


def check_finite(state: Mapping[str, Tensor], path: str, remedy: str = "give other weights") -> None:
    """Raises InputError for NaN or infinity."""
    for key, value in state.items():
        if value.is_floating_point() and not value.float().isfinite().all():  # eight bits have no isfinite
            raise InputError(f"{path!r} holds NaN or infinity in {key!r}: {remedy}")


def digest_of(tensors: Iterable[tuple[str, Tensor]]) -> str:
    """The SHA-256 over names and values."""
    sha256 = hashlib.sha256()
    for key, value in tensors:
        sha256.update(key.encode() + value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return sha256.hexdigest()


def digest(network: nn.Module) -> str:
    """The SHA-256 over the names and values of all parameters and buffers of a network's state_dict."""
    return digest_of(network.state_dict().items())
