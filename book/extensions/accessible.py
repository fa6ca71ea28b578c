"""Names and roles that screen readers and keyboards need, where Sphinx's own writers leave them wrong."""

from typing import Any

from sphinx.application import Sphinx

MENDED = {
    # Entries of a bibliography are no items of a list for a screen reader; "list" would ask for items.
    '<div role="list" class="citation-list">': '<div class="citation-list">',
    'role="doc-biblioentry"': "",
    # Its text, "Show the code" or "Hide the code", is the name.
    '<summary aria-label="Toggle hidden content">': "<summary>",
}


def mend(body: str) -> str:
    """The page with each of MENDED replaced."""
    for wrong, right in MENDED.items():
        body = body.replace(wrong, right)
    return body


def add(_app: Sphinx, _pagename: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    if "body" in context:
        context["body"] = mend(context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
