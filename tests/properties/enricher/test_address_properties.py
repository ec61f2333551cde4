"""Addresses read by the operating system are those that Python's `ipaddress` reads."""

import ipaddress

from hypothesis import example, given
from hypothesis import strategies as st

from enricher.geo import ipv4_octets, is_address, parse_address
from enricher.masking import REDACTED, truncate_address

PARTS = st.one_of(st.integers(0, 300).map(str), st.sampled_from(["", "00", "01", "0x1", "٣", "256", "1 ", "-1", "1e0"]))
ALMOST_ADDRESSES = st.lists(PARTS, min_size=1, max_size=5).map(".".join)
ADDRESSES = st.one_of(st.ip_addresses().map(str), ALMOST_ADDRESSES, st.text(max_size=20))


@given(ADDRESSES)
@example("1.2.3.4\0")
@example("1.2.3.4\n")
@example("\ud800")
def test_the_fast_way_to_read_an_address_takes_what_ipaddress_takes(text: str) -> None:
    """Neither more (a leading zero is octal to some) nor less."""
    try:
        expected = ipaddress.IPv4Address(text).packed
    except ValueError:
        expected = None
    assert ipv4_octets(text) == expected
    assert is_address(text) == (parse_address(text) is not None)


@given(ADDRESSES)
def test_a_truncated_address_is_its_network(text: str) -> None:
    """/24 of IPv4 and of IPv4 mapped into IPv6, /48 of IPv6; redacted what is no address."""
    address = parse_address(text)
    if address is None:
        assert truncate_address(text) == REDACTED
    else:
        network = ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False)
        assert truncate_address(text) == str(network.network_address)
