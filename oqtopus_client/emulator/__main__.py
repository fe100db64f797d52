"""Serve the emulator: `python -m oqtopus_client.emulator --port 8080`."""

from __future__ import annotations

import argparse
import contextlib
import logging
import multiprocessing
import signal
import socket
import sys
from typing import TYPE_CHECKING

import uvicorn

from oqtopus_client.emulator.emulator import IN_MEMORY, Emulator
from oqtopus_client.emulator.processes import process_pool

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted; print the two lines that point a client here."""
    parser = argparse.ArgumentParser(prog="python -m oqtopus_client.emulator", description="OQTOPUS in a box.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="port to listen on, 0 for any (default: %(default)s)")
    parser.add_argument(
        "--data", metavar="FOLDER", help=f"where jobs are kept (default: a folder of the user's; {IN_MEMORY}: nowhere)"
    )
    parser.add_argument("--token", help="API token to demand (default: the one kept with the data)")
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        listener = _listen(options.host, options.port)
        emulator = Emulator(options.data, token=options.token, executor=process_pool())
    except (OSError, OverflowError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")

    # The server answers the first signal by winding down and then raises it again, for us to unwind and clean up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with listener, emulator, contextlib.suppress(KeyboardInterrupt):
        host, port = listener.getsockname()[:2]
        print(f"export OQTOPUS_URL=http://{f'[{host}]' if ':' in host else host}:{port}")
        print(f"export OQTOPUS_API_TOKEN={emulator.token}", flush=True)
        uvicorn.Server(uvicorn.Config(emulator, log_level="warning", lifespan="off")).run(sockets=[listener])
    # What still runs is in the queue again; nobody waits for its end.
    for worker in multiprocessing.active_children():
        worker.terminate()


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        raise OSError(f"cannot listen on {host} port {port}: {error}") from error


if __name__ == "__main__":
    main()
