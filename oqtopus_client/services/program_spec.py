"""The jobs of programs that run next to the device: `program_spec`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from oqtopus_client.services.job_spec import OqtopusJobSpec
from oqtopus_client.services.program_options import ProgramOptions
from oqtopus_client.services.scripts import read_program
from oqtopus_client.shipping.program import MAX_BYTES, build, program_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_MAX_NAME = 256


def program_spec(
    program: Callable[..., Any] | str | os.PathLike[str],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    kind: Literal["backend", "client"],
    device_id: str,
    device: dict[str, Any] | None = None,
    backend_settings: Mapping[str, Any] | None = None,
    options: ProgramOptions | None,
) -> OqtopusJobSpec:
    """Return the job that runs a function, or a script as it is, next to the device.

    Args:
        program: The function, or the path of a script.
        args: The function's arguments after the first, or the script's command line.
        kwargs: The function's keyword arguments.
        kind: The function's first argument, a `backend` or a `client`.
        device_id: The device.
        device: Its description as the User API returns it; a `client` can do without.
        backend_settings: Settings of the `backend`; see `build`.
        options: Other settings.

    Raises:
        TypeError: The program, its arguments or its options have the wrong type, or cannot be sent.
        ValueError: The program cannot be sent, or is too large.
    """
    options = ProgramOptions() if options is None else options
    if not isinstance(options, ProgramOptions):
        raise TypeError(
            f"options must be ProgramOptions or None, not {type(options).__name__}; a function whose own parameter is "
            "called options takes it as a positional argument."
        )
    if isinstance(program, str | os.PathLike):
        file = Path(program)
        name, text = file.name, _script(file, args, kwargs)
    elif callable(program):
        text = build(
            program, args, kwargs, kind=kind, device=device, backend_settings=backend_settings, options=options
        )
        name = getattr(program, "__name__", type(program).__name__)
    else:
        raise TypeError(f"A program must be a function or the path of a Python file, not {type(program).__name__}.")
    return OqtopusJobSpec.sse(
        device_id=device_id, program=text, shots=options.shots, name=options.name or name[:_MAX_NAME]
    )


def _script(file: Path, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """Return a script as it is, or with its command line before it."""
    if kwargs:
        raise TypeError(f"A script takes a command line, not keyword arguments: {', '.join(map(repr, kwargs))}.")
    text = read_program(file, MAX_BYTES)
    try:
        compile(text, file.name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise ValueError(
            f"{file} is not a program for Python {sys.version_info[0]}.{sys.version_info[1]}: {error}. "
            "If it is one for the server's Python, 3.13, submit it with client.run_sse_file()."
        ) from error
    if args:
        if wrong := [word for word in args if not isinstance(word, str)]:
            raise TypeError(f"A script's command line consists of str, not {wrong[0]!r}.")
        # Neither the first line of a script nor its docstring may be preceded by anything.
        text = f"import sys\nsys.argv[1:] = {list(args)}\nexec(compile({text!r}, {file.name!r}, 'exec'))\n"
    if (size := program_bytes(text)) > MAX_BYTES:
        raise ValueError(
            f"{file} has {size:,} bytes as JSON; servers cannot start programs of more than {MAX_BYTES:,} bytes."
        )
    return text
