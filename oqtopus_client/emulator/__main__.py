"""Serve the emulator: `python -m oqtopus_client.emulator --port 8080`."""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
from typing import TYPE_CHECKING, Literal

import uvicorn

from oqtopus_client.emulator import arguments
from oqtopus_client.emulator.console.access import Access
from oqtopus_client.emulator.console.app import create_console
from oqtopus_client.emulator.console.site import Site
from oqtopus_client.emulator.database import IN_MEMORY
from oqtopus_client.emulator.emulator import Emulator
from oqtopus_client.emulator.places import number_of_places
from oqtopus_client.emulator.serving import by_port, listen, sends_tokens_unencrypted, settings, url_of
from oqtopus_client.emulator.sse.limits import SseLimits
from oqtopus_client.emulator.tls import Certificate
from oqtopus_client.emulator.worker_pool import WorkerProcesses

if TYPE_CHECKING:
    import argparse
    import socket
    from collections.abc import Sequence
    from concurrent.futures import Executor

_UNENCRYPTED = (
    "Warning: tokens travel unencrypted, so others on the network can read them. Serve https with --tls-cert and "
    "--tls-key, or put a proxy in front and name it with --public-url https://... Clients refuse plain http unless "
    "they set OQTOPUS_ALLOW_HTTP=1."
)


def main(given: Sequence[str] | None = None, *, program: str = "python -m oqtopus_client.emulator") -> None:
    """Serve until interrupted, after printing the lines that configure a client, and an engine if it is external."""
    parser = arguments.parser(program)
    options = parser.parse_args(given)
    if (options.tls_cert is None) != (options.tls_key is None):
        parser.error("--tls-cert and --tls-key are used together.")
    if options.executor == "internal" and (options.provider_key or options.strict_provider):
        parser.error("--provider-key and --strict-provider need --executor external.")
    if options.sse_python and not options.allow_sse:
        parser.error("--sse-python needs --allow-sse.")
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # The server shuts down on the first signal and then raises it again, which ends the with statements below.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        certificate = Certificate.load(options.tls_cert, options.tls_key) if options.tls_cert else None
        with (
            listen(options.host, options.port) as listener,
            _provider_listener(options) as seat,
            _executor(options) as executor,
            _emulator(options, executor) as emulator,
            contextlib.suppress(KeyboardInterrupt),
        ):
            sockets = [listener]
            url = emulator.public_url or url_of(listener, options.host, certificate)
            access = Access.listening_on(listener.getsockname()[0], emulator.public_url)
            site = Site(emulator.cloud, access, emulator.token, emulator.data, url)
            app = create_console(site, emulator)
            exports = {"OQTOPUS_URL": url, "OQTOPUS_API_TOKEN": emulator.token}
            if seat is not None and emulator.provider_api is not None:
                app = by_port(seat.getsockname()[1], emulator.provider_api, app)
                sockets.append(seat)
                provider_url = url_of(seat, options.host, certificate)
                exports |= {"JOB_REPOSITORY_URL": provider_url, "DEVICE_REPOSITORY_URL": provider_url}
            for name, value in exports.items():
                print(f"export {name}={value}", flush=True)
            # Standard output is for programs and shells, which evaluate its lines.
            print(_summary(site), file=sys.stderr, flush=True)
            if sends_tokens_unencrypted(listener, url):
                print(f"oqtopus-client: {_UNENCRYPTED}", file=sys.stderr)
            uvicorn.Server(settings(app, certificate, options.trusted_proxy)).run(sockets=sockets)
    except (OSError, OverflowError, ValueError) as error:
        parser.exit(2, f"oqtopus-client: {error}\n")


def _summary(site: Site) -> str:
    """Return where to look next, for people."""
    login = " (log in with the token)" if site.access.login else ""
    lines = [
        f"Console:     {site.url}/{login}",
        f"API:         {site.url}/docs",
        f"Data folder: {'none, jobs are kept in memory' if site.data == IN_MEMORY else site.data}",
        "Ctrl-C stops the emulator.",
    ]
    return "\n".join(lines)


def _provider_listener(options: argparse.Namespace) -> contextlib.AbstractContextManager[socket.socket | None]:
    return listen(options.host, options.provider_port) if options.executor == "external" else contextlib.nullcontext()


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
        public_url=options.public_url,
    )


if __name__ == "__main__":
    main()
