"""Ports for peers that are told which to take: below those that the kernel and the stack's media choose from, a block for each process.

A port that is probed and given back can be anybody's a moment later. One of these stays this process's.
"""

from __future__ import annotations

import fcntl
import socket
import tempfile
from pathlib import Path
from typing import IO

import anyio

FIRST, LAST, EACH = 10_240, 19_968, 256


class Ports:
    """A block of them, which nobody else takes while this process lives; the longest unused comes first."""

    def __init__(self) -> None:
        self._lock, self._first = _block()
        self._next = 0

    def take(self, count: int) -> int:
        """The first of ``count`` free ports; an even one where they are several."""
        for _ in range(EACH):
            self._next += self._next % 2 if count > 1 else 0
            at = self._next if self._next + count <= EACH else 0
            self._next = at + count
            if all(_free(self._first + at + n) for n in range(count)):
                return self._first + at
        raise AssertionError("no port is free")


def _block() -> tuple[IO[bytes], int]:
    for first in range(FIRST, LAST, EACH):
        try:
            lock = (Path(tempfile.gettempdir()) / f"offhook-ports-{first}.lock").open("wb")
        except PermissionError:  # another user's
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        return lock, first
    raise AssertionError("more processes run tests than there are ports for")


def _free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


_ports: list[Ports] = []


def free_port(count: int = 1) -> int:
    """A port that nobody has; the first of several, an even one."""
    if not _ports:
        _ports.append(Ports())
    return _ports[0].take(count)


def _has(process: int, port: int) -> bool:
    """Whether a process has a UDP port."""
    rows = [row.split() for row in Path("/proc/net/udp").read_text().splitlines()[1:]]
    wanted = {f"socket:[{row[9]}]" for row in rows if int(row[1].rpartition(":")[2], 16) == port}
    if not wanted:
        return False
    folder = Path(f"/proc/{process}/fd")
    for one in folder.iterdir():
        try:
            if str(one.readlink()) in wanted:
                return True
        except FileNotFoundError:  # closed meanwhile
            continue
    return False


async def taken(process: anyio.abc.Process, port: int) -> bool:
    """Wait until this process, and no other, has the port; false where it has ended before."""
    with anyio.fail_after(150):
        while process.returncode is None:
            try:
                if _has(process.pid, port):
                    return True
            except FileNotFoundError:  # it has ended
                return False
            await anyio.sleep(0.02)
    return False
