"""`python book/launch.py`: the chapters as Colab and Binder open them, for the branch `notebooks`.

Each chapter becomes chapters/NAME.ipynb, with a cell that installs the package where it is missing (Colab); Binder
takes environment.yml and runs postBuild. Writes nothing while _config.yml names no address.
"""

from pathlib import Path

import plain_notebooks
from build import ROOT, pages

POST_BUILD = "#!/bin/sh\npip install --no-deps .\n"


def write(folder: Path, url: str, branch: str) -> None:
    plain_notebooks.write(folder / "chapters", ROOT / "notebooks", pages(), url, branch)
    script = folder / "postBuild"
    script.write_text(POST_BUILD, "utf-8")
    script.chmod(0o755)


if __name__ == "__main__":
    url, branch = plain_notebooks.address(ROOT)
    if url:
        write(ROOT, url, branch)
    else:
        print("_config.yml names no repository_url: nothing to launch")
