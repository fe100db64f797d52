"""Who may see the console: checks of Host, of Origin, and of the cookie that a login sets."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from oqtopus_client.emulator.database import now
from oqtopus_client.emulator.users import OPERATOR

if TYPE_CHECKING:
    from fastapi import Request, Response

    from oqtopus_client.emulator.database import Row
    from oqtopus_client.emulator.users import Users

SESSION_SECONDS = 12 * 3600
"""How long a login lasts."""

_HOST = re.compile(r"(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(:(?P<port>\d{1,5}))?")
_SAFE_METHODS = ("GET", "HEAD")
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")


@dataclass(frozen=True)
class Access:
    """The rules of one site.

    A visitor from this computer needs no login, unless the site has a public URL. Such a site answers only to loopback
    names, so that no web page can reach it under a name that its owner points here (DNS rebinding), and refuses
    whatever a proxy has forwarded.

    Attributes:
        login: Whether visitors must log in; without a login, they are the operator.
        public_url: The URL under which people reach the site, if it is fixed.
    """

    login: bool
    public_url: str | None = None
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    @classmethod
    def listening_on(cls, address: str, public_url: str | None = None) -> Self:
        """Return the rules of a site that listens on an address."""
        return cls(login=public_url is not None or not _is_loopback(address), public_url=public_url)

    def refusal(self, request: Request) -> str | None:
        """Return why a request is refused, as the name of a text among the errors; None if it is not."""
        if not self.login and _is_forwarded(request):
            return "forwarded"
        if not self._is_own_host(request):
            return "host"
        if request.method not in _SAFE_METHODS and not self._is_own_origin(request):
            return "origin"
        return None

    def user(self, request: Request, users: Users) -> Row | None:
        """Return the user of a request: the one who has logged in, or the operator where no login is needed."""
        if not self.login:
            return users.get(OPERATOR)
        user_id, expiry, signature = ["", "", *request.cookies.get(self._cookie(request), "").rsplit("~", 2)][-3:]
        user = users.get(user_id)
        if user is None or user["token_hash"] is None or user["token_expiration"] <= now():
            return None
        if not hmac.compare_digest(signature.encode(), self._signature(user, expiry).encode()):
            return None
        return user if int(expiry) > time.time() else None

    def log_in(self, request: Request, response: Response, user: Row) -> None:
        """Set the cookie that keeps a user logged in.

        It does not contain the token, because browsers send a cookie to every port of a host. It is signed with the
        token's hash, so it is void as soon as the token is replaced or revoked.
        """
        expiry = str(int(time.time()) + SESSION_SECONDS)
        value = f"{user['id']}~{expiry}~{self._signature(user, expiry)}"
        secure = self._origin(request)[0] == "https"
        response.set_cookie(
            self._cookie(request), value, SESSION_SECONDS, secure=secure, httponly=True, samesite="strict"
        )

    def log_out(self, request: Request, response: Response) -> None:
        """Delete the cookie."""
        secure = self._origin(request)[0] == "https"
        response.delete_cookie(self._cookie(request), secure=secure, httponly=True, samesite="strict")

    def _cookie(self, request: Request) -> str:
        # All ports of a host share its cookies, and there may be an emulator behind each.
        scheme, host = self._origin(request)
        match = _HOST.fullmatch(host)
        prefix = "__Host-" if scheme == "https" else ""
        return f"{prefix}oqtopus-console-{(match and match['port']) or ''}"

    def _signature(self, user: Row, expiry: str) -> str:
        text = f"{user['id']}~{expiry}~{user['token_hash']}"
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    def _origin(self, request: Request) -> tuple[str, str]:
        """Return the scheme and the host of the site as browsers write them in `Origin`."""
        if self.public_url is None:
            scheme = request.scope["scheme"]
            return scheme, _host(scheme, request.headers.get("host", ""))
        url = urlsplit(self.public_url)
        return url.scheme, _host(url.scheme, url.netloc)

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
        own = "://".join(self._origin(request))
        return bool(origins or sites) and set(origins) <= {own} and set(sites) <= {"same-origin"}


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
