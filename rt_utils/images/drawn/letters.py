"""The glyphs that are letters: what `embedded/certified` is pretrained on, so that numerals are new to it."""

from functools import partial

from rt_utils.images.drawn import glyphs

CLASSES = glyphs.CLASSES[10:]
draw_many = partial(glyphs.draw_many, classes=CLASSES)
