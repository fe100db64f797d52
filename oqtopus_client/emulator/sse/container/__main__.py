"""Supervises a server-side program: `python container FOLDER MEMORY_BYTES SECONDS`.

The program, FOLDER/sse/in/userprogram.py, runs in a child of this process, which waits for the program's end, for its
time limit, or for the end of standard input: a pipe without data that is closed when the parent of this process dies.
Then it ends all processes that the program started. On Linux these are all its descendants, as
orphans among them become children of this process; on other systems they are those of its process group, from which a
process can escape.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNAL_AT_PARENTS_DEATH, _ADOPT_ORPHANS = 1, 36  # of prctl(2)
_IS_LINUX = sys.platform == "linux"
_CHECK_SECONDS = 0.1
"""Interval between measurements of memory."""
_RESERVED = 4
"""Memory that a process may reserve without using it, as a multiple of the limit."""


def main(folder: Path, memory_bytes: int, seconds: float) -> None:
    """Run the program, and exit with its exit code."""
    # Run by hand, this must not remove a folder that was not made for it.
    program = str((folder / "sse/in/userprogram.py").resolve(strict=True))
    _prctl(_ADOPT_ORPHANS, 1)
    _prctl(_SIGNAL_AT_PARENTS_DEATH, signal.SIGCONT)  # the program may have stopped this process
    pid = os.fork()
    if pid:
        os._exit(_supervise(pid, folder, memory_bytes, time.monotonic() + seconds))
    os.setpgid(0, 0)
    _prctl(_SIGNAL_AT_PARENTS_DEATH, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # workers of the emulator ignore it
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), sys.stdin.fileno())
    _limit(resource.RLIMIT_DATA, _RESERVED * memory_bytes)
    _limit(resource.RLIMIT_CORE, 0)
    if _IS_LINUX:
        processors = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {processors[os.getpid() % len(processors)]})
    os.execv(sys.executable, [sys.executable, program])  # noqa: S606 - running the user's program is the purpose


def _supervise(program: int, folder: Path, memory_bytes: int, deadline: float) -> int:
    """Wait for a reason to end, end all processes, and return the program's exit code, as a shell reports it."""
    wakeup, signalled = os.pipe()
    os.set_blocking(wakeup, False)
    os.set_blocking(signalled, False)
    signal.set_wakeup_fd(signalled, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    exit_code = None
    while (exit_code := _reap(program)) is None and (left := deadline - time.monotonic()) > 0:
        readable, _, _ = select.select([sys.stdin, wakeup], [], [], min(left, _CHECK_SECONDS))
        if sys.stdin in readable:
            break
        with contextlib.suppress(BlockingIOError):
            os.read(wakeup, 1 << 16)
        if _IS_LINUX:
            _limit_memory(memory_bytes)
    _kill_all(program)
    if exit_code is None:
        # There may be no other process left to remove it.
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if exit_code is None else exit_code


def _reap(program: int) -> int | None:
    """Reap the children that have ended, and return the program's exit code if it is among them."""
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


def _limit_memory(memory_bytes: int) -> None:
    """Kill the largest process if together they exceed the limit, as the kernel does in a container."""
    resident = {pid: _memory(pid, "status", "RssAnon:") for pid in _descendants(os.getpid())}
    # Memory that forked processes share counts once, but measuring that takes long.
    if sum(resident.values()) > memory_bytes:
        proportional = {pid: _memory(pid, "smaps_rollup", "Pss_Anon:") for pid in resident}
        if sum(proportional.values()) > memory_bytes:
            _kill(max(proportional, key=proportional.__getitem__))


def _memory(pid: int, file: str, field: str) -> int:
    """Return a process's memory in bytes; 0 if it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) << 10
    return 0


def _kill_all(program: int) -> None:
    # macOS refuses to signal a group that is about to end.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(program, signal.SIGKILL)
    # The children of a killed process become ours, so this ends when there are no descendants.
    while killed := [pid for pid in _children(os.getpid()) if _kill(pid)]:
        for pid in killed:
            os.waitpid(pid, 0)


def _descendants(pid: int) -> Iterator[int]:
    for child in _children(pid):
        yield child
        yield from _descendants(child)


def _children(pid: int) -> list[int]:
    """Return the children of all threads of a process, including adopted ones; on Linux only."""
    children: list[int] = []
    with contextlib.suppress(OSError):  # the process, or one of its threads, has ended
        for file in Path(f"/proc/{pid}/task").glob("*/children"):
            children += map(int, file.read_text().split())
    return children


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except PermissionError:  # it has switched to another user
        return False
    return True


def _prctl(option: int, value: int) -> None:
    if _IS_LINUX:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _limit(kind: int, value: int) -> None:
    _, most = resource.getrlimit(kind)
    value = value if most == resource.RLIM_INFINITY else min(value, most)
    resource.setrlimit(kind, (value, value))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
