"""What symmetry takes away from a regression of the sprites' orientation: equal images with different targets."""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from rt_utils.images.drawn import sprites

TURNS = sprites.VALUES[1]
# After how many of the 40 turns a sprite is the same image again: a quarter, a half, a whole turn.
SAME_AFTER = {"square": 10, "ellipse": 20, "heart": 40}
_PLACES = [(x, y) for x in (0.3, 0.7) for y in (0.4, 0.8)]


def targets() -> Float[np.ndarray, "40"]:
    """The orientation of every turn, scaled to [0, 1]."""
    return np.arange(TURNS) / (TURNS - 1)


def best_prediction(shape: str) -> Float[np.ndarray, "40"]:
    """By turn the prediction with the least squared error: the mean target over the turns that look the same."""
    means = targets().reshape(-1, SAME_AFTER[shape]).mean(0)
    return np.tile(means, TURNS // SAME_AFTER[shape])


def least_error(shape: str) -> float:
    """The least possible mean squared error over all orientations of a shape."""
    return float(((best_prediction(shape) - targets()) ** 2).mean())


def all_turns(shape: str) -> UInt8[Tensor, "n 1 64 64"]:
    """This book's sprites of one shape and scale at four places, each at the 40 orientations in their order."""
    label = sprites.CLASSES.index(shape)
    drawn = [sprites.draw(label, np.array([0.6, o, x, y])) for x, y in _PLACES for o in targets()]
    return torch.from_numpy(np.stack(drawn)[:, None])


def largest_difference(shape: str) -> int:
    """In grey levels of 255, between a sprite and the same one turned by its symmetry: its edges are rasterised."""
    images = all_turns(shape).reshape(len(_PLACES), TURNS, -1).int()
    return int((images - images.roll(SAME_AFTER[shape], dims=1)).abs().max())


def squared_error(predicted: Float[np.ndarray, " n"]) -> float:
    """The mean squared error of predicted orientations of `all_turns`."""
    return float(((predicted.reshape(-1, TURNS) - targets()) ** 2).mean())
