"""Work on the programs of users, in other processes and within a time limit."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
from collections import defaultdict
from concurrent.futures import BrokenExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from oqtopus_client.emulator.console.drawing.circuit import Drawing, draw_program
from oqtopus_client.emulator.console.texts import texts
from oqtopus_client.emulator.worker_pool import WorkerProcesses
from oqtopus_client.services.openqasm import Program

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")

SECONDS = 20.0


_turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)


async def within_limits(
    user_id: str, function: Callable[_Parameters, _Result], *args: _Parameters.args, **kwargs: _Parameters.kwargs
) -> _Result | None:
    """Return what a function returns in another process; None if it takes too long or too much memory.

    The process is killed then, and also if this is cancelled, as when the server stops. The calls of a user run one at
    a time, so that they do not keep other users waiting; the wait counts.
    """
    try:
        async with asyncio.timeout(SECONDS), _turns[user_id]:
            future: Future[_Result] = _processes().submit(function, *args, **kwargs)
            return await asyncio.wrap_future(future)
    except (TimeoutError, BrokenExecutor):
        return None


def try_to_draw(program: str) -> Drawing | str:
    """Return the drawing of a program, or the reason for which it cannot be read."""
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # the parser's own output, which the error repeats
            return draw_program(program)
    except Exception as error:  # noqa: BLE001 - the parser fails with any kind
        return _reason(program) or str(error) or type(error).__name__


def _reason(program: str) -> str | None:
    """Return the reason for which a program cannot be read, with the line; None if the checks do not find any."""
    try:
        Program(texts().submit.program, program).check()
    except ValueError as error:
        return str(error)
    return None


@functools.cache
def _processes() -> WorkerProcesses:
    return WorkerProcesses(2)
