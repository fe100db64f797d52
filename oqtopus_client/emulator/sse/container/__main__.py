"""Runs a server-side program: `python container FOLDER MEMORY_BYTES SECONDS`, for FOLDER/in/program.py.

The program is a child of this process, which waits for its end, for the end of its time, or for the end of standard
input, a pipe that nobody writes to: that is the end of whoever started this process. Then it ends all that the program
started. On Linux these are all its descendants, for the orphans among them become children of this process; on other
systems those of its process group, from which a process can escape.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import runpy
import select
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    ExceptHook = Callable[[type[BaseException], BaseException, TracebackType | None], object]

_SIGNAL_AT_PARENTS_DEATH, _ADOPT_ORPHANS = 1, 36  # of prctl(2)


def main(folder: Path, memory_bytes: int, seconds: float) -> None:
    """Run the program as if Python had been started with it."""
    # Whoever tries this by hand must not lose another folder.
    program = str((folder / "in" / "program.py").resolve(strict=True))
    _prctl(_ADOPT_ORPHANS, 1)
    _prctl(_SIGNAL_AT_PARENTS_DEATH, signal.SIGCONT)  # the program may have stopped this process
    pid = os.fork()
    if pid:
        os._exit(_supervise(pid, folder, time.monotonic() + seconds))
    os.setpgid(0, 0)
    _prctl(_SIGNAL_AT_PARENTS_DEATH, signal.SIGKILL)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), sys.stdin.fileno())
    _limit(resource.RLIMIT_DATA, memory_bytes)
    _limit(resource.RLIMIT_CORE, 0)
    sys.argv = [program]
    sys.path[0] = str(folder / "in")
    sys.excepthook = _show_from(program)
    runpy.run_path(program, run_name="__main__")


def _supervise(program: int, folder: Path, deadline: float) -> int:
    """Wait for a reason to end, end all processes, and return the program's exit code, as a shell does."""
    news, tell = os.pipe()
    os.set_blocking(news, False)
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    exit_code = None
    while (exit_code := _reap(program)) is None and (left := deadline - time.monotonic()) > 0:
        readable, _, _ = select.select([sys.stdin, news], [], [], left)
        if sys.stdin in readable:
            break
        with contextlib.suppress(BlockingIOError):
            os.read(news, 1 << 16)
    _kill_all(program)
    if exit_code is None:
        # Perhaps nobody else is left to clean up.
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if exit_code is None else exit_code


def _reap(program: int) -> int | None:
    """Reap the children that have ended; returns the program's exit code if it is among them."""
    exit_code = None
    with contextlib.suppress(ChildProcessError):
        while ended := os.waitpid(-1, os.WNOHANG):
            pid, status = ended
            if not pid:
                break
            if pid == program:
                code = os.waitstatus_to_exitcode(status)
                exit_code = code if code >= 0 else 128 - code
    return exit_code


def _kill_all(program: int) -> None:
    # The group is gone, or about to be: macOS refuses to signal it then.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(program, signal.SIGKILL)
    # Who dies leaves us its children: so this ends when there are no descendants.
    while killed := [pid for pid in _children() if _kill(pid)]:
        for pid in killed:
            os.waitpid(pid, 0)


def _children() -> list[int]:
    """The children of this process, adopted ones included; on Linux only."""
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except OSError:
        return []


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except PermissionError:  # it has become another user's
        return False
    return True


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


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
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
