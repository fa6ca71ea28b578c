"""Weights: read from a file and checked before they are used, and the digest that names them."""

import hashlib
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from rt_utils.runtime.errors import InputError


def read(path: str, remedy: str = "give safetensors or a state_dict") -> dict[str, Tensor]:
    """A state_dict from safetensors, or from a file that torch.save wrote, read with weights_only=True.

    Raises InputError, with `remedy` as what would help, for a web page, a file that is cut short or holds anything
    else, and for NaN or infinity.
    """
    try:
        with open(path, "rb") as file:
            if file.read(200).lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
                raise InputError(f"{path!r} is a web page instead of weights: {remedy}")
        if path.endswith(".safetensors"):
            content: Any = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except (OSError, SafetensorError, RuntimeError, EOFError, ValueError, KeyError) as error:
        line = next(iter(str(error).splitlines()), "")
        raise InputError(f"{path!r} cannot be read as weights, or is cut short ({line}): {remedy}") from None
    except Exception as error:  # pickle's UnpicklingError names what is not allowed, over many lines
        raise InputError(f"{path!r} holds more than a state_dict ({type(error).__name__}): {remedy}") from None
    for key in ("state_dict", "model", "last"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError(f"{path!r} holds no state_dict: {remedy}")
    for key, value in content.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise InputError(f"{path!r} holds NaN or infinity in {key!r}: {remedy}")
    return {name.removeprefix("module."): value for name, value in content.items()}


def digest(network: nn.Module) -> str:
    """The SHA-256 over the names and values of all parameters and buffers."""
    sha256 = hashlib.sha256()
    for key, value in network.state_dict().items():
        sha256.update(key.encode() + value.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return sha256.hexdigest()
