"""Which code a result depends on: the modules that its function runs through, transitively, and nothing else.

A digest covers their statements, not their comments, docstrings or layout, and the versions of the packages that they
import. So a changed caption makes no attack stale, and a changed line of an attack makes all of them so.
"""

import ast
import functools
import hashlib
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions, version
from pathlib import Path

from rt_utils.runtime.paths import PACKAGE

# They move, keep and report values, and compute none.
PLUMBING = frozenset(
    f"{PACKAGE.name}.runtime.{name}"
    for name in (
        "cache",
        "cache_size",
        "code_digest",
        "errors",
        "files",
        "large_arrays",
        "lazy",
        "paths",
        "processes",
        "progress",
    )
)


def _file(module: str) -> Path | None:
    """The source of a module of this package; None where there is none of that name."""
    path = PACKAGE.joinpath(*module.split(".")[1:])
    found = (path / "__init__.py", path.with_suffix(".py"))
    return next((file for file in found if file.is_file()), None)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all statements below it, but for what only a type checker sees."""
    yield node
    if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):  # expressions hold no statement
            for child in getattr(node, block, ()):
                yield from _statements(child)


@functools.cache
def _parsed(module: str) -> tuple[str, frozenset[str], frozenset[str]]:
    """A module's statements as text, the modules of this package that it imports, and the other packages."""
    file = _file(module)
    assert file is not None
    tree = ast.parse(file.read_text("utf-8"))
    own, others = set(), set()
    for node in _statements(tree):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        own |= {name for name in names if name.startswith(f"{PACKAGE.name}.") and _file(name)}
        others |= {name.partition(".")[0] for name in names} - {PACKAGE.name, *sys.stdlib_module_names}
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body[0] = ast.Pass()
    return ast.dump(tree), frozenset(own), frozenset(others)


def modules(roots: Iterable[str]) -> frozenset[str]:
    """`roots` and all modules of this package that they import, directly or through others, without the plumbing."""
    found: set[str] = set()
    waiting = [root for root in roots if root.partition(".")[0] == PACKAGE.name and _file(root)]
    while waiting:
        module = waiting.pop()
        if module not in found and module not in PLUMBING:
            found.add(module)
            waiting += _parsed(module)[1]
    return frozenset(found)


def all_modules() -> frozenset[str]:
    """Every module of this package."""
    parts = (path.relative_to(PACKAGE.parent).with_suffix("").parts for path in PACKAGE.rglob("*.py"))
    return frozenset(".".join(part for part in its if part != "__init__") for its in parts)


@functools.cache
def _distributions() -> dict[str, list[str]]:
    return dict(packages_distributions())


def digest_of(found: frozenset[str]) -> str:
    """Twelve hex digits over the code of these modules alone, and over the versions of what it imports."""
    sha256 = hashlib.sha256()
    packages: set[str] = set()
    for module in sorted(found):
        text, _, others = _parsed(module)
        sha256.update(f"{module}\n{text}\n".encode())
        packages |= others
    for package in sorted(packages):
        for distribution in sorted(_distributions().get(package, [])):
            sha256.update(f"{distribution} {version(distribution)}\n".encode())
    return sha256.hexdigest()[:12]


@functools.cache
def digest(roots: frozenset[str]) -> str:
    """The digest of all code that these modules depend on."""
    return digest_of(modules(roots))
