"""Each kept run of a chapter in files beside its page, so that a page holds the run alone that it shows at first.

`NAME-RUN.js` holds the run's parts as strings: page_top.js loads it when a reader asks for the run, also from a file.
`NAME-RUN.html` is a page with the same parts one below the other, for readers without scripts. In the page itself a
place is left for each part, with the ids that links lead to. `whole` puts the parts back, for what reads built pages.
"""

import hashlib
import json
import re
from collections import defaultdict
from html import escape
from pathlib import Path

END = "<!--end of the kept run-->"  # written by reference_runs.py, since a part holds boxes of its own
PART = re.compile(rf'<div class="rt-reference" data-run="([\w-]+)">(.*?){END}</div>', re.DOTALL)
PLACE = re.compile(r'<div class="rt-reference" data-run="([\w-]+)" data-from="([^"?]+)[^"]*">.*?</div>')
TARGET = re.compile(r' id="(figure-[\w-]+)"')
HEADING = re.compile(r'<h[1-6]>((?:(?!</h).)*?)<a class="headerlink" href="#([^"]+)"', re.DOTALL)
LINE = re.compile(
    r'<details class="rt-provenance" data-of-run="([\w-]+)">.*?</details>(?:\s*<p class="rt-differs"[^>]*>.*?</p>)?',
    re.DOTALL,
)
BAR = '<div class="rt-bar">'
CONTENTS = re.compile(r'(<ul class="pst-show_toc_level nav section-nav[^>]*>).*?(</ul>\s*</nav>)', re.DOTALL)
TURNED = re.compile(r'<footer class="prev-next-footer.*?</footer>', re.DOTALL)
ASSIGNED = "(window.rtKept ??= {{}})[{name}] = {parts};\n"
Found = list[tuple[str, str, str]]  # id of the heading above it, that heading, the part


def _sections(text: str) -> dict[str, Found]:
    """The parts of each run in the order of the page."""
    headings = [(found.start(), found[2], found[1]) for found in HEADING.finditer(text)]
    runs: dict[str, Found] = defaultdict(list)
    for part in PART.finditer(text):
        _, anchor, heading = next((one for one in reversed(headings) if one[0] < part.start()), (0, "", "Results"))
        runs[part[1]].append((anchor, heading, part[2]))
    return runs


def page_of(text: str, name: str, run: str, parts: Found) -> str:
    """A page of the run's parts, each below its heading in the chapter's page `name`, whose HTML is `text`."""
    heading = found[1] if (found := HEADING.search(text)) else name
    title = re.sub(r"<[^>]*>", "", heading)
    line = next((line[0] for line in LINE.finditer(text) if line[1] == run), "")
    body, listed, last = "", "", ""
    for anchor, above, part in parts:
        if anchor != last or not body:
            body += "</section>" * bool(body) + f'<section id="{anchor}"><h2><a href="{name}.html?run={run}#{anchor}">'
            body += f"{above}</a></h2>"
            listed += f'<li class="toc-h2 nav-item toc-entry"><a class="reference internal nav-link" href="#{anchor}">'
            listed += f"{above}</a></li>"
        last = anchor
        body += f'<div class="rt-reference" data-run="{run}">{part}</div>'
    said = (
        f'<section class="tex2jax_ignore mathjax_ignore"><h1>Kept run {run}: {heading}</h1><p>What this run found, in '
        f'the order of <a href="{name}.html?run={run}">the chapter</a>, which explains it.</p>'
        f"{line}{body}</section></section>"
    )
    before, start, rest = text.partition('<article class="bd-article">')
    _, end, after = rest.rpartition("</article>")
    whole_title = f"Kept run {run}: {title}"
    before = re.sub(r"<title>.*?( &#8212; |</title>)", lambda m: f"<title>{whole_title}{m[1]}", before, count=1)
    before = before.replace(f"<h1>{title}</h1>", f"<h1>{whole_title}</h1>")  # of what is printed first
    before = before.replace("</title>", '</title>\n<meta name="robots" content="noindex">', 1)
    around = [CONTENTS.sub(lambda m: m[1] + listed + m[2], side) for side in (before, TURNED.sub("", after))]
    return f"{around[0]}{start}{said}{end}{around[1]}"


def move(html: Path) -> None:
    """Take the kept runs out of every chapter's page of the book in the folder `html`."""
    for path in sorted((html / "chapters").glob("*.html")):
        text, files = path.read_text(encoding="utf-8"), {}
        for run, parts in _sections(text).items():
            script = ASSIGNED.format(
                name=json.dumps(run), parts=json.dumps([part for _, _, part in parts], ensure_ascii=False)
            )
            files[run] = f"{path.stem}-{run}"
            (path.parent / f"{files[run]}.js").write_text(script, encoding="utf-8")
            page = page_of(text, path.stem, run, parts)
            (path.parent / f"{files[run]}.html").write_text(page, encoding="utf-8")
            files[run] += f".js?v={hashlib.sha256(script.encode()).hexdigest()[:8]}"

        def place(part: re.Match[str], files: dict[str, str] = files) -> str:
            targets = "".join(f'<span id="{target}"></span>' for target in TARGET.findall(part[2]))
            return f'<div class="rt-reference" data-run="{part[1]}" data-from="{files[part[1]]}">{targets}</div>'

        if files:
            links = ", ".join(f'<a href="{path.stem}-{run}.html">{escape(run)}</a>' for run in files)
            said = f"<noscript><p>Kept runs, each on a page of its own: {links}.</p></noscript>"
            path.write_text(PART.sub(place, text).replace(BAR, said + BAR, 1), encoding="utf-8")


def strings(script: str) -> list[str]:
    """The parts that a file of a kept run holds."""
    held: list[str] = json.loads(script.partition("] = ")[2].rstrip().removesuffix(";"))
    return held


def whole(path: Path) -> str:
    """The HTML of a built page with its kept runs in it."""
    runs: dict[str, list[str]] = {}

    def part(place: re.Match[str]) -> str:
        if place[2] not in runs:
            runs[place[2]] = strings((path.parent / place[2]).read_text(encoding="utf-8"))
        return f'<div class="rt-reference" data-run="{place[1]}">{runs[place[2]].pop(0)}</div>'

    return PLACE.sub(part, path.read_text(encoding="utf-8"))
