"""The modules of the packages, and what each imports."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

MODULES = sorted((*ROOT.glob("oqtopus_client/**/*.py"), *ROOT.glob("qiskit_oqtopus/**/*.py")))


def module_name(file: Path) -> str:
    """Dotted name of a module."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(file: Path) -> set[str]:
    """Our own modules that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "oqtopus_client":
            found.update(f"oqtopus_client.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = {f"{node.module}.{alias.name}" for alias in node.names}
            found.update(parts & NAMES or {node.module or ""})
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return {name for name in found if name.startswith(("oqtopus_client", "qiskit_oqtopus"))}


NAMES = {module_name(file) for file in MODULES}
