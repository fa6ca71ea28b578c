"""What other programs read of a page: how the book is cited (CITATION.cff, on the start page), and the card of a link.

A card needs a public address, so there is none while repository_url in _config.yml is empty.
"""

import json
from html import escape
from pathlib import Path
from typing import Any

import yaml
from sphinx.application import Sphinx

CITATION = Path(__file__).resolve().parents[2] / "CITATION.cff"
CARD = "_static/card.png"  # drawn by book/draw_card.py


def json_ld(cff: dict[str, Any], address: str) -> dict[str, Any]:
    """The book and the paper that it accompanies, in the words of schema.org."""
    paper = cff["preferred-citation"]
    people = [
        {"@type": "Person", "givenName": p["given-names"], "familyName": p["family-names"]} for p in paper["authors"]
    ]
    return {
        "@context": "https://schema.org",
        "@type": "Book",
        "name": cff["title"],
        "abstract": cff["abstract"],
        "author": [{"@type": "Organization", "name": author["name"]} for author in cff["authors"]],
        "version": cff["version"],
        "license": f"https://spdx.org/licenses/{cff['license']}",
        "keywords": cff["keywords"],
        "isBasedOn": {
            "@type": "ScholarlyArticle",
            "name": paper["title"],
            "author": people,
            "datePublished": str(paper["year"]),
            "url": paper["url"],
        },
        **({"identifier": f"https://doi.org/{cff['doi']}"} if cff.get("doi") else {}),
        **({"url": address} if address else {}),
    }


def card(title: str, site: str, address: str, pagename: str) -> dict[str, str]:
    """The properties of the Open Graph protocol for a page."""
    return {
        "og:type": "article",
        "og:title": title,
        "og:site_name": site,
        "og:url": f"{address}{pagename}.html",
        "og:image": f"{address}{CARD}",
        "og:image:alt": "The features of a ball of pixels, inside the circle of the margin ratio and beyond it",
    }


def add(app: Sphinx, pagename: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    address, tags = app.config.html_baseurl, ""
    if address:
        for name, value in card(str(context.get("title", "")), app.config.html_title, address, pagename).items():
            tags += f'\n<meta property="{name}" content="{escape(value)}" />'
        tags += '\n<meta name="twitter:card" content="summary_large_image" />'
    if pagename == app.config.root_doc:
        known = json_ld(yaml.safe_load(CITATION.read_text("utf-8")), address)
        text = json.dumps(known, ensure_ascii=False).replace("</", "<\\/")
        tags += f'\n<script type="application/ld+json">{text}</script>'
    context["metatags"] = f"{context.get('metatags', '')}{tags}"


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
