"""The certificate with which the emulator serves https, checked before it is used."""

from __future__ import annotations

import contextlib
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

_OTHER_KEY = {"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"}  # the last is of another kind
_WEAK = ("EE_", "CA_")  # the certificate, or another in its chain, has a short key or an old signature


@dataclass(frozen=True)
class Certificate:
    """A certificate and its private key.

    Attributes:
        file: The certificate's file, with its chain.
        key: The private key's file.
        names: The host names and addresses that the certificate is for.
    """

    file: str
    key: str
    names: tuple[str, ...]

    @classmethod
    def load(cls, file: str, key: str) -> Self:
        """Read a certificate and its key, and check that clients would accept them now.

        Raises:
            ValueError: They cannot be used.
        """
        for option, path in (("--tls-cert", file), ("--tls-key", key)):
            try:
                Path(path).read_bytes()
            except OSError as error:
                raise ValueError(f"{option}: cannot read {path}: {error.strerror}.") from error
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname = False  # the names are what is read
        client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        try:
            client.load_verify_locations(file)
        except ssl.SSLError as error:
            raise ValueError(f"--tls-cert: {file} is not a certificate in PEM format.") from error
        try:
            subject = _shown(_server(file, key), client)
        except ssl.SSLCertVerificationError as error:
            raise ValueError(f"--tls-cert: clients would refuse {file}: {error.verify_message}.") from error
        names = tuple(str(name) for kind, name in subject.get("subjectAltName", ()) if kind in {"DNS", "IP Address"})
        if not names:
            raise ValueError(
                f"--tls-cert: clients would refuse {file}: it names no host as a subjectAltName. Make it again, for "
                "example with `openssl req ... -addext subjectAltName=DNS:emulator.example.org`."
            )
        return cls(file, key, names)


def _server(file: str, key: str) -> ssl.SSLContext:
    def refuse_passphrase() -> str:
        raise ValueError(
            f"--tls-key: {key} is encrypted. Decrypt it, for example with `openssl pkey -in {key} -out plain.pem`."
        )

    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        server.load_cert_chain(file, key, refuse_passphrase)
    except ssl.SSLError as error:
        reason = error.reason or ""
        if reason in _OTHER_KEY:
            raise ValueError(f"--tls-key: {key} is not the private key of the first certificate in {file}.") from error
        if reason.startswith(_WEAK):
            words = reason.lower().replace("_", " ")
            raise ValueError(f"--tls-cert: clients would refuse {file}: {words}.") from error
        raise ValueError(f"--tls-key: {key} is not a private key in PEM format.") from error
    return server


def _shown(server: ssl.SSLContext, client: ssl.SSLContext) -> dict[str, Any]:
    """Return the server's certificate as the client sees it in a handshake, in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client_side = client.wrap_bio(to_client, to_server)
    server_side = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (client_side, server_side, client_side):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    return client_side.getpeercert() or {}
