"""An error planted in a module of the package."""

from pathlib import Path
from types import ModuleType


def planted(module: ModuleType, right: str, wrong: str) -> ModuleType:
    """The module with `wrong` where `right` stands, once."""
    source = Path(str(module.__file__)).read_text("utf-8")
    assert source.count(right) == 1
    made = ModuleType(module.__name__)
    exec(compile(source.replace(right, wrong), str(module.__file__), "exec"), made.__dict__)
    return made
