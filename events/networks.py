"""Networks as people write them: one spelling each, and whether an address lies inside."""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, TypeAlias

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_MAPPED: Final = 96  # bits of `::ffff:0:0`


def canonical(text: str) -> str | None:
    """An address or a prefix in its one spelling, with its length; None for anything else and for set host bits."""
    if "%" in text:
        return None  # a zone means something on one host only
    try:
        return str(_as_ipv4(ipaddress.ip_network(text, strict=True)))
    except ValueError:
        return None


def _as_ipv4(network: Network) -> Network:
    """What a dual-stack socket calls `::ffff:…`; addresses are held against it in the same way."""
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    if mapped is None or network.prefixlen < _MAPPED:
        return network
    return ipaddress.IPv4Network((mapped, network.prefixlen - _MAPPED))


def contains(networks: Sequence[str], address: str | None) -> bool:
    """Does the address lie in one of them? An address that is not known lies nowhere."""
    found = _address(address) if address is not None else None
    return found is not None and any(found in network for network in _parsed(tuple(networks)))


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # What a dual-stack socket says of an IPv4 peer.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


@lru_cache(maxsize=4096)
def _parsed(networks: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(network) for network in networks)
