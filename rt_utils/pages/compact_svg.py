"""matplotlib's SVG as small as a page needs it: hundredths of a point, no ids that nothing names, marks as strokes."""

import re
import zlib
from collections.abc import Callable

_NUMBER = re.compile(r"-?\d+\.\d+")
_TAG = re.compile(r"<[a-z][^>]*>")
_OUTLINE, _COMMAND = re.compile(r'\bd="([^"]*)"'), re.compile(r"\s*([A-Za-z])\s*")
_STYLE, _SPACED, _FIRST = re.compile(r'style="([^"]*)"'), re.compile(r"([:;]) "), r"\1"
_RUN = re.compile(r'(?:<use xlink:href="#([^"]*)" x="[^"]*" y="[^"]*" style="([^"]*)"/>){24,}')
_ONE = re.compile(r'<use xlink:href="#([^"]*)" x="([^"]*)" y="([^"]*)" style="([^"]*)"/>')
_FILL = re.compile(r"fill(?:-opacity)?:[^;]*;?")
_DISC = re.compile(r"M0 ([\d.]+)C")  # how matplotlib draws a circle round the origin
_LINES = re.compile(r"(?:M[^A-Za-z]+L[^A-Za-z]+)+")  # a mark of single lines, such as a cross
_LINE = re.compile(r"M(\S+) (\S+)L(\S+) (\S+?)(?=M|$)")
_LAYERS = 8  # of translucent marks: within a layer, marks that overlap are as dark as one


def _short(value: str) -> str:
    """A number to hundredths, or to four digits after the point below one."""
    number = float(value)
    return f"{number:.2f}".rstrip("0").rstrip(".") if abs(number) >= 1 else f"{number:.4g}"


def _tag(tag: str) -> str:
    tag = _NUMBER.sub(lambda found: _short(found[0]), tag)
    tag = _OUTLINE.sub(lambda d: f'd="{_COMMAND.sub(_FIRST, d[1]).strip()}"', tag)
    return _STYLE.sub(lambda style: f'style="{_SPACED.sub(_FIRST, style[1]).strip("; ")}"', tag)


def _strokes(outline: str) -> Callable[[tuple[str, str]], str]:
    """The lines of a mark as one outline, at a place."""
    lines = [tuple(map(float, line)) for line in _LINE.findall(outline)]

    def placed(at: tuple[str, str]) -> str:
        x, y = map(float, at)
        steps = ((x + a, y + b, c - a, d - b) for a, b, c, d in lines)
        return "".join("M{} {}l{} {}".format(*(_short(str(value)) for value in step)) for step in steps)

    return placed


def _layered(points: list[tuple[str, str]], mark: Callable[[tuple[str, str]], str], style: str) -> str:
    paths = ("".join(map(mark, points[layer::_LAYERS])) for layer in range(_LAYERS))
    return "".join(f'<path d="{path}" style="{style}"/>' for path in paths)


def _dots(radii: dict[str, str], crosses: dict[str, str]) -> Callable[[re.Match[str]], str]:
    """Runs of `<use>` of one mark in one colour become a few paths; others share their style.

    `radii`: of discs by name; `crosses`: outlines of marks of lines by name.
    """

    def drawn(match: re.Match[str]) -> str:
        groups: list[tuple[tuple[str, str], list[tuple[str, str]]]] = []
        for name, x, y, style in _ONE.findall(match[0]):
            if not groups or groups[-1][0] != (name, style):
                groups.append(((name, style), []))
            groups[-1][1].append((x, y))
        text = ""
        for (name, style), points in groups:
            colour = re.fullmatch(r"fill:(#\w+)(?:;fill-opacity:([\d.]+))?", style)
            if name in radii and colour and len(points) > _LAYERS:
                width, opacity = _short(str(2 * float(radii[name]))), f";stroke-opacity:{colour[2]}" * bool(colour[2])
                stroke = f"fill:none;stroke:{colour[1]};stroke-width:{width};stroke-linecap:round{opacity}"
                text += _layered(points, lambda at: f"M{at[0]} {at[1]}h0", stroke)
            elif name in crosses and len(points) > _LAYERS:
                text += _layered(points, _strokes(crosses[name]), f"fill:none;{_FILL.sub('', style)}")
            else:
                uses = "".join(f'<use xlink:href="#{name}" x="{x}" y="{y}"/>' for x, y in points)
                text += f'<g style="{style}">{uses}</g>'
        return text

    return drawn


def compact(svg: str) -> str:
    """The same drawing in fewer bytes. `svg` is as matplotlib writes it, with texts as texts.

    Coordinates are rounded to hundredths of a point. Filled discs of one colour become strokes with round ends, crosses
    strokes, both in layers, so that translucent marks still darken where many lie.
    """
    root, rest = svg[: svg.index(">") + 1], svg[svg.index(">") + 1 :]
    rest = re.sub(r"<!--.*?-->", "", rest, flags=re.DOTALL)
    rest = re.sub(r">\n\s*<", "><", rest)
    rest = _TAG.sub(lambda tag: _tag(tag[0]), rest)
    named = set(re.findall(r'(?:href="#|url\(#)([^")]+)', rest))
    rest = re.sub(r'(<g\b[^>]*?) id="([^"]*)"', lambda g: g[0] if g[2] in named else g[1], rest)
    discs = {name: disc[1] for d, name in _paths(rest) if (disc := _DISC.match(d))}
    crosses = {name: d for d, name in _paths(rest) if _LINES.fullmatch(d)}
    rest = _RUN.sub(_dots(discs, crosses), rest)
    rest = _short_names(rest, named)
    for _ in range(3):
        rest = re.sub(r"<g>(<(?:path|use|text)\b[^<>]*/>)</g>|<g>(<text\b[^<>]*>[^<>]*</text>)</g>", r"\1\2", rest)
    families = re.findall(r"font-family:([^;\"]+)", rest)
    if families:
        common = max(sorted(set(families)), key=families.count)
        rest = rest.replace(f"font-family:{common};", "")
        root = f'{root[:-1]} font-family="{common}">'
    return root + rest.strip()


def _short_names(svg: str, named: set[str]) -> str:
    """Ids of a few letters, which stay apart from those of the page's other figures."""
    own = {name: str(number) for number, name in enumerate(sorted(named))}
    prefix = f"i{zlib.crc32(' '.join(own).encode()):x}-"
    svg = re.sub(r'\bid="([^"]*)"', lambda found: f'id="{prefix}{own[found[1]]}"' if found[1] in own else "", svg)
    return re.sub(r'(href="#|url\(#)([^")]+)', lambda found: f"{found[1]}{prefix}{own[found[2]]}", svg)


def _paths(svg: str) -> list[tuple[str, str]]:
    """The outline and the id of each path that has both."""
    tags = re.findall(r"<path [^>]*>", svg)
    found = [(_OUTLINE.search(tag), re.search(r'\bid="([^"]*)"', tag)) for tag in tags]
    return [(outline[1], name[1]) for outline, name in found if outline and name]
