"""The client's address: the peer's, or what configured proxies say of it. Nothing else in a request is believed."""

import ipaddress
from collections.abc import Sequence
from typing import TypeAlias

from aiohttp import web

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class ClientAddress:
    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        self._trusted: tuple[Network, ...] = tuple(ipaddress.ip_network(n, strict=False) for n in trusted_proxies)

    def of(self, request: web.Request) -> str | None:
        """The address as text, or None when there is no peer address (a Unix socket)."""
        peer = request.remote
        if not self._trusted or peer is None or not self._is_trusted(peer):
            return peer
        hops = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
        # From the right: what a trusted proxy added is true, what stands left of it is hearsay.
        for hop in reversed([hop.strip() for hop in hops if hop.strip()]):
            if not _is_address(hop):
                return peer
            if not self._is_trusted(hop):
                return hop
        return peer

    def _is_trusted(self, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        return any(address in network for network in self._trusted if network.version == address.version)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
