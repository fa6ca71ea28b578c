"""Sources with planted errors, and what a chapter defines, taken from its source and not from copies."""

import ast
from pathlib import Path
from types import ModuleType
from typing import Any

import jupytext
from conftest import ROOT


def _binds(statement: ast.stmt) -> set[str]:
    """The names that an import, a definition or an assignment binds; none for any other statement."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}


def definitions(chapter: str, *names: str, plant: tuple[str, str] = ("", ""), **given: Any) -> dict[str, Any]:
    """Run the top-level statements of a chapter that bind `names`, with the imports they use; return their namespace.

    `plant` is (what stands there once, what to put instead); `given` is what the statements need from elsewhere.
    """
    notebook = jupytext.read(ROOT / "notebooks" / f"{chapter}.md")
    source = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    right, wrong = plant
    if right:
        assert source.count(right) == 1, f"{right!r} stands {source.count(right)} times in {chapter}"
        source = source.replace(right, wrong)
    statements = ast.parse(source).body
    imports = [s for s in statements if isinstance(s, ast.Import | ast.ImportFrom)]
    chosen = [s for s in statements if s not in imports and _binds(s) & set(names)]
    missing = set(names) - {name for s in chosen for name in _binds(s)}
    assert not missing, f"{chapter} does not define {sorted(missing)}"
    used = {node.id for s in chosen for node in ast.walk(s) if isinstance(node, ast.Name)}
    for statement in imports:
        statement.names = [alias for alias in statement.names if (alias.asname or alias.name).partition(".")[0] in used]
    chosen = [s for s in imports if s.names] + chosen
    namespace = dict(given)
    exec(compile(ast.Module(chosen, type_ignores=[]), chapter, "exec"), namespace)
    return namespace


def edited(folder: Path, chapter: str, right: str, wrong: str, *, times: int | None = 1) -> None:
    """A book of one chapter in `folder`, in which `wrong` stands for `right`, which stands there `times` times.

    None: at least once.
    """
    source = (ROOT / "notebooks" / f"{chapter}.md").read_text("utf-8")
    found = source.count(right)
    assert found >= 1 if times is None else found == times
    (folder / "notebooks").mkdir()
    (folder / "_toc.yml").touch()
    (folder / "notebooks" / f"{chapter}.md").write_text(source.replace(right, wrong), "utf-8")


def planted(module: ModuleType, right: str, wrong: str) -> ModuleType:
    """A copy of a module of the package in which `wrong` stands for `right`, which stands there once."""
    assert module.__file__ is not None
    source = Path(module.__file__).read_text("utf-8")
    assert source.count(right) == 1, f"{right!r} stands {source.count(right)} times in {module.__name__}"
    copy = ModuleType(module.__name__)
    exec(compile(source.replace(right, wrong), module.__file__, "exec"), copy.__dict__)
    return copy
