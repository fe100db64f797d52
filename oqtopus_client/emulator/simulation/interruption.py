"""Interruption of simulations that run in threads of this process."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_this_thread = threading.local()


class Interrupted(BaseException):
    """The simulation was interrupted; not an `Exception`, which would be taken for a failure of the job."""


@contextmanager
def interruptible_by(interrupt: threading.Event) -> Iterator[None]:
    """Let an event interrupt the simulations of this thread."""
    _this_thread.interrupt = interrupt
    try:
        yield
    finally:
        _this_thread.interrupt = None


def check_interrupt() -> None:
    """Check whether to continue; simulations call it once for each step that takes some microseconds.

    Raises:
        Interrupted: This thread's simulation was interrupted.
    """
    interrupt = getattr(_this_thread, "interrupt", None)
    if interrupt is not None and interrupt.is_set():
        raise Interrupted
