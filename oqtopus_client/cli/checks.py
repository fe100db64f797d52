"""The checks of `doctor`."""

from __future__ import annotations

import base64
import contextlib
import http.client
import importlib.metadata
import platform
import re
import shlex
import ssl
import stat
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

import oqtopus_client
from oqtopus_client import rest
from oqtopus_client.cli.exit_codes import ExitCode, exit_code
from oqtopus_client.cli.output import utc
from oqtopus_client.config import DEFAULT_API_TOKEN_ENV, DEFAULT_SECTION
from oqtopus_client.errors import (
    AuthenticationError,
    NotFoundError,
    OqtopusConfigError,
    OqtopusError,
    PermissionDeniedError,
    ResponseValidationError,
)
from oqtopus_client.rest.proxies import proxy_to_server
from oqtopus_client.urls import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oqtopus_client import OqtopusConfig
    from oqtopus_client.cli.session import Session

_SOON = timedelta(days=14)
_SKEW_SECONDS = 30
_NEEDED = ("qiskit", "httpx", "aiohttp", "pydantic", "typer")
_EXTRAS = {"emulator": "qiskit-aer", "visualization": "matplotlib"}


@dataclass(frozen=True)
class Check:
    """The outcome of one check.

    Attributes:
        name: The subject of the check.
        state: The verdict.
        found: The finding.
        remedy: The suggested fix.
        code: The exit code of the command if this is the first check that fails.
    """

    name: str
    state: Literal["ok", "warn", "fail"]
    found: str
    remedy: str = ""
    code: ExitCode = ExitCode.OK


def checks(session: Session) -> Iterator[Check]:
    """Run the checks, and skip those that need a check that has failed."""
    yield from _versions()
    try:
        config = session.config()
        config.check_server()
        proxy = proxy_to_server(config)
    except OqtopusConfigError as error:
        configured = "No OQTOPUS server" not in str(error)
        remedy = "Correct this setting." if configured else "Run `oqtopus-client login`."
        yield Check("server", "fail", str(error), remedy, ExitCode.USAGE)
        return
    yield _configuration(config)
    if config.transport is None:
        for check in _connection(config, proxy):
            yield check
            if check.state == "fail":
                return
    with oqtopus_client.OqtopusClient(config) as client:
        yield _credentials(client, config)


def _versions() -> Iterator[Check]:
    yield Check("python", "ok", f"{platform.python_version()} on {platform.system()}")
    yield Check("oqtopus-client", "ok", importlib.metadata.version("oqtopus-client"))
    for name in _NEEDED:
        version = _version(name)
        remedy = "" if version else "Reinstall oqtopus-client."
        yield Check(name, "ok" if version else "fail", version or "not installed", remedy, ExitCode.USAGE)
    for extra, name in _EXTRAS.items():
        missing = f"not installed (optional); pip install 'oqtopus-client[{extra}]' adds it"
        yield Check(name, "ok", _version(name) or missing)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _configuration(config: OqtopusConfig) -> Check:
    source = f"{config.base_url}, token from {config.token_source}"
    if not config.api_token:
        return Check("server", "fail", f"{config.base_url}, no token", _new_token(config), ExitCode.USAGE)
    file = re.fullmatch(r"profile \[.*\] of (.*)", config.token_source)
    if file and Path(file[1]).stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return Check("server", "warn", f"{source}, which other users can read", f"chmod 600 {shlex.quote(file[1])}")
    return Check("server", "ok", source)


def _connection(config: OqtopusConfig, proxy: str | None) -> Iterator[Check]:
    """Connect once, without the token, and check the network, the certificate and the clock."""
    with contextlib.closing(_connect(config, proxy)) as connection:
        start = time.perf_counter()
        if (failure := _failure(connection)) is not None:
            yield failure
            return
        route = " through the proxy" if proxy else ""
        yield Check("network", "ok", f"connected{route} in {1e3 * (time.perf_counter() - start):.0f} ms")
        yield _tls(connection, config)
        yield _clock(connection, config)


def _failure(connection: http.client.HTTPConnection) -> Check | None:
    """Connect, and return a failed check if that is not possible."""
    try:
        connection.connect()
    except ssl.SSLCertVerificationError as error:
        remedy = "Check the URL. If your network has its own certificate authority, set SSL_CERT_FILE to its file."
        if missing := rest.http.missing_authorities():
            remedy = f"{missing} Correct it, or unset it."
        return Check("tls", "fail", f"the certificate is not trusted: {error.verify_message}", remedy, ExitCode.SERVER)
    except http.client.HTTPException:
        found = "no connection through the proxy: the response is not valid HTTP"
        remedy = "Check OQTOPUS_PROXY: the address does not answer like an HTTP proxy."
        return Check("network", "fail", found, remedy, ExitCode.SERVER)
    except (OSError, UnicodeError) as error:  # UnicodeError: the host name is not valid
        remedy = "Check the URL, your network, and whether you need a proxy (OQTOPUS_PROXY)."
        if "Tunnel connection failed: 407" in str(error):
            remedy = (
                "Add your user name and password to the proxy's URL, as in http://user:password@proxy.example:3128."
            )
        return Check("network", "fail", f"no connection: {error}", remedy, ExitCode.SERVER)
    return None


