"""Files of parameters, and what a profile says to one chapter.

A file is flat, one 'name: value' a line. One that names a profile speaks to all chapters, which do not declare the same
names: one that this chapter does not declare is left out if another declares it. 'CHAPTER.NAME: value' is for one
chapter, and wins; 'CHAPTER: ~' says that the profile does not hold for it.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from rt_utils.pages.parameters import KNOWN
from rt_utils.runtime.errors import InputError, unknown


def read(path: str) -> dict[str, Any]:
    """A flat YAML file of parameters. Raises InputError where it cannot be read or is not flat."""
    try:
        content = yaml.safe_load(Path(path).read_text("utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the profile {path!r}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise InputError(f"the profile {path!r} is not YAML: write one 'name: value' a line") from None
    if not isinstance(content, dict) or any(isinstance(value, dict) for value in content.values()):
        raise InputError(f"the profile {path!r} is not flat: write one 'name: value' a line")
    return {str(name): value for name, value in content.items()}


def for_chapter(path: str, chapter: str, declared: Collection[str], chapters: Collection[str]) -> dict[str, Any]:
    """What the file says to a chapter that declares these names. Raises InputError, also for a name nobody declares."""
    content = read(path)
    if "profile" not in content:
        return content
    general, own = {}, {}
    for key, value in content.items():
        whose, dot, name = key.rpartition(".")
        if key == chapter:
            raise InputError(f"the profile {path!r} does not hold for {chapter}: run it without -f")
        if dot and whose not in chapters:
            raise unknown("chapter", whose, chapters)
        if name not in KNOWN and name not in chapters:
            raise unknown("parameter", name, KNOWN)
        if whose == chapter:
            own[name] = value
        elif not dot and name in declared:
            general[name] = value
    return general | own
