"""Hosts to which a server must not direct the client: they reveal a machine's credentials to its own processes."""

from __future__ import annotations

import ipaddress

_METADATA = frozenset(
    {
        ipaddress.ip_address("fd00:ec2::254"),  # AWS
        ipaddress.ip_address("fd20:ce::254"),  # Google Cloud
        ipaddress.ip_address("100.100.100.200"),  # Alibaba Cloud
    }
)
"""Metadata services of clouds; 169.254.169.254 is covered as a link-local address."""

_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal"})


def is_off_limits(host: str) -> bool:
    """Whether a host is link-local, or a cloud's metadata service. Loopback and private networks are not.

    >>> [is_off_limits(host) for host in ("169.254.169.254", "::ffff:169.254.0.1", "fe80::1", "127.0.0.1", "10.0.0.1")]
    [True, True, True, False, False]
    """
    name = host.lower().rstrip(".")
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name in _METADATA_NAMES
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_link_local or (mapped or address) in _METADATA
