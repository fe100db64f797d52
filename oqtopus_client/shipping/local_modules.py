"""A user's own modules, which a server does not have: `is_local`, and `LocalModules`, which are shipped."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from oqtopus_client.shipping.function_source import modules_imported_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SHIPPED_ANYWAY = {"oqtopus_client", "qiskit_oqtopus"}
_INSTALLED_THERE = {
    *("cirq", "grpc", "matplotlib", "networkx", "numpy", "openfermion", "openjij", "pandas", "pennylane", "polars"),
    *("pydantic", "pyqubo", "qiskit", "quri_parts", "qulacs", "rustworkx", "scipy", "sklearn", "sse_driver"),
    *("symengine", "tqdm"),
}
"""Packages of the server's container; here, one may be installed from a checkout."""


def is_local(module: str) -> bool:
    """Return whether a module is one of the user's own, rather than an installed or unknown one."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names | _SHIPPED_ANYWAY | _INSTALLED_THERE:
        return False
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return True  # a module without a spec was not imported from a package: __main__, for example
    if spec is None:
        return False
    places = [spec.origin, *(spec.submodule_search_locations or ())]
    return not any({"site-packages", "dist-packages"}.intersection(Path(place).parts) for place in places if place)


class LocalModules:
    """The local modules that a program takes along.

    Args:
        modules: The modules, or their names; packages come with all their modules.

    Attributes:
        files: Their source, by path.

    Raises:
        ValueError: A module does not exist or has no source, or imports another local module.
    """

    def __init__(self, modules: Iterable[ModuleType | str]) -> None:
        self._names = {each.__name__ if isinstance(each, ModuleType) else each for each in modules}
        self.files: dict[str, str] = {}
        for name in sorted(self._names):
            self.files.update(_files(name))
        for path, text in self.files.items():
            self.check(modules_imported_in(ast.parse(text, path)), f"The module {path}")

    def __contains__(self, module: str) -> bool:
        return any(module == name or module.startswith(f"{name}.") for name in self._names)

    def check(self, imported: Iterable[str], importer: str) -> None:
        """Check that the imported modules will be available to the program.

        Raises:
            ValueError: A local module is not among these.
        """
        for module in imported:
            if (
                is_local(module)
                and module not in self
                and not any(name.startswith(f"{module}.") for name in self._names)
            ):
                raise ValueError(
                    f"{importer} imports {module}, a local module, which a server does not have; add it with "
                    f"ProgramOptions(modules=[{module.partition('.')[0]!r}])."
                )


def _files(name: str) -> Iterator[tuple[str, str]]:
    """Yield path and source of each file of a module, and of the packages that it is in."""
    parts = name.split(".")
    try:
        specs = [importlib.util.find_spec(".".join(parts[: i + 1])) for i in range(len(parts))]
    except (ImportError, ValueError) as error:
        raise ValueError(f"modules: {name!r} cannot be shipped: {error}.") from error
    for i, spec in enumerate(specs):
        if spec is None or not (spec.has_location and spec.origin and spec.origin.endswith(".py")):
            raise ValueError(f"modules: {name!r} is not a module with Python source.")
        origin = Path(spec.origin)
        folder, own = origin.parent, [origin]
        if i == len(parts) - 1 and spec.submodule_search_locations:
            own = sorted(folder.rglob("*.py"))
        base = Path(*parts[: i + 1]) if origin.name == "__init__.py" else Path(*parts[:i])
        for file in own:
            yield (base / file.relative_to(folder)).as_posix(), file.read_text("utf-8")
