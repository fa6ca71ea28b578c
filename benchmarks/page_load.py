"""How long a page of the built book takes until a reader can use it, from local files, in Chromium.

Run: .venv/bin/python benchmarks/page_load.py [--rounds 3] [--json FILE]. Needs a built book. Each page is opened in a
new window with an empty cache, on a phone's width and a desk's. Counted is the wall time from the request until all
formulas are set, the page's own scripts have run (`data-reader=ready`) and the next frame is drawn.
"""

import argparse
import shutil
import statistics
import time
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from ratios import show

BOOK = Path(__file__).resolve().parent.parent / "_build" / "html"
WIDTHS = (390, 1440)
READY = """
async () => {
  if (window.MathJax) await MathJax.startup?.promise;
  while (document.documentElement.dataset.reader !== "ready") await new Promise(requestAnimationFrame);
  await new Promise((next) => requestAnimationFrame(() => setTimeout(next)));
}
"""


def seconds(browser: Browser, name: str, width: int) -> float:
    """From the request until the page answers."""
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    start = time.perf_counter()
    page.goto((BOOK / name).as_uri(), wait_until="domcontentloaded")
    page.evaluate(READY)
    took = time.perf_counter() - start
    context.close()
    return took


def main() -> None:
    """Measure every page and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    kinds = (path.relative_to(BOOK).as_posix() for folder in ("book", "chapters") for path in (BOOK / folder).glob("*"))
    names = sorted(name for name in kinds if name.endswith(".html"))
    if not names:
        raise SystemExit("no built book: run `make book` first")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        seconds(browser, names[0], WIDTHS[0])  # the browser's own start
        found = {
            f"{name} {width}": [seconds(browser, name, width) for _ in range(asked.rounds)]
            for name, width in product(names, WIDTHS)
        }
    medians = {name: statistics.median(times) for name, times in found.items()}
    slowest = dict(sorted(medians.items(), key=lambda item: -item[1])[:10])
    show(
        {
            "pages": len(names),
            "median": statistics.median(medians.values()),
            "slowest": slowest,
            "longest of all": max(map(max, found.values())),
        },
        asked.json,
    )


if __name__ == "__main__":
    main()
