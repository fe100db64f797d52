"""What is checked before the emulator serves: certificates, addresses, proxies; and the URL that it prints."""

from __future__ import annotations

import datetime as dt
import socket
import sys
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from oqtopus_client.emulator.__main__ import main
from oqtopus_client.emulator.arguments import parser
from oqtopus_client.emulator.serving import listen, sends_tokens_unencrypted, url_of
from oqtopus_client.emulator.tls import Certificate

AUTHORITY = trustme.CA()


def issue(folder: Path, *names: str, **settings: dt.datetime) -> tuple[str, str]:
    """Write a certificate and its key; returns their files."""
    leaf = AUTHORITY.issue_cert(*names, **settings)
    certificate, key = folder / f"{names[0]}.pem", folder / f"{names[0]}.key"
    leaf.private_key_pem.write_to_path(str(key))
    for blob in leaf.cert_chain_pems:
        blob.write_to_path(str(certificate), append=True)
    return str(certificate), str(key)


def test_certificate(tmp_path: Path) -> None:
    """A certificate is read with its names."""
    certificate, key = issue(tmp_path, "lab.example", "*.lab.example", "192.0.2.1")

    assert Certificate.load(certificate, key).names == ("lab.example", "*.lab.example", "192.0.2.1")


def test_certificate_without_names(tmp_path: Path) -> None:
    """A certificate with a common name only is refused, as by clients."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - dt.timedelta(1), now + dt.timedelta(1))
    files = tmp_path / "bare.pem", tmp_path / "bare.key"
    files[0].write_bytes(builder.sign(key, SHA256()).public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    with pytest.raises(ValueError, match=r"--tls-cert: clients would refuse .* names no host as a subjectAltName"):
        Certificate.load(*map(str, files))


def test_unusable_certificates(tmp_path: Path) -> None:
    """The message names the file, the fault, and where it helps what to do."""
    now = dt.datetime.now(dt.UTC)
    good, key = issue(tmp_path, "good.example")
    expired = issue(tmp_path, "old.example", not_before=now - dt.timedelta(9), not_after=now - dt.timedelta(1))
    early = issue(tmp_path, "new.example", not_before=now + dt.timedelta(1))
    text = tmp_path / "text"
    text.write_text("text", encoding="utf-8")
    locked = tmp_path / "locked.key"
    plain = load_pem_private_key(Path(key).read_bytes(), None)
    locked.write_bytes(plain.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word")))
    other = tmp_path / "other.key"
    other.write_bytes(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    cases = {
        (str(tmp_path / "none"), key): f"--tls-cert: cannot read {tmp_path / 'none'}: No such file or directory.",
        (good, str(tmp_path)): f"--tls-key: cannot read {tmp_path}: Is a directory.",
        (str(text), key): f"--tls-cert: {text} is not a certificate in PEM format.",
        (good, str(text)): f"--tls-key: {text} is not a private key in PEM format.",
        (good, expired[1]): f"--tls-key: {expired[1]} is not the private key of the first certificate in {good}.",
        (good, str(other)): f"--tls-key: {other} is not the private key of the first certificate in {good}.",
        (
            good,
            str(locked),
        ): f"--tls-key: {locked} is encrypted. Decrypt it, for example with `openssl pkey -in {locked}",
        expired: f"--tls-cert: clients would refuse {expired[0]}: certificate has expired.",
        early: f"--tls-cert: clients would refuse {early[0]}: certificate is not yet valid.",
    }
    for files, message in cases.items():
        with pytest.raises(ValueError, match=r"^--tls") as caught:
            Certificate.load(*files)
        assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--tls-cert", "x"), "--tls-cert and --tls-key are used together. See: "),
        (("--tls-key", "x"), "--tls-cert and --tls-key are used together. See: "),
        (("--tls-cert", "/none", "--tls-key", "x"), "--tls-cert: cannot read /none: No such file or directory."),
        (("--tls-cert", "", "--tls-key", ""), "--tls-cert is empty; is a shell variable unset? See: "),
        (("--host", ""), "--host is empty; is a shell variable unset?"),
        (("--cors-origin", "https://app.example/"), "--cors-origin must be scheme and host as browsers send them"),
        (("--provider-key", "x"), "--provider-key and --strict-provider need --executor external."),
        (("--sse-python", sys.executable), "--sse-python needs --allow-sse."),
        (("--public-url", "lab.example"), "The public URL must be an http or https URL"),
        (("--trusted-proxy", "proxy.example"), "must be an address, such as 127.0.0.1, or a network"),
        (("--trusted-proxy", "10.0.0.1/8"), "or a network, such as 172.18.0.0/16: 10.0.0.1/8 has host bits set"),
    ],
)
def test_server_does_not_start(
    words: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong option ends the command with the reason, before anything is served."""
    with pytest.raises(SystemExit) as ended:
        main(["--port", "0", "--data", str(tmp_path), *words])

    shown = capsys.readouterr()
    assert (ended.value.code, shown.out) == (2, "")
    assert message in shown.err.splitlines()[-1]


def test_printed_url(tmp_path: Path) -> None:
    """The URL has the host as it was given; for all addresses, it is one that other machines can use."""
    certificate = Certificate.load(*issue(tmp_path, "*.lab.example", "lab.example"))
    with listen("127.0.0.1", 0) as local, listen("0.0.0.0", 0) as everywhere:  # noqa: S104
        ports = [str(listener.getsockname()[1]) for listener in (local, everywhere)]
        outward = url_of(everywhere, "0.0.0.0")  # noqa: S104

        assert url_of(local, "127.0.0.1") == f"http://127.0.0.1:{ports[0]}"
        assert url_of(local, "localhost") == f"http://localhost:{ports[0]}"
        assert url_of(local, "127.0.0.1", certificate) == f"https://127.0.0.1:{ports[0]}"
        assert url_of(everywhere, "0.0.0.0", certificate) == f"https://lab.example:{ports[1]}"  # noqa: S104
        assert outward.endswith(f":{ports[1]}")
        assert "0.0.0.0" not in outward  # noqa: S104


@pytest.mark.skipif(not socket.has_ipv6, reason="this system has no IPv6")
def test_printed_url_of_ipv6() -> None:
    """An IPv6 address is in brackets."""
    try:
        listener = listen("::1", 0)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with listener:
        assert url_of(listener, "::1") == f"http://[::1]:{listener.getsockname()[1]}"


def test_when_tokens_travel_unencrypted() -> None:
    """They do over plain http, unless both the address and the URL are this machine's."""
    with listen("127.0.0.1", 0) as local, listen("0.0.0.0", 0) as everywhere:  # noqa: S104
        assert not sends_tokens_unencrypted(local, "http://localhost:8080")
        assert not sends_tokens_unencrypted(everywhere, "https://lab.example")
        assert sends_tokens_unencrypted(everywhere, "http://192.0.2.1:8080")
        assert sends_tokens_unencrypted(local, "http://lab.example")
        assert sends_tokens_unencrypted(everywhere, "http://localhost:8080")


def test_repeated_proxies() -> None:
    """Several proxies can be named; none is by default."""
    words = ("--trusted-proxy", "127.0.0.1", "--trusted-proxy", "172.18.0.0/16")

    assert parser("").parse_args(words).trusted_proxy == ["127.0.0.1", "172.18.0.0/16"]
    assert parser("").parse_args([]).trusted_proxy == []
