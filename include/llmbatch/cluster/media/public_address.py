"""Which network addresses are of the public internet."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_OTHERS = tuple(
    ip_network(text)
    for text in (
        "168.63.129.16/32",  # where Azure's machines ask about themselves: public, but only they reach it
        "192.0.0.0/24",  # protocols; earlier releases of Python's ipaddress count most of it as public
        "64:ff9b::/96",  # translators (NAT64) lead from here to any IPv4 address
        "64:ff9b:1::/48",
    )
)
"""What ``ipaddress`` counts as public, in some release at least, and what is not for a row."""


class NotPublicError(OSError):
    """A name leads to an address that is not of the public internet."""


def require_public(text: str) -> None:
    """Check an address as a socket will get it.

    Raises:
        NotPublicError: it is private, of this machine or of this link, or not written as an address is.
    """
    try:
        address = ip_address(text)
    except ValueError:
        raise NotPublicError("not an address") from None
    if not is_public(address):
        raise NotPublicError("not a public address")


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address, or the IPv4 address inside it, is of the public internet."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            address = inner
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    return not any(address in network for network in _OTHERS)
