"""`python book/changelog.py VERSION`: what the changelog says of a version that is about to be released.

Refuses, in one line, a version that CHANGELOG.md, pyproject.toml and CITATION.cff do not all name.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def section(changelog: str, version: str) -> str:
    """The section of that version, without its heading; empty where there is none."""
    found = re.search(rf"^## \[{re.escape(version)}\].*?\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""


def problems(root: Path, version: str) -> list[str]:
    """What does not name the version yet."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    citation = re.search(r"^version: (.*)$", (root / "CITATION.cff").read_text("utf-8"), re.MULTILINE)
    named = {"pyproject.toml": project, "CITATION.cff": citation[1] if citation else "no version"}
    wrong = [f"{file} says {said}" for file, said in named.items() if said != version]
    if not section((root / "CHANGELOG.md").read_text("utf-8"), version):
        wrong.append(f"CHANGELOG.md has no section [{version}]")
    return wrong


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python book/changelog.py VERSION")
    if wrong := problems(ROOT, sys.argv[1]):
        sys.exit(f"{sys.argv[1]} cannot be released: {'; '.join(wrong)}")
    print(section((ROOT / "CHANGELOG.md").read_text("utf-8"), sys.argv[1]))