def _connect(config: OqtopusConfig, proxy: str | None) -> http.client.HTTPConnection:
    """Return a connection with the client's proxy and trusted certificates."""
    server = urlsplit(config.base_url)
    way = urlsplit(proxy or config.base_url)
    host, seconds = str(way.hostname), min(config.timeout, 10.0)
    connection: http.client.HTTPConnection
    if server.scheme == "https":
        context = rest.http.tls_context()
        connection = http.client.HTTPSConnection(host, way.port, timeout=seconds, context=context)
    else:
        connection = http.client.HTTPConnection(host, way.port, timeout=seconds)
    if proxy:
        if way.port is None:
            connection.port = 443 if way.scheme == "https" else 80
        connection.set_tunnel(str(server.hostname), server.port, _proxy_headers(way.username, way.password))
    return connection


def _proxy_headers(user: str | None, password: str | None) -> dict[str, str]:
    if user is None:
        return {}
    pair = f"{unquote(user)}:{unquote(password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _tls(connection: http.client.HTTPConnection, config: OqtopusConfig) -> Check:
    if not isinstance(connection.sock, ssl.SSLSocket):
        if not is_loopback(str(urlsplit(config.base_url).hostname)):
            found = "not used: plain http, which allow_http permits; others on the way can read the token"
            return Check("tls", "warn", found, "Use https if the server offers it.")
        return Check("tls", "ok", "not used: plain http")
    certificate = connection.sock.getpeercert() or {}
    expires = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    found = f"{connection.sock.version()}, certificate verified, valid until {utc(expires)}"
    if expires - datetime.now(UTC) < _SOON:
        return Check("tls", "warn", found, "The certificate expires soon; ask the server's operator to renew it.")
    return Check("tls", "ok", found)


def _clock(connection: http.client.HTTPConnection, config: OqtopusConfig) -> Check:
    try:
        connection.request("GET", urlsplit(config.base_url).path or "/")
        date = connection.getresponse().getheader("Date")
        if date is None:
            return Check("clock", "ok", "not compared: the server sends no Date header")
        skew = (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Check("clock", "warn", f"not compared: {error}", "Try again.")
    if abs(skew) > _SKEW_SECONDS:
        found = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the server's"
        return Check("clock", "warn", found, "Set this computer's clock; job times are misleading until then.")
    return Check("clock", "ok", f"within {_SKEW_SECONDS} s of the server's")


def _new_token(config: OqtopusConfig) -> str:
    """Return how to replace the token; a profile would not be used if the environment names the server."""
    if config.url_source.startswith("environment"):
        return f"Set {DEFAULT_API_TOKEN_ENV} to a token from the server's web page."
    profile = re.match(r"profile \[(.*)\]", config.url_source)
    option = f" --profile {shlex.quote(profile[1])}" if profile and profile[1] != DEFAULT_SECTION else ""
    return f"Run `oqtopus-client login{option}` with a new token."


def _remedy(error: OqtopusError, config: OqtopusConfig) -> str:
    """Return the remedy for a token that could not be checked."""
    if isinstance(error, AuthenticationError):
        return _new_token(config)
    if isinstance(error, PermissionDeniedError):
        return "Ask the server's operator whether your account is approved."
    if isinstance(error, NotFoundError | ResponseValidationError):
        return f"Check the URL, from {config.url_source}: it may not be that of an OQTOPUS User API."
    return "Try again."


def _credentials(client: oqtopus_client.OqtopusClient, config: OqtopusConfig) -> Check:
    try:
        expires = client.get_api_token_status().api_token_expiration
    except OqtopusError as error:
        code = exit_code(error) or ExitCode.SERVER
        return Check("token", "fail", str(error), _remedy(error, config), code)
    if expires is None:
        return Check("token", "ok", f"accepted by {config.base_url}")
    found = f"accepted, valid until {utc(expires)}"
    if expires - datetime.now(UTC) < _SOON:
        return Check("token", "warn", found, f"The token expires soon. {_new_token(config)}")
    return Check("token", "ok", found)
