"""Serve the emulator: `python -m oqtopus_client.emulator --port 8080`."""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
import socket
import sys
from typing import TYPE_CHECKING, Literal, get_args

import uvicorn

from oqtopus_client.emulator.console.access import Access
from oqtopus_client.emulator.console.app import create_console
from oqtopus_client.emulator.console.site import Site
from oqtopus_client.emulator.device_files import Schedule
from oqtopus_client.emulator.emulator import IN_MEMORY, Emulator
from oqtopus_client.emulator.places import number_of_places
from oqtopus_client.emulator.sse.limits import SseLimits
from oqtopus_client.emulator.worker_pool import WorkerProcesses

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from starlette.types import ASGIApp, Receive, Scope, Send

_LAST_SECONDS = 1
"""Time that pending answers get when the server is stopped."""


def main(arguments: Sequence[str] | None = None, *, program: str = "python -m oqtopus_client.emulator") -> None:
    """Serve until interrupted, after printing the lines that configure a client, and an engine if it is external."""
    parser = _parser(program)
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # The server shuts down on the first signal and then raises it again, which ends the with statements below.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with (
            contextlib.ExitStack() as stack,
            _listen(options.host, options.port) as listener,
            _executor(options) as executor,
            _emulator(options, executor) as emulator,
            contextlib.suppress(KeyboardInterrupt),
        ):
            site = _site(emulator, listener)
            app = create_console(site, emulator)
            sockets = [listener]
            exports = {"OQTOPUS_URL": site.url, "OQTOPUS_API_TOKEN": emulator.token}
            if emulator.provider_api is not None:
                seat = stack.enter_context(_listen(options.host, options.provider_port))
                app = _by_port(seat.getsockname()[1], emulator.provider_api, app)
                sockets.append(seat)
                exports |= {"JOB_REPOSITORY_URL": _url(seat), "DEVICE_REPOSITORY_URL": _url(seat)}
            for name, value in exports.items():
                print(f"export {name}={value}", flush=True)
            uvicorn.Server(_settings(app)).run(sockets=sockets)
    except (OSError, OverflowError, ValueError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


def _site(emulator: Emulator, listener: socket.socket) -> Site:
    access = Access.to(listener.getsockname()[0])
    return Site(emulator.cloud, access, emulator.token, emulator.data, _url(listener))


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _by_port(port: int, app: ASGIApp, others: ASGIApp) -> ASGIApp:
    """Return an application that gives requests to a port to `app`, and those to other ports to `others`."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        await (app if scope["server"][1] == port else others)(scope, receive, send)

    return wrapped


def _settings(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
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
    add("--no-idle-noise", action="store_true", help="do not relax the qubits of noisy devices while they wait")
    add(
        "--schedule",
        choices=get_args(Schedule),
        help="'gateway': operations start early, as on real devices; 'alap': late",
    )
    add("--workers", type=int, metavar="N", help="jobs that run at a time (default: one per processor core)")
    add("--seed", type=int, metavar="N", help="seed of the simulations: the same jobs give the same counts each time")
    add(
        "--allow-sse",
        action="store_true",
        help="run the programs of sse jobs on this machine as you: anyone with the token can do what you can",
    )
    add("--sse-python", metavar="PATH", help="interpreter of these programs, with its packages (default: this one)")
    add("--sse-memory", type=int, metavar="MIB", default=1024, help="memory of each program (default: %(default)s)")
    add("--cancelling", action="store_true", help="make running jobs 'cancelling' before they are 'cancelled'")
    add("--no-device-histories", action="store_true", help="lack /device_histories, as older servers do")
    add("--no-token-renewal", action="store_true", help="refuse to replace a token for a token, as some servers do")
    add("--temporary-credentials", action="store_true", help="sign uploads with temporary credentials")
    add("--cors-origin", metavar="ORIGIN", action="append", default=[], help="web origin allowed to call the API")
    add("--quirks", action="store_true", help="reproduce the faults of real servers")
    add(
        "--executor",
        choices=("internal", "external"),
        default="internal",
        help="who runs the jobs: this emulator, or your own engine through the Provider API (default: %(default)s)",
    )
    add("--provider-port", type=int, default=8888, help="port of the Provider API (default: %(default)s)")
    add("--provider-key", metavar="KEY", help="API key that the engine must send (default: none)")
    add("--strict-provider", action="store_true", help="refuse the transitions that some servers refuse to engines")
    return parser


def _executor(options: argparse.Namespace) -> contextlib.AbstractContextManager[Executor | Literal["external"]]:
    if options.executor == "external":
        return contextlib.nullcontext("external")
    return WorkerProcesses(number_of_places(options.workers))


def _emulator(options: argparse.Namespace, executor: Executor | Literal["external"]) -> Emulator:
    return Emulator(
        options.data,
        token=options.token,
        devices=options.devices or (),
        idle_noise=False if options.no_idle_noise else None,
        schedule=options.schedule,
        executor=executor,
        max_running=options.workers,
        seed=options.seed,
        allow_sse=options.allow_sse,
        sse_limits=SseLimits(memory_bytes=options.sse_memory << 20),
        sse_python=options.sse_python,
        cancelling=options.cancelling,
        device_histories=not options.no_device_histories,
        token_renewal=not options.no_token_renewal,
        temporary_credentials=options.temporary_credentials,
        cors_origins=options.cors_origin,
        quirks=options.quirks,
        provider_key=options.provider_key,
        strict_provider=options.strict_provider,
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
