"""The glyphs that are numerals, for encoders that were pretrained on letters alone."""

from functools import partial

from rt_utils.images.drawn import glyphs

CLASSES = glyphs.CLASSES[:10]
draw_many = partial(glyphs.draw_many, classes=CLASSES)
