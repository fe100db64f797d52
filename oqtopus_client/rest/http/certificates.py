"""The certificate authorities that connections trust."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import certifi

_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def tls_context() -> ssl.SSLContext:
    """TLS with certificates verified: against the authorities that the environment names, else certifi's."""
    if any(map(os.environ.get, _VARIABLES)):
        return ssl.create_default_context()  # OpenSSL reads these variables itself
    return ssl.create_default_context(cafile=certifi.where())


def missing_authorities() -> str | None:
    """Return a sentence about a variable that names a missing file, which OpenSSL ignores; None if there is none."""
    for variable in _VARIABLES:
        path = os.environ.get(variable)
        if path and not Path(path).exists():
            return f"{variable} names {path!r}, which does not exist."
    return None
