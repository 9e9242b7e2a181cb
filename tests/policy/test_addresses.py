import ipaddress
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.policy.addresses import Addresses, ForbiddenAddress, why_not_public

PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "172.15.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450:4001::1"]
NOT_PUBLIC = {
    "0.0.0.0": "this network",
    "0.1.2.3": "this network",
    "10.0.0.1": "private",
    "100.64.0.1": "CGNAT",
    "100.100.100.200": "CGNAT",  # Alibaba's metadata
    "127.0.0.1": "loopback",
    "127.255.0.1": "loopback",
    "168.63.129.16": "Azure",
    "169.254.169.254": "link-local",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.192": "protocols",  # Oracle's metadata
    "192.0.2.1": "documentation",
    "192.168.1.1": "private",
    "198.18.0.1": "benchmarks",
    "224.0.0.1": "multicast",
    "239.255.255.250": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "::": "unspecified",
    "::1": "loopback",
    "fd00:ec2::254": "private",  # Amazon's metadata
    "fd20:ce::254": "private",  # Google's
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
    "2001:db8::1": "documentation",
    "2001::1": "protocols",  # Teredo
    "::127.0.0.1": "not public",
    "::ffff:127.0.0.1": "loopback",
    "::ffff:169.254.169.254": "link-local",
    "::ffff:0:127.0.0.1": "not public",
    "64:ff9b::127.0.0.1": "loopback",
    "64:ff9b::a9fe:a9fe": "link-local",
    "64:ff9b:1::1": "not public",
    "2002:7f00:1::": "loopback",
    "2002:a9fe:a9fe::1": "link-local",
    "2606:4700::5efe:127.0.0.1": "loopback",
    "2606:4700::200:5efe:10.0.0.1": "private",
    "100::1": "not public",
    "4000::1": "not public",
}


@pytest.mark.parametrize("text", PUBLIC)
def test_it_is_public(text: str) -> None:
    assert why_not_public(ipaddress.ip_address(text)) is None


@pytest.mark.parametrize(("text", "why"), NOT_PUBLIC.items())
def test_it_is_not_public(text: str, why: str) -> None:
    assert why in (why_not_public(ipaddress.ip_address(text)) or "")


@pytest.mark.parametrize("text", ["::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::"])
def test_a_public_address_in_another_form_is_public(text: str) -> None:
    assert why_not_public(ipaddress.ip_address(text)) is None


@given(st.ip_addresses())
def test_nothing_that_python_calls_private_is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if why_not_public(address) is None:
        assert not address.is_loopback
        assert not address.is_link_local
        assert not address.is_multicast
        assert not address.is_private or isinstance(address, ipaddress.IPv6Address)


def answering(*addresses: str) -> "Lookup":
    return Lookup(list(addresses))


class Lookup:
    """Answers every name with the same addresses, and counts."""

    def __init__(self, addresses: list[str]) -> None:
        self.addresses = addresses
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.addresses


async def test_a_name_is_looked_up_once_and_its_addresses_returned_in_order() -> None:
    lookup = answering("8.8.8.8", "2606:4700::1111", "8.8.8.8")
    assert await Addresses(resolve=lookup).of("dns.example", 443) == ["8.8.8.8", "2606:4700::1111"]
    assert lookup.asked == [("dns.example", 443)]


async def test_one_private_address_among_public_ones_is_refused() -> None:
    with pytest.raises(ForbiddenAddress, match=r"dns\.example is at 10\.0\.0\.1, which is not a public address"):
        await Addresses(resolve=answering("8.8.8.8", "10.0.0.1")).of("dns.example", 443)


async def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ForbiddenAddress):
        await Addresses(resolve=answering("/tmp/socket")).of("dns.example", 443)


async def test_a_name_without_addresses_is_not_found() -> None:
    with pytest.raises(OSError, match="has no address"):
        await Addresses(resolve=answering()).of("dns.example", 443)


@pytest.mark.parametrize("allowed", ["wiki.example", "WIKI.example.", "10.0.0.0/8", "10.1.2.3", "10.1.2.3/16"])
async def test_what_the_user_allowed_may_be_reached(allowed: str) -> None:
    addresses = Addresses(allowed=[allowed], resolve=answering("10.1.2.3"))
    assert await addresses.of("Wiki.Example", 80) == ["10.1.2.3"]


@pytest.mark.parametrize("allowed", ["iki.example", "example", "10.2.0.0/16", "127.0.0.1", "fe80::/10"])
async def test_and_nothing_besides(allowed: str) -> None:
    with pytest.raises(ForbiddenAddress):
        await Addresses(allowed=[allowed], resolve=answering("10.1.2.3")).of("wiki.example", 80)


async def test_all_can_be_allowed() -> None:
    assert await Addresses(allow_private=True, resolve=answering("127.0.0.1")).of("x", 80) == ["127.0.0.1"]


@pytest.mark.parametrize("host", ["localhost", "127.1", "0x7f.1", "2130706433", "017700000001", "::1"])
async def test_this_machine_is_recognised_in_every_spelling_the_system_knows(host: str) -> None:
    with pytest.raises(ForbiddenAddress, match="loopback"):
        await Addresses().of(host, 80)
