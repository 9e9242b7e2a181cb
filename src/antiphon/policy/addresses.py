"""Which network addresses a fetch may reach: the public ones, and what the user allowed besides.

A page or a model must not be able to ask what only this machine can: its own services, its network, the metadata
service of its cloud. A name is looked up once, every address it has is checked, and the connection goes to one of
those, so an answer that changes in between changes nothing. Knows addresses; knows no HTTP.
"""

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import anyio

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Looks up the addresses of a host and port, as text."""

# https://www.iana.org/assignments/iana-ipv4-special-registry, and two that are special without being in it.
_NOT_PUBLIC: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/8", "this network"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared by a provider (CGNAT)"),
    ("127.0.0.0/8", "this machine (loopback)"),
    ("168.63.129.16/32", "Azure's host"),
    ("169.254.0.0/16", "link-local, where clouds keep their metadata"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved for protocols"),
    ("192.0.2.0/24", "for documentation"),
    ("192.31.196.0/24", "for AS112"),
    ("192.52.193.0/24", "for AMT"),
    ("192.88.99.0/24", "a 6to4 relay"),
    ("192.168.0.0/16", "private"),
    ("192.175.48.0/24", "for AS112"),
    ("198.18.0.0/15", "for benchmarks"),
    ("198.51.100.0/24", "for documentation"),
    ("203.0.113.0/24", "for documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    # Of IPv6 only 2000::/3 is public at all; these are parts of it, or have names worth telling.
    ("::/128", "this machine (unspecified)"),
    ("::1/128", "this machine (loopback)"),
    ("fc00::/7", "private"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "private (site-local)"),
    ("ff00::/8", "multicast"),
    ("2001::/23", "reserved for protocols"),
    ("2001:db8::/32", "for documentation"),
    ("2620:4f:8000::/48", "for AS112"),
    ("3fff::/20", "for documentation"),
)
_SPECIAL: tuple[tuple[Network, str], ...] = tuple((ipaddress.ip_network(text), what) for text, what in _NOT_PUBLIC)
_PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_6TO4 = ipaddress.IPv6Network("2002::/16")
_ISATAP = {0x00005EFE, 0x02005EFE}


class ForbiddenAddress(Exception):
    """A host may not be reached; the message says which, and why."""


def why_not_public(address: IPAddress) -> str | None:
    """Return what an address is, if it is not public; None if it is."""
    for network, what in _SPECIAL:
        if address in network:
            return what
    if isinstance(address, ipaddress.IPv4Address):
        return None
    inner = _inside(address)
    if inner is not None:
        what = why_not_public(inner)
        return what and f"{what}, as {inner}"
    return None if address in _PUBLIC_V6 else "not public"


def _inside(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for: mapped, 6to4, NAT64, ISATAP."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _6TO4:
        return ipaddress.IPv4Address(int(address) >> 80 & 0xFFFFFFFF)
    if int(address) >> 32 & 0xFFFFFFFF in _ISATAP:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


async def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """Ask the system for the addresses of a host; an address is its own."""
    literal = host.strip("[]")
    try:
        ipaddress.ip_address(literal)
    except ValueError:
        pass
    else:
        return [literal]
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(place[4][0]) for place in found]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Which addresses may be reached.

    Attributes:
        allow_private: any address, this machine's own too.
        allowed: hosts (`wiki.example`, `localhost`) and networks (`10.1.0.0/16`, `127.0.0.1`) that may be reached
            although they are not public.
        resolve: looks names up.
    """

    allow_private: bool = False
    allowed: Sequence[str] = ()
    resolve: Resolve = resolve_by_system
    _hosts: frozenset[str] = field(init=False, repr=False)
    _networks: tuple[Network, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        hosts: list[str] = []
        networks: list[Network] = []
        for entry in self.allowed:
            try:
                networks.append(ipaddress.ip_network(entry.strip("[]"), strict=False))
            except ValueError:
                hosts.append(_bare(entry))
        object.__setattr__(self, "_hosts", frozenset(hosts))
        object.__setattr__(self, "_networks", tuple(networks))

    async def of(self, host: str, port: int) -> Sequence[str]:
        """Look a host up, once, and return its addresses in the order to try them.

        Raises:
            ForbiddenAddress: one of them may not be reached. A name with a public and a private address is a trap.
            OSError: the name does not resolve.
        """
        found = list(dict.fromkeys(await self.resolve(host, port)))
        if not found:
            raise OSError(f"{host} has no address")
        if not self.allow_private and _bare(host) not in self._hosts:
            for text in found:
                self._check(host, text)
        return found

    def _check(self, host: str, text: str) -> None:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            raise ForbiddenAddress(f"{host} has an address that is none: {text!r}") from None
        what = why_not_public(address)
        if what is not None and not any(address in network for network in self._networks):
            where = f"{host} is at {text}, which" if host.strip("[]") != text else text
            raise ForbiddenAddress(f"{where} is not a public address ({what}), and the user did not allow it")


def _bare(host: str) -> str:
    return host.strip().rstrip(".").lower()
