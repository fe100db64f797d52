"""What functions refer to: shipped with them, or refused."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2

import tests
from oqtopus_client.shipping.captures import Captures
from oqtopus_client.shipping.local_modules import LocalModules, is_local
from tests.support.shipped import Settings, text_of, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FunctionType

STEPS = 4
TABLE = {"a": np.arange(3)}
HANDLE = sys.stdout


class Holder:
    """A class of this module."""


def factorial(n: int) -> int:
    """Call itself."""
    return 1 if n <= 1 else n * factorial(n - 1)


def scaled(x: float, factor: float = math.pi, *, shift: float = STEPS) -> float:
    """Have defaults that are computed when the module is loaded."""
    return x * factor + shift


def halves(x: float) -> Iterator[float]:
    """Be a generator function."""
    yield x / 2


def everything(_: object, circuit: QuantumCircuit, combine: Callable[..., float] = scaled) -> list[Any]:
    """Refer to a module, a class of a library, functions, constants and a default that is a function."""
    again = QuantumCircuit(circuit.num_qubits)
    return [combine(1.0), scaled(2.0, shift=0), factorial(STEPS), TABLE["a"] * np.pi, again.num_qubits, *halves(3)]


def test_what_a_function_refers_to() -> None:
    """It gives there what it gives here."""
    circuit = efficient_su2(3)
    shipped = value_of(everything, circuit)
    expected = everything(None, circuit)

    assert [*shipped[:3], *shipped[4:]] == [*expected[:3], *expected[4:]]
    assert np.array_equal(shipped[3], expected[3])


def test_values_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Defaults are those of the definition, globals those of the call, as in a call here."""
    monkeypatch.setattr(sys.modules[__name__], "STEPS", 2)

    assert value_of(lambda _: (scaled(0), STEPS)) == (4, 2)


def nested(offset: int) -> FunctionType:
    """Return a function with variables of a function around it, one of them a function."""
    power = 3

    def inner(x: int) -> int:
        return inner(x - 1) + offset if x else power

    def function(_: object, x: int, y: int = offset) -> int:
        return inner(x) * y

    return function  # type: ignore[return-value]


def test_variables_of_functions_around_it() -> None:
    """They travel by value, and functions as source."""
    assert value_of(nested(5), 2) == nested(5)(None, 2) == 65


def test_functions_as_arguments() -> None:
    """One of a library is imported there, one of the same module sent along."""
    assert value_of(lambda _, f, *, g: (f([1, 2]), g(0)), np.sum, g=scaled) == (3, 4)


def test_names_for_different_objects() -> None:
    """Two functions cannot use one name for different variables."""
    first, second = ((lambda x, n=n: x + n) for n in (1, 2))
    assert value_of(lambda _: (first(0), second(0))) == (1, 2)
    offset = 1

    def one() -> int:
        return offset

    def other(offset: int) -> Callable[[], int]:
        def two() -> int:
            return offset

        return two

    two = other(5)
    with pytest.raises(ValueError, match="'offset' stands for different objects in the functions to ship"):
        text_of(lambda _: one() + two())


def uses_a_class(_: object) -> object:
    """Use a class of this module."""
    return Holder()


def uses_a_handle(_: object) -> object:
    """Use what cannot be sent."""
    return HANDLE


def calls_for_tests(_: object) -> object:
    """Use a package next to this one."""
    return tests.__name__


def imports_tests(_: object) -> object:
    """Import a package of this folder."""
    from tests.support import circuits  # noqa: PLC0415 - the point

    return circuits


def with_a_default(_: object, stream: object = sys.stdout) -> object:
    """Have a default that cannot be sent."""
    return stream


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (
            uses_a_class,
            TypeError,
            r"'Holder', which uses_a_class\(\) uses, is a class; only functions are shipped from",
        ),
        (uses_a_handle, TypeError, r"'HANDLE', which uses_a_handle\(\) uses, is of type \S+, which cannot be sent"),
        (calls_for_tests, ValueError, r"'tests', which .* uses, is from tests, a local module, .*modules=\['tests'\]"),
        (imports_tests, ValueError, r"imports_tests\(\) imports tests.support, a local module"),
        (with_a_default, TypeError, r"A default of with_a_default\(\) is of type"),
    ],
)
def test_what_is_refused(function: Callable[..., Any], error: type[Exception], message: str) -> None:
    """With what it is, who uses it, and what to do."""
    with pytest.raises(error, match=message):
        text_of(function)


def test_an_open_file_of_a_function_around_it(tmp_path: Path) -> None:
    """The name is in the message."""
    with (
        (tmp_path / "file").open("w") as file,
        pytest.raises(TypeError, match=r"'file', which .* uses, is of type _io"),
    ):
        text_of(lambda _: file.name)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Provide a package of one's own, with a module that imports another."""
    folder = tmp_path / "own_package"
    (folder / "parts").mkdir(parents=True)
    (folder / "__init__.py").write_text("from own_package.parts import tool\nNAME = __name__\n")
    (folder / "parts/__init__.py").write_text("")
    (folder / "parts/tool.py").write_text("def double(x: int) -> int:\n    'ü'\n    return 2 * x\n")
    (tmp_path / "own_module.py").write_text("import own_package\nfrom own_package.parts.tool import double\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("own_")]:
        del sys.modules[name]


@pytest.mark.usefixtures("package")
def test_own_modules() -> None:
    """Modules named for it are there, packages with all their modules."""
    import own_module  # type: ignore[import-not-found]  # noqa: PLC0415 - made by the fixture

    def function(_: object, double: Callable[[int], int]) -> Any:
        from own_package import NAME, tool  # type: ignore[import-not-found]  # noqa: PLC0415 - as above

        return own_module.double(1), double(2), tool.double(3), NAME

    settings = Settings(modules=[own_module, "own_package"])
    assert value_of(function, own_module.double, settings=settings) == (2, 4, 6, "own_package")
    with pytest.raises(ValueError, match=r"The module own_module\.py imports own_package, a local module"):
        text_of(function, len, settings=Settings(modules=["own_module"]))


@pytest.mark.usefixtures("package")
def test_parts_of_a_package() -> None:
    """A module comes with the packages that it is in, and nothing else."""
    modules = LocalModules(["own_package.parts.tool", "own_package"])

    assert sorted(modules.files) == [
        "own_package/__init__.py",
        "own_package/parts/__init__.py",
        "own_package/parts/tool.py",
    ]
    assert sorted(LocalModules(["own_package.parts"]).files) == sorted(modules.files)
    assert "own_package.parts.other" in LocalModules(["own_package.parts"])


@pytest.mark.parametrize("name", ["no_such_module", "math", "numpy.no_such", "os.path.join", "__main__"])
def test_modules_that_do_not_exist(name: str) -> None:
    """Nor can those be sent that have no source in Python."""
    with pytest.raises(ValueError, match=f"modules: '{name}'"):
        LocalModules([name])


def test_which_modules_are_local() -> None:
    """Those that are neither installed nor Python's."""
    assert [name for name in ("os.path", "numpy", "qiskit", "oqtopus_client", "hypothesis") if is_local(name)] == []
    assert is_local("tests.support.circuits")
    assert is_local("__main__")
    assert not is_local("not_installed_here")


def test_functions_of_the_main_script() -> None:
    """A function of a module cannot take along one of the script."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec("def f(): pass", namespace)  # noqa: S102 - the point
    captures = Captures(scaled, LocalModules([]))  # type: ignore[arg-type]

    with pytest.raises(ValueError, match="Argument 'f' is from the main script or notebook, and the function is from"):
        captures.refer(namespace["f"], "Argument 'f'")
