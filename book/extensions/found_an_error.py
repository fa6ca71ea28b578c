"""At the foot of each page "Found an error?": an issue where the repository's address is set, else the errata."""

from typing import Any

from sphinx.application import Sphinx

ERRATA = "book/teaching/errata"


def address(app: Sphinx, pagename: str, context: dict[str, Any]) -> str:
    """Where the link leads; empty in a book that has neither."""
    repository = app.config.html_theme_options.get("repository_url", "")
    if repository:  # as the theme's own button
        about = f"%2F{pagename}.html&body=Your%20issue%20content%20here."
        return f"{repository}/issues/new?title=Issue%20on%20page%20{about}"
    if ERRATA not in app.env.found_docs:
        return ""
    page = "" if pagename == ERRATA else str(context["pathto"](ERRATA))  # pathto gives "#" for the page itself
    return f"{page}#found-an-error"


def link(app: Sphinx, pagename: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    """The theme shows `theme_extra_footer` below the copyright."""
    if where := address(app, pagename, context):
        context["theme_extra_footer"] = f'<a href="{where}">Found an error?</a>'


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
