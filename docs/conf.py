"""Settings of the documentation site:

python -m sphinx -W --keep-going docs build/site

Pages are Markdown that also reads well on a code host. `PROJECT_PAGES` are outside this folder:
a stub here gives each a place in the site, and is filled with the page's own text.
"""

import dataclasses
import functools
import inspect
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import amh_tf  # noqa: E402  (of this checkout)

project = "amh_tf"
version = release = amh_tf.__version__
copyright = "the authors of amh_tf"

extensions = [
    "myst_nb",  # Markdown (MyST) and notebooks
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]

# Links to sections work as on code hosts.
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "html_image"]
nb_execution_mode = "off"  # the notebook is run by the tests, and kept with its output

default_role = "code"  # single backticks of docstrings
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autosummary_generate = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_custom_sections = [("Call arguments", "params_style"), "Masking", "Reference"]

html_theme = "furo"
html_title = f"amh_tf {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_theme_options = {"top_of_page_buttons": []}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

PROJECT_PAGES = {
    "index": "README.md",
    "BUILD": "BUILD.md",
    "CHANGELOG": "CHANGELOG.md",
    "CONTRIBUTING": "CONTRIBUTING.md",
    "SECURITY": "SECURITY.md",
    "model_card": "export/models/ravdess/MODEL_CARD.md",
}
_LINK = re.compile(r"(?:(?<=\]\()|(?<=<img src=\"))(?!https?:|#)([^)#\s\"]+)")


def _place(folder, match):
    """Returns where the site has what a link from a page in `folder` leads to."""
    target = Path(os.path.normpath(folder / match[1]))
    for name, path in PROJECT_PAGES.items():
        if target == ROOT / path:
            return f"{name}.md"
    return os.path.relpath(target, ROOT / "docs")


def _read(app, name, source):
    """Fills the stubs, and makes links between pages lead to pages of the site."""
    page = ROOT / PROJECT_PAGES.get(name, f"docs/{name}.md")
    if page.suffix != ".md" or not page.is_file():
        return
    stub, text = source[0], source[0]
    if name in PROJECT_PAGES:
        app.env.note_dependency(str(page))
        text = page.read_text(encoding="utf-8")
        _, mark, pages = stub.partition("<!-- below the page -->")
        text += pages if mark else ""
    source[0] = _LINK.sub(functools.partial(_place, page.parent), text)


def _sign(app, what, name, thing, options, signature, returns):
    """Shows how a Keras layer is made: `Layer.__new__` hides it."""
    if what != "class" or "__init__" not in vars(thing):
        return None
    parameters = list(inspect.signature(thing.__init__).parameters.values())[1:]
    return str(inspect.Signature(parameters)), None


def _describe(app, what, name, thing, options, lines):
    """Lists the settings of a configuration with what --help says of them."""
    for field in dataclasses.fields(thing) if dataclasses.is_dataclass(thing) else ():
        text = f":ivar {field.name}:"
        place = next((at for at, line in enumerate(lines) if line.startswith(text)), None)
        described = f"{text} {field.metadata.get('help', '')}"
        if place is not None:  # the docstring adds to it
            lines[place] = lines[place].replace(text, described)
        elif "help" in field.metadata:
            lines.append(described)


def setup(app):
    """Connects the events."""
    app.connect("source-read", _read)
    app.connect("autodoc-process-signature", _sign)
    app.connect("autodoc-process-docstring", _describe, priority=600)  # after napoleon's
