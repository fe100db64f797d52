"""The process at the other end of a connection within this computer."""

from __future__ import annotations

import ipaddress
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Scope

_ESTABLISHED = "01"
_ROOT = 0


def is_own_process(scope: Scope) -> bool:
    """Return whether a request comes from a process of this process's user, or of root.

    Linux alone can answer this. On other systems, all processes of this computer count as the user's.
    """
    if sys.platform != "linux":
        return True
    return _user_of(scope["client"], scope["server"]) in {os.getuid(), _ROOT}


def _user_of(client: tuple[str, int], server: tuple[str, int]) -> int | None:
    """Return the id of the user who owns the client's end of a connection; None if it is closed or elsewhere."""
    ends = [list(pair) for pair in zip(_forms(*client), _forms(*server), strict=True)]
    for table in ("tcp", "tcp6"):
        for line in _lines(table):
            fields = line.split()
            # A socket that its process has closed belongs to root, so its state matters.
            if fields[1:3] in ends and fields[3] == _ESTABLISHED:
                return int(fields[7])
    return None


def _lines(table: str) -> list[str]:
    try:
        return Path("/proc/net", table).read_text(encoding="ascii").splitlines()[1:]
    except FileNotFoundError:  # a system without IPv6
        return []


def _forms(host: str, port: int) -> Iterator[str]:
    """Yield an address as the tables contain it: as it is, and, for IPv4, as an IPv6 socket sees it."""
    address = ipaddress.ip_address(host)
    forms = [address]
    if isinstance(address, ipaddress.IPv4Address):
        forms.append(ipaddress.ip_address(f"::ffff:{address}"))
    for packed in (form.packed for form in forms):
        words = [packed[i : i + 4] for i in range(0, len(packed), 4)]
        yield "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words) + f":{port:04X}"
