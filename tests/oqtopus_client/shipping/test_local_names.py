"""Short names of local variables."""

from __future__ import annotations

import ast
import dis
import inspect
from types import CodeType
from typing import TYPE_CHECKING, Any

import pytest

from oqtopus_client.shipping.local_names import shorten
from tests.support.source_tree import MODULES

if TYPE_CHECKING:
    from collections.abc import Iterator

# Cells are in alphabetical order.
ORDER = {"COPY_FREE_VARS", "LOAD_CLOSURE", "MAKE_CELL"}


def instructions(code: CodeType, numbers: dict[Any, int] | None = None) -> Iterator[tuple[Any, ...]]:
    """Yield the instructions of a code object and those within it, with numbers for the variables of functions.

    The same number stands for the same name throughout an outermost function.
    """
    if numbers is None and code.co_flags & inspect.CO_OPTIMIZED:
        numbers = {}
    yield code.co_name, code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    for each in dis.get_instructions(code):
        if each.opname in ORDER:
            continue
        if numbers is not None and (each.opcode in dis.haslocal or each.opcode in dis.hasfree):
            names = each.argval if isinstance(each.argval, tuple) else (each.argval,)
            yield each.opname, *(numbers.setdefault(name, len(numbers)) for name in names)
        else:
            yield each.opname, each.arg if isinstance(each.argval, CodeType) else each.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from instructions(constant, numbers)


def shortened(source: str) -> str:
    """The source with short names."""
    tree = ast.parse(source)
    shorten(tree)
    return ast.unparse(tree)


def test_every_module_does_the_same() -> None:
    """Each module compiles to the same instructions on the same variables, whatever their names."""
    for file in MODULES:
        source = ast.unparse(ast.parse(file.read_text("utf-8")))
        short = shortened(source)

        before, after = (instructions(compile(text, "", "exec")) for text in (source, short))

        assert list(before) == list(after), file


@pytest.mark.parametrize(
    "source",
    [
        "def f(number):\n    def g(value=number):\n        nonlocal number\n        number += value\n    return g",
        "def f():\n    global number\n    number = 1",
        "number = 1\ndef f():\n    number = 2\n    return lambda: number",
        "def f(given):\n    match given:\n        case {'a': first, **others}:\n            return others\n"
        "        case [first, *others] as found:\n            return found",
        "def f():\n    try:\n        pass\n    except ValueError as error:\n        error = 1\n        return error",
        "def f():\n    import os.path, sys as system\n    system = os = 1\n    return system",
        "def f():\n    class C:\n        number = 1\n    number = 2\n    return (C.number, number)",
        "def f():\n    len = 1\n    return len",
    ],
)
def test_names_that_stay(source: str) -> None:
    """Names stay that something else than a variable of the function has."""
    assert shortened(source) == ast.unparse(ast.parse(source))


def test_short_names_are_free() -> None:
    """A short name is not that of a parameter, a global variable or another variable."""
    short = shortened("def f(a):\n    total = a + b\n    c = [total for c in d]\n    return total, c")

    assert short == "def f(a):\n    e = a + b\n    g = [e for g in d]\n    return (e, g)"
