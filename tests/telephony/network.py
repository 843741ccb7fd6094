"""A bad network between two network namespaces: loss, bursts, delay, jitter, reordering and blackouts, of UDP and TCP alike.

Two TUN devices, one in each namespace; what one is given is written to the other when it is due, or never. Nothing of this needs netem.
Only root may make namespaces; where that cannot be done, ``needs_namespaces`` skips.

::

    async with network() as net:
        with net.inside("a"):
            listener = socket.create_server((net.a, 0))
        net.way = Way(loss=0.05, jitter=0.05)
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import heapq
import itertools
import os
import shutil
import struct
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final, Literal

import pytest

Side = Literal["a", "b"]
_TUNSETIFF: Final = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_CLONE_NEWNET: Final = 0x40000000
_LARGEST: Final = 65_536
LOCAL: Final = Path("/proc/sys/net/ipv4/conf/all/route_localnet")
_libc = ctypes.CDLL(None, use_errno=True)
_count = itertools.count()


def _why_not() -> str:
    """Why namespaces cannot be made here; empty if they can."""
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    if not Path("/dev/net/tun").exists():
        return "there is no /dev/net/tun"
    if shutil.which("ip") is None:
        return "there is no ip (iproute2)"
    probe = f"offhook-probe-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", probe], check=False, capture_output=True).returncode:
        return "network namespaces cannot be made here"
    subprocess.run(["ip", "netns", "delete", probe], check=False, capture_output=True)
    return ""


WHY_NOT: Final = _why_not()
needs_namespaces = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)


@dataclass(frozen=True, slots=True)
class Way:
    """What befalls packets, each way. Times are seconds."""

    loss: float = 0.0
    burst: float = 1.0
    """Packets that are lost in a row, on average."""
    delay: float = 0.0
    jitter: float = 0.0
    """Up to so much more, evenly."""
    ordered: bool = True
    """Packets come in the order in which they were sent, as on most lines."""


@dataclass
class Network:
    """``way`` may be changed at any time; ``dark`` loses everything."""

    names: dict[Side, str]
    devices: dict[Side, int]
    a: str
    b: str
    way: Way = field(default_factory=Way)
    dark: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    chance: Random = field(default_factory=lambda: Random(7))
    _due: list[tuple[float, int, Side, bytes]] = field(default_factory=list)
    _number: Iterator[int] = field(default_factory=itertools.count)
    _last: dict[Side, float] = field(default_factory=lambda: {"a": 0.0, "b": 0.0})
    _losing: dict[Side, bool] = field(default_factory=lambda: {"a": False, "b": False})
    _timer: asyncio.TimerHandle | None = None

    @contextmanager
    def inside(self, side: Side) -> Iterator[None]:
        """Sockets that are made here, by this thread, are in that namespace, and stay there."""
        with Path("/proc/self/ns/net").open("rb") as home, Path(f"/run/netns/{self.names[side]}").open("rb") as there:
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    def begin(self) -> None:
        """Carry packets from now on."""
        loop = asyncio.get_running_loop()
        for side, device in self.devices.items():
            loop.add_reader(device, self._read, side)

    def end(self) -> None:
        """Carry no more; the devices are gone."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
        for device in self.devices.values():
            loop.remove_reader(device)
            os.close(device)

    def _read(self, side: Side) -> None:
        with suppress(BlockingIOError):
            while True:
                self._take(side, os.read(self.devices[side], _LARGEST))

    def _take(self, side: Side, packet: bytes) -> None:
        self.counts["sent"] += 1
        if self.dark or self._lost(side):
            self.counts["lost"] += 1
            return
        now = asyncio.get_running_loop().time()
        due = now + self.way.delay + self.way.jitter * self.chance.random()
        if self.way.ordered:
            due = self._last[side] = max(due, self._last[side])
        if due <= now:
            self._put(side, packet)
            return
        heapq.heappush(self._due, (due, next(self._number), side, packet))
        self._wake()

    def _lost(self, side: Side) -> bool:
        """Two states: a run of lost packets ends with the chance that makes it as long as asked for, on average."""
        way = self.way
        if self._losing[side]:
            self._losing[side] = self.chance.random() >= 1 / way.burst
        elif way.loss and self.chance.random() < (way.loss if way.burst == 1 else way.loss / way.burst / (1 - way.loss)):
            self._losing[side] = way.burst > 1
            return True
        return self._losing[side]

    def _wake(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(self._due[0][0], self._deliver) if self._due else None

    def _deliver(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._due and self._due[0][0] <= now:
            _, _, side, packet = heapq.heappop(self._due)
            self._put(side, packet)
        self._timer = None
        self._wake()

    @property
    def settled(self) -> bool:
        """Whether nothing is under way."""
        return not self._due

    def _put(self, side: Side, packet: bytes) -> None:
        with suppress(BlockingIOError, OSError):
            os.write(self.devices["b" if side == "a" else "a"], packet)


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def _device(name: str) -> int:
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return device


@asynccontextmanager
async def network(**way: Any) -> AsyncIterator[Network]:
    """Two namespaces with a network of this ``way`` between them."""
    mark = f"{os.getpid() % 100_000}{next(_count)}"
    names: dict[Side, str] = {"a": f"offhook-a-{mark}", "b": f"offhook-b-{mark}"}
    addresses: dict[Side, str] = {"a": "127.98.0.1", "b": "127.98.0.2"}
    with ExitStack() as stack:
        devices: dict[Side, int] = {}
        for side, name in names.items():
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "delete", name)
            devices[side] = _device(f"t{side}{mark}"[:15])
            _ip("link", "set", f"t{side}{mark}"[:15], "netns", name)
            other = addresses["b" if side == "a" else "a"]
            _ip("-n", name, "addr", "add", addresses[side], "peer", other, "dev", f"t{side}{mark}"[:15])
            _ip("-n", name, "link", "set", f"t{side}{mark}"[:15], "up")
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "route", "replace", "local", "127.0.0.0/16", "dev", "lo", "table", "local", "src", "127.0.0.1")
            _ip("-n", name, "route", "delete", "local", "127.0.0.0/8", "dev", "lo", "table", "local")
        made = Network(names, devices, addresses["a"], addresses["b"], Way(**way))
        for side in names:  # the addresses are this machine's own, whoever looks; the kernel carries such only when told to
            with made.inside(side):
                LOCAL.write_text("1")
        made.begin()
        try:
            yield made
        finally:
            made.end()
