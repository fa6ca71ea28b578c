"""The names python:FILE.py:FACTORY and python:package.module:factory, checked without running the code they name."""

import ast
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from rt_utils.runtime.errors import InputError, unknown

FORMS = "python:FILE.py:FACTORY or python:package.module:factory"


@dataclass(frozen=True)
class Factory:
    """`name` in the file `source`; `module` is its dotted name, or empty where the file itself was named.

    `folder` comes first where Python looks for what the source imports.
    """

    name: str
    source: Path
    module: str
    folder: Path


def _found(module: str, folder: Path) -> Path | None:
    """The file of a dotted module, found without importing it or a package above it; None where there is none."""
    where: list[str] | None = [str(folder), *sys.path]
    parts = module.split(".")
    origin = None
    for depth in range(1, len(parts) + 1):
        name = ".".join(parts[:depth])
        finders = (finder.find_spec(name, where) for finder in sys.meta_path if hasattr(finder, "find_spec"))
        spec = next((spec for spec in finders if spec is not None), None)
        if spec is None:
            return None
        origin, where = spec.origin, list(spec.submodule_search_locations or ())
    return Path(origin) if origin and Path(origin).is_file() else None


def parse(name: str, folder: Path | None = None) -> Factory:
    """What a name names; relative paths and modules are looked for in `folder`, else where the process runs.

    Raises InputError where it has no factory, or its file or module is not there.
    """
    folder = folder or Path.cwd()
    place, _, factory = name.removeprefix("python:").rpartition(":")
    if not place or not factory.isidentifier():
        raise InputError(f"encoder {name!r} names no factory: write {FORMS}")
    if place.endswith(".py") or "/" in place:
        path = folder / os.path.expanduser(place)
        if not os.path.isfile(path):
            raise InputError(f"no file {place!r}: write {FORMS}")
        return Factory(factory, path.resolve(), "", path.resolve().parent)
    if not all(part.isidentifier() for part in place.split(".")):
        raise InputError(f"{place!r} is neither a .py file nor a module: write {FORMS}")
    found = _found(place, folder)
    if found is None:
        raise InputError(f"no module {place!r} is installed, or in {str(folder)!r}: write {FORMS}")
    return Factory(factory, found, place, folder)


def check(name: str) -> None:
    """Raises InputError where `parse` does, where the file is not Python, and where it defines no such factory."""
    factory = parse(name)
    if factory.source.suffix != ".py":
        return
    try:
        tree = ast.parse(factory.source.read_bytes(), str(factory.source))
    except (OSError, ValueError, SyntaxError) as error:
        line = f" line {error.lineno}: {error.msg}" if isinstance(error, SyntaxError) else f": {error}"
        raise InputError(f"{str(factory.source)!r} cannot be read as Python,{line}") from None
    defined: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            defined |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            defined.add(node.id)
    if factory.name not in defined and "*" not in defined:
        shown = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        raise unknown(f"factory in {factory.source.name}", factory.name, shown or ["a function that the file defines"])
