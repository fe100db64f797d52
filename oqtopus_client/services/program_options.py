"""Settings of a program that runs next to the device: `ProgramOptions`."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

from oqtopus_client.checks import real_number
from oqtopus_client.services.job_spec import check_shots

if TYPE_CHECKING:
    from collections.abc import Sequence

SERVER_SECONDS = 600.0
"""Time after which OQTOPUS servers end a program, by default."""


@dataclass(frozen=True)
class ProgramOptions:
    """Settings of a program that runs next to the device, beside the arguments of its function.

    Attributes:
        modules: Your own modules that the function imports, as modules or by name; their source is sent along.
        shots: Number of shots of the program's job itself, which servers require and do not use: the jobs that the
            program submits have their own.
        name: Name of the job, at most 256 characters; by default the name of the function or file.
        timeout: Seconds after which the function is stopped, so that what it printed is still returned. Servers end
            a program after 600 s without returning anything. A script is not stopped.

    Raises:
        TypeError: A value has the wrong type.
        ValueError: A value is out of range.
    """

    modules: Sequence[ModuleType | str] = ()
    shots: int = 1
    name: str | None = None
    timeout: float = 570.0

    def __post_init__(self) -> None:
        one = isinstance(self.modules, str | ModuleType) or not isinstance(self.modules, Iterable)
        modules = (self.modules,) if one else tuple(self.modules)
        for module in modules:
            if not isinstance(module, str | ModuleType):
                raise TypeError(f"modules must be modules or their names, not {module!r}.")
        object.__setattr__(self, "modules", modules)
        object.__setattr__(self, "shots", check_shots(self.shots))
        seconds = real_number(self.timeout, "timeout must be a number of seconds, at least 1", least=1)
        object.__setattr__(self, "timeout", seconds)
        if seconds >= SERVER_SECONDS:
            warnings.warn(
                f"timeout={seconds:g} is not below the {SERVER_SECONDS:g} s after which servers end a program and "
                "discard what it printed, unless the operator has raised that limit.",
                stacklevel=3,
            )
