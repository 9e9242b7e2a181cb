"""Which hosts the commands in a sandbox may reach: what the setting `sandbox_domains` means."""

import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from antiphon.errors import SettingsError
from antiphon.policy.addresses import Addresses, IPAddress, Network, Resolve

DEFAULT_PORTS = frozenset({80, 443})
"""What an entry without a port means."""
_LOOPBACK: tuple[Network, ...] = (ipaddress.IPv4Network("127.0.0.0/8"), ipaddress.IPv6Network("::1/128"))
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMBER = re.compile(r"(?:.*\.)?(?:0x[0-9a-f]*|[0-9]+)")
_PLACE = re.compile(r"(?:\[(?P<inner>[^\[\]\s]+)\]|(?P<host>[^\[\]:\s]+))(?::(?P<port>[0-9]{1,5}))?")


class NotListed(Exception):
    """No entry of `sandbox_domains` names this host and port; the message says so."""


@dataclass(frozen=True, slots=True)
class Place:
    """A host and a port.

    Attributes:
        host: a name in lower case without a last dot, or an address in its usual form.
        port: from 1.
    """

    host: str
    port: int

    @property
    def address(self) -> IPAddress | None:
        """The address that the host is, if it is no name."""
        return _address(self.host)

    @property
    def entry(self) -> str:
        """What `sandbox_domains` would have to say to allow it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port in DEFAULT_PORTS else f"{host}:{self.port}"


def place_of(text: str, default_port: int | None) -> Place | None:
    """Return the place that `host:port` or `[address]:port` means; None when it means none.

    Other spellings of an address (`127.1`, `0x7f000001`, `[::ffff:127.0.0.1]`) become the address, as they would on
    the way to it.
    """
    match = _PLACE.fullmatch(text)
    if match is None:
        return None
    port = int(match["port"]) if match["port"] else default_port
    if port is None or not 0 < port < 65536:
        return None
    host = _host(match["host"]) if match["inner"] is None else _bracketed(match["inner"])
    return None if host is None else Place(host, port)


def _host(text: str) -> str | None:
    name = text.lower().removesuffix(".")
    if _NUMBER.fullmatch(name):
        # Whatever ends in a number is an address for those who look names up, or nothing: https://url.spec.whatwg.org
        try:
            return str(ipaddress.IPv4Address(socket.inet_aton(name)))
        except OSError:
            return None
    return name if len(name) <= 253 and _NAME.fullmatch(name) else None


def _bracketed(text: str) -> str | None:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return None
    return None if address.scope_id else str(address.ipv4_mapped or address)


def _address(text: str) -> IPAddress | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry: a name, all names below one (or all there are, `*`), or a network."""

    ports: frozenset[int]
    name: str = ""
    below: bool = False
    network: Network | None = None

    def names(self, place: Place, address: IPAddress | None) -> bool:
        if place.port not in self.ports:
            return False
        if self.network is not None:
            return address is not None and address in self.network
        if address is not None:
            return False
        return place.host.endswith(self.name) if self.below else place.host == self.name


class Domains:
    """The hosts that may be reached.

    An entry is a host (`pypi.org`), all hosts below one (`*.example.com`), all hosts (`*`), an address or a network
    (`10.1.0.0/16`, `[fd00::1]`), each with a port or without, which means 80 and 443. A name never leads to an address
    that is not public, unless another entry lists that address; `localhost` lists this machine.
    """

    def __init__(self, entries: Sequence[str], resolve: Resolve) -> None:
        """Understand the entries.

        Raises:
            SettingsError: one cannot be understood.
        """
        self._entries = [_entry(text) for text in entries]
        self._resolve = resolve

    @property
    def direct(self) -> str:
        """What is reached without the proxy: the loopback of the sandbox, unless that of this machine is listed."""
        machine = any(
            _names_this_machine(entry.name) or any(_overlap(entry.network, loopback) for loopback in _LOOPBACK)
            for entry in self._entries
        )
        return "" if machine else "localhost,127.0.0.1,::1"

    async def addresses(self, place: Place) -> Sequence[str]:
        """Look a host up, once, and return the addresses to connect to.

        Raises:
            NotListed: no entry names it.
            ForbiddenAddress: it has an address that is not public and not listed.
            OSError: it was not found.
        """
        # A name that is not listed is not looked up either: to ask for it would be a way out.
        if not any(entry.names(place, place.address) for entry in self._entries):
            raise NotListed(f"{place.entry} is not among the hosts that commands in the sandbox may reach.")
        allowed = [str(entry.network) for entry in self._entries if entry.network and place.port in entry.ports]
        if _names_this_machine(place.host):
            allowed += [str(network) for network in _LOOPBACK]
        return await Addresses(allowed=allowed, resolve=self._resolve).of(place.host, place.port)


def _names_this_machine(name: str) -> bool:
    return name == "localhost" or name.endswith(".localhost")


def _overlap(one: Network | None, other: Network) -> bool:
    if isinstance(one, ipaddress.IPv4Network):
        return isinstance(other, ipaddress.IPv4Network) and one.overlaps(other)
    return one is not None and isinstance(other, ipaddress.IPv6Network) and one.overlaps(other)


def _entry(text: str) -> _Entry:
    given = text.strip().lower()
    match = _PLACE.fullmatch(given)
    if match is None:
        network = _network(given)  # of version 6, as nobody writes it with a port
        if network is None:
            raise _unusable(text)
        return _Entry(DEFAULT_PORTS, network=network)
    if match["port"] and not 0 < int(match["port"]) < 65536:
        raise _unusable(text)
    ports = frozenset({int(match["port"])}) if match["port"] else DEFAULT_PORTS
    host = match["inner"] or match["host"]
    network = _network(host)
    if network is not None:
        return _Entry(ports, network=network)
    if host == "*":
        return _Entry(ports, name="", below=True)
    below = host.startswith("*.")
    try:
        name = host.removeprefix("*.").removesuffix(".").encode("idna").decode("ascii")
    except UnicodeError:
        raise _unusable(text) from None
    if match["inner"] or not _NAME.fullmatch(name) or _NUMBER.fullmatch(name):
        raise _unusable(text)
    return _Entry(ports, name=f".{name}" if below else name, below=below)


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _unusable(text: str) -> SettingsError:
    return SettingsError(
        f"sandbox_domains: {text!r} is no host. Wanted is `pypi.org`, `*.example.com`, an address or a network, "
        "each with `:port` behind it or without; no scheme, no path."
    )
