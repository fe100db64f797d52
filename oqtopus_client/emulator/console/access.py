"""Who may see the console: checks of Host, of Origin, and of the cookie that a login sets."""

from __future__ import annotations

import ipaddress
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Self
from urllib.parse import urlsplit

from oqtopus_client.emulator.database import now
from oqtopus_client.emulator.peers import is_own_process
from oqtopus_client.emulator.users import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Request, Response
    from starlette.types import Scope

    from oqtopus_client.emulator.database import Row
    from oqtopus_client.emulator.users import Users

SESSION_SECONDS = 12 * 3600
"""How long a login lasts."""

_MOST_SESSIONS = 100
"""Maximum number of logins of a user at a time; one more ends the oldest."""

_HOST = re.compile(r"(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(:(?P<port>\d{1,5}))?")
_SAFE_METHODS = ("GET", "HEAD")
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")


class _Session(NamedTuple):
    """A login.

    Attributes:
        user_id: The user.
        token_hash: The hash of the token that the user logged in with.
        expiry: When the login ends, in seconds since 1970.
    """

    user_id: str
    token_hash: str
    expiry: float


@dataclass(frozen=True)
class Access:
    """The rules of one site.

    A visitor from this computer needs no login, unless the site has a public URL. Such a site answers only to loopback
    names, so that no web page can reach it under a name that its owner points here (DNS rebinding), and refuses
    whatever a proxy has forwarded. Processes of other users of this computer, as proxies mostly are, need a login.

    Attributes:
        login: Whether all visitors must log in; without a login, they are the operator.
        public_url: The URL under which people reach the site, if it is fixed.
        is_own: Returns whether a request comes from a process of the user who started the emulator.
    """

    login: bool
    public_url: str | None = None
    is_own: Callable[[Scope], bool] = is_own_process
    _sessions: dict[str, _Session] = field(default_factory=dict, repr=False)

    @classmethod
    def listening_on(
        cls, address: str, public_url: str | None = None, *, is_own: Callable[[Scope], bool] = is_own_process
    ) -> Self:
        """Return the rules of a site that listens on an address; see the class for the other parameters."""
        return cls(public_url is not None or not _is_loopback(address), public_url, is_own)

    def refusal(self, request: Request) -> str | None:
        """Return why a request is refused, as the name of a text among the errors; None if it is not."""
        if not self.login and (_is_forwarded(request) or self._has_other_referrer(request)):
            return "forwarded"
        if not self._is_own_host(request):
            return "host"
        if request.method not in _SAFE_METHODS and not self._is_own_origin(request):
            return "origin"
        return None

    def is_logged_in(self, request: Request) -> bool:
        """Return whether a request has the cookie of a login that has not ended."""
        return self._session(request) is not None

    def user(self, request: Request, users: Users) -> Row | None:
        """Return the user of a request: the one who has logged in, or the operator where no login is needed."""
        session = self._session(request)
        if session is None:
            return users.get(OPERATOR) if not self.login and self.is_own(request.scope) else None
        user = users.get(session.user_id)
        is_valid = user is not None and user["token_hash"] == session.token_hash and user["token_expiration"] > now()
        return user if is_valid else None

    def log_in(self, request: Request, response: Response, user: Row) -> None:
        """Set the cookie that keeps a user logged in.

        It does not contain the token, because browsers send a cookie to every port of a host, and is void as soon as
        the token is replaced or revoked.
        """
        started = time.time()
        expired = [name for name, session in self._sessions.items() if session.expiry <= started]
        own = [name for name, session in self._sessions.items() if session.user_id == user["id"]]
        for name in {*expired, *own[: 1 - _MOST_SESSIONS]}:
            del self._sessions[name]
        value = secrets.token_urlsafe(32)
        self._sessions[value] = _Session(user["id"], user["token_hash"], started + SESSION_SECONDS)
        secure = self._origin(request)[0] == "https"
        response.set_cookie(
            self._cookie(request), value, SESSION_SECONDS, secure=secure, httponly=True, samesite="strict"
        )

    def log_out(self, request: Request, response: Response) -> None:
        """End the login, also for those who have a copy of the cookie."""
        self._sessions.pop(request.cookies.get(self._cookie(request), ""), None)
        secure = self._origin(request)[0] == "https"
        response.delete_cookie(self._cookie(request), secure=secure, httponly=True, samesite="strict")

    def _session(self, request: Request) -> _Session | None:
        session = self._sessions.get(request.cookies.get(self._cookie(request), ""))
        return session if session and session.expiry > time.time() else None

    def _cookie(self, request: Request) -> str:
        # All ports of a host share its cookies, and there may be an emulator behind each.
        scheme, host = self._origin(request)
        match = _HOST.fullmatch(host)
        prefix = "__Host-" if scheme == "https" else ""
        return f"{prefix}oqtopus-console-{(match and match['port']) or ''}"

    def _origin(self, request: Request) -> tuple[str, str]:
        """Return the scheme and the host of the site as browsers write them in `Origin`."""
        if self.public_url is None:
            scheme = request.scope["scheme"]
            return scheme, _host(scheme, request.headers.get("host", ""))
        url = urlsplit(self.public_url)
        return url.scheme, _host(url.scheme, url.netloc)

    def _own_origin(self, request: Request) -> str:
        return "://".join(self._origin(request))

    def _is_own_host(self, request: Request) -> bool:
        hosts = request.headers.getlist("host")
        match = _HOST.fullmatch(hosts[0].lower()) if len(hosts) == 1 else None
        if match is None:
            return False
        scheme, host = self._origin(request)
        return _host(scheme, hosts[0]) == host and (self.login or _is_loopback(match["name"].strip("[]")))

    def _is_own_origin(self, request: Request) -> bool:
        origins = request.headers.getlist("origin")
        sites = request.headers.getlist("sec-fetch-site")
        return bool(origins or sites) and set(origins) <= {self._own_origin(request)} and set(sites) <= {"same-origin"}

    def _has_other_referrer(self, request: Request) -> bool:
        """Return whether the browser sees the console under another address, as behind a proxy that rewrites `Host`."""
        referrer = request.headers.get("referer")
        is_link_elsewhere = request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}
        return (
            bool(referrer) and not is_link_elsewhere and not f"{referrer}/".startswith(f"{self._own_origin(request)}/")
        )


def _is_forwarded(request: Request) -> bool:
    # No browser uses HTTP/1.0; nginx does by default, with a `Host` of this computer and without a trace of its client.
    return request.scope["http_version"] == "1.0" or any(name in request.headers for name in _FORWARDED)


def _host(scheme: str, host: str) -> str:
    return host.lower().removesuffix(":443" if scheme == "https" else ":80")


def _is_loopback(name: str) -> bool:
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
