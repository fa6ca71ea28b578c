"""The API page: every function on it says what its arguments are, and the example in its docstring runs."""

import doctest
import inspect
import re
from functools import reduce
from importlib import import_module
from typing import Any

import pytest
from conftest import ROOT

PAGE = (ROOT / "book" / "api.md").read_text("utf-8")
CLASSES = ("Threat", "Page")  # what is said of their methods says it


def listed() -> dict[str, Any]:
    """What the page lists, by full name."""
    found: dict[str, Any] = {}
    for directive, name in re.findall(r"^\.\. (currentmodule|autofunction|autoclass|automethod):: (\S+)$", PAGE, re.M):
        if directive == "currentmodule":
            module = None if name == "None" else import_module(name)
        else:
            found[f"{module.__name__}.{name}"] = reduce(getattr, name.split("."), module)
    return found


LISTED = listed()
FUNCTIONS = {name: value for name, value in LISTED.items() if ".Page" not in name and not inspect.isclass(value)}


def failures(name: str, function: Any) -> int:
    """How many examples in its docstring fail; raises where there is none."""
    test = doctest.DocTestFinder().find(function, name, globs=vars(inspect.getmodule(function)).copy())[0]
    assert test.examples, f"{name} has no example"
    return doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test).failed


def test_the_page_lists_the_public_functions() -> None:
    assert len(FUNCTIONS) == 19
    assert len(LISTED) - len(FUNCTIONS) == len(CLASSES) + 9


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_docstring_names_every_argument(name: str) -> None:
    text = inspect.getdoc(FUNCTIONS[name]) or ""
    arguments = text.partition("Args:\n")[2]
    for argument in inspect.signature(FUNCTIONS[name]).parameters:
        assert re.search(rf"^    {argument}: \S", arguments, re.M), f"{name} does not say what {argument} is"
    assert re.search(r"^(Returns|Yields|Raises):$", text, re.M)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_example_runs(name: str) -> None:
    assert failures(name, FUNCTIONS[name]) == 0


def test_a_wrong_example_is_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    def wrong() -> None:
        """>>> 1 + 1
        3
        """

    assert failures("wrong", wrong) == 1
    assert "Got:\n    2" in capsys.readouterr().out


def test_the_page_object_example_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    namespace: dict[str, Any] = {}
    exec(example, namespace)
    assert [claim.lhs for claim in namespace["page"].claims] == [0.5]
