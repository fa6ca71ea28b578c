"""The directive `{kept-results}`: what the kept run on natural images found against expectation, from its records."""

from pathlib import Path

from docutils import nodes  # type: ignore[import-untyped]
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from rt_utils.pages.kept_results import non_results


class KeptResults(SphinxDirective):
    """A list, in the page's own Markdown."""

    def run(self) -> list[nodes.Node]:
        return list(self.parse_text_to_nodes(non_results(Path(self.env.srcdir) / "book" / "reference")))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("kept-results", KeptResults)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
