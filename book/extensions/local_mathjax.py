"""Puts MathJax into the book, so that formulas render without any other host, at a third of its weight.

The parts that a page needs (no menu) are joined, packed by gzip and unpacked in the browser, also from a file. Browsers
can do that since May 2023, as they know color-mix(), which the book's colours need.
"""

import base64
import gzip
import importlib.util
import shutil
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

# Components of MathJax, the first of which starts the others: TeX to HTML, its fonts, MathML for screen readers.
PARTS = (
    "startup.js",
    "core.js",
    "input/tex.js",
    "output/chtml.js",
    "output/chtml/fonts/tex.js",
    "a11y/assistive-mml.js",
)
# Folders: fonts, and the TeX extensions that MathJax fetches when a formula first needs one (\\boldsymbol, ...).
FOLDERS = ("output/chtml/fonts/woff-v2", "input/tex/extensions")
# `promise` ends when the formulas are set, also for who asks before MathJax is there.
LOADER = """(() => {
  const root = document.currentScript.src.replace(/\\/[^/]*$/, "");
  const add = (src) => new Promise((resolve, reject) =>
    document.head.append(Object.assign(document.createElement("script"), { src, onload: resolve, onerror: reject })));
  const unpacked = async () => {
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return URL.createObjectURL(new Blob([await new Response(stream).arrayBuffer()], { type: "text/javascript" }));
  };
  const packed = "PACKED";
  const loaded = unpacked().then(add);
  const settings = (window.MathJax ??= {});
  settings.loader = { ...settings.loader, load: [], paths: { mathjax: root } };
  // Before the formulas: else the whole page is laid out again as each comes in. One that does not come stops nothing.
  const fonts = async () => {
    const { document: set, output, defaultPageReady } = window.MathJax.startup;
    document.head.append(output.styleSheet(set));
    const coming = ["MJXTEX", "MJXTEX-I", "MJXZERO"].map((name) => document.fonts.load(`1em ${name}`));
    await Promise.race([Promise.allSettled(coming), new Promise((late) => setTimeout(late, 2000))]);
    return defaultPageReady();
  };
  const promise = loaded.then(() => window.MathJax.startup.promise);
  settings.startup = { ...settings.startup, pageReady: fonts, promise };
})();
"""


def mathjax_folder() -> Path:
    """Where the installed package keeps MathJax. Its name is no identifier, so it cannot be imported."""
    spec = importlib.util.find_spec("sphinx-mathjax-offline")
    if spec is None or spec.origin is None:
        raise ExtensionError("MathJax is missing: install the book's requirements (pip install -e '.[book]')")
    return Path(spec.origin).parent / "static" / "mathjax"


def loader(whole: str) -> str:
    """The script of a page, which holds `whole`, MathJax's parts, packed."""
    packed = base64.b64encode(gzip.compress(whole.encode(), 9, mtime=0)).decode()
    return LOADER.replace("PACKED", packed)


def copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    source, target = mathjax_folder(), Path(app.outdir) / "_static" / "mathjax"
    for folder in FOLDERS:
        left_out = shutil.ignore_patterns("all-packages.js")
        shutil.copytree(source / folder, target / folder, dirs_exist_ok=True, ignore=left_out)
    whole = "\n".join((source / part).read_text("utf-8") for part in PARTS)
    (target / "tex-chtml.js").write_text(loader(whole), "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    mathjax_folder()
    # On every page: Sphinx does not see the formulas in captions and tables that a chapter's code has written.
    app.set_html_assets_policy("always")
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
