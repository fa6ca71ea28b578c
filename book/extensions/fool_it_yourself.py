"""Writes what the page "Fool it yourself" loads: encoders, heads and digits, as scripts beside its own.

Not in _config.yml's list of static files, because the package computes them.
"""

from pathlib import Path

from sphinx.application import Sphinx

from rt_utils.pages import live_adversary


def write_data(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html" and "book/fool_it_yourself" in app.env.found_docs:
        live_adversary.write(Path(app.outdir) / "_static" / "adversary")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("build-finished", write_data)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
