"""Short names for the local variables of functions: `shorten`."""

from __future__ import annotations

import ast
import builtins
import itertools
import keyword
import string
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def shorten(module: ast.Module) -> None:
    r"""Rename the local variables of functions, whose names nothing outside can see; parameters keep theirs.

    >>> tree = ast.parse("def f(number):\n    total = sum(each for each in range(number))\n    return total")
    >>> shorten(tree)
    >>> print(ast.unparse(tree))
    def f(number):
        a = sum((b for b in range(number)))
        return a
    """
    functions = list(_outermost(module))
    inside = {id(node) for function in functions for node in ast.walk(function)}
    fixed = {*dir(builtins), *_names(node for node in ast.walk(module) if id(node) not in inside)}
    fixed.update(function.name for function in functions)
    for function in functions:
        _shorten(function, fixed)


def _outermost(node: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the functions that are not within another function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _FUNCTIONS):
            yield child
        else:
            yield from _outermost(child)


def _shorten(function: ast.FunctionDef | ast.AsyncFunctionDef, fixed: set[str]) -> None:
    """Rename a function's local variables, and those of the functions within it: the same name to the same.

    Args:
        function: The function.
        fixed: Names of the module and of Python.
    """
    nodes = list(ast.walk(function))
    variables = [node for node in nodes if isinstance(node, ast.Name)]
    # What is named in another way than as a variable, such as a parameter, stays.
    fixed = fixed | set(_names(node for node in nodes if not isinstance(node, ast.Name)))
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            fixed.update(_names(ast.walk(node)))
    assigned = {node.id for node in variables if not isinstance(node.ctx, ast.Load)}
    local = [node.id for node in variables if node.id in assigned - fixed]
    taken = fixed | {node.id for node in variables}
    short = dict(zip(dict.fromkeys(local), (name for name in _short_names() if name not in taken), strict=False))
    for node in variables:
        node.id = short.get(node.id, node.id)


def _names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield every name in the nodes: of variables, parameters, functions, classes, imports and caught errors."""
    for node in nodes:
        match node:
            case ast.Name(id=name) | ast.arg(arg=name):
                yield name
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                yield from names
            case ast.alias(name=name, asname=alias):
                yield alias or name.partition(".")[0]
            case ast.MatchMapping(rest=str(name)):
                yield name
            case _ if isinstance(other := getattr(node, "name", None), str):
                yield other


def _short_names() -> Iterator[str]:
    for length in itertools.count(1):
        for letters in itertools.product(string.ascii_lowercase, repeat=length):
            name = "".join(letters)
            if not keyword.iskeyword(name):
                yield name
