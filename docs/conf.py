"""Sphinx configuration; build with `sphinx-build -W docs docs/_build/html`, which executes the tutorials."""

import importlib.metadata
import pkgutil
import platform
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import gallery  # noqa: E402 - modules in this folder
import tables  # noqa: E402
import tutorial_pages  # noqa: E402

import oqtopus_client  # noqa: E402
import qiskit_oqtopus  # noqa: E402

if TYPE_CHECKING:
    from sphinx.application import Sphinx

for package in (oqtopus_client, qiskit_oqtopus):
    # Sphinx sets TYPE_CHECKING while it imports, so that lazy imports run at once and form a circle.
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)

project = "oqtopus-client"
author = copyright = "The oqtopus-client authors"  # noqa: A001 - Sphinx's name
version = release = importlib.metadata.version("oqtopus-client")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
GENERATED = (tables.operations, tables.faults, tables.exit_codes, tables.emulator_options, gallery.cards)
exclude_patterns = [
    "_build",
    "jupyter_execute",
    "recorded",
    *(f"generated/{table.__name__}.md" for table in GENERATED),
]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
default_role = "py:obj"  # `names` in docstrings become links if they resolve

nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_excludepatterns = [f"generated/{page.name}" for page in tutorial_pages.RECORDED.glob("*.ipynb")]
nb_execution_raise_on_error = True
nb_execution_timeout = 240  # seconds for a cell
nb_merge_streams = True
nb_output_stderr = "remove-warn"  # a warning of Sphinx, and so an error with -W

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_use_ivar = True
python_use_unqualified_type_names = True


def built_from() -> str:
    """Return the commit that these pages were built from, if there is one, and the versions that ran the tutorials."""
    git = ["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"]
    versions = f"Python {platform.python_version()} and Qiskit {importlib.metadata.version('qiskit')}"
    try:
        commit = f"commit {subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()}, "
    except (OSError, subprocess.CalledProcessError):
        commit = ""  # a source distribution
    return f"Built from {commit}with {versions}"


html_theme = "furo"
html_title = "OQTOPUS in Python"
html_static_path = ["pictures", "static"]
html_css_files = ["pages.css"]
html_extra_path = ["../LICENSE"]
html_context = {"built_from": built_from()}
templates_path = ["templates"]

(HERE / "generated").mkdir(exist_ok=True)
for table in GENERATED:
    (HERE / "generated" / f"{table.__name__}.md").write_text(table(), encoding="utf-8")
tutorial_pages.write(HERE / "generated")


def setup(app: "Sphinx") -> None:
    """Draw the gallery's pictures when the tutorials have been executed."""
    app.connect("build-finished", gallery.draw)
