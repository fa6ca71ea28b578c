"""What each page loads, cut to what the book uses: icons, styles, scripts; files that chapters share are kept once.

Everything is decided from the built pages themselves: a class, an icon or a script that no page and no script of the
book names goes. Nothing is read but what the build has written.
"""

import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

ICON = re.compile(r'(?:"([a-z0-9-]+)"|([a-z0-9]+)):\[\d+,\d+,\[([^\]]*)\],"[0-9a-f]+",(?:"[^"]*"|\[[^\]]*\])\],?')
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
TOKEN = re.compile(r"[{};]|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|url\([^\"')]*\)")  # a string may hold a brace
SELECTORS = re.compile(r",(?![^()]*\))")
CLASS = re.compile(r"\.((?:\\.|[\w-])+)")
CHOICE = re.compile(r":(?:is|where)\(([^()]*)\)")  # one of several selectors is enough
BUILT_BY_SCRIPTS = ("bs-", "tooltip", "MJX", "mjx")  # classes that a script puts together from parts
# The search page alone needs them: this book does not search as one types.
SEARCH = re.compile(r'\s*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"></script>')
# What a control shows must be in its name: the search button shows its text, the switch of colours icons alone.
NAMES = re.compile(
    r'(<button class="btn search-button-field[^>]*?)\s*aria-label="Search"|(<i class="theme-switch[^>]*?) title="[^"]*"'
)
LEFT_OUT = ("scripts/*.map", "styles/*.map", "vendor", "locales", "webpack-macros.html")
SHARED_FROM = 50_000  # bytes


def texts(html: Path) -> Iterator[str]:
    """Every page and script of the book but the libraries that bring no class of their own."""
    for path in sorted([*html.rglob("*.html"), *html.glob("_static/**/*.js")]):
        if not {"mathjax", "adversary"} & set(path.parts) and path.name != "fontawesome.js":
            yield path.read_text(encoding="utf-8")


def words(html: Path) -> set[str]:
    """Whatever may be the name of a class."""
    found: set[str] = set()
    for text in texts(html):
        found |= set(re.findall(r"[A-Za-z_][\w-]*", text))
    return found


def icons(script: str, used: set[str]) -> str:
    """FontAwesome's script with the icons named in `used` (as `fa-sun`), by a name of theirs or another; no others."""

    def kept(icon: re.Match[str]) -> str:
        names = [icon[1] or icon[2], *re.findall(r'"([a-z0-9-]+)"', icon[3])]
        return icon[0] if any(f"fa-{name}" in used for name in names) else ""

    return ICON.sub(kept, script)


def _kept(selector: str, used: set[str]) -> bool:
    rest = re.sub(r":not\([^()]*\)", "", selector)
    while found := CHOICE.search(rest):
        if not any(_kept(one, used) for one in found[1].split(",")):
            return False
        rest = rest[: found.start()] + rest[found.end() :]
    names = (re.sub(r"\\(.)", r"\1", name) for name in CLASS.findall(rest))
    return all(name in used or name.startswith(BUILT_BY_SCRIPTS) for name in names)


def rules(css: str) -> Iterator[tuple[str, str]]:
    """What stands before the braces and in them, for each rule at the top of a style sheet; `@import x;` has no second.

    Raises ValueError where braces do not match.
    """
    depth, start, opened = 0, 0, 0
    for token in TOKEN.finditer(css):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if token[0] == "{" and depth == 1:
            opened = token.end()
        elif token[0] == "}" and depth == 0:
            yield css[start : opened - 1].strip(), css[opened : token.start()]
            start = token.end()
        elif token[0] == ";" and depth == 0:
            yield css[start : token.end()].strip(), ""
            start = token.end()
    if depth or css[start:].strip():
        raise ValueError(f"not a style sheet: {css[start : start + 60]!r}")


def style(css: str, used: set[str]) -> str:
    """A style sheet without comments and without the rules that ask for a class which is not in `used`."""
    text = ""
    for before, body in rules(COMMENT.sub("", css)):
        if not body and before.endswith(";"):
            text += before
        elif before.startswith(("@media", "@supports")):
            inner = style(body, used)
            text += f"{before}{{{inner}}}" if inner else ""
        elif before.startswith("@"):
            text += "" if "Font Awesome" in body else f"{before}{{{body}}}"  # its icons are drawn by the script
        else:
            selectors = [selector for selector in SELECTORS.split(before) if _kept(selector, used)]
            text += f"{','.join(selectors)}{{{body.strip()}}}" if selectors else ""
    return text


def share(html: Path) -> None:
    """Large files of the results that are the same in two chapters stay in the first; the other page links there."""
    first: dict[str, Path] = {}
    for path in sorted(html.glob("results/book/*/*")):
        if not path.is_file() or path.stat().st_size < SHARED_FROM:
            continue
        known = first.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), path)
        page = html / "chapters" / f"{path.parent.name}.html"
        if known is path or not page.is_file():
            continue
        here, there = (f"results/book/{file.parent.name}/{file.name}" for file in (path, known))
        page.write_text(page.read_text(encoding="utf-8").replace(here, there), encoding="utf-8")
        path.unlink()


def lighten(html: Path) -> None:
    """All of it, for the book in the folder `html`, in place."""
    static = html / "_static"
    for pattern in LEFT_OUT:
        for path in static.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in html.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        changed = NAMES.sub(r"\1\2", text if path.name == "search.html" else SEARCH.sub("", text))
        path.write_text(changed, encoding="utf-8")
    used = words(html)
    script = static / "scripts" / "fontawesome.js"
    if script.is_file():
        script.write_text(icons(script.read_text(encoding="utf-8"), used), encoding="utf-8")
    for path in static.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        shorter = style(text, used)
        path.write_text(shorter if len(shorter) < len(text) else text, encoding="utf-8")
    share(html)
