"""Where a name of the network leads, and whether that is the internet: for whoever calls what a stranger names.

Whoever chooses an address must not make firedoor call this machine, its network, or a cloud's metadata service.
"""

import ipaddress
import socket
from collections.abc import Sequence

#: Addresses inside these stand for an IPv4 address: NAT64, 6to4.
_NAT64, _SIX_TO_FOUR = ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("2002::/16")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def addresses(host: str) -> Sequence[str]:
    """The addresses of a host, as the system's resolver tells them. Raises `OSError`."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(one[4][0]) for one in found))


def public(address: Address) -> bool:
    """Does an address belong to the internet: not to this machine, this network, or a cloud's metadata service?"""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped
        if address in _NAT64:
            inner = ipaddress.IPv4Address(address.packed[-4:])
        elif address in _SIX_TO_FOUR:
            inner = ipaddress.IPv4Address(address.packed[2:6])
        if inner is not None:
            return public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved
