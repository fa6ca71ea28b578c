"""What the landing page computes when the book is built: `{landing-picture}`, `{live-result}` and `{claims-tally}`."""

from pathlib import Path

import nbformat
from docutils import nodes  # type: ignore[import-untyped]
from reference_runs import records_of
from runs_in_words import in_words
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from rt_utils.pages import landing_picture, landing_texts, records

ROOT = Path(__file__).resolve().parents[2]
CHAPTER = "chapters/theorem_2_criterion"


class LandingPicture(SphinxDirective):
    """The running example as seen and under attack, as the finished chapter on Theorem 2 holds it."""

    def run(self) -> list[nodes.Node]:
        path = Path(self.env.srcdir) / f"{CHAPTER}.ipynb"
        self.env.note_dependency(str(path))
        return [nodes.raw("", landing_picture.picture(path), format="html")]


class LiveResult(SphinxDirective):
    """A few rows of the table of Theorem 2's page, and a row of its kept run."""

    def run(self) -> list[nodes.Node]:
        notebook = nbformat.read(Path(self.env.srcdir) / f"{CHAPTER}.ipynb", as_version=4)
        kept = [run["elements"] for record in records_of(self.env.srcdir, CHAPTER) for run in record["runs"]]
        parameters = records.parameters_of(notebook)
        threat = in_words({name: value for name, value in parameters.items() if name in ("norm", "eps")})
        said = landing_texts.live_result(
            records.elements_of(notebook), kept[0] if kept else {}, threat.partition(", ")[2]
        )
        return list(self.parse_text_to_nodes(said or landing_texts.NO_RESULT))


class ClaimsTally(SphinxDirective):
    """How many claims are of which kind and verdict."""

    def run(self) -> list[nodes.Node]:
        return list(self.parse_text_to_nodes(landing_texts.tally(ROOT)))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("landing-picture", LandingPicture)
    app.add_directive("live-result", LiveResult)
    app.add_directive("claims-tally", ClaimsTally)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
