"""Sphinx configuration; build with `sphinx-build -W docs docs/_build`."""

import importlib.metadata
import pkgutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import tables  # noqa: E402 - modules in this folder
import tutorial_pages  # noqa: E402

import oqtopus_client  # noqa: E402
import qiskit_oqtopus  # noqa: E402

for package in (oqtopus_client, qiskit_oqtopus):
    # Sphinx sets TYPE_CHECKING while it imports, so that lazy imports run at once and form a circle.
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)

project = "oqtopus-client"
author = "The oqtopus-client authors"
version = release = importlib.metadata.version("oqtopus-client")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = [
    "_build",
    "recorded",
    "generated/operations.md",
    "generated/faults.md",
    "generated/exit_codes.md",
]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_excludepatterns = [f"generated/{page.name}" for page in tutorial_pages.RECORDED.glob("*.ipynb")]
nb_execution_raise_on_error = True
nb_execution_timeout = 120  # seconds for a cell
nb_merge_streams = True
nb_output_stderr = "remove-warn"  # a warning of Sphinx, and so an error with -W
default_role = "py:obj"  # `names` in docstrings become links if they resolve

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_use_ivar = True
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "OQTOPUS in Python"
html_static_path = ["pictures"]

(HERE / "generated").mkdir(exist_ok=True)
for table in (tables.operations, tables.faults, tables.exit_codes):
    (HERE / "generated" / f"{table.__name__}.md").write_text(table(), encoding="utf-8")
tutorial_pages.write(HERE / "generated")
