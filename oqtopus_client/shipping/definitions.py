"""Definitions of functions as lines of source: read where a function is shipped, and executed where it runs."""

from __future__ import annotations
import __future__

import ast
import linecache
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FunctionType


POSTPONED: int = __future__.annotations.compiler_flag
"""Flag of code whose annotations are not evaluated."""


@dataclass(frozen=True)
class Definition:
    """The definition of a function.

    Attributes:
        name: The function's name.
        text: Its lines, indented as in their file: one statement, which defines only the function.
        filename: Name of their file, without folders.
        first_line: Number of the first line in the file.
        postponed: Whether its annotations are not evaluated, as after `from __future__ import annotations`.
    """

    name: str
    text: str
    filename: str
    first_line: int
    postponed: bool

    def parse(self) -> ast.stmt:
        """Return the statement.

        Raises:
            SyntaxError: It is not a statement for this version of Python.
        """
        # Removing the indentation would change strings of several lines.
        indented = self.text[:1].isspace()
        tree = ast.parse(f"if True:\n{self.text}" if indented else self.text, self.filename)
        statement = tree.body[0]
        ast.increment_lineno(statement, self.first_line - 1 - indented)
        return statement.body[0] if isinstance(statement, ast.If) and indented else statement

    def compile(self, *statements: ast.stmt) -> Any:
        """Compile statements as part of its file."""
        module = ast.fix_missing_locations(ast.Module(list(statements), []))
        flags = POSTPONED if self.postponed else 0
        return compile(module, self.filename, "exec", flags=flags, dont_inherit=True)

    def execute(self, namespace: dict[str, Any]) -> FunctionType:
        """Return the function, with `namespace` as its globals and None as each default.

        Decorators and annotations are left out: they are evaluated with the definition, not with a call.
        """
        statement = self.parse()
        _strip(statement.value if isinstance(statement, ast.Assign) else statement)
        cached = linecache.cache.get(self.filename, ())
        lines = list(cached[2]) if len(cached) == 4 else []  # noqa: PLR2004 - entries that are not loaded have one item
        own = self.text.splitlines(keepends=True)
        lines += ["\n"] * (self.first_line + len(own) - 1 - len(lines))
        lines[self.first_line - 1 : self.first_line - 1 + len(own)] = own
        # Tracebacks show these lines; without a time, they are not compared with a file.
        linecache.cache[self.filename] = (sum(map(len, lines)), None, lines, self.filename)
        defined: dict[str, FunctionType] = {}
        exec(self.compile(statement), namespace, defined)  # noqa: S102 - running the user's function is the purpose
        (function,) = defined.values()
        return function


def _strip(definition: ast.AST) -> None:
    if isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef):
        definition.decorator_list, definition.returns = [], None
    if isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        arguments = definition.args
        arguments.defaults = [ast.Constant(None) for _ in arguments.defaults]
        arguments.kw_defaults = [default and ast.Constant(None) for default in arguments.kw_defaults]
        for argument in ast.walk(arguments):
            if isinstance(argument, ast.arg):
                argument.annotation = None
