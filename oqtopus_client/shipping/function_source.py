"""The source of a function, verified to be that of the function: `definition_of`, and the names that it uses."""

from __future__ import annotations

import ast
import dataclasses
import dis
import inspect
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from oqtopus_client.shipping.definitions import POSTPONED, Definition

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LAMBDA = "<lambda>"
_READS_GLOBAL = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}
_WRITES_GLOBAL = {"STORE_GLOBAL", "DELETE_GLOBAL"}
_WRITES_VARIABLE = {"STORE_DEREF", "DELETE_DEREF"}


def described(function: FunctionType) -> str:
    """Return a function as messages name it."""
    return f"{function.__name__}()"


def definition_of(function: FunctionType) -> Definition:
    """Return the definition of a function.

    Raises:
        ValueError: Its source is not available, or is not that of the function; or it cannot be shipped.
    """
    name = described(function)
    if hasattr(function, "__wrapped__"):
        raise ValueError(f"{name} is wrapped by a decorator, which cannot be shipped; pass the undecorated function.")
    try:
        lines, first_line = inspect.getsourcelines(function)
        file, _ = inspect.findsource(function)
    except (OSError, TypeError, SyntaxError, IndexError) as error:
        raise ValueError(
            f"The source of {name} is not available; define it in a file or in a notebook cell, not with exec, "
            "python -c, at the interactive prompt or under a cell magic."
        ) from error
    code = function.__code__
    postponed = bool(code.co_flags & POSTPONED)
    found = Definition(function.__name__, "".join(lines), Path(code.co_filename).name, max(first_line, 1), postponed)
    tree = _parsed("".join(file))
    imports = _module_imports(tree)
    for each in _lambdas(found, "".join(file), tree) if found.name == _LAMBDA else [found]:
        if _matches(each, code, []) or _matches(each, code, imports):
            return each
    if private := _private_names(function):
        raise ValueError(
            f"{name} uses {', '.join(private)}, private names of its class, which are different outside of it; rename "
            "them, or define the function outside of the class."
        )
    raise ValueError(
        f"The source of {name} in {code.co_filename}, line {first_line}, is not that of the function: the file was "
        "edited after the function was defined. Import it again, or restart Python."
    )


def global_names(definition: Definition, variables: tuple[str, ...]) -> set[str]:
    """Return the names that a function takes from its module and, as `variables`, from functions around it.

    Raises:
        ValueError: It assigns to one of them.
    """
    used = set(variables)
    for instruction in _instructions(_compiled(definition, variables)):
        operation, name = instruction.opname, instruction.argval
        if operation in _WRITES_GLOBAL or (operation in _WRITES_VARIABLE and name in variables):
            raise ValueError(
                f"{definition.name}() assigns to {name!r}, a name outside of it, which would have no effect here; "
                "return the value instead."
            )
        if operation in _READS_GLOBAL:
            used.add(name)
    return used


def imported_modules(definition: Definition) -> set[str]:
    """Return the modules that a function imports."""
    return set(modules_imported_in(definition.parse()))


def modules_imported_in(tree: ast.AST) -> Iterator[str]:
    """Yield the modules that the code imports; relative imports are left out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module


def _private_names(function: FunctionType) -> list[str]:
    """Return the names in a method that Python has prefixed with the name of its class."""
    prefix = f"_{function.__qualname__.split('.')[-2].lstrip('_')}__" if "." in function.__qualname__ else ""
    names = {
        name for code in (function.__code__, *_codes(function.__code__)) for name in code.co_names + code.co_varnames
    }
    return sorted(name.removeprefix(prefix[:-2]) for name in names if prefix and name.startswith(prefix))


def _parsed(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError:  # a notebook's cell with magics
        return ast.Module([], [])


def _lambdas(whole: Definition, text: str, tree: ast.Module) -> Iterator[Definition]:
    """Yield the definition of each lambda on the first line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda) and node.lineno == whole.first_line:
            yield dataclasses.replace(whole, text=f"function = ({ast.get_source_segment(text, node)})")


def _module_imports(tree: ast.Module) -> list[ast.stmt]:
    """Return a module's imports outside of functions: they affect the code of calls in functions."""
    found: list[ast.stmt] = []
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.module != "__future__"):
            found.append(node)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            children = ast.iter_child_nodes(node)
            waiting += [child for child in children if isinstance(child, ast.stmt | ast.excepthandler)]
    return found


def _matches(definition: Definition, code: CodeType, imports: list[ast.stmt]) -> bool:
    try:
        compiled = _compiled(definition, code.co_freevars, imports)
    except (SyntaxError, StopIteration):
        return False
    names = {*code.co_names, *code.co_varnames}
    if any(name.startswith("@py") for name in names):
        # pytest has rewritten the function's assertions.
        return compiled.co_name == code.co_name and names >= {*compiled.co_names, *compiled.co_varnames}
    return _content(compiled) == _content(code)


def _compiled(definition: Definition, variables: tuple[str, ...], imports: Sequence[ast.stmt] = ()) -> CodeType:
    """Compile a definition within a function that has these variables, and return the code of the function."""
    arguments = ast.arguments([], [ast.arg(name) for name in variables], None, [], [], None, [])
    # A function that calls itself finds itself among its module's names, unless it belongs to another function.
    is_global = definition.name.isidentifier() and definition.name not in variables
    names: list[ast.stmt] = [ast.Global([definition.name])] if is_global else []
    around = ast.FunctionDef("around", arguments, [*names, definition.parse()], [])
    if "type_params" in ast.FunctionDef._fields:
        around.type_params = []  # type: ignore[attr-defined]  # of Python 3.12
    outer = next(_codes(definition.compile(*imports, around)))
    return next(code for code in _codes(outer) if code.co_name == definition.name)


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _instructions(code: CodeType) -> Iterator[dis.Instruction]:
    yield from dis.get_instructions(code)
    for inner in _codes(code):
        yield from dis.get_instructions(inner)


def _content(code: CodeType) -> tuple[Any, ...]:
    """Return what makes up a function's code, apart from its place in a file."""
    return (
        code.co_name,
        (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount),
        (code.co_names, code.co_varnames, code.co_cellvars, code.co_freevars),
        code.co_code,
        tuple(map(_constant, code.co_consts)),
    )


def _constant(value: object) -> object:
    """Return a constant in a form that distinguishes 1, 1.0 and True, and 0.0 and -0.0.

    The full name of a class within a function, which is one of its constants, depends on where the function is.
    """
    if isinstance(value, str):
        value = value.rpartition("<locals>.")[2]
    if isinstance(value, CodeType):
        return _content(value)
    if isinstance(value, tuple):
        return tuple(map(_constant, value))
    if isinstance(value, frozenset):
        return frozenset(map(_constant, value))
    return type(value), repr(value)
