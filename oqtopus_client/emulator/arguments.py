"""The options of `oqtopus-client emulator start`."""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import re
from typing import TYPE_CHECKING, Any, get_args

from oqtopus_client.display import suggestion
from oqtopus_client.emulator.database import IN_MEMORY
from oqtopus_client.emulator.device_files import Schedule

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

_ORIGIN = re.compile(r"\*|null|[a-z][a-z0-9+.-]*://[^\sA-Z/?#@]+")


class _Parser(argparse.ArgumentParser):
    """A parser that reports errors in one line, as the other commands do."""

    def parse_args(self, *given: Any) -> Any:  # type: ignore[override]
        """Parse a command line; refuse empty values, and suggest the option probably meant by an unknown one."""
        options, unknown = self.parse_known_args(*given)
        if unknown:
            name = unknown[0].partition("=")[0]
            if not name.startswith("-"):
                self.error(f"unexpected extra argument {name!r}")
            similar = suggestion(name, self._option_string_actions, str)
            self.error(f"No such option: {name}. {similar if similar.endswith('?') else ''}")
        for name, value in vars(options).items():
            if value == "":  # an empty --host would be all addresses, an empty --tls-cert plain http
                self.error(f"--{name.replace('_', '-')} is empty; is a shell variable unset?")
        return options

    def error(self, message: str) -> NoReturn:
        """Exit with an error."""
        reason = message.removeprefix("argument ").replace(": must be", " must be").rstrip(". ")
        self.exit(2, f"oqtopus-client: {reason}{'' if reason.endswith('?') else '.'} See: {self.prog} --help\n")


def parser(program: str) -> argparse.ArgumentParser:
    """Return the parser of the options; `program` is what the user types before them."""
    parser = _Parser(
        prog=program,
        description="Serve an emulated cloud, with a console in the browser, until Ctrl-C.",
        epilog=f"Example: {program} --port 8080",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=_at_least(0), default=8080, help="port to listen on, 0 for any (default: %(default)s)")
    add("--data", metavar="FOLDER", help=f"where to keep jobs, or {IN_MEMORY} (default: in your data directory)")
    add("--token", help="API token to require (default: the one stored with the data)")
    add("--devices", metavar="FOLDER", help="device files, in addition to the built-in devices")
    add("--no-idle-noise", action="store_true", help="do not relax the qubits of noisy devices while they wait")
    add(
        "--schedule",
        choices=get_args(Schedule),
        help="'gateway': operations start early, as on real devices; 'alap': late",
    )
    add("--workers", type=_at_least(1), metavar="N", help="jobs that run at a time (default: one per processor core)")
    add(
        "--seed",
        type=_at_least(0),
        metavar="N",
        help="seed of the simulations: the same jobs give the same counts each time",
    )
    add(
        "--allow-sse",
        action="store_true",
        help="run the programs of sse jobs on this machine as you: anyone with the token can do what you can",
    )
    add("--sse-python", metavar="PATH", help="interpreter of these programs, with its packages (default: this one)")
    add(
        "--sse-memory",
        type=_at_least(1),
        metavar="MIB",
        default=1024,
        help="memory of each program (default: %(default)s)",
    )
    add("--cancelling", action="store_true", help="make running jobs 'cancelling' before they are 'cancelled'")
    add("--no-device-histories", action="store_true", help="leave out /device_histories, as older servers do")
    add("--no-token-renewal", action="store_true", help="refuse to renew a token with a token, as some servers do")
    add("--temporary-credentials", action="store_true", help="sign uploads with temporary credentials")
    add(
        "--cors-origin",
        type=_origin,
        metavar="ORIGIN",
        action="append",
        default=[],
        help="web origin allowed to call the API, or * for all",
    )
    add("--quirks", action="store_true", help="reproduce the faults of real servers")
    add(
        "--executor",
        choices=("internal", "external"),
        default="internal",
        help="who runs the jobs: this emulator, or your own engine through the Provider API (default: %(default)s)",
    )
    add(
        "--provider-port",
        type=_at_least(0),
        metavar="PORT",
        default=8888,
        help="port of the Provider API (default: %(default)s)",
    )
    add("--provider-key", metavar="KEY", help="API key that the engine must send (default: none)")
    add("--strict-provider", action="store_true", help="refuse the transitions that some servers refuse to engines")
    _add_sharing(parser)
    return parser


def _add_sharing(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("sharing", "For use from other machines.")
    add = group.add_argument
    add("--tls-cert", metavar="FILE", help="serve https with this certificate and its chain, in PEM format")
    add("--tls-key", metavar="FILE", help="the certificate's private key, in PEM format, without a passphrase")
    add(
        "--public-url",
        metavar="URL",
        help="URL that clients use, if a proxy or another name leads to the emulator; uploads and downloads use it too",
    )
    add(
        "--trusted-proxy",
        type=_proxy,
        metavar="ADDRESS",
        action="append",
        default=[],
        help="address or network of a proxy whose X-Forwarded-Proto and X-Forwarded-For are believed (default: none)",
    )


def _proxy(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"must be an address, such as 127.0.0.1, or a network, such as 172.18.0.0/16: {error}"
        ) from None
    return text


def _origin(text: str) -> str:
    if not _ORIGIN.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"must be scheme and host as browsers send them, such as https://app.example.org, or *, not {text!r}"
        )
    return text


def _at_least(least: int) -> Callable[[str], int]:
    """Return a function that reads an integer, and refuses smaller ones."""

    def read(text: str) -> int:
        with contextlib.suppress(ValueError):
            if (number := int(text)) >= least:
                return number
        raise argparse.ArgumentTypeError(f"must be an integer of at least {least}, not {text!r}")

    return read
