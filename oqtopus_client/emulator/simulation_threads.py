"""Threads that run the simulations of an emulator in its process."""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent.futures import CancelledError, Executor, Future
from typing import TYPE_CHECKING, Any

from oqtopus_client.emulator.simulation.interruption import Interrupted, interruptible_by

if TYPE_CHECKING:
    from collections.abc import Callable

_GRACE_SECONDS = 0.5
"""How long `shutdown` waits for interrupted simulations."""


class SimulationThreads(Executor):
    """A daemon thread for each call; the engine limits their number.

    Unlike those of a `ThreadPoolExecutor`, the threads do not keep the interpreter from exiting: after Ctrl-C, no one
    waits for the end of a long simulation. Cancelling a running call interrupts it at its next step, and `result()`
    then raises `CancelledError`. A step of native code, such as the transpilation of a circuit, is not interrupted.
    """

    def __init__(self) -> None:
        self._calls: dict[_Call, threading.Thread] = {}
        self._closed = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run `fn` in a thread.

        Raises:
            RuntimeError: The executor has been shut down, or the interpreter is ending.
        """
        if self._closed:
            raise RuntimeError("the executor has been shut down")
        call = _Call()
        thread = threading.Thread(target=self._run, args=(call, fn, args, kwargs), name="oqtopus-job", daemon=True)
        self._calls[call] = thread
        thread.start()
        return call

    def _run(self, call: _Call, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        try:
            if call.set_running_or_notify_cancel():
                call.run(fn, *args, **kwargs)
        finally:
            self._calls.pop(call, None)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:  # noqa: ARG002
        """Accept no more calls and interrupt the running ones; those that do not end soon are abandoned."""
        self._closed = True
        running = list(self._calls.items())
        for call, _ in running:
            call.cancel()
        deadline = time.monotonic() + _GRACE_SECONDS
        for _, thread in running if wait else ():
            if thread is not threading.current_thread():  # garbage collection shuts down in any thread
                with contextlib.suppress(RuntimeError):  # not started yet
                    thread.join(max(0.0, deadline - time.monotonic()))


class _Call(Future[Any]):
    """A call that can be interrupted while it runs."""

    def __init__(self) -> None:
        super().__init__()
        self._interrupt = threading.Event()

    def cancel(self) -> bool:
        """Cancel the call; if it runs, interrupt it and return False."""
        self._interrupt.set()
        return super().cancel()

    def run(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Run the call in this thread."""
        try:
            with interruptible_by(self._interrupt):
                result = fn(*args, **kwargs)
        except Interrupted:
            self.set_exception(CancelledError())
        except BaseException as error:  # noqa: BLE001 - passed to the caller
            self.set_exception(error)
        else:
            self.set_result(result)
