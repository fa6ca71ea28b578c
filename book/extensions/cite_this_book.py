"""The directive `{cite-this-book}`: how this book is cited, read from CITATION.cff.

An archive's DOI goes there as `doi: 10.5281/zenodo.1234567`, the day of a release as `date-released: 2027-01-31`; the
entry then has both. Without a DOI the page says what stands in for it.
"""

import re
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes  # type: ignore[import-untyped]
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

CITATION = Path(__file__).resolve().parents[2] / "CITATION.cff"
DOI = re.compile(r"10\.\d{4,9}/\S+")
GIVEN = "The book's DOI is [{doi}](https://doi.org/{doi})."
NONE = (
    "This book has no DOI: none has been assigned. Until there is one, give the version, {version}, and the date on "
    "which you read it."
)


def doi(cff: dict[str, Any]) -> str:
    """The book's own DOI; empty where it has none. Raises ExtensionError for what is not one."""
    found = str(cff.get("doi") or "")
    if found and not DOI.fullmatch(found):
        raise ExtensionError(f"CITATION.cff: doi is {found!r}; write it without an address: 10.5281/zenodo.1234567")
    return found


def bibtex(cff: dict[str, Any]) -> str:
    """The entry of the book, with year and DOI where they are known."""
    fields = {
        "author": " and ".join(f"{{{author['name']}}}" for author in cff["authors"]),
        "title": f"{{{cff['title']}}}",
        "version": str(cff["version"]),
        "year": str(cff.get("date-released") or "")[:4],
        "doi": doi(cff),
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return "@misc{rt_utils,\n" + ",\n".join(lines) + "\n}"


class CiteThisBook(SphinxDirective):
    """The entry, and the DOI or what stands in for it."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(CITATION))
        cff = yaml.safe_load(CITATION.read_text("utf-8"))
        said = (GIVEN if doi(cff) else NONE).format(doi=doi(cff), version=cff["version"])
        return list(self.parse_text_to_nodes(f"```bibtex\n{bibtex(cff)}\n```\n\n{said}\n"))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("cite-this-book", CiteThisBook)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
