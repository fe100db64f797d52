"""A test for leaks: many clients, opened and closed, and many calls of one client, to a served emulator.

Threads and file descriptors, sockets among them, have to be as many afterwards as before, and memory must stop growing.
Run by hand: `python tests/benchmarks/leaks.py`.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from oqtopus_client import OqtopusClient, OqtopusConfig
from tests.support.server_process import running_server

if TYPE_CHECKING:
    from collections.abc import Callable

_PATIENCE = 10.0
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Footprint(NamedTuple):
    """What this process has.

    Attributes:
        threads: Its threads.
        descriptors: Its file descriptors, sockets among them.
        sockets: How many of them are sockets.
        memory: Its resident memory, in KiB.
    """

    threads: int
    descriptors: int
    sockets: int
    memory: int


def footprint() -> Footprint:
    """Look at this process; Linux tells."""
    gc.collect()
    links = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(link.readlink()))
        except FileNotFoundError:
            continue  # the one that listed the others
    resident = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE // 1024
    sockets = sum(link.startswith("socket:") for link in links)
    return Footprint(threading.active_count(), len(links), sockets, resident)


def more(start: Footprint, now: Footprint) -> bool:
    """Whether there is more of anything but memory. Less there may be: others' leftovers go meanwhile."""
    return any(count > before for before, count in zip(start[:3], now[:3], strict=True))


def settled(start: Footprint) -> Footprint:
    """The footprint once it is back where it was, or as it is when that takes too long."""
    deadline = time.monotonic() + _PATIENCE
    while more(start, now := footprint()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return now


def repeated(work: Callable[[], object], times: int) -> list[Footprint]:
    """The footprint before, in the middle of and after doing something so often; the first tenth is for warming up."""
    for _ in range(times // 10):
        work()
    prints = [footprint()]
    for half in range(2):
        for _ in range(times // 2):
            work()
        prints.append(settled(prints[0]) if half else footprint())
    return prints


def check(prints: list[Footprint], allowance: int) -> None:
    """Compare the end with the start, and memory with the middle.

    Raises:
        AssertionError: Something has been left behind, or the second half took more than `allowance` KiB.
    """
    start, middle, end = prints
    assert not more(start, end), f"left behind: {start} became {end}"
    assert end.memory - middle.memory <= allowance, f"memory grows: {prints}"


def leaks(clients: int, calls: int, *, allowance: int = 4096) -> dict[str, list[Footprint]]:
    """Open and close so many clients, and make so many calls; returns the footprints of either.

    Raises:
        AssertionError: Something leaks.
    """
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder)) as server:
        config = OqtopusConfig(server["OQTOPUS_URL"], server["OQTOPUS_API_TOKEN"])

        def open_and_close() -> None:
            with OqtopusClient(config) as client:
                client.get_settings()

        opened = repeated(open_and_close, clients)
        with OqtopusClient(config) as client:
            called = repeated(client.get_settings, calls)
    check(opened, allowance)
    check(called, allowance)
    return {"clients": opened, "calls": called}


def main() -> None:
    """Look for leaks, and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=2000)
    parser.add_argument("--calls", type=int, default=20_000)
    options = parser.parse_args()
    start = time.perf_counter()
    for what, (before, middle, after) in leaks(options.clients, options.calls).items():
        memory = f"{before.memory:,} / {middle.memory:,} / {after.memory:,} KiB"
        print(f"{what}: {after.threads} threads, {after.descriptors} descriptors, {after.sockets} sockets, {memory}")
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
