"""Real proxies in front of an emulator, configured as the documentation shows."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.programs import required
from tests.support.source_tree import ROOT

_EXAMPLES = ROOT / "docs" / "examples"
_NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr error;
events {{}}
http {{
    access_log {folder}/access.log combined;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def example(name: str, changes: Mapping[str, str]) -> str:
    """Return an example of the documentation, with each text in it replaced by another."""
    text = (_EXAMPLES / name).read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text


@contextmanager
def running_nginx(server: str, port: int, folder: Path) -> Iterator[Path]:
    """Run nginx with a server block that listens on a port; yields its access log."""
    file = folder / "nginx.conf"
    file.write_text(_NGINX.format(folder=folder, server=server), encoding="utf-8")
    with _running([required("nginx"), "-e", "stderr", "-c", str(file), "-p", str(folder)], port):
        yield folder / "access.log"


@contextmanager
def running_caddy(program: str, caddyfile: str, port: int, folder: Path) -> Iterator[None]:
    """Run Caddy, without its administration port and its own certificate authority, with a site on a port."""
    file = folder / "Caddyfile"
    file.write_text(f"{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{caddyfile}", encoding="utf-8")
    with _running([program, "run", "--adapter", "caddyfile", "--config", str(file)], port):
        yield


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            while not _listens(port):
                assert process.poll() is None, process.stderr and process.stderr.read()
                time.sleep(0.02)
            yield
        finally:
            process.terminate()
            process.communicate(timeout=30)


def _listens(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0
