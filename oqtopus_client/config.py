"""Server URL and credentials: `OqtopusConfig`.

There are three sources, in order of precedence: arguments, environment variables, the profile file.
"""

from __future__ import annotations

import dataclasses
import math
import os
import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from oqtopus_client.checks import check_set, real_number, whole_number
from oqtopus_client.display import suggestion
from oqtopus_client.environment import ALLOW_HTTP_ENV, environment_allows_http, environment_settings, stripped_token
from oqtopus_client.errors import OqtopusConfigError
from oqtopus_client.profiles import (
    DEFAULT_PATH,
    check_name,
    profile_path,
    read_profiles,
    warn_of_unknown_keys,
    write_profiles,
)
from oqtopus_client.urls import is_loopback, is_web_url

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Never

DEFAULT_BASE_URL_ENV = "OQTOPUS_BASE_URL"
DEFAULT_PROXY_ENV = "OQTOPUS_PROXY"
DEFAULT_API_TOKEN_ENV = "OQTOPUS_API_TOKEN"  # noqa: S105 - the name of a variable, not a token
DEFAULT_TIMEOUT_ENV = "OQTOPUS_TIMEOUT"
DEFAULT_SECTION = "default"
URL_ENV = ("OQTOPUS_URL", DEFAULT_BASE_URL_ENV)
"""The variables with the URL of the server, in order of precedence."""
TOKEN = re.compile(r"[!-~]+")
"""Tokens that a header can carry: visible ASCII characters."""


