"""Finding ports of the loopback interface that nothing listens on."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence


class PortTaken(Exception):
    """A port that was asked for is in use. Stop its owner, or choose another port (or port base)."""


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether a server could bind `port` of `host` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def free_ports(count: int) -> list[int]:
    """Give `count` different ports that were free a moment ago, as the kernel chooses them."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def free_base(wanted: int, offsets: Sequence[int], *, step: int = 100, tries: int = 50) -> int:
    """Give the first base at or above `wanted`, in steps, at which every `base + offset` is free.

    Raises `PortTaken` after `tries` bases.
    """
    for base in range(wanted, min(wanted + step * tries, 65_536 - max(offsets)), step):
        if all(is_free(base + offset) for offset in offsets):
            return base
    raise PortTaken(f"no free block of ports from {wanted} on; choose another port base")


def require_free(ports: Iterable[tuple[str, int]]) -> None:
    """Raise `PortTaken`, naming each of the (what it is for, port) pairs whose port is in use."""
    taken = [f"{port} ({name})" for name, port in ports if not is_free(port)]
    if taken:
        raise PortTaken(f"in use on 127.0.0.1: {', '.join(taken)}; stop what listens there or choose other ports")
