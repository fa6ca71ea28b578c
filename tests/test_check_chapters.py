"""The chapters' code is checked as the package is: a planted slip of each kind is found."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

GOOD = """# A chapter

```{code-cell} python3
:tags: [parameters]

eps = "8/255"  # papermill wants this cell whole, so its lines may be long, the width of a desktop's window, at least
```

```{code-cell} python3
import math

from rt_utils.theory.threat import parse_eps

radius: float = parse_eps(eps)
math.sqrt(radius)
```
"""
# Ten cells of twenty lines beside the four lines of the good chapter.
LONG = ("\n```{code-cell} python3\n" + "radius + 1\n" * 20 + "```\n") * 10


def check(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "chapter.md").write_text(text, "utf-8")
    command = [sys.executable, str(ROOT / "book" / "check_chapters.py"), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("right", "wrong", "line"),
    [
        ("", "", ""),
        ("import math\n", "import math\nimport os\n", "F401"),
        ("radius: float", "radius: str", "chapter.py:14: error: Incompatible types in assignment"),
        ("parse_eps(eps)", "parse_eps( eps)", "chapter.ipynb"),
        (
            "import math\n\nfrom rt_utils.theory.threat import parse_eps\n\nradius: float = parse_eps(eps)\n",
            ":tags: [hide-input]\n\nimport math\n\nfrom rt_utils.theory.threat import parse_eps\n\n"
            "radius: float = parse_eps(eps)\nassert radius > 0\n",
            "a check that is hidden, where it shall be read",
        ),
        ("math.sqrt(radius)", "class Radius:\n    pass", "chapter.md:10: a class"),
        ("math.sqrt(radius)", "math.sqrt(radius)\n" * 26, "chapter.md:10: a cell of more than 25 lines"),
        ("# A chapter\n", f"# A chapter\n{LONG}", "chapter.md: 204 lines of code, more than 200"),
        ("math.sqrt(radius)", f'"{"a" * 99}"', "chapter.md:15: a line of more than 100 columns"),
    ],
)
def test_a_planted_slip_is_found(right: str, wrong: str, line: str, tmp_path: Path) -> None:
    assert right in GOOD
    done = check(tmp_path, GOOD.replace(right, wrong, 1) if right else GOOD)
    assert done.returncode == (1 if line else 0), done.stdout + done.stderr
    assert line in done.stdout + done.stderr
