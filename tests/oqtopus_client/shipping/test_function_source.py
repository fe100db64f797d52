"""Sources of functions: which are found, and which are refused."""

from __future__ import annotations

import functools
import importlib.util
import linecache
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from oqtopus_client.shipping.definitions import Definition
from oqtopus_client.shipping.function_source import definition_of, global_names, imported_modules

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FunctionType

LIMIT = 3


def loaded(folder: Path, text: str, name: str = "functions") -> Any:
    """Write a module and import it, without keeping it."""
    file = folder / f"{name}.py"
    file.write_text(text, encoding="utf-8")
    linecache.checkcache()
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rebuilt(function: FunctionType) -> Callable[..., Any]:
    """The function as its shipped source defines it, without defaults."""
    return definition_of(function).execute({"np": np, "LIMIT": LIMIT})


def module_level(x: float) -> float:
    """Use an import and a constant of the module, and functions within."""

    def inner(y: float) -> float:
        return y + LIMIT

    return float(np.sum([inner(each) for each in (x, 2 * x)]))


def test_a_function_of_a_module() -> None:
    """Calls of imported modules compile differently where the import is at the top of a module."""
    assert rebuilt(module_level)(1.5) == module_level(1.5)
    assert global_names(definition_of(module_level), ()) == {"LIMIT", "float", "np"}


def nested() -> FunctionType:
    """Return an indented function with a text of several lines."""

    def function() -> str:
        return """first
second
    third"""

    return function  # type: ignore[return-value]


def test_an_indented_function_keeps_its_texts() -> None:
    """Text at the left margin stays as it is."""
    assert rebuilt(nested())() == "first\nsecond\n    third"


LAMBDAS = (lambda x: x + 1), (lambda x: x + 2)


def test_lambdas_on_one_line() -> None:
    """Each is found by its code."""
    assert [rebuilt(each)(10) for each in LAMBDAS] == [11, 12]  # type: ignore[arg-type]


def test_a_lambda_within_a_statement(tmp_path: Path) -> None:
    """The lines that Python attributes to it are not a statement."""
    text = "f = [\n    lambda x: (\n        -x), 5]\ng = max([1],\n        key=lambda x: x) and (\n    lambda: 2)\n"
    module = loaded(tmp_path, text)

    assert rebuilt(module.f[0])(4) == -4
    assert rebuilt(module.g)() == 2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f(x):\n    return x + 1\n", "def f(x):\n    return x + 2\n"),
        ("def f(x):\n    return x * 1\n", "def f(x):\n    return x * 1.0\n"),
        ("def f(x):\n    return x + 1\n", "def f(x):\n    return x - 1\n"),
        ("def f(x):\n    return [y for y in x]\n", "def f(x):\n    return [y + 1 for y in x]\n"),
        ("def f(x):\n    return x\ndef g(x):\n    return 2\n", "def g(x):\n    return 2\ndef f(x):\n    return x\n"),
        ("def f(x):\n    return x in {1, 2}\n", "def f(x):\n    return x in {1, 3}\n"),
        ("def f(x):\n    return -0.0\n", "def f(x):\n    return 0.0\n"),
    ],
)
def test_a_file_that_was_edited(tmp_path: Path, before: str, after: str) -> None:
    """Another function's lines are never taken for the function's, however similar."""
    module = loaded(tmp_path, before)
    assert definition_of(module.f).text == before.partition("def g")[0]
    # A later time of modification makes Python read the file again.
    (tmp_path / "functions.py").write_text(f"{after}\n", encoding="utf-8")

    with pytest.raises(ValueError, match=r"The source of f\(\) in .*functions.py, line 1, is not that of the function"):
        definition_of(module.f)


@pytest.mark.parametrize("calls", [0, 5000])
def test_code_that_ran(tmp_path: Path, calls: int) -> None:
    """Python's own optimizations, and a tracer, leave the source valid."""
    module = loaded(tmp_path, "import math\ndef f(x):\n    return math.floor(x.real) + len([x])\n")
    for _ in range(calls):
        module.f(1.5)
    sys.settrace(lambda *_: None)
    try:
        module.f(1.5)
    finally:
        sys.settrace(None)

    assert definition_of(module.f).first_line == 2


def test_future_annotations(tmp_path: Path) -> None:
    """Annotations are not evaluated, with or without the import from the future."""
    text = "def f(x: 'unknown', *, y: int = 2) -> list[int]:\n    z: undefined = x\n    return z\n"
    for head in ("", "from __future__ import annotations\n"):
        module = loaded(tmp_path, head + text, f"annotated{len(head)}")
        assert rebuilt(module.f)(5, y=1) == 5


def test_asserts_that_pytest_rewrote() -> None:
    """The code differs from the source, and the source counts."""

    def function(x: int) -> int:
        assert x > LIMIT, "too small"
        return x

    assert rebuilt(function)(5) == 5  # type: ignore[arg-type]


def cell(number: int, *statements: str) -> dict[str, Any]:
    """Run statements as IPython runs those of a cell: one by one, with the cell as their file."""
    namespace: dict[str, Any] = {}
    name, text = f"/tmp/ipykernel_1/{number}.py", "".join(statements)  # noqa: S108 - nothing is written
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    first = 0
    for statement in statements:
        exec(compile("\n" * first + statement, name, "exec", dont_inherit=True), namespace)  # noqa: S102 - as IPython does
        first += statement.count("\n")
    return namespace


def test_a_cell_of_a_notebook() -> None:
    """Imports in the same cell are compiled on their own."""
    function = cell(1, "import math\n", "\ndef f(x):\n    return math.sin(x)\n")["f"]

    assert definition_of(function) == Definition("f", "def f(x):\n    return math.sin(x)\n", "1.py", 3, postponed=False)


def made(text: str) -> Any:
    """Return the function that a text without a file defines."""
    namespace: dict[str, Any] = {}
    exec(text, namespace)  # noqa: S102 - the point
    return namespace["f"]


@functools.wraps(module_level)
def wrapping(*args: Any) -> Any:
    """Stand for a decorated function."""
    return module_level(*args)


class Private:
    """A class with private names."""

    __limit = 3

    @staticmethod
    def method() -> int:
        """Use one."""
        return Private.__limit


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (Private.method, r"method\(\) uses __limit, private names of its class"),
        (made("def f(): pass"), r"The source of f\(\) is not available; define it in a file or in a notebook cell"),
        (made("f = lambda: 1"), r"The source of <lambda>\(\) is not available"),
        (wrapping, r"module_level\(\) is wrapped by a decorator"),
    ],
)
def test_what_is_refused(function: FunctionType, message: str) -> None:
    """With the reason, and what to do."""
    with pytest.raises(ValueError, match=message):
        definition_of(function)


def test_assignments_outside_are_refused() -> None:
    """They would be lost."""
    total = 0

    def function() -> None:
        nonlocal total
        total += 1

    function()
    assert total == 1
    definition = definition_of(function)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"function\(\) assigns to 'total', a name outside of it"):
        global_names(definition, ("total",))
    assigning = Definition("f", "def f():\n    global count\n    count = 1\n", "f.py", 1, postponed=False)
    with pytest.raises(ValueError, match="assigns to 'count'"):
        global_names(assigning, ())


def test_imports_within() -> None:
    """Those of inner functions count, relative ones do not."""
    text = "def f():\n    import a.b, c\n    def g():\n        from d import e\n        from . import h\n"
    definition = Definition("f", text, "f.py", 1, postponed=False)

    assert imported_modules(definition) == {"a.b", "c", "d"}
