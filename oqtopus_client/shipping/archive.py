"""This distribution's own modules, as small as possible: `archive`."""

from __future__ import annotations

import ast
import base64
import bz2
import functools
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

_LEFT_OUT = {
    *("oqtopus_client/cli", "oqtopus_client/emulator", "oqtopus_client/pytest_plugin.py", "oqtopus_client/rest/http"),
    *(f"oqtopus_client/shipping/{name}.py" for name in ("archive", "captures", "local_modules", "program", "reading")),
    "oqtopus_client/shipping/function_source.py",
    "qiskit_oqtopus/visualization",
}
"""What programs do not use in the container, or what needs packages that the container does not have."""


@functools.cache
def archive(package: str) -> str:
    """Return the modules of a package as ASCII without quotes and backslashes; see `pack`.

    Docstrings, comments, annotations of functions and imports for type checkers are left out.
    """
    # bz2 packs this 7 % smaller than xz does.
    files = sorted(_sources(resources.files(package), package))
    return pack("\0".join(text for file in files for text in file))


def pack(text: str) -> str:
    """Return a text compressed, as ASCII that takes one byte a character in a string of Python and of JSON."""
    return base64.b85encode(bz2.compress(text.encode("utf-8", "surrogatepass"))).decode()


def stripped(text: str) -> str:
    r"""Return the source of a module without what it does not need to run.

    >>> stripped('def f(x: int) -> int:\n    "Return x."\n    return x  # as it is')
    'def f(x):\n    return x'
    """
    return ast.unparse(ast.fix_missing_locations(_Stripper().visit(ast.parse(text))))


class _Stripper(ast.NodeTransformer):
    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        if isinstance(getattr(node, "body", None), list) and not node.body:  # type: ignore[attr-defined]
            node.body = [ast.Pass()]  # type: ignore[attr-defined]
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt] | None:
        stripped_node = self.generic_visit(node)
        return node.orelse if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" else stripped_node


def _sources(folder: Traversable, path: str) -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        place = f"{path}/{entry.name}"
        if place in _LEFT_OUT:
            continue
        if entry.is_dir():
            yield from _sources(entry, place)
        elif entry.name.endswith(".py"):
            yield place, stripped(entry.read_text("utf-8"))
