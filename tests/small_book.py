"""A book of one chapter that takes no time: what sweeps run is tested with it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from conftest import ROOT

HEADER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""
CHAPTER = (
    HEADER
    + """
```{code-cell} ipython3
:tags: [parameters]
profile = "embedded"
encoder = "embedded/robust"
data = "digits"
norm = "linf"
eps = "8/255"
budget = 0.01  # seconds that it takes
drop = ""  # a data set that does not work
seed = 0
results = ""
```

```{code-cell} ipython3
import time
from rt_utils.pages import ledger, parameters

p = parameters.read(globals())
data = p.data[0]
folder = p.results_folder("small")
folder.mkdir(parents=True, exist_ok=True)
time.sleep(p.budget / 2)
assert data != p.drop, "on purpose"
where = dict(profile=p.profile, encoder=p.encoder, data=data, threat=p.threat, seed=p.seed)
left = (len(p.encoder) + p.seed) / 3 * p.eps
claims = [
    ledger.Claim(chapter="small", claim=name, n=7, lhs=left, rhs=right, **where)
    for name, right in (("Lemma 1: LHS is at most the AS score", 2 * p.eps * 9), ("Theorem <2>", 0.01))
]
(folder / "points.csv").write_text("shift\\n1\\n")
time.sleep(p.budget / 2)
ledger.write(claims, folder / "ledger.csv")
```
"""
)


PLAIN = (
    HEADER
    + """
# One claim in no time

```{code-cell} python3
:tags: [parameters]

profile = "embedded"
eps = "8/255"
norm = "linf"
seed = 0
results = ""
```

```{code-cell} python3
import torch

from rt_utils.pages.page import Page
from rt_utils.theory.statements import margin_ratio

page = Page("CHAPTER", globals())
torch.manual_seed(page.p.seed)
logits, weight = torch.randn(7, 3), torch.randn(3, 4)
ratio = margin_ratio(logits, weight)
page.claim("Theorem 2: a ratio is not negative", n=7, lhs=0.0, rhs=float(ratio.min()))
page.save()
```
"""
)


def make(folder: Path, chapter: str = "small", source: str = CHAPTER) -> Path:
    """The book in `folder`, which is returned."""
    (folder / "notebooks").mkdir(parents=True)
    (folder / "_toc.yml").write_text("format: jb-book\n", "utf-8")
    (folder / "notebooks" / f"{chapter}.md").write_text(source, "utf-8")
    return folder


def sweep(book: Path, *options: str) -> subprocess.Popen[str]:
    """`rt sweep small` in it, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "rt_utils.cli", "sweep", "small", *options],
        cwd=book,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finished(process: subprocess.Popen[str], returncode: int = 0) -> tuple[list[str], list[str]]:
    """The lines of its output and of its errors."""
    out, err = process.communicate(timeout=600)
    assert process.returncode == returncode, out + err
    return out.splitlines(), err.splitlines()


def kill(process: subprocess.Popen[str], *, group: bool) -> None:
    """SIGKILL to the driver, to all that it started in its group too."""
    if group:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.communicate()
