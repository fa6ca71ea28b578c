"""Small images as text, so that a figure of images is drawn from plain data."""

import base64
import io

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor


def encoded(images: UInt8[Tensor, "n 3 h w"]) -> list[str]:
    """The images as PNG, without loss, in base64."""
    texts = []
    for image in images:
        buffer = io.BytesIO()
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(buffer, "PNG")
        texts.append(base64.b64encode(buffer.getvalue()).decode())
    return texts


def decoded(text: str) -> UInt8[np.ndarray, "h w 3"]:
    """The image that `encoded` made the text of."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))