@dataclass(frozen=True, init=False)
class OqtopusConfig:
    """Client configuration.

    It is immutable, so copying returns the same object. A pickle of it carries no token.

    Attributes:
        base_url: URL of the OQTOPUS User API, `https://...`; also accepted, and readable, as `url`.
        api_token: API token. Never shown by `repr`.
        proxy: URL of an HTTP proxy. Never shown by `repr`, as it may contain a password. By default, the environment
            variables `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` apply, except to loopback addresses.
        timeout: Seconds to wait for the connection (at most 10), and for each part of a response. A request may take
            ten times as long in all.
        retry_max_attempts: Maximum number of attempts for a request; 1 disables retries.
        retry_backoff_seconds: Longest first pause between attempts; it doubles with each retry. Pauses are random.
        retry_status_codes: HTTP statuses to retry. By default 429, 502, 503 and 504.
        retry_methods: HTTP methods to retry, also after a lost connection. By default idempotent requests are retried,
            which are all but creating a token and deleting the account.
        retry_budget_seconds: Seconds after the first attempt within which the last one must begin.
        allow_http: Whether to send the token over an unencrypted connection to another machine. By default only if the
            environment variable `OQTOPUS_ALLOW_HTTP` is `1`, `true`, `yes` or `on`.
        transport: An ASGI application, such as the emulator's, or an httpx transport, used instead of the network.
        token_source: Where the token came from, for error messages.
        url_source: Where the URL came from, for error messages.

    Raises:
        OqtopusConfigError: A value cannot be used. The URL is checked on first use.
        TypeError: An argument does not exist.
    """

    base_url: str
    api_token: str | None = field(repr=False)
    proxy: str | None = field(repr=False)
    timeout: float
    retry_max_attempts: int
    retry_backoff_seconds: float
    retry_status_codes: frozenset[int] | None
    retry_methods: frozenset[str] | None
    retry_budget_seconds: float
    allow_http: bool
    transport: Any = field(repr=False, compare=False)
    token_source: str = field(compare=False)
    url_source: str = field(compare=False)

    def __init__(
        self,
        base_url: str | None = None,
        api_token: str | None = None,
        proxy: str | None = None,
        timeout: float = 30.0,
        retry_max_attempts: int = 3,
        retry_backoff_seconds: float = 0.2,
        retry_status_codes: frozenset[int] | None = None,
        retry_methods: frozenset[str] | None = None,
        *,
        url: str | None = None,
        retry_budget_seconds: float = 60.0,
        allow_http: bool | None = None,
        transport: Any = None,
        token_source: str = "OqtopusConfig(api_token=...)",  # noqa: S107 - says where the token is from
        url_source: str = "OqtopusConfig(url=...)",
        **unknown: Never,
    ) -> None:
        for name in unknown:
            hint = "Use api_token." if name == "token" else suggestion(name, [each.name for each in fields(self)])
            raise TypeError(f"OqtopusConfig has no argument {name!r}. {hint}")
        if isinstance(base_url, str) and isinstance(url, str) and base_url != url:
            raise OqtopusConfigError(f"base_url and url are one setting, but {base_url!r} and {url!r} differ.")
        if base_url is None and url is None:
            raise OqtopusConfigError("OqtopusConfig needs base_url, the URL of the OQTOPUS User API.")
        values = {
            "base_url": url if base_url is None else base_url,
            "api_token": api_token,
            "proxy": proxy,
            "timeout": timeout,
            "retry_max_attempts": retry_max_attempts,
            "retry_backoff_seconds": retry_backoff_seconds,
            "retry_status_codes": retry_status_codes,
            "retry_methods": retry_methods,
            "retry_budget_seconds": retry_budget_seconds,
            "allow_http": allow_http,
            "transport": transport,
            "token_source": token_source,
            "url_source": url_source,
        }
        self.__dict__.update(values)
        if allow_http is None:
            self.__dict__["allow_http"] = environment_allows_http()
        self._check()

    def _check(self) -> None:
        for name in ("base_url", "api_token", "proxy"):
            if not isinstance(value := getattr(self, name), str | None):
                # The value is not shown: it may be a token or contain a password.
                raise OqtopusConfigError(f"{name} must be text, not of type {type(value).__name__}.")
        if not isinstance(self.allow_http, bool):
            raise OqtopusConfigError(f"allow_http must be True or False, not {self.allow_http!r}.")
        if not ((way := self.transport) is None or callable(way) or hasattr(way, "handle_async_request")):
            raise OqtopusConfigError(f"transport must be an ASGI application or an httpx transport, not {way!r}.")
        if self.proxy is not None and not is_web_url(self.proxy, credentials=True):
            # Its value is not shown: it may hold a password.
            raise OqtopusConfigError(
                "proxy must be an http or https URL, such as 'http://proxy.example.org:3128'; SOCKS is not supported. "
                f"Correct {DEFAULT_PROXY_ENV}, the profile or the argument."
            )
        if self.api_token and not TOKEN.fullmatch(self.api_token):
            raise OqtopusConfigError(
                f"The API token from {self.token_source} contains invalid characters, possibly a space or a newline. "
                "Copy the token alone."
            )
        try:
            # The smallest positive float.
            real_number(self.timeout, "timeout must be a positive number of seconds", least=math.ulp(0))
            whole_number(self.retry_max_attempts, "retry_max_attempts must be at least 1")
            check_set(self.retry_status_codes, int, "retry_status_codes must be a set of HTTP statuses, such as {503}")
            check_set(self.retry_methods, str, "retry_methods must be a set of HTTP methods, such as {'GET'}")
            for name in ("retry_backoff_seconds", "retry_budget_seconds"):
                real_number(getattr(self, name), f"{name} must be at least 0", least=0)
        except (TypeError, ValueError) as error:
            raise OqtopusConfigError(str(error)) from None

    def check_server(self) -> None:
        """Check that requests, and the token with them, can be sent to `base_url`.

        Raises:
            OqtopusConfigError: It is not a valid URL, or the token would be sent unencrypted.
        """
        if "@" in self.base_url:
            raise OqtopusConfigError(  # without its value, which may contain a password
                f"base_url must not contain a user name or a password (it is from {self.url_source})."
            )
        if not is_web_url(self.base_url):
            raise OqtopusConfigError(
                f"base_url must be an http or https URL, such as 'https://api.example.org', not {self.base_url!r} "
                f"(from {self.url_source})."
            )
        parts = urlsplit(self.base_url)
        if parts.query or parts.fragment:
            raise OqtopusConfigError(
                f"base_url must end with its path, as requests add theirs to it, not {self.base_url!r} (from "
                f"{self.url_source})."
            )
        exposed = parts.scheme == "http" and not is_loopback(str(parts.hostname)) and self.transport is None
        if exposed and self.api_token and not self.allow_http:
            raise OqtopusConfigError(
                f"{self.base_url} would send the API token unencrypted. Use https, or allow it: {ALLOW_HTTP_ENV}=1 in "
                "the environment, `allow_http = true` in the profile (`oqtopus-client login --allow-http` writes it), "
                "or, in Python, OqtopusConfig(..., allow_http=True)."
            )

    @property
    def url(self) -> str:
        """Alias of `base_url`."""
        return self.base_url

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def __getstate__(self) -> dict[str, Any]:
        lost = {"api_token": None, "transport": None, "token_source": "a pickle, which carries no token"}
        return {**self.__dict__, **lost}

    @classmethod
    def from_env(
        cls,
        *,
        base_url_env: str = DEFAULT_BASE_URL_ENV,
        proxy_env: str = DEFAULT_PROXY_ENV,
        api_token_env: str = DEFAULT_API_TOKEN_ENV,
        timeout_env: str = DEFAULT_TIMEOUT_ENV,
    ) -> OqtopusConfig:
        """Read the configuration from environment variables.

        Args:
            base_url_env: Variable with the URL; `OQTOPUS_URL` is read as well when this is the default.
            proxy_env: Variable with the proxy's URL.
            api_token_env: Variable with the API token.
            timeout_env: Variable with the timeout in seconds.

        Raises:
            OqtopusConfigError: No URL is set, or a value cannot be used (a `ValueError`).
        """
        names = URL_ENV if base_url_env == DEFAULT_BASE_URL_ENV else (base_url_env,)
        name = next((name for name in names if os.environ.get(name)), None)
        if name is None:
            raise OqtopusConfigError(f"Set the environment variable {' or '.join(names)} to the URL of the server.")
        settings = environment_settings(proxy_env, api_token_env, timeout_env)
        return cls(base_url=os.environ[name], url_source=f"environment variable {name}", **settings)

    @classmethod
    def from_file(cls, section: str = DEFAULT_SECTION, path: str | Path | object = DEFAULT_PATH) -> OqtopusConfig:
        """Read one profile, a section of an INI file.

        Args:
            section: The profile's name. It defines `base_url` (or `url`) and may define `api_token`, `proxy`,
                `timeout` and `allow_http`.
            path: The file. By default `$XDG_CONFIG_HOME/oqtopus/config.ini` if that variable is set, else
                `~/.config/oqtopus/config.ini`, else `~/.oqtopus`, the file of quri-parts-oqtopus.

        Raises:
            OqtopusConfigError: The file, the profile or its URL is missing or unreadable (a `ValueError`).
        """
        if in_sse_container():
            # The server's container has no profile file and needs none: jobs go through its driver.
            return cls(base_url="")
        file = profile_path(path)
        check_name(section)
        parser = read_profiles(file)
        if not file.exists():
            raise OqtopusConfigError(f"The profile file {file} does not exist; `oqtopus-client login` writes it.")
        if section not in parser:
            known = suggestion(section, parser.sections()) or "It has none."
            raise OqtopusConfigError(f"{file} has no profile [{section}]. {known}")
        profile = parser[section]
        warn_of_unknown_keys(profile, file)
        url = profile.get("base_url") or profile.get("url")
        if not url:
            raise OqtopusConfigError(f"Profile [{section}] of {file} must define base_url.")
        key, needed = "timeout", "a number of seconds"
        try:
            timeout = profile.getfloat(key, fallback=30.0)
            key, needed = "allow_http", "true or false"
            allow_http = profile.getboolean(key, fallback=None)
        except ValueError:
            raise OqtopusConfigError(
                f"Profile [{section}] of {file}: {key} must be {needed}, not {profile[key]!r}."
            ) from None
        return cls(
            base_url=url,
            api_token=stripped_token(profile.get("api_token")),
            proxy=profile.get("proxy") or None,
            timeout=timeout,
            allow_http=allow_http,
            token_source=f"profile [{section}] of {file}",
            url_source=f"profile [{section}] of {file}",
        )

    @classmethod
    def from_default(cls) -> OqtopusConfig:
        """Read the environment if it names a server, else the default profile.

        A token, proxy, timeout or `OQTOPUS_ALLOW_HTTP` from the environment overrides the profile's. A profile's token
        is only ever sent to that profile's server.

        Raises:
            OqtopusConfigError: Neither names a server, or a value cannot be used.
        """
        if any(map(os.environ.get, URL_ENV)):
            return cls.from_env()
        file = profile_path(DEFAULT_PATH)
        if not (file.exists() or in_sse_container()):
            raise OqtopusConfigError(
                f"No OQTOPUS server is configured. Set {URL_ENV[0]} and {DEFAULT_API_TOKEN_ENV}, run "
                f"`oqtopus-client login` to write {file}, or, in Python, pass an OqtopusConfig."
            )
        settings = environment_settings(DEFAULT_PROXY_ENV, DEFAULT_API_TOKEN_ENV, DEFAULT_TIMEOUT_ENV)
        return dataclasses.replace(cls.from_file(), **settings)

    @classmethod
    def given_or_default(cls, config: OqtopusConfig | None) -> OqtopusConfig:
        """Return a configuration that a caller gave, or `from_default()` for None.

        Raises:
            TypeError: The caller gave something else, such as a URL.
            OqtopusConfigError: There is no default.
        """
        if not (config is None or isinstance(config, cls)):
            # The message does not show the value, which may be a token.
            raise TypeError(f"config must be OqtopusConfig(url, api_token=...) or None, not a {type(config).__name__}.")
        return config or cls.from_default()

    def save(
        self,
        section: str = DEFAULT_SECTION,
        path: str | Path | object = DEFAULT_PATH,
        *,
        overwrite: bool = False,
    ) -> Path:
        """Write this configuration, token included, as a profile and return the file's path.

        The file is written atomically and is readable by its owner only.

        Args:
            section: The profile's name.
            path: The file; by default that of `from_file`.
            overwrite: Whether to replace a profile with this name.

        Raises:
            OqtopusConfigError: The profile exists already, its name is not valid, or the file cannot be read.
        """
        check_name(section)
        file = profile_path(path)
        parser = read_profiles(file)
        if section in parser and not overwrite:
            raise OqtopusConfigError(f"{file} has a profile [{section}] already; pass overwrite=True to replace it.")
        settings = {"base_url": self.base_url, "api_token": self.api_token, "proxy": self.proxy}
        parser[section] = {name: value for name, value in settings.items() if value} | {"timeout": str(self.timeout)}
        if self.allow_http:
            parser[section]["allow_http"] = "true"
        write_profiles(parser, file)
        return file


def in_sse_container() -> bool:
    """Whether this process runs inside the server's container for server-side programs."""
    return os.environ.get("OQTOPUS_ENV") == "sse_container"
