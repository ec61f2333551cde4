"""Public IP addresses to put into made-up traffic, so that looking up their country finds something."""

import ipaddress
from collections.abc import Sequence
from pathlib import Path
from random import Random

WELL_KNOWN = (
    *("8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "149.112.112.112"),
    *("208.67.222.222", "208.67.220.220", "64.6.64.6", "76.76.2.0", "77.88.8.8", "77.88.8.1"),
    *("94.140.14.14", "94.140.15.15", "185.228.168.9", "84.200.69.80", "80.80.80.80", "195.46.39.39"),
    *("114.114.114.114", "223.5.5.5", "180.76.76.76", "168.95.1.1", "168.126.63.1", "164.124.101.2"),
    *("200.221.11.100", "196.43.46.190", "203.50.2.71", "2606:4700:4700::1111", "2001:4860:4860::8888"),
)
"""Addresses of public DNS resolvers in a dozen countries: everybody knows them. Nothing is sent to them."""

_TRIES_EACH = 200


def pick_addresses(random: Random, count: int, database: Path | None) -> Sequence[str]:
    """Addresses out of the networks of a MaxMind database that have a country; without one, the well-known ones.

    Raises OSError or maxminddb.InvalidDatabaseError where the database cannot be read. Equal seeds pick equally.
    """
    if database is None:
        return WELL_KNOWN
    import maxminddb

    picked: list[str] = []
    with maxminddb.open_database(database) as reader:
        for _ in range(count * _TRIES_EACH):
            address = ipaddress.IPv4Address(random.getrandbits(32))
            record = reader.get(address) if address.is_global and not address.is_multicast else None
            if isinstance(record, dict) and ("country" in record or "country_code" in record):
                picked.append(str(address))
                if len(picked) == count:
                    break
    return picked or WELL_KNOWN
