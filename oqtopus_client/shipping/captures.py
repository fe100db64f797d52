"""The objects that a function refers to, as they are shipped: `Captures`."""

from __future__ import annotations

import dataclasses
import sys
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from oqtopus_client.shipping.function_source import definition_of, described, global_names, imported_modules
from oqtopus_client.shipping.local_modules import is_local
from oqtopus_client.shipping.values import encode

if TYPE_CHECKING:
    from oqtopus_client.shipping.local_modules import LocalModules

Reference = dict[str, Any]
"""A function by its number, an object by its module and name, or a value."""


class Captures:
    """Collects a function and all that it refers to by name.

    Functions of the same module are shipped as source, modules and the objects that they define by name, and all else
    by its present value.

    Args:
        main: The function.
        modules: Local modules that are shipped, too.

    Attributes:
        functions: Each function's definition and defaults.
        namespace: The names that these functions use.
    """

    def __init__(self, main: FunctionType, modules: LocalModules) -> None:
        self._home = main.__globals__
        self._home_name = str(main.__module__)
        self._modules = modules
        self._numbers: dict[FunctionType, int] = {}
        self._objects: dict[str, Any] = {}
        self.functions: list[dict[str, Any]] = []
        self.namespace: dict[str, Reference] = {}

    def refer(self, value: Any, where: str) -> Reference:
        """Return a reference to an object, and collect the objects that it needs.

        Args:
            value: The object.
            where: Its description, as the start of a message.

        Raises:
            TypeError: It is of a type that cannot be shipped.
            ValueError: It cannot be shipped for another reason.
        """
        if isinstance(value, ModuleType):
            if not self._is_there(value.__name__):
                raise ValueError(_missing(where, value.__name__))
            return {"import": [value.__name__, None]}
        path = _import_path(value)
        is_shipped = path is not None and path[0] in self._modules
        if isinstance(value, FunctionType) and value.__globals__ is self._home and not is_shipped:
            return {"function": self._number(value)}
        if path is not None and self._is_there(path[0]):
            return {"import": list(path)}
        if isinstance(value, type) and value.__module__ == self._home_name:
            raise TypeError(
                f"{where} is a class; only functions are shipped from the module of the function. Move the class into "
                "the function, or to a module for ProgramOptions(modules=[...])."
            )
        if not isinstance(value, FunctionType | type):
            return {"value": encode(value, where), "name": where}
        raise ValueError(_missing(where, value.__module__))

    def _is_there(self, module: str) -> bool:
        return module in self._modules or not is_local(module)

    def _number(self, function: FunctionType) -> int:
        if function in self._numbers:
            return self._numbers[function]
        number = self._numbers[function] = len(self.functions)
        definition, name = definition_of(function), described(function)
        shipped: dict[str, Any] = {"definition": dataclasses.asdict(definition)}
        self.functions.append(shipped)
        self._modules.check(imported_modules(definition), name)
        shipped["defaults"] = [self.refer(value, f"A default of {name}") for value in function.__defaults__ or ()]
        shipped["kwdefaults"] = {
            each: self.refer(value, f"The default of {each!r} of {name}")
            for each, value in (function.__kwdefaults__ or {}).items()
        }
        self._capture(function, global_names(definition, function.__code__.co_freevars), name)
        return number

    def _capture(self, function: FunctionType, names: set[str], user: str) -> None:
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        for name in sorted(names):
            if name == "get_ipython":
                raise ValueError(f"{user} uses magics or !commands of IPython, which servers do not have.")
            if name in cells:
                try:
                    value = cells[name].cell_contents
                except ValueError:
                    raise ValueError(f"{name!r}, which {user} uses, has no value yet.") from None
            elif name in self._home and not name.startswith("__"):
                value = self._home[name]
            else:
                continue
            if self._objects.setdefault(name, value) is not value:
                raise ValueError(f"{name!r} stands for different objects in the functions to ship; rename one of them.")
            if name not in self.namespace:
                self.namespace[name] = self.refer(value, f"{name!r}, which {user} uses,")


def _missing(where: str, module: str) -> str:
    if module == "__main__":
        return (
            f"{where} is from the main script or notebook, and the function is from a module; define both in one place."
        )
    return (
        f"{where} is from {module}, a local module, which a server does not have; add it with "
        f"ProgramOptions(modules=[{module.partition('.')[0]!r}])."
    )


def _import_path(value: object) -> tuple[str, str] | None:
    """Return the shortest module that has a function or class, and its name there; None if there is none."""
    module = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if not (callable(value) and isinstance(module, str) and isinstance(name, str)):
        return None
    parts = module.split(".")
    for i in range(1, len(parts) + 1):
        place = ".".join(parts[:i])
        found: Any = sys.modules.get(place)
        for attribute in name.split("."):
            found = getattr(found, attribute, None)
        if found is value:
            return place, name
    return None
