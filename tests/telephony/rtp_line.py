"""A caller's end of a SIP call's media, for the caller that books: G.711 over RTP, in the place of a carrier's websocket."""

from __future__ import annotations

import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import anyio
from websockets.asyncio.client import ClientConnection

from offhook.testing.carrier import FRAME, TwilioLine

AHEAD = 3
"""Packets that are gathered before they are played: what a telephone's jitter buffer does."""


class _Nothing:
    async def close(self) -> None:
        """There is no socket to close."""


@dataclass
class RtpLine(TwilioLine):
    """Speaks from the first packet that it gets."""

    line: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    up: anyio.Event = field(default_factory=anyio.Event)
    received: int = 0
    lost: int = 0
    _to: tuple[str, int] | None = None
    _number: int = 0
    _highest: int | None = None
    _early: list[bytes] = field(default_factory=list)

    @property
    def port(self) -> int:
        port: int = self.line.getsockname()[1]
        return port

    @classmethod
    @asynccontextmanager
    async def on_rtp(cls) -> AsyncIterator[RtpLine]:
        line = cls(cast("ClientConnection", _Nothing()), "rtp", "sip")
        line.line.bind(("127.0.0.1", 0))
        line.line.setblocking(False)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(line._hear)
                yield line
                line.closed.set()
                group.cancel_scope.cancel()
        finally:
            line.line.close()

    async def talk(self) -> None:
        """Once the other side is heard: the caller's clock, until the line is closed."""
        await self.up.wait()
        await self._pump()

    async def _send(self, message: dict[str, Any]) -> None:
        if message["event"] != "media" or self._to is None:
            return
        head = bytes((0x80, 0)) + (self._number & 0xFFFF).to_bytes(2, "big") + ((self._number * FRAME) & 0xFFFFFFFF).to_bytes(4, "big")
        self._number += 1
        self.line.sendto(head + b"line" + base64.b64decode(message["media"]["payload"]), self._to)

    async def _hear(self) -> None:
        while True:
            await anyio.wait_readable(self.line)
            data, source = self.line.recvfrom(2_048)
            if len(data) != 12 + FRAME or data[1] & 0x7F:
                continue
            sequence = int.from_bytes(data[2:4], "big")
            if self._highest is not None:
                self.lost += max(0, ((sequence - self._highest) & 0xFFFF) - 1)
            self._highest, self._to = sequence, source
            self.received += 1
            self._early.append(data[12:])
            if self.up.is_set() or len(self._early) >= AHEAD:
                self._buffer.extend(self._early)
                self._early.clear()
                self.up.set()
