"""Reads a PDF as Chromium writes it (objects one after another, links by name): text, links, bookmarks.

Not a reader of PDFs in general.
"""

import re
import zlib
from functools import cached_property


class Pdf:
    def __init__(self, content: bytes) -> None:
        found = re.finditer(rb"^(\d+) 0 obj\n(.*?)\nendobj", content, re.DOTALL | re.MULTILINE)
        self.objects = {int(m[1]): m[2] for m in found}
        self.pages = [o for o in self.objects.values() if o.startswith(b"<</Type /Page\n")]
        self._cmaps: dict[int, dict[int, str]] = {}

    def _named(self, name: bytes) -> bytes:
        """The object that the catalogue calls `name`; empty where there is none."""
        catalogue = next(o for o in self.objects.values() if o.startswith(b"<</Type /Catalog"))
        number = re.search(rb"/%s (\d+) 0 R" % name, catalogue)
        return self.objects[int(number[1])] if number else b""

    def _stream(self, number: int) -> bytes:
        return zlib.decompress(self.objects[number].split(b"stream\n", 1)[1].removesuffix(b"\nendstream"))

    @cached_property
    def places(self) -> dict[str, int]:
        """The names that links lead to, each with its page, from 1."""
        numbers = [n for n, o in self.objects.items() if o.startswith(b"<</Type /Page\n")]
        found = re.findall(rb"/(\S+) \[(\d+) 0 R /XYZ", self._named(b"Dests"))
        return {plain(name): numbers.index(int(page)) + 1 for name, page in found}

    @cached_property
    def links(self) -> list[str]:
        """Where the links inside lead, in the order of the pages."""
        notes = (o for o in self.objects.values() if b"/Subtype /Link" in o[:60])
        return [plain(m[1]) for o in notes if (m := re.search(rb"/Dest /([^\s>]+)", o))]

    @cached_property
    def addresses(self) -> set[str]:
        """Where the links to other places lead."""
        notes = (o for o in self.objects.values() if b"/Subtype /Link" in o[:60])
        return {m[1].decode("latin-1") for o in notes if (m := re.search(rb"/URI \((.*?)\)>>", o, re.DOTALL))}

    @cached_property
    def bookmarks(self) -> list[str]:
        """The titles of all bookmarks."""
        items = (o for o in self.objects.values() if o.startswith(b"<</Title ") and b"/Parent " in o)
        return [string(o) for o in items]

    def _cmap(self, font: int) -> dict[int, str]:
        """The characters of a font's glyphs."""
        if font not in self._cmaps:
            number = re.search(rb"/ToUnicode (\d+) 0 R", self.objects[font])
            text = self._stream(int(number[1])).split(b"endcodespacerange")[1] if number else b""
            found = {}
            for a, b in re.findall(rb"^<(\w+)> <(\w+)>$", text, re.MULTILINE):
                found[int(a, 16)] = bytes.fromhex(b.decode()).decode("utf-16-be")
            for first, last, b in re.findall(rb"^<(\w+)> <(\w+)> <(\w+)>$", text, re.MULTILINE):
                for glyph in range(int(first, 16), int(last, 16) + 1):
                    found[glyph] = chr(int(b, 16) + glyph - int(first, 16))
            self._cmaps[font] = found
        return self._cmaps[font]

    def text(self, page: bytes, code: bool = True) -> str:
        """What is written on a page, in the order in which it was drawn; without `code` not what is in even letters."""
        fonts = {name: int(number) for name, number in re.findall(rb"/(F\d+) (\d+) 0 R", page)}
        contents = re.search(rb"/Contents (\d+) 0 R", page)
        assert contents
        said, font = "", 0
        for name, glyphs in re.findall(rb"/(F\d+) \S+ Tf|<([0-9A-Fa-f]+)> Tj", self._stream(int(contents[1]))):
            if name:
                font = fonts[name]
            elif code or b"Mono" not in self.objects[font]:
                digits = 2 if b"/Type3" in self.objects[font] else 4
                codes = (int(glyphs[i : i + digits], 16) for i in range(0, len(glyphs), digits))
                said += "".join(self._cmap(font).get(glyph, "\ufffd") for glyph in codes)
        return said


def plain(name: bytes) -> str:
    """A name without the escapes that PDF has for other signs than letters."""
    return re.sub(rb"#([0-9A-Fa-f]{2})", lambda m: bytes.fromhex(m[1].decode()), name).decode("utf-8")


def string(item: bytes) -> str:
    """The title of a bookmark."""
    if m := re.match(rb"<</Title <([0-9A-Fa-f]*)>", item):
        return bytes.fromhex(m[1].decode()).decode("utf-16")
    m = re.match(rb"<</Title \((.*?)\)\n", item, re.DOTALL)
    return re.sub(rb"\\(.)", rb"\1", m[1]).decode("latin-1") if m else ""
