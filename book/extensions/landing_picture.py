"""The directive `{landing-picture}`: the running example, as the finished chapter on Theorem 2 holds it."""

from pathlib import Path

from docutils import nodes  # type: ignore[import-untyped]
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from rt_utils.pages.landing_picture import picture

CHAPTER = "theorem_2_criterion"


class LandingPicture(SphinxDirective):
    """Two images with a caption, as HTML."""

    def run(self) -> list[nodes.Node]:
        notebook = Path(self.env.srcdir) / "chapters" / f"{CHAPTER}.ipynb"
        self.env.note_dependency(str(notebook))
        return [nodes.raw("", picture(notebook), format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("landing-picture", LandingPicture)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
