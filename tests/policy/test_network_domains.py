import re
from collections.abc import Sequence
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proxied_site import Names, asked, connect, status_of

from antiphon.errors import SettingsError
from antiphon.policy.sandbox.network import DomainProxy
from antiphon.policy.sandbox.network_domains import Domains, NotListed, Place, place_of

LISTED = ["pypi.org", "*.example.com", "deep.example:8443", "bücher.example", "*.onport.example:81"]


@pytest.mark.parametrize(
    "place",
    [
        *("pypi.org:443", "pypi.org:80", "PyPI.ORG:443", "pypi.org.:443", "a.example.com:443", "a.b.example.com:80"),
        *("deep.example:8443", "xn--bcher-kva.example:443", "a.onport.example:81"),
    ],
)
async def test_what_an_entry_names(place: str) -> None:
    async def nobody(_host: str, _port: int) -> Sequence[str]:
        raise OSError("nobody")

    async with DomainProxy(LISTED, resolve=nobody) as proxy:
        assert status_of(await asked(proxy, connect(place))) == 502  # allowed, and then not found


@pytest.mark.parametrize(
    "place",
    [
        *("example.com:443", "pypi.org:8443", "pypi.org:22", "deep.example:443", "xpypi.org:443", "a.pypi.org:443"),
        *("pypi.org.evil.example:443", "aexample.com:443", "example.com.evil.example:443", "a.onport.example:80"),
        *("1.1.1.1:443", "[2606:4700::1111]:443", "127.0.0.1:80", "localhost:80", "16843009:443", "[::1]:443"),
    ],
)
async def test_what_no_entry_names(place: str) -> None:
    async with DomainProxy(LISTED, resolve=Names()) as proxy:
        assert status_of(await asked(proxy, connect(place))) == 403
        assert len(proxy.refused()) == 1


@pytest.mark.parametrize(
    "place",
    [
        *("pypi.org", "pypi.org:", "pypi.org:0", "pypi.org:65536", "pypi.org:443:443", "pypi.org/:443", ":443"),
        *("user@pypi.org:443", "pypi.org\\@evil.example:443", "pypi.org%00.evil.example:443", "pypi..org:443"),
        *("[fe80::1%25eth0]:443", "[pypi.org]:443", "pypi.org#:443", "1.2.3.4.5:443", "0x1ffffffff:443"),
    ],
)
async def test_what_is_no_host_and_port_is_refused_before_it_is_looked_at(place: str) -> None:
    names = Names()
    async with DomainProxy(["*"], resolve=names) as proxy:
        assert status_of(await asked(proxy, connect(place))) == 400
    assert names.asked == []


@pytest.mark.parametrize("place", ["1.1.1.1:443", "16843009:443", "0x01.1.1.1:80", "[2606:4700::1111]:443"])
async def test_all_hosts_are_all_names_and_no_addresses(place: str) -> None:
    async with DomainProxy(["*"]) as proxy:
        assert status_of(await asked(proxy, connect(place))) == 403


@pytest.mark.parametrize(
    "entry",
    ["https://pypi.org", "pypi.org/simple", "pypi.org:0", "a b", "", "*.", "x*y.org", "a..b", "1.2.3", "x:y", "[a.b]"],
)
def test_an_entry_that_is_no_host_is_an_error(entry: str) -> None:
    with pytest.raises(SettingsError, match="sandbox_domains"):
        DomainProxy([entry])


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.0.1", "::1", "fd00::1", "::ffff:127.0.0.1"]
)
async def test_a_listed_name_does_not_lead_to_an_address_that_is_not_public(address: str) -> None:
    async with DomainProxy(["rebind.example"], resolve=Names(rebind_example=[address])) as proxy:
        answer = await asked(proxy, connect("rebind.example:443"))
        assert status_of(answer) == 403
        assert b"not a public address" in answer
        assert proxy.refused() == ("rebind.example",)


ADDRESSES = {
    "[::1]:8080": ("[::1]:8080", "[::1]:80"),
    "[::1]": ("[::1]:443", "[::1]:8080"),
    "fd00::/8": ("[fd12::3]:443", "[fe80::1]:443"),
    "[fd00::/8]:22": ("[fd12::3]:22", "[fd12::3]:443"),
    "10.0.0.0/8:5432": ("10.1.2.3:5432", "10.1.2.3:443"),
    "127.0.0.1:8080": ("127.0.0.1:8080", "127.0.0.2:8080"),
    "1.1.1.1": ("1.1.1.1:443", "1.1.1.2:443"),
}


@pytest.mark.parametrize(("entry", "named", "other"), [(entry, *places) for entry, places in ADDRESSES.items()])
async def test_addresses_and_networks_are_named_with_a_port_or_without(entry: str, named: str, other: str) -> None:
    domains = Domains([entry], Names())
    place = place_of(named, None)
    assert place is not None
    assert await domains.addresses(place) == [place.host]
    place = place_of(other, None)
    assert place is not None
    with pytest.raises(NotListed):
        await domains.addresses(place)


@given(st.ip_addresses(v=4), st.integers(1, 65535), st.sampled_from(["{0}", "0x{1:x}", "{1}", "{0}."]))
def test_an_address_is_an_address_in_every_spelling(address: IPv4Address, port: int, spelling: str) -> None:
    place = place_of(f"{spelling.format(address, int(address))}:{port}", None)
    assert place == Place(str(address), port)
    assert place_of(f"[::ffff:{address}]:{port}", None) == place


@given(st.text(st.sampled_from("a1.-:[]/@%x*\u00df "), max_size=12))
def test_what_is_taken_for_a_place_is_one(text: str) -> None:
    place = place_of(text, 80)
    if place is not None and place.address is None:
        assert re.fullmatch(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?", place.host)
        assert not place.host.rpartition(".")[2].isdecimal()
