"""This distribution's own modules, as small as possible: `archive`."""

from __future__ import annotations

import ast
import base64
import bz2
import functools
from typing import TYPE_CHECKING

from oqtopus_client.shipping.local_names import shorten
from oqtopus_client.shipping.modules import sources

if TYPE_CHECKING:
    from collections.abc import Collection


def archive(text: str, packages: Collection[str], wanted: Collection[str]) -> str:
    """Return the modules that a program needs, as one packed text; see `sources` for the arguments.

    Docstrings, comments, annotations of functions and imports for type checkers are left out, and local variables have
    short names.
    """
    files = sources(text, packages, wanted)
    return pack("\0".join(part for path, source in files.items() for part in (path, stripped(source))))


def pack(text: str) -> str:
    """Return a text compressed, as ASCII without quotes and backslashes, which JSON would escape."""
    # bz2 packs our modules 7 % smaller than xz does.
    return base64.b85encode(bz2.compress(text.encode("utf-8", "surrogatepass"))).decode()


@functools.cache
def stripped(text: str) -> str:
    r"""Return the source of a module, reduced to the parts that it needs to run.

    >>> stripped('def f(x: int) -> int:\n    "Return x."\n    return x  # as it is')
    'def f(x):\n    return x'
    """
    tree = ast.fix_missing_locations(_Stripper().visit(ast.parse(text)))
    shorten(tree)
    return ast.unparse(tree)


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
