"""Errors about names of other providers, which name the equivalents: `Hinting`, `refuse_others`, `import_hint`."""

from __future__ import annotations

import re
from abc import ABCMeta
from typing import TYPE_CHECKING, Any, ClassVar

from oqtopus_client.checks import shown
from qiskit_oqtopus.equivalents import MODULE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Never


def import_hint(name: str) -> str | None:
    """Return the equivalent of a name in the package of another provider; None if there is none."""
    return next((hint for pattern, hint in MODULE.items() if re.fullmatch(pattern, name)), None)


def refuse_others(function: str, unknown: Mapping[str, object], known_elsewhere: Mapping[str, str]) -> None:
    """Refuse arguments that a function does not have, and name the equivalents of other providers'.

    Raises:
        TypeError: There is such an argument.
    """
    for name in unknown:
        hint = f": {known_elsewhere[name]}." if name in known_elsewhere else "."
        raise TypeError(f"{function} has no argument {name!r}{hint}")


NOT_GIVEN: Any = None
"""Default of arguments that are required, but should be missed only after `refuse_others` has named an equivalent."""


def refuse_positional(others: Sequence[object], usage: str) -> None:
    """Refuse further positional arguments of a `run`.

    Raises:
        TypeError: There are some.
    """
    if others:
        raise TypeError(f"{usage}; it takes nothing else by position, such as {shown(others[0])}.")


class HintingType(ABCMeta):
    """The type of `Hinting`, whose classes raise the same errors as their objects."""

    _elsewhere: Mapping[str, str]

    if not TYPE_CHECKING:  # type checkers would accept any name

        def __getattr__(cls, name: str) -> Never:
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}{_hint(cls, name)}")


class Hinting(metaclass=HintingType):
    """Base of classes whose unknown attributes raise errors that name the equivalent of another provider's."""

    _elsewhere: ClassVar[Mapping[str, str]] = {}

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Never:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{_hint(type(self), name)}")


def _hint(kind: type[Hinting], name: str) -> str:
    known = kind._elsewhere  # noqa: SLF001 - the class's own
    return f"; {known[name]}." if name in known else ""
