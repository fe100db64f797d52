"""Worker processes that run the simulations beside a server, so that it answers while they calculate."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor

_SIMULATION = "oqtopus_client.emulator.simulation"
_NICENESS = 10


def process_pool(max_workers: int | None = None) -> ProcessPoolExecutor:
    """An executor of processes, by default one a core, that end with the process that made them, however it ends.

    They step back for the server whenever both want the processor.
    """
    # Forking a process of many threads is unsafe; where there is a fork server, workers start from one that has
    # imported what they need.
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload([_SIMULATION])
    return ProcessPoolExecutor(max_workers or os.cpu_count(), mp_context=context, initializer=_begin)


def _begin() -> None:
    # Ctrl-C in a terminal reaches these processes too, but it is the server's to answer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with contextlib.suppress(OSError, AttributeError):
        os.nice(_NICENESS)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
