"""Every link to the repository and to what opens a chapter elsewhere, from one setting: repository_url in _config.yml.

While that is empty the pages have none of these links. The buttons are the theme's own. Colab and Binder open the
branch `notebooks`, where book/launch.py puts the chapters; "Show source" leads to their Markdown on the main branch.
"""

import re

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

LAUNCHED = "notebooks"  # the branch
SOURCE = "{{ file_name | replace('chapters/', 'notebooks/') | replace('.ipynb', '.md') }}"


def link(_app: Sphinx, config: Config) -> None:
    options = config.html_theme_options
    url, branch = options.get("repository_url", ""), options.get("repository_branch", "main")
    if not url:
        return
    address = re.fullmatch(r"https://github\.com/([\w.-]+)/([\w.-]+)", url)
    if address is None:
        raise ExtensionError(
            f"_config.yml: repository_url {url!r}: give https://github.com/OWNER/NAME, or leave it empty"
        )
    options.update(
        repository_branch=LAUNCHED,
        use_repository_button=True,
        use_source_button=True,
        use_issues_button=True,
        launch_buttons={
            "notebook_interface": "jupyterlab",
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
        },
    )
    config.html_context.update(edit_page_provider_name="GitHub", edit_page_url_template=f"{url}/edit/{branch}/{SOURCE}")
    config.html_baseurl = f"https://{address[1].lower()}.github.io/{address[2]}/"  # where Pages publishes the book


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
