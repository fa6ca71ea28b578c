"""How the book is cited: from CITATION.cff, with a DOI as soon as there is one."""

import sys
from typing import Any

import pytest
import yaml
from conftest import ROOT
from sphinx.errors import ExtensionError

sys.path.insert(0, str(ROOT / "book" / "extensions"))
import cite_this_book
import page_metadata

TEXT = (ROOT / "CITATION.cff").read_text("utf-8")
DOI = "10.5281/zenodo.1234567"


def cff(**more: Any) -> dict[str, Any]:
    return {**yaml.safe_load(TEXT), **more}


def test_without_a_doi_none_is_shown() -> None:
    known = {key: value for key, value in cff().items() if key not in ("doi", "date-released")}
    entry = cite_this_book.bibtex(known)
    assert known["title"] in entry
    assert str(known["version"]) in entry
    assert "doi" not in entry
    assert "year" not in entry
    assert "identifier" not in page_metadata.json_ld(known, "")
    empty = known | {"doi": None, "date-released": None}  # as `doi:` alone is read
    assert cite_this_book.bibtex(empty) == entry
    assert "None" not in str(page_metadata.json_ld(empty, ""))


def test_the_lines_that_stand_ready_are_taken_up() -> None:
    ready = yaml.safe_load(TEXT.replace("# doi:", "doi:").replace("# date-released:", "date-released:"))
    entry = cite_this_book.bibtex(ready)
    assert f"doi = {{{DOI}}}" in entry
    assert "year = {2027}" in entry
    assert page_metadata.json_ld(ready, "")["identifier"] == f"https://doi.org/{DOI}"


@pytest.mark.parametrize("wrong", [f"https://doi.org/{DOI}", "zenodo.1234567"])
def test_what_is_no_doi_is_refused(wrong: str) -> None:
    with pytest.raises(ExtensionError, match="write it without an address"):
        cite_this_book.doi(cff(doi=wrong))
