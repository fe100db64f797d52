"""Serve the emulator: `python -m oqtopus_client.emulator --port 8080`."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING

import uvicorn

from oqtopus_client.emulator.emulator import IN_MEMORY, Emulator
from oqtopus_client.emulator.worker_pool import WorkerProcesses

if TYPE_CHECKING:
    from collections.abc import Sequence


_LAST_SECONDS = 1
"""Time that pending answers get when the server is stopped."""


def main(arguments: Sequence[str] | None = None, *, program: str = "python -m oqtopus_client.emulator") -> None:
    """Serve until interrupted, after printing the two lines that configure a client."""
    parser = _parser(program)
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # The server shuts down on the first signal and then raises it again, which ends the with statements below.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with (
            _listen(options.host, options.port) as listener,
            # One more than jobs run at a time, for the one on an otherwise idle device.
            WorkerProcesses((options.workers or os.cpu_count() or 1) + 1) as executor,
            _emulator(options, executor) as emulator,
            contextlib.suppress(KeyboardInterrupt),
        ):
            host, port = listener.getsockname()[:2]
            print(f"export OQTOPUS_URL=http://{f'[{host}]' if ':' in host else host}:{port}")
            print(f"export OQTOPUS_API_TOKEN={emulator.token}", flush=True)
            uvicorn.Server(_settings(emulator)).run(sockets=[listener])
    except (OSError, OverflowError, ValueError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")


def _settings(emulator: Emulator) -> uvicorn.Config:
    return uvicorn.Config(
        emulator,
        http="h11",  # the other implementation accepts headers of any length
        lifespan="off",
        log_level="warning",
        timeout_graceful_shutdown=_LAST_SECONDS,
    )


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program, description="OQTOPUS in a box.")
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=8080, help="port to listen on, 0 for any (default: %(default)s)")
    add("--data", metavar="FOLDER", help=f"where to keep jobs (default: in your data directory; {IN_MEMORY}: nowhere)")
    add("--token", help="API token to require (default: the one stored with the data)")
    add("--devices", metavar="FOLDER", help="device files, in addition to the built-in devices")
    add("--workers", type=int, metavar="N", help="jobs that run at a time (default: one per processor core)")
    add(
        "--allow-sse",
        action="store_true",
        help="run the programs of sse jobs on this machine as you: anyone with the token can do what you can",
    )
    add("--cancelling", action="store_true", help="make running jobs 'cancelling' before they are 'cancelled'")
    return parser


def _emulator(options: argparse.Namespace, executor: WorkerProcesses) -> Emulator:
    return Emulator(
        options.data,
        token=options.token,
        devices=options.devices or (),
        executor=executor,
        max_running=options.workers,
        allow_sse=options.allow_sse,
        cancelling=options.cancelling,
    )


def _listen(host: str, port: int) -> socket.socket:
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        raise OSError(f"cannot listen on {host} port {port}: {error}") from error
    # An answer is sent in two parts; the second would wait up to 40 ms for the acknowledgement of the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


if __name__ == "__main__":
    main()
