"""Files that Git LFS or git-annex leave in the place of what was not fetched: a few lines that name the content."""

import os

_FETCH = {b"version https://git-lfs": "Git LFS: git lfs pull", b"/annex/objects/": "git-annex: git annex get"}


def said(path: str | os.PathLike[str]) -> str:
    """What a refusal says of such a file after its name, and what fetches it; empty for any other file."""
    try:
        with open(path, "rb") as file:
            head = file.read(64)
    except OSError:
        return ""
    found = next((fetch for beginning, fetch in _FETCH.items() if head.startswith(beginning)), None)
    return f"is a pointer, what it stands for was not fetched by {found}" if found else ""
