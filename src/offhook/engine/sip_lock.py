"""Media from nobody but the trunk: a filter in the kernel on the sockets that the SIP stack has opened for a call (Linux).

The stack takes RTP from whoever sends it to the right port. The gate knows both: the port, since it hands the stack's answer on, and whose
media it should be. A classic BPF program on the socket lets through what comes from there; the rest is dropped before anybody reads it.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final

SO_ATTACH_FILTER: Final = 26
_SOURCE: Final = 0xFFFFFFFF - 0x100000 + 1 + 12
"""The source address in the IPv4 header, whatever the socket sees first (SKF_NET_OFF)."""
_LOAD, _AND, _EQUAL, _RETURN = 0x20, 0x54, 0x15, 0x06
_ALL: Final = 0xFFFFFFFF
MOST: Final = 60
"""Networks of a filter."""


def program(networks: Iterable[IPv4Network]) -> bytes:
    """Lets a packet through whose source is in one of the networks."""
    steps: list[tuple[int, int, int, int]] = []
    for network in list(networks)[:MOST]:
        mask, wanted = int(network.netmask), int(network.network_address)
        steps += [(_LOAD, 0, 0, _SOURCE), (_AND, 0, 0, mask), (_EQUAL, 0, 1, wanted), (_RETURN, 0, 0, _ALL)]
    steps.append((_RETURN, 0, 0, 0))
    return b"".join(struct.pack("HBBI", *step) for step in steps)


def lock(port: int, networks: Iterable[IPv4Network]) -> bool:
    """Filter this process's sockets for RTP and RTCP at a port; False where they are not found or cannot be filtered."""
    code = program(networks)
    buffer = ctypes.create_string_buffer(code, len(code))
    attached = struct.pack("HP", len(code) // 8, ctypes.addressof(buffer))
    found = 0
    for descriptor in _of(frozenset({port, port + 1})):
        try:
            with socket.socket(fileno=os.dup(descriptor)) as one:  # the stack's own stays as it is
                if one.type == socket.SOCK_DGRAM and one.getsockname()[1] in {port, port + 1}:
                    one.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, attached)
                    found += 1
        except OSError:
            continue
    return found > 0


def _of(ports: frozenset[int]) -> Iterator[int]:
    """Descriptors of this process's UDP sockets at some ports."""
    try:
        lines = Path("/proc/self/net/udp").read_text(encoding="ascii").splitlines()[1:]
        rows = [line.split() for line in lines]
        inodes = {f"socket:[{row[9]}]" for row in rows if int(row[1].rpartition(":")[2], 16) in ports}
        links = list(Path("/proc/self/fd").iterdir()) if inodes else []
    except (OSError, ValueError, IndexError):
        return
    for link in links:
        try:
            if str(link.readlink()) in inodes:
                yield int(link.name)
        except OSError:
            continue
