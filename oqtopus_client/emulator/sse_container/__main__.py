"""Runs a server-side program in this process: `python sse_container FOLDER MEMORY_BYTES`, for FOLDER/in/program.py.

Standard input is a pipe that nobody writes to. Its end is the end of whoever started this process, and then of the
folder, of this process and of all that it started.
"""

from __future__ import annotations

import os
import resource
import runpy
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    ExceptHook = Callable[[type[BaseException], BaseException, TracebackType | None], object]


def main(folder: Path, memory_bytes: int) -> None:
    """Run the program as if Python had been started with it."""
    # Whoever tries this by hand must not lose another folder.
    program = str((folder / "in" / "program.py").resolve(strict=True))
    _end_with_parent(folder)
    _limit(resource.RLIMIT_DATA, memory_bytes)
    _limit(resource.RLIMIT_CORE, 0)
    sys.argv = [program]
    sys.path[0] = str(folder / "in")
    sys.excepthook = _show_from(program)
    runpy.run_path(program, run_name="__main__")


def _end_with_parent(folder: Path) -> None:
    pipe = os.dup(sys.stdin.fileno())  # a copy that no other program inherits
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), sys.stdin.fileno())

    def watch() -> None:
        os.read(pipe, 1)
        # Nobody else is left to clean up.
        shutil.rmtree(folder, ignore_errors=True)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def _limit(kind: int, value: int) -> None:
    _, most = resource.getrlimit(kind)
    value = value if most == resource.RLIM_INFINITY else min(value, most)
    resource.setrlimit(kind, (value, value))


def _show_from(program: str) -> ExceptHook:
    """An exception hook whose tracebacks begin with the program, not with this file."""

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        while trace is not None and trace.tb_frame.f_code.co_filename != program:
            trace = trace.tb_next
        sys.__excepthook__(kind, error.with_traceback(trace), trace)

    return show


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
