"""What a chapter defines, taken from its source: the tests check the chapter's own functions and not copies of them."""

import ast
from typing import Any

import jupytext
from conftest import ROOT


def definitions(chapter: str, *names: str, plant: tuple[str, str] = ("", ""), **given: Any) -> dict[str, Any]:
    """The chapter's namespace with its imports and the top-level statements that define `names`, run in their order.

    `plant` is (what stands there once, what to put instead); `given` is what the statements need from elsewhere.
    """
    notebook = jupytext.read(ROOT / "notebooks" / f"{chapter}.md")
    source = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    right, wrong = plant
    if right:
        assert source.count(right) == 1, f"{right!r} stands {source.count(right)} times in {chapter}"
        source = source.replace(right, wrong)
    chosen, found = [], set()
    for statement in ast.parse(source).body:
        targets: set[str] = set()
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            targets = {statement.name}
        elif isinstance(statement, ast.Assign):
            targets = {node.id for target in statement.targets for node in ast.walk(target) if isinstance(node, ast.Name)}
        if isinstance(statement, ast.Import | ast.ImportFrom) or (targets & set(names)):
            chosen.append(statement)
            found |= targets
    assert set(names) <= found, f"{chapter} does not define {sorted(set(names) - found)}"
    namespace = dict(given)
    exec(compile(ast.Module(chosen, type_ignores=[]), chapter, "exec"), namespace)
    return namespace
